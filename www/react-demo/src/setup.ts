// The page's address: which server and assistant, and the knobs that tests turn. All times in milliseconds.

/** The parameters of the address, besides the thread. */
export interface Setup {
  /** The Agent Server's base URL. */
  server: string;
  /** The assistant's id or graph name. */
  assistant: string;
  /** The view: the thread's state with `useStream`, or its session, page by page, with `useView`. */
  view: "thread" | "session";
  /** How many messages a page of the session has. */
  pageSize: number;
  /** The storage of a run's record. */
  storage: "local" | "session" | "none";
  /** The tabs that share connections: those with the same headers, those that name the same user, or none. */
  share: boolean | string;
  /** The headers of the conversation's requests: the person's token, where the address names one. */
  headers: Record<string, string>;
  /** The person's name, under which the browser stores things. The demo has no logins: without a token everybody is one person. */
  person: string;
  /** How the checkpoint is found that an edit goes on from. */
  checkpoints: "automatic" | "off";
  /** Whether an answer says which question it is for; only tests answer without. */
  namesQuestions: boolean;
  /** How many of a thread's states are read, for the versions of its messages. */
  historyLimit: number;
  /** Knobs of the scripted agents, for `config.configurable`. */
  knobs: Record<string, string | number>;
  /** How often and how soon is tried again. */
  retry: Record<string, number>;
  /** How long is waited. */
  timeouts: Record<string, number>;
  /** How large events may grow, in bytes. */
  limits: Record<string, number>;
}

const KNOBS = ["n_tokens", "delay_ms", "steps", "step_ms", "style"];

/** Reads `?server=…&assistant=…`; the server that comes with this page is under `/api`. */
export function readSetup({ search, origin }: Location): Setup {
  const query = new URLSearchParams(search);
  const text = (name: string) => query.get(name) || undefined;
  const [storage, share, token] = [text("storage"), text("share"), text("token")];
  const numbers = (names: Record<string, string>) => {
    const found: Record<string, number> = {};
    for (const [name, option] of Object.entries(names)) {
      const value = text(name);
      if (value !== undefined && /^\d+$/.test(value)) found[option] = Number(value);
    }
    return found;
  };
  const knobs: Setup["knobs"] = {};
  for (const name of KNOBS) {
    const value = text(name);
    if (value !== undefined) knobs[name] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return {
    server: text("server")?.replace(/\/+$/, "") ?? `${origin}/api`,
    assistant: text("assistant") ?? "chat",
    view: text("view") === "session" ? "session" : "thread",
    pageSize: Number(text("page_size")) || 50,
    storage: storage === "session" || storage === "none" ? storage : "local",
    share: share === undefined || share === "headers" || (share !== "off" && share),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    person: token ?? "visitor",
    checkpoints: text("checkpoints") === "off" ? "off" : "automatic",
    namesQuestions: text("answer") !== "unnamed",
    historyLimit: Number(text("history")) || 100,
    knobs,
    retry: numbers({ attempts_max: "attemptsMax", silent_joins_max: "silentJoinsMax", backoff_base_ms: "backoffBase", backoff_max_ms: "backoffMax" }),
    timeouts: numbers({ join_timeout_ms: "join", headers_timeout_ms: "headers", request_timeout_ms: "request", stall_ms: "stall" }),
    limits: numbers({ frame_bytes_max: "frameBytesMax" }),
  };
}
