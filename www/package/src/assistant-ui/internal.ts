/**
 * `rejoin/assistant-ui/internal`: the parts that `rejoin/assistant-ui` is made of, for tests of applications that reach for
 * them. They may change with any version.
 */
export { abortableIterable, whenAborted } from "./internal/abortable-iterable.js";
export { bufferToolResult } from "./internal/buffer-tool-result.js";
export { createSerialRunQueue, type SerialRunQueue, SerialRunQueueDropError, type SerialRunQueueOptions } from "./internal/serial-run-queue.js";
export { getMessageContent } from "./messages/get-content.js";
export {
  getPendingToolCallGroups,
  getPendingToolCalls,
  hasToolResult,
  type PendingToolCallGroup,
  pendingToolCallGroupKey,
} from "./messages/tool-calls.js";
export { truncateLangChainMessages } from "./messages/truncate.js";
export { type NormalizedLangGraphTupleMessage, normalizeLangGraphTupleMessage } from "./messages/tuple.js";
export { applyUIUpdate, filterUIMessagesBySurvivingIds, groupUIMessages, type UIUpdate } from "./messages/ui.js";
export type * from "./types.js";
