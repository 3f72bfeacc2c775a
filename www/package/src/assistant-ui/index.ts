/**
 * LangGraph agents for [assistant-ui](https://www.assistant-ui.com): a runtime whose runs survive reloads, switches of threads and
 * bad networks, with every name of `@assistant-ui/react-langgraph`.
 *
 * @module rejoin/assistant-ui
 */
export type { RejoinError } from "../errors.js";
export type { Connection } from "../types/options.js";
export type { WaitingState, WaitingSubmission } from "../types/stream.js";
export {
  type CreateLangGraphStreamOptions,
  type LangGraphStreamClient,
  unstable_createLangGraphStream,
} from "./create-langgraph-stream.js";
export {
  useLangGraphCanEdit,
  useLangGraphCanRegenerate,
  useLangGraphConnection,
  useLangGraphEditing,
  useLangGraphError,
  useLangGraphInterrupts,
  useLangGraphInterruptState,
  useLangGraphMessageMetadata,
  useLangGraphRespond,
  useLangGraphRespondAll,
  useLangGraphSend,
  useLangGraphSendCommand,
  useLangGraphSetState,
  useLangGraphState,
  useLangGraphUIMessages,
  useLangGraphWaiting,
} from "./hooks.js";
export { LangGraphMessageAccumulator, type LangGraphStateAccumulatorConfig } from "./messages/accumulator.js";
export { appendLangChainChunk } from "./messages/append-chunk.js";
export { convertLangChainMessages } from "./messages/convert.js";
export type { UIUpdate } from "./messages/ui.js";
export { useLangGraphRuntime } from "./runtime/use-langgraph-runtime.js";
export { useLangGraphStreamingTiming } from "./streaming-timing.js";
export type { RespondOptions } from "./threads/thread.js";
export type * from "./types.js";
export { type UseLangGraphMessages, useLangGraphMessages, type UseLangGraphMessagesOptions } from "./use-langgraph-messages.js";
