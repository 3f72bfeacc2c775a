/** The common exports of both React entries, besides the hook itself. */
export * from "../common.js";
export { useConnection, useMessage, useMessageIds, useMessages, useStreamSelector } from "./selectors.js";
export { useView, type UseViewOptions } from "./use-view.js";
