/** A `stream` callback for an Agent Server. */
import { partsOfClient } from "../client.js";
import type { ClientLike } from "../types/client.js";
import type { DisconnectMode, StreamMode } from "../types/schema.js";
import type { LangChainMessage, LangGraphMessagesEvent, LangGraphStreamCallback } from "./types.js";

/** The part of an SDK client that a stream needs. */
export interface LangGraphStreamClient {
  runs: {
    /** Begins a run on a thread and gives its events. */
    stream(threadId: string, assistantId: string, payload?: object): unknown;
  };
}

/** Options of {@link unstable_createLangGraphStream}. */
export interface CreateLangGraphStreamOptions {
  /** A client of `@langchain/langgraph-sdk`. */
  client: LangGraphStreamClient;
  /** The assistant, or the graph. */
  assistantId: string;
  /** The stream modes. Default `messages`, `updates` and `custom`. */
  streamMode?: StreamMode | "messages" | (StreamMode | "messages")[];
  /** The server's reaction when the page is gone. Default `cancel`. `useLangGraphRuntime` itself ignores it: its runs go on. */
  onDisconnect?: DisconnectMode;
}

type Source = { client: ClientLike; assistantId: string };

/** The client and assistant of each of our streams, so that the runtime can follow their runs by itself. */
const sources = new WeakMap<object, Source>();

/** The client and assistant of this callback; undefined if it is the application's own. */
export const streamSource = (stream: object): Source | undefined => sources.get(stream);

/**
 * Makes a `stream` callback that sends runs with an SDK client. Given to `useLangGraphRuntime` as it is, runs also resume after
 * a reload and a switch of threads; wrapped in a function of your own it is only that: a callback.
 *
 * @throws Error if the thread has no id on the server
 */
export function unstable_createLangGraphStream({
  client,
  assistantId,
  streamMode = ["messages", "updates", "custom"],
  onDisconnect = "cancel",
}: CreateLangGraphStreamOptions): LangGraphStreamCallback<LangChainMessage> {
  const stream: LangGraphStreamCallback<LangChainMessage> = async (messages, { state, command, checkpointId, runConfig, abortSignal, initialize }) => {
    const { externalId } = await initialize();
    if (!externalId) throw new Error("Thread has not been initialized.");
    const sent = messages.length > 0 ? { messages } : undefined;
    const payload: Record<string, unknown> = { input: state ? { ...state, ...sent } : (sent ?? null), streamMode, signal: abortSignal, onDisconnect };
    if (command != null) payload["command"] = command;
    if (checkpointId != null) payload["checkpoint"] = { checkpoint_id: checkpointId };
    if (runConfig !== undefined) payload["config"] = runConfig;
    return client.runs.stream(externalId, assistantId, payload) as AsyncGenerator<LangGraphMessagesEvent<LangChainMessage>>;
  };
  // A client that cannot be read, such as a wrapped one, goes on sending by itself.
  if (partsOfClient(client as unknown as ClientLike).apiUrl) sources.set(stream, { client: client as unknown as ClientLike, assistantId });
  return stream;
}
