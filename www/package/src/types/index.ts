export type * from "./bag.js";
export type * from "./client.js";
export type * from "./events.js";
export type * from "./messages.js";
export type * from "./options.js";
export type * from "./schema.js";
export type * from "./stream.js";
export type * from "./subagents.js";
