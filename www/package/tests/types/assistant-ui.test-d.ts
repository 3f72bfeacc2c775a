// The types of `rejoin/assistant-ui`, beside @assistant-ui/react-langgraph's. Compiled, never run: `npm run check`.
import type * as Theirs from "@assistant-ui/react-langgraph";
import * as theirs from "@assistant-ui/react-langgraph";
import type * as Ours from "rejoin/assistant-ui";
import * as ours from "rejoin/assistant-ui";
import * as internal from "rejoin/assistant-ui/internal";
import type * as React from "rejoin/react";

/** Either may stand for the other: what a drop-in needs, whatever the types are called. */
type Mutual<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** The first may be given where the second is wanted. */
type Fits<A, B> = [A] extends [B] ? true : false;
const yes = <T extends true>(): T => true as T;

// --- messages: an application's own messages go in, and ours come out where it wants @assistant-ui/react-langgraph's ---
yes<Mutual<Ours.LangChainMessage, Theirs.LangChainMessage>>();
yes<Mutual<Ours.LangChainMessageChunk, Theirs.LangChainMessageChunk>>();
yes<Mutual<Ours.LangChainToolCall, Theirs.LangChainToolCall>>();
yes<Mutual<Ours.LangChainToolCallChunk, Theirs.LangChainToolCallChunk>>();
yes<Mutual<Ours.LangChainEvent, Theirs.LangChainEvent>>();
yes<Mutual<Ours.LangGraphTupleMetadata, Theirs.LangGraphTupleMetadata>>();
yes<Mutual<Ours.UIMessage, Theirs.UIMessage>>();
yes<Mutual<Ours.UIMessage<"chart", { a: number }>, Theirs.UIMessage<"chart", { a: number }>>>();
yes<Mutual<Ours.RemoveUIMessage, Theirs.RemoveUIMessage>>();

// --- runs ---
yes<Mutual<Ours.LangGraphMessagesEvent<Ours.LangChainMessage>, Theirs.LangGraphMessagesEvent<Theirs.LangChainMessage>>>();
yes<Mutual<Ours.LangGraphInterruptState, Theirs.LangGraphInterruptState>>();
yes<Mutual<Ours.LangGraphCommand, Theirs.LangGraphCommand>>();
yes<Mutual<Ours.LangGraphSendMessageConfig, Theirs.LangGraphSendMessageConfig>>();
yes<Mutual<Ours.LangGraphStreamCallback<Ours.LangChainMessage>, Theirs.LangGraphStreamCallback<Theirs.LangChainMessage>>>();
yes<Fits<Theirs.CreateLangGraphStreamOptions, Ours.CreateLangGraphStreamOptions>>();
yes<Fits<Theirs.LangGraphStreamClient, Ours.LangGraphStreamClient>>();

// --- event callbacks ---
yes<Mutual<Ours.OnMessageChunkCallback, Theirs.OnMessageChunkCallback>>();
yes<Mutual<Ours.OnValuesEventCallback, Theirs.OnValuesEventCallback>>();
yes<Mutual<Ours.OnUpdatesEventCallback, Theirs.OnUpdatesEventCallback>>();
yes<Mutual<Ours.OnSubgraphValuesEventCallback, Theirs.OnSubgraphValuesEventCallback>>();
yes<Mutual<Ours.OnSubgraphUpdatesEventCallback, Theirs.OnSubgraphUpdatesEventCallback>>();
yes<Mutual<Ours.OnMetadataEventCallback, Theirs.OnMetadataEventCallback>>();
yes<Mutual<Ours.OnInfoEventCallback, Theirs.OnInfoEventCallback>>();
yes<Mutual<Ours.OnErrorEventCallback, Theirs.OnErrorEventCallback>>();
yes<Mutual<Ours.OnSubgraphErrorEventCallback, Theirs.OnSubgraphErrorEventCallback>>();
yes<Mutual<Ours.OnCustomEventCallback, Theirs.OnCustomEventCallback>>();

// --- options and values: what was written for @assistant-ui/react-langgraph compiles ---
yes<Fits<Theirs.UseLangGraphRuntimeOptions, Ours.UseLangGraphRuntimeOptions>>();
yes<Fits<ReturnType<typeof ours.useLangGraphRuntime>, ReturnType<typeof theirs.useLangGraphRuntime>>>();
yes<Fits<typeof ours.convertLangChainMessages, typeof theirs.convertLangChainMessages>>();
yes<Fits<typeof ours.appendLangChainChunk, typeof theirs.appendLangChainChunk>>();
yes<Fits<typeof ours.useLangGraphSend, typeof theirs.useLangGraphSend>>();
yes<Fits<typeof ours.useLangGraphSendCommand, typeof theirs.useLangGraphSendCommand>>();
yes<Fits<typeof ours.useLangGraphState, typeof theirs.useLangGraphState>>();
yes<Fits<typeof ours.useLangGraphSetState, typeof theirs.useLangGraphSetState>>();
yes<Fits<typeof ours.useLangGraphInterruptState, typeof theirs.useLangGraphInterruptState>>();
yes<Fits<typeof ours.useLangGraphMessageMetadata, typeof theirs.useLangGraphMessageMetadata>>();
yes<Fits<typeof ours.useLangGraphUIMessages, typeof theirs.useLangGraphUIMessages>>();
yes<Fits<typeof ours.useLangGraphStreamingTiming, typeof theirs.useLangGraphStreamingTiming>>();
yes<Fits<typeof ours.unstable_createLangGraphStream, typeof theirs.unstable_createLangGraphStream>>();

// --- what waits to be sent is what `useStream` has, and so are its options ---
type Waits = ReturnType<typeof ours.useLangGraphWaiting>;
yes<Mutual<Ours.WaitingSubmission, React.WaitingSubmission>>();
yes<Mutual<Ours.WaitingState, React.WaitingState>>();
yes<Mutual<Pick<Waits, "waiting" | "isUnsent" | "takeBack" | "sendNow">, Pick<React.UseStream, "waiting" | "isUnsent" | "takeBack" | "sendNow">>>();
yes<Fits<Parameters<Waits["replaceWaiting"]>[1], Parameters<ReturnType<typeof ours.useLangGraphSend>>[0]>>();
export const kept: Ours.UseLangGraphRuntimeOptions = { assistantId: "chat", apiUrl: "/api", outbox: { askAfter: 60_000, bytesMax: 1024 }, cache: { identity: "ann" }, shareConnections: "ann" };
// @ts-expect-error: an age is a number
export const wrong: Ours.UseLangGraphRuntimeOptions = { assistantId: "chat", outbox: { askAfter: "soon" } };

// --- reading an interrupt and its value needs no cast, as with @assistant-ui/react-langgraph ---
export function ask(interrupt: Ours.LangGraphInterruptState): string {
  return interrupt.value.question;
}

const held = new ours.LangGraphMessageAccumulator<Ours.LangChainMessage>({ appendMessage: ours.appendLangChainChunk });
export const messages: Theirs.LangChainMessage[] = held.addMessages([{ type: "human", content: "hi" }]);
export const pending: { id: string }[] = internal.getPendingToolCalls(messages);
// @ts-expect-error: a message has one of the known types
held.addMessages([{ type: "robot", content: "hi" }]);
