/** The stream modes of the next run. */
import type { StreamMode } from "../types/schema.js";
import { callbackModes } from "./options.js";
import type { State } from "./state.js";

/** The modes that are asked for, read and listened to; both that a chat needs where there are none. */
export function modesOf({ options, tracked }: State): StreamMode[] {
  const modes = new Set([...(options.streamMode ?? []), ...tracked, ...callbackModes(options)]);
  if (modes.size === 0) modes.add("values").add("messages-tuple");
  // Of a state that is not read, none is streamed either: what the agent asks comes with the updates.
  if (options.loadState === false && modes.delete("values")) modes.add("updates");
  return [...modes];
}
