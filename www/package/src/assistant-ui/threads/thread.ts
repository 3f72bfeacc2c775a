/** One thread as the binding to assistant-ui sees it, whatever it is streamed with. */
import type { CompleteAttachment } from "@assistant-ui/core";
import type { RejoinError } from "../../errors.js";
import type { Connection } from "../../types/options.js";
import type { WaitingSubmission } from "../../types/stream.js";
import type { LangChainMessage, LangGraphInterruptState, LangGraphSendMessageConfig, LangGraphTupleMetadata, UIMessage } from "../types.js";

/** A graph's state. */
export type GraphState = Record<string, unknown>;

/** One way through a thread's messages that is not shown, for a branch switcher. */
export interface Branch {
  /** The argument of {@link LangGraphThread.setBranch}. */
  readonly key: string;
  /** The messages from the first to the last. */
  readonly messages: LangChainMessage[];
}

/** The visible state of a thread. Immutable: each change makes a new one, in which unchanged parts keep their identity. */
export interface ThreadSnapshot {
  /** The messages, as far as they have streamed; one that has not changed is the same object. */
  readonly messages: LangChainMessage[];
  /** UI messages. */
  readonly uiMessages: UIMessage[];
  /** The metadata of a message's chunks, by message id. */
  readonly messageMetadata: Map<string, LangGraphTupleMetadata>;
  /** The graph's state, with what was set for the next run laid over it. */
  readonly state: GraphState | undefined;
  /** Questions that wait for an answer. */
  readonly interrupts: readonly LangGraphInterruptState[];
  /** Whether a run is sent, followed, or waits for another one. */
  readonly isRunning: boolean;
  /** Whether the thread is read for the first time. */
  readonly isLoading: boolean;
  /** The message whose edit or regeneration waits for its checkpoint. */
  readonly editing: string | null;
  /** The last failure; undefined again when something new starts. */
  readonly error: RejoinError | undefined;
  /** Whether {@link LangGraphThread.retry} has something to do. */
  readonly canRetry: boolean;
  /** Ids of messages that were not finished as their run was cancelled. */
  readonly cancelled: ReadonlySet<string>;
  /** The failures of turns that wrote nothing, by the id of the message after which each is shown; "" is the start. */
  readonly failures: ReadonlyMap<string, string>;
  /** Whether messages can be edited and answers regenerated at all. */
  readonly canEdit: boolean;
  /** The messages that can be edited, and the answers that can be given again; undefined: all, if `canEdit`. */
  readonly editable: { readonly edit: (id: string) => boolean; readonly regenerate: (id: string) => boolean } | undefined;
  /** How the connection stands; undefined where only the `stream` callback knows. */
  readonly connection: Connection | undefined;
  /** Submissions that the server is not known to have, oldest first; none where only the `stream` callback knows. */
  readonly waiting: readonly WaitingSubmission[];
  /** Whether no submission is known to have reached the server, while attempts go on. */
  readonly isUnsent: boolean;
  /** Whether a message waits that was added without starting a run. */
  readonly hasStaged: boolean;
  /** The ways that are not shown; undefined where only assistant-ui knows them. */
  readonly branches: readonly Branch[] | undefined;
}

/** How an edit, or an answer given again, is sent. */
export interface EditRequest {
  /** The messages before the one that is edited, or up to the one that is answered again. */
  kept: LangChainMessage[];
  /** The replacement of the messages that are not kept; null: none, and the last kept message is answered again. */
  message: (LangChainMessage & { type: "human" }) | null;
  /** The message that is edited or answered again, where it is known. */
  at: string | undefined;
  /** The run's config. */
  runConfig: unknown;
}

/** The result of a tool that ran in the page. */
export interface ToolResult {
  toolCallId: string;
  toolName: string;
  result: unknown;
  isError?: boolean | undefined;
  artifact?: unknown;
}

/** One thread. All members stay the same functions while it lives. */
export interface LangGraphThread {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => ThreadSnapshot;
  /** Attachments by message id, for messages of this page. Changed in place. */
  readonly attachments: Map<string, readonly CompleteAttachment[]>;
  /** Begins, or begins again after {@link leave}. */
  readonly enter: () => void;
  /** The page shows something else, or is gone: what is followed here ends here. */
  readonly leave: () => void;
  /** The thread is shown again after another one was. */
  readonly returned: () => void;
  /** A new turn of the person. */
  readonly newTurn: (message: LangChainMessage & { type: "human" }, runConfig: unknown) => Promise<void>;
  /** Adds a message without a run. The next run that starts from it sends it. `kept`: as in {@link EditRequest}. */
  readonly stage: (message: LangChainMessage & { type: "human"; id: string }, runConfig: unknown, kept: LangChainMessage[] | undefined) => void;
  /** Runs what was staged up to this message. False where nothing was. */
  readonly runStaged: (id: string | null, runConfig: unknown) => Promise<boolean>;
  /** Sends messages as they are, or a command. Rejects where that fails or is dropped. */
  readonly send: (messages: LangChainMessage[], config: LangGraphSendMessageConfig) => Promise<void>;
  /** Whether a message that is sent during a run waits in {@link ThreadSnapshot.waiting} by itself. */
  readonly hasOutbox: boolean;
  /** Takes back a waiting submission. Does nothing for one that does not wait any more. */
  readonly takeBack: (waitingId: string) => void;
  /** Sends a `held` submission, in its order. */
  readonly sendNow: (waitingId: string) => void;
  /** Sends messages in the place of a waiting submission. Rejects as {@link LangGraphThread.send}, also where that does not wait any more. */
  readonly replaceWaiting: (waitingId: string, messages: LangChainMessage[], config?: LangGraphSendMessageConfig) => Promise<void>;
  /** Answers the question that waits, or the one with this id. */
  readonly respond: (value: unknown, options?: RespondOptions) => Promise<void>;
  /** Answers several questions, by their ids. */
  readonly respondAll: (byId: Record<string, unknown>, options?: Pick<RespondOptions, "runConfig">) => Promise<void>;
  /** Edits a message or gives an answer again. */
  readonly edit: (request: EditRequest) => Promise<void>;
  /** Shows and tells an error; nothing else changes. */
  readonly refuse: (error: RejoinError) => void;
  /** Does again what failed last. */
  readonly retry: () => Promise<void>;
  /** Ends the run, and what waits for it. */
  readonly cancel: () => Promise<void>;
  /** Shows another way through the thread: `messages` are what it shows, `key` is its own name for it. */
  readonly setBranch: (messages: LangChainMessage[], key: string | undefined) => void;
  /** A tool has run in the page. */
  readonly addToolResult: (result: ToolResult) => Promise<void>;
  /** Lays state over what is shown, and sends it with the next run. */
  readonly setState: (next: GraphState | ((prev: GraphState | undefined) => GraphState)) => void;
  /** Reads the thread again. Rejects where that fails. */
  readonly refetch: (() => Promise<void>) | undefined;
  /** Ends it for good. */
  readonly dispose: () => void;
}

/** How a question is answered. */
export interface RespondOptions {
  /** The question's id; needed where several wait. */
  interruptId?: string | undefined;
  /** The run's config. Default: that of the run that asked. */
  runConfig?: unknown;
}
