/** What both React entries export, beside the hook itself. */
export * from "../common.js";
export { useConnection, useMessage, useMessageIds, useMessages, useStreamSelector, type StreamSource } from "./selectors.js";
