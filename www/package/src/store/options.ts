/** Options as an application gives them, checked and turned into the engine's. */
import type { EngineOptions, EngineStorage } from "../engine.js";
import { problemOfId } from "../addresses.js";
import { invalidOption, type RejoinError } from "../errors.js";
import type { CommonOptions, RunMetadataStorage, UseStreamCustomOptions, UseStreamOptions, UseStreamTransport } from "../types/options.js";
import type { BagTemplate } from "../types/bag.js";
import type { StreamMode } from "../types/schema.js";
import { partsOfClient } from "../client.js";

/** Options of either kind. */
export type AnyOptions = CommonOptions<Record<string, unknown>, BagTemplate> &
  Partial<Omit<UseStreamOptions, keyof CommonOptions<Record<string, unknown>, BagTemplate> | "transport">> &
  { transport?: UseStreamCustomOptions["transport"] | "sse" | undefined } & {
    /** Internal: events to tell as they come, beside the callbacks. No mode is asked for by it. */
    hear?: { names: readonly string[]; event: (name: string, namespace: string[], data: unknown) => void };
  };

type Kind = "string" | "number" | "boolean" | "object" | "array" | "function";

/** The names of all options, by the kinds of value that they take. */
export const OPTIONS: readonly { readonly kinds: readonly Kind[]; readonly names: readonly string[] }[] = [
  { kinds: ["string"], names: ["assistantId", "apiUrl", "apiKey", "messagesKey", "threadId", "credentials", "checkpoints"] },
  { kinds: ["number", "boolean"], names: ["throttle"] },
  { kinds: ["boolean"], names: ["filterSubagentMessages", "cancelOnStop", "cancelPendingToolCalls", "loadState", "compareOnWake"] },
  { kinds: ["object"], names: ["initialValues", "callerOptions", "client", "thread", "retry", "timeouts", "limits"] },
  { kinds: ["array"], names: ["tools", "streamMode", "subagentToolNames"] },
  { kinds: ["boolean", "object"], names: ["fetchStateHistory", "outbox", "cache"] },
  { kinds: ["boolean", "function"], names: ["reconnectOnMount"] },
  { kinds: ["string", "object"], names: ["storage", "transport"] },
  { kinds: ["string", "boolean"], names: ["shareConnections"] },
  { kinds: ["object", "array"], names: ["defaultHeaders"] },
  { kinds: ["object", "array", "function"], names: ["headers"] },
  {
    kinds: ["function"],
    names: [
      "onError",
      "onFinish",
      "onCreated",
      "onUpdateEvent",
      "onCustomEvent",
      "onMetadataEvent",
      "onLangChainEvent",
      "onDebugEvent",
      "onCheckpointEvent",
      "onTaskEvent",
      "onToolEvent",
      "onStop",
      "onThreadId",
      "onTool",
      "onConnectionChange",
      "onWarning",
      "getCheckpointId",
    ],
  },
];

/** The application's own transport, if it gave one. `sse`, the name of LangGraph's SDK for the server's own stream, counts as none. */
export function transportOf({ transport }: AnyOptions): UseStreamTransport | undefined {
  return typeof transport === "object" && transport !== null ? transport : undefined;
}

/** The fault of the options, if there is one. */
export function problemOf(options: AnyOptions): RejoinError | undefined {
  if (typeof options !== "object" || options === null) return invalidOption("`options` must be an object.");
  const given = options as unknown as Record<string, unknown>;
  for (const { kinds, names } of OPTIONS) {
    for (const name of names) {
      const value = given[name];
      const kind = Array.isArray(value) ? "array" : (typeof value as Kind);
      if (value != null && !kinds.includes(kind)) return invalidOption(`The option \`${name}\` must be ${kinds.join(" or ")}, not ${kind}.`);
    }
  }
  const { transport } = given;
  if (typeof transport === "string" && transport !== "sse") return invalidOption('The option `transport` must be an object with a method `stream`, or "sse".');
  const own = transportOf(options);
  if (own) return typeof own.stream === "function" ? undefined : invalidOption("The option `transport` must have a method `stream`.");
  const { threadId } = options;
  const wrongId = threadId == null ? undefined : problemOfId(threadId);
  if (wrongId) return wrongId;
  if (!options.assistantId) return invalidOption("The option `assistantId` is missing: the assistant's or graph's name.");
  return undefined;
}

/** How many states are read; 0: only the newest. */
export function historyLimitOf({ fetchStateHistory: history }: AnyOptions): number {
  return typeof history === "object" ? (history?.limit ?? 0) : history ? 10 : 0;
}

/**
 * The tabs that share connections, in the engine's words. Only a page has tabs. An empty name of a user shares with nobody. A `fetch` of
 * the application's own may tell users apart by more than the headers.
 */
export function sharesOf(options: AnyOptions): string | undefined {
  const { shareConnections: share, callerOptions, client } = options;
  if (!share || transportOf(options) || typeof document === "undefined") return undefined;
  if (typeof share === "string") return `as ${share}`;
  const { fetch, onRequest } = partsOfClient(client);
  return callerOptions?.fetch || fetch || onRequest ? undefined : "same-headers";
}

/** The name of the person, where the options say who that is. */
export function personOf({ cache, shareConnections: share }: AnyOptions): string | undefined {
  const names: unknown[] = [typeof cache === "object" && cache?.identity, share];
  // What is no text is `cache`'s own fault, and told as that.
  return names.find((name): name is string => typeof name === "string" && name !== "");
}

/** Whether an engine with these options cannot do without its second module. */
export const needsExtras = (options: AnyOptions): boolean => historyLimitOf(options) > 0 || !!options.thread || !!options.cancelPendingToolCalls;

/** The threads to save, in the engine's form. Behind a transport there are none. */
export const cacheOf = (options: AnyOptions): string | undefined =>
  options.cache && !transportOf(options) ? engineText({ cache: options.cache === true ? {} : options.cache }) : undefined;

/** How the checkpoint of an edit is found. */
export const checkpointsOf = ({ getCheckpointId, checkpoints }: AnyOptions): EngineOptions["checkpoints"] => (getCheckpointId ? "asked" : checkpoints);

/** Callbacks that are told a mode's events. */
export const CALLBACKS = {
  updates: "onUpdateEvent",
  custom: "onCustomEvent",
  events: "onLangChainEvent",
  debug: "onDebugEvent",
  checkpoints: "onCheckpointEvent",
  tasks: "onTaskEvent",
  tools: "onToolEvent",
} as const;

/** Modes that callbacks need. */
export const callbackModes = (options: AnyOptions): StreamMode[] =>
  (Object.keys(CALLBACKS) as (keyof typeof CALLBACKS)[]).filter((mode) => options[CALLBACKS[mode]]);

/** Events that the engine shall tell one by one. */
export function eventsToHear(options: AnyOptions, modes: ReadonlySet<StreamMode>): string[] {
  const names = new Set<string>(["error", ...callbackModes(options), ...(options.hear?.names ?? [])]);
  if (options.onMetadataEvent) names.add("metadata");
  if (modes.has("tools")) names.add("tools");
  if (options.filterSubagentMessages) names.add("updates").add("values");
  return [...names];
}

/** `storage` is asked each time: where the page may not use storage even naming it throws, and that can change. */
const wrap = (storage: () => RunMetadataStorage): EngineStorage => ({
  getItem: (key) => storage().getItem(key),
  setItem: (key, value) => storage().setItem(key, value),
  removeItem: (key) => storage().removeItem(key),
});

/** Null where there is none. */
function sessionOf(): EngineStorage | null {
  try {
    const own = typeof sessionStorage === "undefined" ? null : sessionStorage;
    return own && wrap(() => own);
  } catch {
    return null;
  }
}

/** The engine's storage; null is memory. Called once, in the page. */
export function storageOf({ storage, reconnectOnMount: reconnect }: AnyOptions): EngineStorage | null {
  if (storage === "none") return null;
  if (typeof storage === "object" && storage !== null) return wrap(() => storage);
  if (storage === "session" || (storage === undefined && reconnect === true)) return sessionOf();
  if (storage !== "local" && typeof reconnect === "function") {
    const own = reconnect();
    return wrap(() => own);
  }
  // Node.js warns whoever asks it for `localStorage`.
  return typeof document === "undefined" ? null : wrap(() => localStorage);
}

/** The server's URL: the client's, the option, the environment's, the default of LangGraph's SDK. */
export function apiUrlOf({ client, apiUrl }: AnyOptions): string {
  const global = (globalThis as Record<symbol, unknown>)[Symbol.for("langgraph_api:url")];
  const url = partsOfClient(client).apiUrl ?? apiUrl ?? (typeof global === "string" ? global : "http://localhost:8123");
  return url.replace(/\/+$/, "");
}

/** A whole number for the engine. JSON has no infinity, so infinity becomes the largest number. A value that is not a number stays wrong. */
const whole = (value: number): unknown => (value >= 0 ? Math.floor(Math.min(value, Number.MAX_SAFE_INTEGER)) : String(value));

/** {@link EngineOptions} as the engine takes them. */
export const engineText = (made: object): string => JSON.stringify(made, (_, value) => (typeof value === "number" ? whole(value) : value));

/** The engine's options. */
export function engineOptions(options: AnyOptions, modes: StreamMode[], initialValues: object | null | undefined): string {
  const { messagesKey, throttle, retry, timeouts, limits, credentials, callerOptions, outbox } = options;
  const tries = callerOptions?.maxRetries;
  const custom = transportOf(options) !== undefined;
  return engineText({
    // A transport sends the request itself; the URL is only the core's name for it.
    apiUrl: custom ? "http://transport.invalid" : apiUrlOf(options),
    assistantId: options.assistantId ?? "transport",
    messagesKey,
    streamModes: modes,
    rejoinOnMount: options.reconnectOnMount !== false,
    compareOnWake: options.compareOnWake,
    historyLimit: historyLimitOf(options),
    loadThread: options.thread === undefined,
    readsState: options.loadState,
    endpoint: custom ? "stream-only" : "agent-server",
    splitSubgraphs: options.filterSubagentMessages,
    checkpoints: checkpointsOf(options),
    cancelDanglingToolCalls: options.cancelPendingToolCalls,
    initialValues: initialValues ? JSON.stringify(initialValues) : undefined,
    throttleMs: typeof throttle === "number" ? throttle : 0,
    retry: tries === undefined ? retry : { attemptsMax: tries, ...retry },
    timeouts,
    limits,
    credentials,
    identity: personOf(options),
    outbox: outbox === false ? { enabled: false } : outbox === true ? undefined : outbox,
  });
}
