/** All options of a stream and of a submission. */
import type { RejoinError } from "../errors.js";
import type { HeadersLike } from "../headers.js";
import type { AnyHeadlessToolImplementation, OnToolCallback } from "../headless-tools.js";
import type { BagTemplate, GetConfigurableType, GetCustomEventType, GetUpdateType } from "./bag.js";
import type { ClientLike } from "./client.js";
import type {
  CheckpointsEventData,
  LangChainEventData,
  MetadataEventData,
  StreamEvent,
  TasksEventData,
  ToolsEventData,
  UpdatesEventData,
} from "./events.js";
import type {
  Checkpoint,
  Command,
  Config,
  DisconnectMode,
  Durability,
  Metadata,
  MultitaskStrategy,
  StreamMode,
  ThreadState,
} from "./schema.js";
import type { Message } from "./messages.js";

type Values = Record<string, unknown>;

/** A function that is called as `fetch` is, with an address and a `RequestInit`, and gives or resolves to a `Response`. */
export type FetchLike = (url: string, init: RequestInit) => unknown;

/** A run, and the thread it is on. */
export interface RunCallbackMeta {
  run_id: string;
  thread_id: string;
}

/** Changes the shown values at once, until the server's next values. A function is given the shown values. */
export type Mutate<StateType extends Values> = (
  update: Partial<StateType> | ((prev: StateType) => Partial<StateType>),
) => void;

/** The second argument of event callbacks: the subgraph (undefined: the graph itself), and a way to show something. */
export interface EventOptions<StateType extends Values> {
  /** The subgraph the event is from; undefined is the graph itself. */
  namespace: string[] | undefined;
  /** Changes the shown values until the server's next ones. */
  mutate: Mutate<StateType>;
}

/** The state of a connection. `reconnecting` carries the attempt's number and the wait before it. Times count from the moment this object came. */
export interface Connection {
  /**
   * `idle`: there is no run. `saved`: the same, and a saved state of the thread is shown until the server has answered. `connecting`: the first connection is being made. `live`: events come, or could at any time.
   * `stalled`: connected, but silent for too long. `reconnecting`: lost, and being restored. `offline`:
   * no network; goes on when it is back. `paused`: lost while the page is hidden; goes on when it is shown. `catching_up`:
   * missed events are fetched. `disconnected`: left on purpose; the agent goes on. `finished`: the run is over. `expired`:
   * the server does not have the run any more; the thread's history is shown. `failed`: something failed for good, see `error`.
   */
  state:
    | "idle"
    | "saved"
    | "connecting"
    | "live"
    | "stalled"
    | "reconnecting"
    | "offline"
    | "paused"
    | "catching_up"
    | "disconnected"
    | "finished"
    | "expired"
    | "failed";
  /** Attempts in a row that brought nothing new. */
  attempt?: number;
  /** Milliseconds from the change to the next attempt. */
  retryInMs?: number;
  /**
   * Milliseconds for which the server had been silent when this object came. Absent while the server is heard, and while nothing is asked
   * of it. Each attempt makes a new object; add the time since then to show a running number.
   */
  lostForMs?: number;
}

/** A storage for run records: a run's id and its unfinished messages, for a reload. Values are JSON texts; nothing secret is in them. */
export interface RunMetadataStorage {
  /** The value; null if there is none. */
  getItem(key: string): string | null;
  /** Stores a value. May throw; `onWarning` is then called. */
  setItem(key: string, value: string): void;
  /** Removes a value, if there is one. */
  removeItem(key: string): void;
}

/** Thread data that the application fetches by itself, as SWR and the like give it. */
export interface UseStreamThread<StateType extends Values> {
  /** States, newest first. */
  data: ThreadState<StateType>[] | null | undefined;
  /** The error of fetching. */
  error: unknown;
  /** Whether it is being fetched. */
  isLoading: boolean;
  /** Fetches again; resolves to the new data. Called after each run. */
  mutate: (mutateId?: string) => Promise<ThreadState<StateType>[] | null | undefined>;
}

/** Callbacks, called in the order of events. A callback that throws breaks nothing; its error is thrown to the page. */
export interface StreamCallbacks<StateType extends Values, Bag extends BagTemplate> {
  /** A run, or loading the thread, failed. Also called for failures that a promise resolves with. */
  onError?: (error: unknown, run: RunCallbackMeta | undefined) => void;
  /** A run is over, with or without interrupts. With at least one parameter it is given the thread's state. */
  onFinish?: (state: ThreadState<StateType>, run: RunCallbackMeta | undefined) => void;
  /** A submitted run has its id. */
  onCreated?: (run: RunCallbackMeta) => void;
  /** `updates` events. Adds that stream mode. */
  onUpdateEvent?: (
    data: UpdatesEventData<GetUpdateType<Bag, StateType>>,
    options: EventOptions<StateType>,
  ) => void;
  /** `custom` events. Adds that stream mode. */
  onCustomEvent?: (data: GetCustomEventType<Bag>, options: EventOptions<StateType>) => void;
  /** `metadata` events. */
  onMetadataEvent?: (data: MetadataEventData) => void;
  /** `events` events. Adds that stream mode. */
  onLangChainEvent?: (data: LangChainEventData) => void;
  /** `debug` events. Adds that stream mode. */
  onDebugEvent?: (data: unknown, options: { namespace: string[] | undefined }) => void;
  /** `checkpoints` events. Adds that stream mode. */
  onCheckpointEvent?: (data: CheckpointsEventData<StateType>, options: { namespace: string[] | undefined }) => void;
  /** `tasks` events. Adds that stream mode. */
  onTaskEvent?: (
    data: TasksEventData<StateType, GetUpdateType<Bag, StateType>>,
    options: { namespace: string[] | undefined },
  ) => void;
  /** `tools` events. Adds that stream mode. */
  onToolEvent?: (data: ToolsEventData, options: EventOptions<StateType>) => void;
  /** `stop()` or `cancel()` was called. */
  onStop?: (options: { mutate: Mutate<StateType> }) => void;
  /** A thread was made, or switched to. */
  onThreadId?: (threadId: string) => void;
  /** Life cycle of a headless tool. */
  onTool?: OnToolCallback;
  /** Not in LangGraph's SDK: the connection's state has changed. */
  onConnectionChange?: (connection: Connection) => void;
  /** Not in LangGraph's SDK: a problem that was dealt with; nothing was lost. */
  onWarning?: (warning: RejoinError) => void;
}

/** The number and pace of attempts. All waits in milliseconds. */
export interface RetryOptions {
  /** Upper bound of the first wait; it doubles. Default 500. */
  backoffBase?: number;
  /** Upper bound of every wait. Default 30000. */
  backoffMax?: number;
  /** Attempts in a row that may fail before `error` says so and the thread's history is shown. Attempts go on. Default 6. */
  attemptsMax?: number;
  /** The same for silent joins. Default 3. */
  silentJoinsMax?: number;
  /** How often one submission may be posted, as long as no byte of an answer has come. Default 5. */
  postsMax?: number;
  /** The longest `Retry-After` that is honoured. Default 120000. */
  retryAfterMax?: number;
  /** The longest silence of the server before the client gives up. Without it the client goes on while the page is open. */
  giveUpAfter?: number;
}

/** The longest waits for the server, in milliseconds. */
export interface TimeoutOptions {
  /** For the headers of a stream. Default 30000. */
  headers?: number;
  /** For the first byte of a join. Default 10000. */
  join?: number;
  /** For any byte of a stream from a server without heartbeats. Default 30000. */
  stall?: number;
  /** When the page wakes up, a stream counts as alive if a byte came this recently. Default 3000. */
  alive?: number;
  /** For the whole answer to a plain request. Default 15000. */
  request?: number;
  /** Between two attempts while offline or hidden. Default 30000. */
  offlineProbe?: number;
  /** For a server that has never answered, before `error` says so. Default 2000. */
  unreachable?: number;
  /** The least time between two comparisons of an open thread with the server. Default 5000. */
  compare?: number;
  /** Between two writes to the storage. Default 1000. */
  record?: number;
}

/** The limits of threads' last states in IndexedDB. */
export interface CacheOptions {
  /**
   * Names the user, for example by an id. A thread that was saved for one user is never shown to another. Default: a digest of the
   * `headers`. Give it if headers change with time, or if a cookie tells users apart. Without either
   * nothing is saved, and a warning says so. Run records and unsent submissions are stored under this name too.
   */
  identity?: string;
  /** The largest number of saved threads; the ones used last are kept. Default 50. */
  threadsMax?: number;
  /** The largest size of all of them, in bytes. A thread that is larger by itself is not saved. Default 10485760. */
  bytesMax?: number;
  /** How long a saved thread is shown, in milliseconds since it was saved. Default 604800000 (7 days). */
  ttlMs?: number;
}

/** The largest sizes of the server's data, in bytes. */
export interface LimitOptions {
  /** One line of an event. */
  lineBytesMax?: number;
  /** One event. */
  frameBytesMax?: number;
  /** All bytes that are not read yet. */
  bufferBytesMax?: number;
}

/** Headers to send, or a function that gives them. It is called for each request; `refresh` is true after a 401 or 403. */
export type HeadersOption = HeadersLike | ((refresh: boolean) => HeadersLike | null | undefined | Promise<HeadersLike | null | undefined>);

/** Options of both kinds of stream. */
export interface CommonOptions<StateType extends Values, Bag extends BagTemplate>
  extends StreamCallbacks<StateType, Bag> {
  /** The key of the messages in the state. Default `messages`. */
  messagesKey?: string;
  /** If the key is present, you choose the thread; null or undefined is a new thread. */
  threadId?: string | null | undefined;
  /** Values to show until the thread's state is there. */
  initialValues?: StateType | null;
  /**
   * Least time between two notifications, in milliseconds. Absent, `true` and `false`: one per animation frame (a timer
   * in hidden pages and outside of browsers).
   */
  throttle?: number | boolean;
  /** Tools that run here when the graph asks for them. */
  tools?: AnyHeadlessToolImplementation[];
  /** Tools that start subagents. Default `["task"]`. */
  subagentToolNames?: string[];
  /** Whether `messages` leaves out subagents' messages, so that only `subagents` has them. Default false. */
  filterSubagentMessages?: boolean;
  /** Stream modes to ask for in any case. Default none: the members that are read and the callbacks decide. */
  streamMode?: StreamMode[];
}

/** Options of a stream from an Agent Server. */
export interface UseStreamOptions<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate>
  extends CommonOptions<StateType, Bag> {
  /** The assistant, or the graph. */
  assistantId: string;
  /** An SDK client: its URL, headers, request hook and fetch are used. */
  client?: ClientLike;
  /** The server. Default `http://localhost:8123`, as in LangGraph's SDK. A path such as `/api` is on this page's origin. */
  apiUrl?: string;
  /** Sent as `x-api-key`. Undefined: from the environment, if there is one. Null: none. */
  apiKey?: string | null;
  /** `fetch`: used for all requests. `maxRetries`: attempts in a row without anything new. Other members do nothing. */
  callerOptions?: { fetch?: FetchLike; maxRetries?: number; maxConcurrency?: number; [key: string]: unknown };
  /** Sent with each request. */
  defaultHeaders?: HeadersLike;
  /** Not in LangGraph's SDK: headers that may change, such as tokens. They replace `defaultHeaders` of the same name. */
  headers?: HeadersOption;
  /** Cookies. Default: the browser's own, `same-origin`. */
  credentials?: RequestCredentials;
  /** Whether to read the history, for `history` and branches. `true` reads 10 states. Default false. */
  fetchStateHistory?: boolean | { limit: number };
  /** Thread data that the application fetches; nothing is loaded then. */
  thread?: UseStreamThread<StateType>;
  /**
   * Absent: runs are rejoined when the page comes back, through `localStorage`. `true`: the same through
   * `sessionStorage`. A function: the storage that it returns. `false`: no run is rejoined automatically.
   */
  reconnectOnMount?: boolean | (() => RunMetadataStorage);
  /**
   * Not in LangGraph's SDK: whether to compare an open thread at rest with the server when the page is shown, focused or
   * online again. Default true.
   */
  compareOnWake?: boolean;
  /**
   * Not in LangGraph's SDK: which tabs of the browser share the connection of a run's stream and of a session's feed. `true`: tabs whose
   * requests have the same headers. A text: tabs that give the same text, which names the user. Use a text for headers that differ from tab
   * to tab, for cookies, and for a `fetch` of your own, with which `true` shares nothing. `false` (default) and an empty text: none. Loads
   * the second wasm module. See `docs/tabs.md`.
   */
  shareConnections?: boolean | string;
  /** Not in LangGraph's SDK: the storage of run records, for a reload. It comes before the choice of `reconnectOnMount`. Default `local`. */
  storage?: "local" | "session" | "none" | RunMetadataStorage;
  /**
   * Not in LangGraph's SDK: whether to save threads' last states in this browser, in IndexedDB, so that a thread is on screen before the
   * server has answered. Meanwhile `isThreadLoading` stays true, and `connection.state` is `saved`. A saved thread can only be read:
   * submissions wait, and nothing can be edited. A thread is removed when the server refuses it (401, 403) or does not
   * know it (404), and when it is deleted with `client.threads.delete`. Call {@link clearRejoinData} when the user logs out. Read once. Default
   * false.
   */
  cache?: boolean | CacheOptions;
  /** Whether `stop()` also cancels the run on the server, as in LangGraph's SDK with `reconnectOnMount`. Default false. */
  cancelOnStop?: boolean;
  /**
   * Not in LangGraph's SDK: the search for the checkpoint of an edit or of another answer. `automatic` (default):
   * in the states that were read, else by paging through the thread's history. `off`: no search, and nothing can be
   * edited unless there is {@link UseStreamOptions.getCheckpointId}.
   */
  checkpoints?: "automatic" | "off";
  /**
   * Not in LangGraph's SDK: finds that checkpoint instead. It is given the kept messages, oldest first (none for an edit of
   * the first message), and resolves to the id of the checkpoint whose state holds exactly these. Null or undefined: there is none,
   * and the edit fails as `checkpoint_not_found`. If it throws or rejects, the edit fails as `checkpoint_lookup_failed`. In both
   * cases nothing is sent, and the screen does not change.
   */
  getCheckpointId?: (threadId: string, parentMessages: Message[]) => Promise<string | null | undefined>;
  /**
   * Not in LangGraph's SDK: whether a new turn first answers open tool calls, as cancelled. Most models
   * refuse a conversation in which a call has no result. Default false.
   */
  cancelPendingToolCalls?: boolean;
  /**
   * Not in LangGraph's SDK: whether submissions are kept in `storage` until the server has them: through a reload and a crash, in order, each sent once.
   * Default true. `askAfter`: older submissions wait for `sendNow` (milliseconds; default one hour). `bytesMax`: the stored size per thread
   * (JSON; default 262,144). A submission without room is sent all the same, with the warning `submission_not_stored`.
   */
  outbox?: boolean | { askAfter?: number; bytesMax?: number };
  /**
   * Not in LangGraph's SDK: whether to read the thread's state on entering it and at the end of a run. Default true. With false, a
   * view (`createView`, `useView`) shows a long thread page by page, and it is never read as a whole. `values`
   * and `messages` then hold only what runs stream while the page lives, and nothing can be edited or regenerated.
   */
  loadState?: boolean;
  /** The number and pace of attempts. */
  retry?: RetryOptions;
  /** The longest waits. */
  timeouts?: TimeoutOptions;
  /** The largest sizes of the server's data. */
  limits?: LimitOptions;
  /** Accepted for compatibility, without an effect: the stream is the server's own unless you give a transport of your own. */
  transport?: "sse" | undefined;
}

/** One submission, as a transport gets it. */
export interface UseStreamTransportPayload<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate> {
  /** The submitted values. */
  input: GetUpdateType<Bag, StateType> | null | undefined;
  /** The submission's `context`. */
  context: GetConfigurableType<Bag> | undefined;
  /** The submission's `command`. */
  command: Command | undefined;
  /** The submission's `config`. */
  config: ConfigWithConfigurable<GetConfigurableType<Bag>> | undefined;
  /** Whether subgraphs' events are wanted too. */
  streamSubgraphs?: boolean;
  /** Aborted by `stop()`, by a switch of threads and by unmounting. */
  signal: AbortSignal;
}

/** Runs a graph behind an endpoint of your own. The end of the generator is the end of the run. */
export interface UseStreamTransport<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate> {
  /** Sends one submission. If it rejects or throws, the run has failed with that error. */
  stream: (payload: UseStreamTransportPayload<StateType, Bag>) => Promise<AsyncGenerator<StreamEvent>>;
}

/** Options of a stream through a {@link UseStreamTransport}. */
export interface UseStreamCustomOptions<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate>
  extends CommonOptions<StateType, Bag> {
  /** Sends the submissions. */
  transport: UseStreamTransport<StateType, Bag>;
}

/** A config whose `configurable` is typed. */
export type ConfigWithConfigurable<ConfigurableType extends Values> = Config & { configurable?: ConfigurableType };

/** Options of a submission, beside its values. */
export interface SubmitOptions<StateType extends Values = Values, ContextType extends Values = Values> {
  /** Tags, the recursion limit, `configurable`. */
  config?: ConfigWithConfigurable<ContextType>;
  /** The graph's static context. */
  context?: ContextType;
  /** The checkpoint to fork from. Null: the newest state, on any branch. Default: the shown branch's end. */
  checkpoint?: Omit<Checkpoint, "thread_id"> | null;
  /** An answer to an interrupt, and the like. */
  command?: Command;
  /** Nodes to stop before. */
  interruptBefore?: "*" | string[];
  /** Nodes to stop after. */
  interruptAfter?: "*" | string[];
  /** Stored with the run. */
  metadata?: Metadata;
  /** The server's reaction if another run is active. Default `enqueue`: the submission waits in the page. */
  multitaskStrategy?: MultitaskStrategy;
  /** Sent on; see the server's documentation. */
  strictResume?: boolean;
  /** Sent on; see the server's documentation. */
  onCompletion?: "complete" | "continue";
  /** Default `continue`: leaving never cancels. */
  onDisconnect?: DisconnectMode;
  /** Sent on; see the server's documentation. */
  feedbackKeys?: string[];
  /** Stream modes to add to those of the read members and the callbacks. */
  streamMode?: StreamMode[];
  /** Accepted and ignored, as by LangGraph's SDK: the server chooses the id. */
  runId?: string;
  /** Shown at once. A function is given the shown values. */
  optimisticValues?: Partial<StateType> | ((prev: StateType) => Partial<StateType>);
  /** Whether subgraphs' events come too. Default false. */
  streamSubgraphs?: boolean;
  /** Whether the server keeps the events, so that the run can be rejoined without a gap. Default true. */
  streamResumable?: boolean;
  /** When the server writes checkpoints. */
  durability?: Durability;
  /** The id of the new thread, if one is made. It is made before the run. */
  threadId?: string;
  /** Not in LangGraph's SDK: whether you have made the thread `threadId` already, so that no request comes before the run's. Default false. */
  threadIsMade?: boolean;
  /** Called for this submission, after the stream's own `onError`. */
  onError?: (error: unknown, run: RunCallbackMeta | undefined) => void;
  /** Not in LangGraph's SDK: whether the promise rejects if its result has an error. Default false. */
  throwOnError?: boolean;
}

/** Options of an answer to an interrupt. */
export interface RespondOptions<StateType extends Values = Values, ContextType extends Values = Values>
  extends SubmitOptions<StateType, ContextType> {
  /** The interrupt to answer. Needed if several wait. */
  interruptId?: string;
}

/** The result of a tool that ran in the page. */
export interface ToolResultInput {
  /** The call's id, as in the AI message's `tool_calls`. */
  toolCallId: string;
  /** A text or content parts are sent as they are, anything else as its JSON. */
  result: unknown;
  /** Whether the tool failed; `result` is then its error. Default false. */
  isError?: boolean;
  /** Stored with the tool message, and not shown to the model. */
  artifact?: unknown;
}

/** Options of a submission through a transport. */
export type CustomSubmitOptions<StateType extends Values = Values, ContextType extends Values = Values> = Pick<
  SubmitOptions<StateType, ContextType>,
  | "optimisticValues"
  | "context"
  | "command"
  | "config"
  | "onError"
  | "threadId"
  | "streamSubgraphs"
  | "throwOnError"
>;

/** Options of a join. */
export interface JoinOptions {
  /** The stream modes to ask for. Default: those of the run. */
  streamMode?: StreamMode | StreamMode[];
  /** Leaves out each event for which it returns false. */
  filter?: (event: StreamEvent) => boolean;
  /** Accepted for compatibility, without an effect. */
  checkpointId?: string;
  /** Whether the promise rejects if its result has an error. Default false. */
  throwOnError?: boolean;
}
