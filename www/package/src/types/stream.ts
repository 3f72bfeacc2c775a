/** A stream's snapshot and commands. */
import type { QueueInterface } from "./queue.js";
import type { RejoinError } from "../errors.js";
import type {
  BagTemplate,
  GetConfigurableType,
  GetInterruptType,
  GetToolCallsType,
  GetUpdateType,
  InferStateType,
  StateRecord,
} from "./bag.js";
import type { StreamClient } from "./sdk-client.js";
import type { ToolProgress } from "./events.js";
import type { AIMessage, Message, MessageContentComplex, ToolCallWithResult } from "./messages.js";
import type {
  Connection,
  CustomSubmitOptions,
  JoinOptions,
  Mutate,
  RespondOptions,
  SubmitOptions,
  ToolResultInput,
  UseStreamCustomOptions,
  UseStreamOptions,
} from "./options.js";
import type { Interrupt, ThreadState } from "./schema.js";
import type { SubagentStream } from "./subagents.js";

/**
 * How a command ended.
 *
 * `finished`: the run's end was streamed. `replayed`: missed events were replayed, then the run ended. `snapshot_then_tail`:
 * some events were lost; the thread's state was taken, then the rest was streamed. `expired`: the server
 * does not know the run any more; the history is shown. `timed_out`: the run could not be followed in time; the history is
 * shown. `denied`, `failed`: see `error`. `cancelled`: by `cancel()` or by another client. `disconnected`: by `stop()`,
 * a switch of threads, or unmounting. `nothing_to_join`: the thread has no active run. `superseded`: a later
 * edit, submission or switch of threads overtook an edit before anything was sent. `dropped`: the command waited for a run that
 * failed, and was not sent. `disposed`: the stream was disposed.
 */
export type Outcome =
  | "finished"
  | "replayed"
  | "snapshot_then_tail"
  | "expired"
  | "timed_out"
  | "denied"
  | "failed"
  | "cancelled"
  | "disconnected"
  | "nothing_to_join"
  | "superseded"
  | "dropped"
  | "disposed";

/** The result of `submit`, `joinStream` and `rejoin`. They reject only with `throwOnError`. */
export interface RunResult {
  /** The outcome of the command. */
  outcome: Outcome;
  /** Present if something was wrong. */
  error?: RejoinError;
}

/** A promise of a {@link RunResult} that also fits a `Promise<void>`, the type in LangGraph's SDK. */
export type RunPromise = Promise<void> & Promise<RunResult>;

/** One state in the tree of branches. */
export interface BranchNode<StateType = Record<string, unknown>> {
  /** Tells it from a fork. */
  type: "node";
  /** The state. */
  value: ThreadState<StateType>;
  /** The checkpoints chosen at each fork on the way here. */
  path: string[];
}

/** A fork of a thread: its branches, the newest last. */
export interface Fork<StateType = Record<string, unknown>> {
  /** Tells it from a node. */
  type: "fork";
  /** The ways, oldest first. */
  items: Sequence<StateType>[];
}

/** States one after another, oldest first. */
export interface Sequence<StateType = Record<string, unknown>> {
  /** Tells it from nodes and forks. */
  type: "sequence";
  /** States, and forks between them. */
  items: (BranchNode<StateType> | Fork<StateType>)[];
}

/** Data about a message, beside its content. */
export type MessageMetadata<StateType> = {
  /** The message's id. */
  messageId: string;
  /** The oldest state that has it. Needs `fetchStateHistory` for more than the newest state. */
  firstSeenState: ThreadState<StateType> | undefined;
  /** Its branch, if there are several. */
  branch: string | undefined;
  /** All branches at that place, for a switcher; give one to `setBranch`. */
  branchOptions: string[] | undefined;
  /** Metadata of its chunks: node, step, model. Kept while the page lives. */
  streamMetadata: Record<string, unknown> | undefined;
};

/** The origin of a message: the server (`server`), this page before the server has it (`optimistic`), or a failed or
 * cancelled run whose text the server did not keep (`partial`). */
export type MessageOrigin = "server" | "optimistic" | "partial";

/**
 * The reason why a submission waits. `queued`: for the run before it, or for the thread's load. `unreachable`: for a server that cannot be
 * reached and is tried again. `other_tab`: for another tab, which sends it. `held`: for a person's decision, because it is old, was
 * stopped or refused, or was to follow a run that failed. It may also be another tab's, if that tab is unknown or storage cannot be read.
 */
export type WaitingState = "queued" | "unreachable" | "other_tab" | "held";

/** A submission that the server is not known to have. */
export interface WaitingSubmission<StateType = Record<string, unknown>> {
  /** Names it for `takeBack`, `sendNow` and `replaceWaiting`. */
  id: string;
  /** The reason why it waits. */
  state: WaitingState;
  /** Its messages, with the ids that they will be shown under. */
  messages: Message[];
  /** The submitted values; null for an answer to an interrupt and the like. */
  values: Partial<StateType> | null;
  /** Whether `messages` of the stream holds its messages already, so that they need not be shown twice. */
  isShown: boolean;
  /** Whether it outlives a reload. False if it is too large, or with `outbox: false`. */
  isStored: boolean;
  /** The time of the submission, in milliseconds since 1970. */
  submittedAt: number;
}

/** Everything that a stream shows. Immutable: each change makes a new snapshot, in which unchanged objects keep their identity. */
export interface StreamSnapshot<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> {
  /** The state, with its messages as streamed so far. */
  readonly values: StateType;
  /** The messages, as streamed so far; an unchanged message is the same object. */
  readonly messages: Message<GetToolCallsType<StateType>>[];
  /**
   * Keys for a list of messages, in order; the same array until one comes, goes or moves. A key is the id that a message
   * was first shown under, and stays although the server stores the message under another id.
   */
  readonly messageIds: readonly string[];
  /** The last failure; undefined again when something new starts. */
  readonly error: unknown;
  /** Whether a run is submitted, followed, or about to be rejoined. */
  readonly isLoading: boolean;
  /** Whether the thread is loaded for the first time. */
  readonly isThreadLoading: boolean;
  /** The first interrupt; an array if there are several, as in LangGraph's SDK; undefined if there is none. */
  readonly interrupt: Interrupt<GetInterruptType<Bag>> | undefined;
  /** Questions that wait for an answer. */
  readonly interrupts: Interrupt<GetInterruptType<Bag>>[];
  /** All tool calls of the messages, with their results. */
  readonly toolCalls: ToolCallWithResult<GetToolCallsType<StateType>>[];
  /** The progress of tools, from `tools` events of the last run. */
  readonly toolProgress: ToolProgress[];
  /** The branch shown: checkpoint ids joined by `>`; "" is the newest. */
  readonly branch: string;
  /** The states of the shown branch, oldest first. Throws without `fetchStateHistory`. */
  readonly history: ThreadState<StateType>[];
  /** All branches. Throws without `fetchStateHistory`. */
  readonly experimental_branchTree: Sequence<StateType>;
  /** The connection's state. */
  readonly connection: Connection;
  /** The thread; null for a new one. */
  readonly threadId: string | null;
  /** The followed run, or the last one; null if there is none. */
  readonly runId: string | null;
  /** Whether `stop()` has something to do. */
  readonly canStop: boolean;
  /** Whether `rejoin()` has something to do. */
  readonly canRejoin: boolean;
  /** Whether no submission is known to have reached the server, while attempts go on: say "not sent yet", not "the agent goes on". */
  readonly isUnsent: boolean;
  /**
   * Submissions that the server is not known to have, oldest first. Empty most of the time, because a submission on its first way
   * to the server is not among them. They outlive a reload and are sent in order, each once. Runs that the server has queued are not here.
   */
  readonly waiting: readonly WaitingSubmission<StateType>[];
  /** Whether `retry()` has something to do: the last run failed. Reading it loads the second wasm module; false until that is there. */
  readonly canRetry: boolean;
  /** The message that is edited or answered again, while its checkpoint is looked up; null if there is none. */
  readonly editing: string | null;
  /** Whether `edit` works for this message: it is a person's, and the server has everything before it. Loads the second module, as `canRetry` does. */
  canEdit(messageId: string | undefined): boolean;
  /** Whether `regenerate` works for this message: it is the AI's, after a person's. Loads the second module, as `canRetry` does. */
  canRegenerate(messageId: string | undefined): boolean;
  /** Subagents by their tool call's id. */
  readonly subagents: Map<string, SubagentStream>;
  /** Subagents that run. */
  readonly activeSubagents: SubagentStream[];
  /** The tool calls of one message, with their results. */
  getToolCalls(message: AIMessage<GetToolCallsType<StateType>>): ToolCallWithResult<GetToolCallsType<StateType>>[];
  /** Data about a message, beside its content. `index` helps if it has no id. */
  getMessagesMetadata(
    message: Message<GetToolCallsType<StateType>>,
    index?: number,
  ): MessageMetadata<StateRecord<StateType>> | undefined;
  /** One message, by its id or by one of `messageIds`; the same object until it changes. */
  getMessage(id: string | undefined): Message<GetToolCallsType<StateType>> | undefined;
  /** The origin of a message. */
  getMessageOrigin(id: string | undefined): MessageOrigin | undefined;
  /** The subagent that this tool call started. */
  getSubagent(toolCallId: string | undefined): SubagentStream | undefined;
  /** Subagents of this type. */
  getSubagentsByType(type: string): SubagentStream[];
  /** Subagents that this AI message started. */
  getSubagentsByMessage(messageId: string | undefined): SubagentStream[];
}

/** The commands of a stream. All of them stay the same functions while the stream lives. */
export interface StreamCommands<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> {
  /** Runs the assistant. While a run is active, or the server is away, the submission is in `waiting`. Resolves when the run is over; never rejects unless `throwOnError`. */
  submit: (
    values: GetUpdateType<Bag, StateRecord<StateType>> | null | undefined,
    options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => RunPromise;
  /** Disconnects at once, keeps every message, and lets the agent go on (see `cancelOnStop`). Works before the run has an id. */
  stop: () => Promise<void>;
  /** Stops the agent on the server. Its streamed text stays. */
  cancel: () => Promise<void>;
  /** Follows the named run, on this thread or on the thread that it was stored with. */
  joinStream: (runId: string, lastEventId?: string, options?: JoinOptions) => RunPromise;
  /** Follows the thread's run again, after `stop()` or a failure. */
  rejoin: (options?: JoinOptions) => RunPromise;
  /** Enters another thread; null: a new one. */
  switchThread: (threadId: string | null) => void;
  /** Shows another branch; "": the newest. */
  setBranch: (branch: string) => void;
  /** Changes the shown values until the server's next values. */
  mutate: Mutate<StateRecord<StateType>>;
  /**
   * Replaces a person's message and everything after it, as a new branch. A text or
   * content parts make a new message; a message is taken as it is; anything else is an update of the state.
   *
   * The checkpoint is found first. Only then, in one step, the active run is replaced, the screen cut, and the new run
   * sent. Without a checkpoint (`checkpoint_not_found`, `checkpoint_lookup_failed`, `edit_unavailable`) nothing changes but
   * `error`. Of two edits the later wins; the other resolves as `superseded`.
   */
  edit: (
    messageId: string | undefined,
    replacement: string | MessageContentComplex[] | Message<GetToolCallsType<StateType>> | GetUpdateType<Bag, StateRecord<StateType>>,
    options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => RunPromise;
  /** Asks for another answer: everything up to the person's message before this AI message is kept. Otherwise as `edit`. */
  regenerate: (messageId: string | undefined, options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>) => RunPromise;
  /** Begins the failed run again: as it was submitted if the thread holds nothing of it, else from the place of its failure. */
  retry: (options?: Pick<SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>, "onError" | "throwOnError">) => RunPromise;
  /**
   * Takes back a waiting submission: it is not sent. A composer can be filled again with its `messages`. If it may have been
   * sent already, its run is looked for and cancelled. Does nothing for a submission that another tab sends or that does not wait any more.
   */
  takeBack: (waitingId: string) => void;
  /** Sends a `held` submission, in its order. */
  sendNow: (waitingId: string) => void;
  /** Takes back a waiting submission and puts another in its place. Resolves as `submit`; `dropped` if it does not wait any more. */
  replaceWaiting: (
    waitingId: string,
    values: GetUpdateType<Bag, StateRecord<StateType>> | null | undefined,
    options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => RunPromise;
  /**
   * Answers an interrupt; it disappears at once. If several wait, `options.interruptId` must name one: without it the error
   * is `ambiguous_resume`, and nothing is sent.
   */
  respond: (value: unknown, options?: RespondOptions<StateRecord<StateType>, GetConfigurableType<Bag>>) => RunPromise;
  /** Answers several interrupts by their ids; the others go on waiting. */
  respondAll: (
    byId: Record<string, unknown>,
    options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => RunPromise;
  /**
   * Gives the result of a tool call that the page ran. Sent when every call of that AI message has one, all together; a
   * result for a call that has one already does nothing.
   */
  addToolResult: (result: ToolResultInput) => RunPromise;
}

/** A framework-free stream. */
export interface StreamStore<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>
  extends StreamCommands<StateType, Bag> {
  /** Calls `listener` after each change, at most once a frame. Returns a function that ends it. The first listener starts loading. */
  subscribe: (listener: () => void) => () => void;
  /** The current snapshot; the same object until something changes. */
  getSnapshot: () => StreamSnapshot<StateType, Bag>;
  /** The snapshot for a server, and for a page before it is hydrated: the initial values. */
  getServerSnapshot: () => StreamSnapshot<StateType, Bag>;
  /** As `canEdit` and `canRegenerate` of the current snapshot. */
  canEdit: (messageId: string | undefined) => boolean;
  /** As `canEdit` and `canRegenerate` of the current snapshot. */
  canRegenerate: (messageId: string | undefined) => boolean;
  /** Changes these options: callbacks, headers, `tools`, `thread`, `streamMode`. */
  setOptions: (
    options: Partial<UseStreamOptions<StateRecord<StateType>, Bag>> | Partial<UseStreamCustomOptions<StateRecord<StateType>, Bag>>,
  ) => void;
  /** Ends the stream: the connection is closed, the run goes on, open commands resolve as `disposed`. A second call does nothing. */
  dispose: () => void;
  /** A client for requests of your own: the given one, else a small one. */
  readonly client: StreamClient;
  /** The given assistant. */
  readonly assistantId: string;
}

/** The result of `useStream`: {@link StreamSnapshot} and {@link StreamCommands} in one object. */
export interface UseStream<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>
  extends StreamSnapshot<StateType, Bag>,
    StreamCommands<StateType, Bag> {
  /** A client for requests of your own: the given one, else a small one. */
  client: StreamClient;
  /** The given assistant. */
  assistantId: string;
  /** `waiting` in the form of LangChain's hooks: `cancel(id)` takes one back, `clear()` all that no other tab sends. */
  queue: QueueInterface<StateRecord<StateType>>;
  /** The store behind the hook, for `useMessage` and the like and for code outside of React. */
  store: StreamStore<StateType, Bag>;
}

/** The result of `useStream` with a `transport`: members that need a thread on a server are there, and empty. */
export type UseStreamCustom<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = Omit<
  UseStream<StateType, Bag>,
  "submit"
> & {
  /** Sends one submission through the transport. Resolves when the generator has ended; never rejects unless `throwOnError`. */
  submit: (
    values: GetUpdateType<Bag, StateRecord<StateType>> | null | undefined,
    options?: CustomSubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => RunPromise;
};

/** The options for a state type or a compiled graph's type. */
export type ResolveStreamOptions<T, Bag extends BagTemplate = BagTemplate> = UseStreamOptions<StateRecord<InferStateType<T>>, Bag>;
/** The same with a `transport`. */
export type ResolveStreamCustomOptions<T, Bag extends BagTemplate = BagTemplate> = UseStreamCustomOptions<
  StateRecord<InferStateType<T>>,
  Bag
>;
