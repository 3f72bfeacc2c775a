/** Everything that can be set, and everything that a submission can carry. */
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

/** Changes what is shown, at once, until the server's next values. A function is given what is shown now. */
export type Mutate<StateType extends Values> = (
  update: Partial<StateType> | ((prev: StateType) => Partial<StateType>),
) => void;

/** The second argument of event callbacks: the subgraph (undefined: the graph itself), and a way to show something. */
export interface EventOptions<StateType extends Values> {
  /** The subgraph the event is from; undefined is the graph itself. */
  namespace: string[] | undefined;
  /** Changes what is shown until the server's next values. */
  mutate: Mutate<StateType>;
}

/** How a connection stands. `reconnecting` carries the attempt's number and the wait before it. Times count from when this object came. */
export interface Connection {
  /**
   * `idle`: there is no run. `saved`: the same, and what was saved of the thread is shown until the server has answered. `connecting`: the first connection is being made. `live`: events come, or could at any time.
   * `stalled`: connected, but nothing has come for longer than it should. `reconnecting`: lost, and made anew. `offline`:
   * no network; goes on when it is back. `paused`: lost while the page is hidden; goes on when it is shown. `catching_up`:
   * what was missed is fetched. `disconnected`: left on purpose; the agent goes on. `finished`: the run is over. `expired`:
   * the run was not to be had any more; the thread's history is shown. `failed`: something failed for good, see `error`.
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
   * Milliseconds, until the change, for which the server was not heard. Absent while it is, and where nothing is asked of it. Each
   * attempt is a change; add the time since the last one to show a number that runs.
   */
  lostForMs?: number;
}

/** Where run ids and the unfinished message are kept for a reload. Values are JSON texts; nothing secret is in them. */
export interface RunMetadataStorage {
  /** The value; null where there is none. */
  getItem(key: string): string | null;
  /** Keeps a value. May throw; that is told by `onWarning`. */
  setItem(key: string, value: string): void;
  /** Forgets a value; nothing where there is none. */
  removeItem(key: string): void;
}

/** Thread data that the application fetches by itself, as SWR and the like give it. */
export interface UseStreamThread<StateType extends Values> {
  /** States, newest first. */
  data: ThreadState<StateType>[] | null | undefined;
  /** What fetching failed with. */
  error: unknown;
  /** Whether it is being fetched. */
  isLoading: boolean;
  /** Fetches again; resolves to the new data. Called after each run. */
  mutate: (mutateId?: string) => Promise<ThreadState<StateType>[] | null | undefined>;
}

/** What happens, in the order it happens. A callback that throws breaks nothing; its error is thrown to the page. */
export interface StreamCallbacks<StateType extends Values, Bag extends BagTemplate> {
  /** A run, or loading the thread, failed. Also for failures that a promise resolves with. */
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
  /** Beyond the incumbent: the connection state has changed. */
  onConnectionChange?: (connection: Connection) => void;
  /** Beyond the incumbent: something was wrong that was dealt with; nothing was lost. */
  onWarning?: (warning: RejoinError) => void;
}

/** How often and how soon is tried again. All waits in milliseconds. */
export interface RetryOptions {
  /** Upper bound of the first wait; it doubles. Default 500. */
  backoffBase?: number;
  /** Upper bound of every wait. Default 30000. */
  backoffMax?: number;
  /** Attempts in a row that may fail before that is told and the thread's history is shown. Attempts go on. Default 6. */
  attemptsMax?: number;
  /** The same for joins that stay silent. Default 3. */
  silentJoinsMax?: number;
  /** How often one submission may be posted, as long as nothing of an answer was received. Default 5. */
  postsMax?: number;
  /** The longest `Retry-After` that is honoured. Default 120000. */
  retryAfterMax?: number;
  /** How long the server may not be heard before the client gives up. Without it the client goes on while the page is open. */
  giveUpAfter?: number;
}

/** How long is waited for the server, in milliseconds. */
export interface TimeoutOptions {
  /** For the headers of a stream. Default 30000. */
  headers?: number;
  /** For the first byte of a join. Default 10000. */
  join?: number;
  /** For any byte of a stream from a server without heartbeats. Default 30000. */
  stall?: number;
  /** How long a byte proves a stream alive when the page wakes up. Default 3000. */
  alive?: number;
  /** For the whole answer to a plain request. Default 15000. */
  request?: number;
  /** Between two attempts while offline or hidden. Default 30000. */
  offlineProbe?: number;
  /** How long a server that has never answered is tried before `error` says so. Default 2000. */
  unreachable?: number;
  /** The least time between two comparisons of an open thread with the server. Default 5000. */
  compare?: number;
  /** Between two writes to the storage. Default 1000. */
  record?: number;
}

/** Which threads' last states are saved in IndexedDB. */
export interface CacheOptions {
  /**
   * Names the user whose threads they are, such as by an id: nothing that was saved for one user is shown to another. Default: a digest of the
   * `headers` names the user. Give it where headers change with time, and where a cookie tells users apart. Without either
   * nothing is saved, and a warning says so.
   */
  identity?: string;
  /** How many threads are saved, those used last. Default 50. */
  threadsMax?: number;
  /** How many bytes all of them may have. A thread that is larger by itself is not saved. Default 10485760. */
  bytesMax?: number;
  /** How long a saved thread is shown, in milliseconds since it was saved. Default 604800000 (7 days). */
  ttlMs?: number;
}

/** How large a peer's data may grow, in bytes. */
export interface LimitOptions {
  /** One line of an event. */
  lineBytesMax?: number;
  /** One event. */
  frameBytesMax?: number;
  /** Bytes that are not read yet. */
  bufferBytesMax?: number;
}

/** Headers to send, or a function that gives them. It is asked for each request; `refresh` is true after a 401 or 403. */
export type HeadersOption = HeadersLike | ((refresh: boolean) => HeadersLike | null | undefined | Promise<HeadersLike | null | undefined>);

/** What both kinds of stream take. */
export interface CommonOptions<StateType extends Values, Bag extends BagTemplate>
  extends StreamCallbacks<StateType, Bag> {
  /** The key of the messages in the state. Default `messages`. */
  messagesKey?: string;
  /** Where the key is present the thread is yours to set; null or undefined is a new thread. */
  threadId?: string | null | undefined;
  /** Shown until the thread's state is there. */
  initialValues?: StateType | null;
  /**
   * Least time between two notifications, in milliseconds. Absent, `true` and `false`: one per animation frame (a timer
   * where the page is hidden, and outside of browsers).
   */
  throttle?: number | boolean;
  /** Tools that run here when the graph asks for them. */
  tools?: AnyHeadlessToolImplementation[];
  /** Tools that start subagents. Default `["task"]`. */
  subagentToolNames?: string[];
  /** Whether subagents' messages are kept out of `messages`, and given by `subagents` only. Default false. */
  filterSubagentMessages?: boolean;
  /** Modes to stream in any case. Default none: what is read and listened to decides. */
  streamMode?: StreamMode[];
}

/** Options of a stream from an Agent Server. */
export interface UseStreamOptions<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate>
  extends CommonOptions<StateType, Bag> {
  /** The assistant, or the graph. */
  assistantId: string;
  /** An SDK client: its URL, headers, request hook and fetch are used. */
  client?: ClientLike;
  /** The server. Default `http://localhost:8123`, as the incumbent's. A path such as `/api` is this page's origin. */
  apiUrl?: string;
  /** Sent as `x-api-key`. Undefined: from the environment where there is one. Null: none. */
  apiKey?: string | null;
  /** `fetch`: used for all requests. `maxRetries`: attempts in a row without anything new. The rest is not needed. */
  callerOptions?: { fetch?: FetchLike; maxRetries?: number; maxConcurrency?: number; [key: string]: unknown };
  /** Sent with each request. */
  defaultHeaders?: HeadersLike;
  /** Beyond the incumbent: headers that may change, such as tokens. Laid over `defaultHeaders`. */
  headers?: HeadersOption;
  /** Cookies. Default: the browser's own, `same-origin`. */
  credentials?: RequestCredentials;
  /** Whether `history`, branches and the like are there. `true` reads 10 states. Default false. */
  fetchStateHistory?: boolean | { limit: number };
  /** Thread data that the application fetches; nothing is loaded then. */
  thread?: UseStreamThread<StateType>;
  /**
   * Absent: runs are rejoined when the page comes back, through `localStorage`. `true`: the same through
   * `sessionStorage`. A function: through what it returns. `false`: nothing is rejoined by itself.
   */
  reconnectOnMount?: boolean | (() => RunMetadataStorage);
  /**
   * Beyond the incumbent: whether an open thread at rest is compared with the server when the page is shown, has the focus or
   * the network again. Default true.
   */
  compareOnWake?: boolean;
  /**
   * Beyond the incumbent: which tabs of the browser share the connection of a run's stream and of a session's feed. `true`: tabs whose
   * requests have the same headers. A text: tabs that give the same text, which names the user; for headers that differ from tab to tab,
   * for cookies, and for a `fetch` of your own, with which `true` shares nothing. `false` (default) and an empty text: none. Loads the
   * second wasm module. See `docs/tabs.md`.
   */
  shareConnections?: boolean | string;
  /** Beyond the incumbent: where runs are kept for a reload; goes before `reconnectOnMount`'s choice. Default `local`. */
  storage?: "local" | "session" | "none" | RunMetadataStorage;
  /**
   * Beyond the incumbent: whether threads' last states are saved in this browser, in IndexedDB, so that a thread is on screen before the
   * server has answered: `isThreadLoading` stays true meanwhile, and `connection.state` is `saved`. What is shown so can be read, and
   * nothing else: submissions wait, and nothing can be edited. A thread is removed when the server refuses it (401, 403) or does not
   * know it (404), and when it is deleted with `client.threads.delete`. Call {@link clearRejoinData} when the user logs out. Read once. Default
   * false.
   */
  cache?: boolean | CacheOptions;
  /** Whether `stop()` also cancels the run on the server, as the incumbent's does with `reconnectOnMount`. Default false. */
  cancelOnStop?: boolean;
  /**
   * Beyond the incumbent: how the checkpoint is found that an edit, or another answer, goes on from. `automatic` (default):
   * in the states that were read, else by paging through the thread's history. `off`: it is not, and nothing can be
   * edited unless there is {@link UseStreamOptions.getCheckpointId}.
   */
  checkpoints?: "automatic" | "off";
  /**
   * Beyond the incumbent: finds that checkpoint instead. Given the messages that are kept, oldest first (none for an edit of
   * the first); gives the id of the checkpoint whose state holds exactly these. Null or undefined: there is none, and the
   * edit fails as `checkpoint_not_found`; where it throws or rejects, as `checkpoint_lookup_failed`. Either way nothing is
   * sent, and the screen stays as it was.
   */
  getCheckpointId?: (threadId: string, parentMessages: Message[]) => Promise<string | null | undefined>;
  /**
   * Beyond the incumbent: whether a new turn first answers tool calls that nobody has answered, as cancelled. Most models
   * refuse a conversation in which a call has no result. Default false.
   */
  cancelPendingToolCalls?: boolean;
  /**
   * Beyond the incumbent: whether what is submitted is kept, in `storage`, until the server has it: through a reload and a crash, in order, each sent once.
   * Default true. `askAfter`: older ones wait for `sendNow` (milliseconds; default one hour). `bytesMax`: how much of a thread's is
   * stored (JSON; default 262,144); one for which there is no room is sent all the same, with the warning `submission_not_stored`.
   */
  outbox?: boolean | { askAfter?: number; bytesMax?: number };
  /**
   * Beyond the incumbent: whether entering a thread, and the end of a run, read the thread's state. Default true. False: a
   * thread with many messages is shown by a view (`createView`, `useView`) page by page, and never read as a whole; `values`
   * and `messages` then hold what runs stream while the page lives, and nothing can be edited or answered again.
   */
  loadState?: boolean;
  /** How often and how soon is tried again. */
  retry?: RetryOptions;
  /** How long is waited. */
  timeouts?: TimeoutOptions;
  /** How large a peer's data may grow. */
  limits?: LimitOptions;
  /** Accepted for the incumbent's sake: the server's own stream is what there is without a transport of your own. */
  transport?: "sse" | undefined;
}

/** What a transport is given for one submission. */
export interface UseStreamTransportPayload<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate> {
  /** What was submitted. */
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
  /** Sends one submission. Where it rejects or throws the run has failed with that error. */
  stream: (payload: UseStreamTransportPayload<StateType, Bag>) => Promise<AsyncGenerator<StreamEvent>>;
}

/** Options of a stream through a {@link UseStreamTransport}. */
export interface UseStreamCustomOptions<StateType extends Values = Values, Bag extends BagTemplate = BagTemplate>
  extends CommonOptions<StateType, Bag> {
  /** How submissions are sent. */
  transport: UseStreamTransport<StateType, Bag>;
}

/** A config whose `configurable` is typed. */
export type ConfigWithConfigurable<ConfigurableType extends Values> = Config & { configurable?: ConfigurableType };

/** What a submission can carry beside its values. */
export interface SubmitOptions<StateType extends Values = Values, ContextType extends Values = Values> {
  /** Tags, the recursion limit, `configurable`. */
  config?: ConfigWithConfigurable<ContextType>;
  /** The graph's static context. */
  context?: ContextType;
  /** Where to fork from. Null: the newest state, whatever branch is shown. Default: the shown branch's end. */
  checkpoint?: Omit<Checkpoint, "thread_id"> | null;
  /** The way on after an interrupt. */
  command?: Command;
  /** Nodes to stop before. */
  interruptBefore?: "*" | string[];
  /** Nodes to stop after. */
  interruptAfter?: "*" | string[];
  /** Kept with the run. */
  metadata?: Metadata;
  /** What the server does while another run is active. Default `enqueue`: it waits here. */
  multitaskStrategy?: MultitaskStrategy;
  /** Sent on; see the server's documentation. */
  strictResume?: boolean;
  /** Sent on; see the server's documentation. */
  onCompletion?: "complete" | "continue";
  /** Default `continue`: leaving never cancels. */
  onDisconnect?: DisconnectMode;
  /** Sent on; see the server's documentation. */
  feedbackKeys?: string[];
  /** Added to the modes that are read or listened to. */
  streamMode?: StreamMode[];
  /** Accepted and ignored, as by the incumbent: the server gives the id. */
  runId?: string;
  /** Shown at once. A function is given what is shown now. */
  optimisticValues?: Partial<StateType> | ((prev: StateType) => Partial<StateType>);
  /** Whether subgraphs' events come too. Default false. */
  streamSubgraphs?: boolean;
  /** Whether the server keeps the events, so that the run can be rejoined without a gap. Default true. */
  streamResumable?: boolean;
  /** When the server writes checkpoints. */
  durability?: Durability;
  /** The id of the thread that is made where there is none. */
  threadId?: string;
  /** For this submission, after the stream's own `onError`. */
  onError?: (error: unknown, run: RunCallbackMeta | undefined) => void;
  /** Beyond the incumbent: whether the promise rejects where its result has an error. Default false. */
  throwOnError?: boolean;
}

/** What an answer to an interrupt can carry. */
export interface RespondOptions<StateType extends Values = Values, ContextType extends Values = Values>
  extends SubmitOptions<StateType, ContextType> {
  /** The interrupt that is answered. Needed where several wait. */
  interruptId?: string;
}

/** The result of a tool that ran in the page. */
export interface ToolResultInput {
  /** The call's id, as in the AI message's `tool_calls`. */
  toolCallId: string;
  /** A text or content parts are sent as they are, anything else as its JSON. */
  result: unknown;
  /** Whether the tool failed; `result` says how. Default false. */
  isError?: boolean;
  /** Kept with the tool message, and not shown to the model. */
  artifact?: unknown;
}

/** What a submission through a transport can carry. */
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

/** How a run is joined. */
export interface JoinOptions {
  /** What to stream of it. Default: what the run streams. */
  streamMode?: StreamMode | StreamMode[];
  /** Events for which it is false are left out. */
  filter?: (event: StreamEvent) => boolean;
  /** Accepted for the incumbent's sake; the replay starts where it must. */
  checkpointId?: string;
  /** Whether the promise rejects where its result has an error. Default false. */
  throwOnError?: boolean;
}
