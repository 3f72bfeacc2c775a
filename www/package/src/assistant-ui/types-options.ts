/** Options of `useLangGraphRuntime`. */
import type {
  AttachmentAdapter,
  DictationAdapter,
  ExternalStoreSharedOptions,
  FeedbackAdapter,
  RealtimeVoiceAdapter,
  RemoteThreadListAdapter,
  SpeechSynthesisAdapter,
} from "@assistant-ui/core";
import type { CloudThreadListAdapterOptions, DataMessagePartComponent } from "@assistant-ui/core/react";
import type { ClientLike } from "../types/client.js";
import type { SubmitOptions, UseStreamOptions } from "../types/options.js";
import type { LangGraphEventHandlers, LangGraphInterruptState, LangGraphMessagesEvent, LangGraphStreamCallback } from "./types-events.js";
import type { LangChainMessage, UIMessage } from "./types.js";

/** The result of `load`. */
export type LangGraphLoadResult = {
  messages: LangChainMessage[];
  /** The questions that wait. Default: none. */
  interrupts?: LangGraphInterruptState[];
  /** The components stored with the thread. Default: none. */
  uiMessages?: UIMessage[];
};

/** The second argument of `resume`. */
export type LangGraphResumeConfig = {
  /** Aborted when the thread is left or the run is stopped. */
  signal: AbortSignal;
  /** The last event that was seen of the run; undefined: none. */
  lastEventId?: string | undefined;
};

/** Options of one of the two ways to reach an agent. */
export type LangGraphSource = {
  /** Begins a run and gives its events. Not needed with `assistantId`. */
  stream?: LangGraphStreamCallback<LangChainMessage>;
  /** Joins a run that goes on at the server, after a reload or on return to its thread; null: there is none. */
  resume?: (
    threadId: string,
    config: LangGraphResumeConfig,
  ) => Promise<AsyncGenerator<LangGraphMessagesEvent<LangChainMessage>> | null | undefined>;
  /** The agent server's address, for the way without `stream`. */
  apiUrl?: string;
  /** Sent as `x-api-key`. */
  apiKey?: string;
  /** A client of `@langchain/langgraph-sdk`, in the place of `apiUrl`. */
  client?: ClientLike;
  /** The graph or assistant to run; with it, and without `stream`, Rejoin speaks to the server itself. */
  assistantId?: string;
  /** Without `stream`: the config of each run, below the composer's own run config. */
  config?: NonNullable<SubmitOptions["config"]>;
  /** Without `stream`: the key of the messages in the state. Default `messages`. */
  messagesKey?: string;
  /** Without `stream`: `automatic` (default) finds checkpoints in the thread's history; with `off` nothing can be edited unless there is `getCheckpointId`. */
  checkpoints?: "automatic" | "off";
  /** Without `stream`: how many states are read, which decides how far back branches are known. Default 100. */
  fetchStateHistory?: { limit: number };
} & Pick<UseStreamOptions, "defaultHeaders" | "headers" | "callerOptions" | "credentials" | "storage" | "outbox" | "shareConnections" | "cache" | "retry" | "timeouts">;

/** Everything that can be set. */
export type UseLangGraphRuntimeOptions = ExternalStoreSharedOptions &
  LangGraphSource & {
    /**
     * The thread shown first.
     *
     * @deprecated `threadId` says the same and is followed when it changes.
     */
    initialThreadId?: string | undefined;
    /** The thread to show; another value switches, undefined is a new thread. */
    threadId?: string | undefined;
    /** Called with the shown thread's id at the server, once it has one; with undefined for a thread that has none yet. */
    onThreadIdChange?: ((threadId: string | undefined) => void) | undefined;
    /** A new message answers the tool calls that still wait with "cancelled". Default: true. */
    autoCancelPendingToolCalls?: boolean | undefined;
    /** A run can be stopped. Default: false, without a stop button. */
    unstable_allowCancellation?: boolean | undefined;
    /** A message can be sent during a run, and waits for its end in `composer.queue`. Without `stream` it is stored, see `outbox`. Default: false. */
    unstable_enableMessageQueue?: boolean | undefined;
    /** The key of the graph's state that holds components to show. Default: `ui`. */
    uiStateKey?: string;
    /** Finds the checkpoint that holds exactly these messages; null: there is none. With it, messages can be edited and answers asked for again. */
    getCheckpointId?: (threadId: string, parentMessages: LangChainMessage[]) => Promise<string | null>;
    /** Reads a thread when it is first shown. */
    load?: (threadId: string, config?: { signal: AbortSignal }) => Promise<LangGraphLoadResult>;
    /** Makes a thread at the server. */
    create?: () => Promise<{ externalId: string }>;
    /** Deletes a thread at the server. */
    delete?: (threadId: string) => Promise<void>;
    /** assistant-ui's adapters. */
    adapters?:
      | {
          attachments?: AttachmentAdapter;
          speech?: SpeechSynthesisAdapter;
          dictation?: DictationAdapter;
          voice?: RealtimeVoiceAdapter;
          feedback?: FeedbackAdapter;
        }
      | undefined;
    /** Called with a run's events. */
    eventHandlers?: LangGraphEventHandlers | undefined;
    /** Components for the graph's UI messages: `renderers` by name, `fallback` for any other name. */
    uiComponents?:
      | {
          fallback?: DataMessagePartComponent;
          renderers?: Record<string, DataMessagePartComponent>;
        }
      | undefined;
    /** Assistant Cloud, which then keeps the list of threads. */
    cloud?: CloudThreadListAdapterOptions["cloud"];
    /** Keeps the list of threads, in the place of `cloud`, `create` and `delete`. */
    unstable_threadListAdapter?: RemoteThreadListAdapter | undefined;
  };
