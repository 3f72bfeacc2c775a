/** `rejoin/assistant-ui/internal`: the parts that tests of an application may want. No promise is made of them. */
export type * from "./types.js";
