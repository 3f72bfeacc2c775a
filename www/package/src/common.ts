/** The exports of all entries. */
export { clearRejoinData } from "./clear.js";
export { RejoinError } from "./errors.js";
export { FetchStreamTransport, type FetchStreamTransportOptions } from "./transport.js";
export type {
  AnyHeadlessToolImplementation,
  HeadlessToolImplementation,
  OnToolCallback,
  ToolEvent,
} from "./headless-tools.js";
export { createView, type StreamSource } from "./view/create-view.js";
export type { HeadersLike } from "./headers.js";
export type { WasmSource } from "./engine.js";
export type * from "./types/index.js";
