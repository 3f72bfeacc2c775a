/**
 * The contract between this package and the wasm core (`crates/js`): one class of plain data and one object of functions.
 * JSON text crosses once; who reads it parses it. Internal: not part of the public surface.
 */

import type { RejoinError } from "./errors.js";

/** The source of the wasm, if the package's own loading cannot be used. See `loadRejoin`. */
export type WasmSource = string | URL | Response | Promise<Response> | BufferSource | WebAssembly.Module;

/**
 * Loads the wasm once and gives the engine's class. Calls while it loads share one load; after a failure the next call
 * tries again; after a success `source` is not looked at any more. `extras` is where the second module is to come from.
 */
export interface EngineLoader {
  (source?: WasmSource, extras?: WasmSource): Promise<EngineConstructor>;
  /** Loads the second module, into the first: what {@link Engine.extend} needs. As often tried as the first. */
  extras(): Promise<void>;
}

/** The engine's class. `options`: {@link EngineOptions} as JSON. */
export type EngineConstructor = new (options: string, host: EngineHost) => Engine;

/** The options of an engine. Numbers are whole; a wrong type throws an `Error` with `code: "invalid_option"`. */
export interface EngineOptions {
  apiUrl: string;
  assistantId: string;
  messagesKey?: string;
  streamModes?: string[];
  streamSubgraphs?: boolean;
  streamResumable?: boolean;
  onDisconnect?: "continue" | "cancel";
  multitaskStrategy?: string;
  /** Default true. */
  rejoinOnMount?: boolean;
  /** Whether an open thread at rest is compared with the server when the page wakes up. Default true. */
  compareOnWake?: boolean;
  /** 0 or absent: only the thread's state is read. */
  historyLimit?: number;
  /** Default true; false where the `thread` option provides the history. */
  loadThread?: boolean;
  /** Default true. False: neither entering a thread nor the end of a run reads its state. */
  readsState?: boolean;
  /** `stream-only`: each submission is one POST whose body's end is the run's end; nothing else is asked or stored. */
  endpoint?: "agent-server" | "stream-only";
  /** Messages whose namespace has a `tools:` part go to a list of their own. */
  splitSubgraphs?: boolean;
  /** A JSON object, shown while the thread has no state. */
  initialValues?: string;
  /**
   * How the checkpoint to edit or answer again from is found. `automatic` (default): in the states that were read, else by
   * paging through the history. `asked`: {@link EngineHost.resolveCheckpoint}. `off`: nothing can be edited.
   */
  checkpoints?: "automatic" | "asked" | "off";
  /** Whether a new turn answers tool calls that nobody has answered as cancelled. Default false. */
  cancelDanglingToolCalls?: boolean;
  /** Least time between two commits. Default 0: one per animation frame. */
  throttleMs?: number;
  credentials?: RequestCredentials;
  retry?: object;
  timeouts?: object;
  limits?: object;
  recordTtlMs?: number;
  /** Names the person: run records and unsent submissions are stored under it. */
  identity?: string;
  recordBytesMax?: number;
  /** Storing submissions that the server does not have yet: `enabled`, `askAfter` in milliseconds, `bytesMax`. */
  outbox?: object;
}

/** The threads whose last states are saved. */
export interface EngineCaching {
  cache: {
    /** Names the user. Absent: a digest of the headers does. */
    identity?: string;
    threadsMax?: number;
    bytesMax?: number;
    ttlMs?: number;
  };
}

/** The origin of a message: a state or an event of the server, this page, or a run that the server did not keep. */
export type MessageOrigin = "server" | "optimistic" | "partial";

/** The name of the list of a session's nodes, while a view is open. No namespace is called so. */
export const NODES = "session";

/** Parts of what is shown, as bits of {@link EngineHost.changed} and for {@link Engine.read}. The branch tree changes with the history. */
export const Part = { values: 1, interrupts: 2, history: 4, head: 8, editable: 16, branchTree: 32, waiting: 64 } as const;

/** The functions that the engine calls. They may call the engine back. */
export interface EngineHost {
  /** As `fetch`. Its rejection may have a `code`: `invalid_request`, or `redirected` with the target as its `detail`. */
  fetch?: (url: string, init: EngineInit) => Promise<Response | EngineAnswer>;
  headers?: (refresh: boolean) => Promise<Record<string, string>> | Record<string, string>;
  /** Null or absent: memory. */
  storage?: EngineStorage | null;
  /** {@link EngineStatus} as JSON, when something in it has changed. Objects in it that have not are left out. */
  status(json: string): void;
  /** {@link EngineFeed} as JSON, when something in it has changed; only while a view is open. Objects in it that have not are left out. */
  feed(json: string): void;
  /**
   * The messages of a namespace, in order; those that are new are said after it. "" is the thread's own, {@link NODES} a session's.
   * A message keeps its name here although the server gives it another id, which is then in its JSON.
   */
  order(ns: string, ids: string[]): void;
  /** A new or changed message: a LangChain message dict as JSON. In {@link NODES} `origin` is an {@link EngineNode} as JSON. */
  message(ns: string, id: string, json: string, origin: MessageOrigin | (string & {})): void;
  /** Only text content has grown. */
  append(ns: string, id: string, text: string): void;
  /** Bits of {@link Part}; pull with {@link Engine.read}. */
  changed(what: number): void;
  /** A frame is whole. */
  commit(revision: number): void;
  /** An event that {@link EngineRequests.events} names, at once and once. */
  event(id: string | undefined, name: string, namespace: string[], data: string): void;
  /** Something happened that is told once. */
  notice(kind: string, json: string): void;
  /**
   * Which checkpoint holds exactly these messages? Answered with {@link EngineRequests.checkpoint}. Called only where
   * {@link EngineOptions.checkpoints} is `asked`. `parents`: ids of messages that are shown, oldest first.
   */
  resolveCheckpoint(command: number, parents: string[]): void;
  /** A command is done. */
  concluded(command: number, outcome: string, error: string | undefined): void;
  /** Called by the loader: the engine's instance has failed. Nothing of the engine may be called any more, and nothing will come of it. */
  trapped(error: RejoinError): void;
}

/** A request as the engine makes it. */
export interface EngineInit extends RequestInit {
  method: string;
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

/** An answer that is no `Response`: a page may have none. */
export interface EngineAnswer {
  status: number;
  headers: Pick<Headers, "get">;
  body: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array | EngineEvent | null }>; cancel(): Promise<void> } };
}

/** An event that was read already, its data as JSON text. Null, in its place: there was one, or a comment, that is not for the engine. */
export interface EngineEvent {
  id?: string;
  event: string;
  data: string;
}

/** A storage in the engine's terms. */
export interface EngineStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** An error as the engine tells it. Codes: `docs/errors.md`. */
export interface EngineError {
  code: string;
  message: string;
  status?: number;
  detail?: string;
}

/** How a connection stands. Times are counted from when it is told. */
export interface EngineConnection {
  state: string;
  attempt?: number;
  retryInMs?: number;
  lostForMs?: number;
}

/** {@link EngineHost.status}'s JSON, with what it was before. A new field: here, in `core/src/status.rs` and in `js/src/json.rs`. */
export interface EngineStatus {
  connection: EngineConnection;
  isLoading: boolean;
  isThreadLoading: boolean;
  canStop: boolean;
  canRejoin: boolean;
  /** Nothing of what was submitted is known to have reached the server, which is tried again. */
  isUnsent: boolean;
  threadId: string | null;
  runId: string | null;
  error: EngineError | null;
  branch: string;
  /** The message that is edited or answered again, while its checkpoint is looked up. */
  editing: string | null;
}

/** The reason why an unsent submission waits: see `WaitingSubmission`. */
export type EngineWaitingState = "queued" | "unreachable" | "other_tab" | "held";

/** An item of {@link Part}'s `waiting`. */
export interface EngineWaiting {
  id: string;
  state: EngineWaitingState;
  messages: object[];
  values: object | null;
  isShown: boolean;
  isStored: boolean;
  submittedAt: number;
}

/** {@link EngineHost.feed}'s JSON, with what it was before. */
export interface EngineFeed {
  connection: EngineConnection;
  hasOlder: boolean;
  /** Whether the first page is there. */
  ready: boolean;
  /** Another number: what is held was begun anew, and no position says anything about one of before. */
  generation: number;
  error: EngineError | null;
}

/** The facts about a session's message, without the message itself. */
export interface EngineNode {
  /** Absent: it was submitted here, and the log does not have it yet. */
  position?: number;
  status: "streaming" | "complete" | "cancelled" | "aborted";
  reason?: string;
  run_id?: string;
}

/** The JSON of {@link Part}'s `editable`. */
export interface EngineEditable {
  /** Ids of messages that can be edited. */
  edit: string[];
  /** Ids of messages that can be answered again. */
  regenerate: string[];
  /** Whether the run that failed can be begun again. */
  retry: boolean;
}

/** The branch tree: indexes into the history. */
export interface EngineSequence {
  type: "sequence";
  items: ({ type: "node"; state: number; path: string[] } | { type: "fork"; items: EngineSequence[] })[];
}

/** {@link Engine.messageMetadata}'s JSON. */
export interface EngineMessageMetadata {
  /** Index into the history. */
  first_seen?: number;
  branch?: string;
  branch_options?: string[];
  /** The last metadata that came beside its chunks. */
  stream?: Record<string, unknown>;
}

/**
 * The requests that {@link Engine.send} takes, by their names: objects, whose fields are called as in the protocol. Those marked (2) need
 * {@link Engine.extend}.
 */
export interface EngineRequests {
  /** Runs the assistant. */
  submission: object;
  /**
   * (2) Goes on from an earlier point of the thread: `{kind: "message" | "answer" | "failed", message_id?}` and the fields of a
   * submission. `message`: what the input brings takes the place of that message and of all after it. `answer`: that AI
   * message's turn is answered again. `failed`: the run that failed is begun again.
   */
  edit: object;
  /** (2) Answers {@link EngineHost.resolveCheckpoint}. Neither: there is no such checkpoint. */
  checkpoint: { checkpoint_id: string | undefined; error: string | undefined };
  /** (2) What came of a tool call that the page ran. Sent when every call of that message has a result. */
  result: { tool_call_id: string; content: unknown; is_error?: boolean; name?: string; artifact?: unknown };
  /** Joins a run by hand. */
  join: { run_id: string | undefined; last_event_id: string | undefined; stream_mode: string[] | undefined };
  /** Enters a thread, or a new one. */
  thread: { thread_id: string | null };
  /** (2) Shows another branch of the history; `""` is the newest. */
  branch: { branch: string };
  /** Laid over the values' top level until the server's next values. */
  values: { values: object };
  /** (2) Thread states that somebody else has read, newest first. */
  history: { states: object[] };
  /** The stream modes of runs from now on. */
  modes: { modes: string[] };
  /** The events that {@link EngineHost.event} is called with from now on. */
  events: { names: string[] };
  /**
   * (2) Opens the session's feed, of whatever thread is entered, with so many messages in a page, 1 to 1000. Again: another size for
   * the next pages. 0: closes it.
   */
  view: { limit: number };
  /** (2) Takes back a submission that waits. */
  take_back: { id: string };
  /** (2) Sends a submission that is held. */
  send_now: { id: string };
  /** (2) Takes one back and puts another in its place: `{id}` and the fields of a submission. */
  replace: object;
  /** (2) A thread was deleted: what is saved of it is removed. */
  deleted: { thread_id: string };
  /** (2) Reads the page before the oldest message that is held. */
  older: object;
  /** Disconnects. The agent goes on; everything received stays. */
  stop: object;
  /** Stops the agent on the server. */
  cancel: object;
}

/** One followed thread. */
export interface Engine {
  /**
   * Asks for something, with one of {@link EngineRequests} as JSON. `command` comes back with the outcome, of what has one; 0:
   * nobody waits. Throws an `Error` with `code: "invalid_option"` where the JSON is wrong.
   */
  send(request: keyof EngineRequests, json: string, command: number): void;
  /**
   * Lets it do what the second module has, from now on: the requests marked (2), {@link Part}'s `editable` and `branchTree`,
   * {@link EngineOptions.historyLimit} and `cancelDanglingToolCalls`. Only once that module is loaded. `share`: which tabs share the
   * connections that are opened from now on: `same-headers`, or `as ` and who the user is. Absent: none. `cache`: {@link EngineCaching} as
   * JSON, where threads' last states are to be saved; absent: as it was. Throws an `Error` with `code: "invalid_option"` where it is wrong.
   */
  extend(share?: string, cache?: string): void;
  /** One of {@link Part}, as JSON. Empty where there is none. */
  read(part: number): string;
  /** {@link EngineMessageMetadata} as JSON. Empty for an unknown message. */
  messageMetadata(id: string): string;
  dispose(): void;
  free(): void;
}
