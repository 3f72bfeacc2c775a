/** `rejoin/assistant-ui`: LangGraph agents for assistant-ui. */
export type * from "./types.js";
