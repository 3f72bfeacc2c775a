/** The events of a run's stream, their callbacks, and the input of a run. */
import type { LangChainMessage, LangChainMessageChunk, LangGraphTupleMetadata } from "./types.js";

/** Names of the events that the runtime reads; any other is a custom event. */
export type LangGraphKnownEventTypes =
  | "messages"
  | "messages/partial"
  | "messages/complete"
  | "metadata"
  | "updates"
  | "values"
  | "info"
  | "error";

/** An event's name; a subgraph's has `|` and its namespace behind it. */
export type EventType = LangGraphKnownEventTypes | (string & {});

/** Messages whole or as far as they have come. */
export type LangChainEvent = {
  event: "messages/partial" | "messages/complete";
  data: LangChainMessage[];
};

/** A message or a piece of one, and the server's metadata of it (stream mode `messages-tuple`). */
export type LangChainMessageTupleEvent = {
  event: "messages";
  data: [LangChainMessage | LangChainMessageChunk, LangGraphTupleMetadata];
};

/** Any event of a run's stream. */
export type LangGraphMessagesEvent<TMessage> = {
  event: EventType;
  /** The event's data; the application knows the shape of its own events. */
  data: TMessage[] | any;
};

/** A question that the graph waits for. */
export type LangGraphInterruptState = {
  /** The interrupt's id, when the server gives one: the key it is answered by when several wait. */
  id?: string;
  /** The question itself; the application knows its shape. */
  value?: any;
  resumable?: boolean;
  when?: string;
  /** The subgraph it waits in. */
  ns?: string[];
};

/** The answer for a graph that waits. */
export type LangGraphCommand = {
  /** The answer; with several interrupts an object of interrupt id and answer. */
  resume: any;
};

/** The options of a new run. */
export type LangGraphSendMessageConfig = {
  /** Goes on from an interrupt. */
  command?: LangGraphCommand;
  /** The run's configuration, handed on as it is. */
  runConfig?: unknown;
  /** The checkpoint to go on from. Default: the thread's newest. */
  checkpointId?: string;
  /** Keys of the graph's state that go in beside the messages. */
  state?: Record<string, unknown>;
};

/** The ids of a thread: of assistant-ui, and of the server. */
export type LangGraphThreadIds = {
  remoteId: string;
  /** The server's thread id; undefined when none was made. */
  externalId: string | undefined;
};

/** The second argument of `stream`. */
export type LangGraphStreamConfig = LangGraphSendMessageConfig & {
  /** Aborted when the run is stopped. */
  abortSignal: AbortSignal;
  /** Makes the thread if it is not there yet, and says its ids. */
  initialize: () => Promise<LangGraphThreadIds>;
};

/** Begins a run with new messages and gives its events. */
export type LangGraphStreamCallback<TMessage> = (
  messages: TMessage[],
  config: LangGraphStreamConfig,
) => Promise<AsyncGenerator<LangGraphMessagesEvent<TMessage>>> | AsyncGenerator<LangGraphMessagesEvent<TMessage>>;

/** Called with each piece of an answer. */
export type OnMessageChunkCallback = (chunk: LangChainMessageChunk, metadata: LangGraphTupleMetadata) => void | Promise<void>;

/** Called with the graph's values. */
export type OnValuesEventCallback = (values: unknown) => void | Promise<void>;

/** Called with a node's changes. */
export type OnUpdatesEventCallback = (updates: unknown) => void | Promise<void>;

/** Called with a subgraph's values. The namespace is the part behind `|` in the event's name. */
export type OnSubgraphValuesEventCallback = (namespace: string, values: unknown) => void | Promise<void>;

/** Called with the changes of a subgraph's node. The namespace is the part behind `|` in the event's name. */
export type OnSubgraphUpdatesEventCallback = (namespace: string, updates: unknown) => void | Promise<void>;

/** Called with the run's id and attempt. */
export type OnMetadataEventCallback = (metadata: unknown) => void | Promise<void>;

/** Called with the server's information. */
export type OnInfoEventCallback = (info: unknown) => void | Promise<void>;

/** Called with an error, the graph's or a subgraph's. */
export type OnErrorEventCallback = (error: unknown) => void | Promise<void>;

/** Called with a subgraph's error, besides `onError`. */
export type OnSubgraphErrorEventCallback = (namespace: string, error: unknown) => void | Promise<void>;

/** Called with any other event. */
export type OnCustomEventCallback = (type: string, data: unknown) => void | Promise<void>;

/** Callbacks for the events of a run. One that throws or rejects is reported to the console and stops nothing. */
export type LangGraphEventHandlers = {
  onMessageChunk?: OnMessageChunkCallback;
  onValues?: OnValuesEventCallback;
  onUpdates?: OnUpdatesEventCallback;
  onSubgraphValues?: OnSubgraphValuesEventCallback;
  onSubgraphUpdates?: OnSubgraphUpdatesEventCallback;
  onMetadata?: OnMetadataEventCallback;
  onInfo?: OnInfoEventCallback;
  onError?: OnErrorEventCallback;
  onSubgraphError?: OnSubgraphErrorEventCallback;
  onCustomEvent?: OnCustomEventCallback;
};
