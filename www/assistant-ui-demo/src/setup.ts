// The page's address: which server and assistant, which source of the thread, and the knobs that tests turn.

/** The source of the thread. */
export type Mode = "engine" | "callback";

/** The parameters of the address, besides the thread. */
export interface Setup {
  /** The Agent Server's base URL. */
  server: string;
  /** The assistant's id or graph name. */
  assistant: string;
  /** `engine`: rejoin follows runs itself. `callback`: a `stream` callback on LangGraph's SDK, as with assistant-ui's own runtime. */
  mode: Mode;
  /** False when edits and regeneration have no checkpoint to go on from, so that they are not offered. */
  checkpoints: boolean;
  /** How many of the thread's states are read when it is entered; undefined is the runtime's default. */
  states: number | undefined;
  /** The tabs that share connections: those with the same headers, those that name the same user, or none. In the mode `engine`. */
  share: boolean | string;
  /** The headers of the conversation's requests: the person's token, where the address names one. In the mode `engine`. */
  headers: Record<string, string>;
  /** The person's name, under which the browser stores things. The demo has no logins: without a token everybody is one person. */
  person: string;
  /** Whether threads are saved in this browser (not with `?cache=off`). In the mode `engine`. */
  saves: boolean;
  /** Knobs of the scripted agents, for `config.configurable`. */
  knobs: Record<string, string | number>;
  /** How often and how soon is tried again. */
  retry: Record<string, number>;
  /** How long is waited, in milliseconds. */
  timeouts: Record<string, number>;
}

const KNOBS = ["n_tokens", "delay_ms", "steps", "step_ms", "style"];

/** Reads `?server=…&assistant=…&mode=…&checkpoints=off`; the server that comes with this page is under `/api`. */
export function readSetup({ search, origin }: Location): Setup {
  const query = new URLSearchParams(search);
  const text = (name: string) => query.get(name) || undefined;
  const [share, token] = [text("share"), text("token")];
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
    mode: text("mode") === "callback" ? "callback" : "engine",
    checkpoints: text("checkpoints") !== "off",
    states: numbers({ states: "states" })["states"],
    share: share === undefined || share === "headers" || (share !== "off" && share),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    person: token ?? "visitor",
    saves: text("cache") !== "off",
    knobs,
    retry: numbers({ attempts_max: "attemptsMax", backoff_base_ms: "backoffBase", backoff_max_ms: "backoffMax" }),
    timeouts: numbers({ join_timeout_ms: "join", headers_timeout_ms: "headers", request_timeout_ms: "request", stall_ms: "stall" }),
  };
}
