/** Asking the application for a checkpoint. */
import { readCell } from "../messages.js";
import { ask } from "./commands.js";
import type { State } from "./state.js";

/** The host's `resolveCheckpoint`. */
export async function resolveCheckpoint(state: State, command: number, parents: string[]): Promise<void> {
  const { engine, options, thread, open, moment } = state;
  // The engine may be a frame ahead of what is shown.
  const cells = open.get("")?.cells ?? moment.list.cells;
  let id: string | null | undefined;
  let words: string | undefined;
  try {
    const kept = parents.flatMap((parent) => cells.get(parent) ?? []).map(readCell);
    id = await options.getCheckpointId?.(thread ?? "", kept);
  } catch (thrown) {
    words = String(thrown);
  }
  // Another engine, or none, has other commands.
  if (engine && engine === state.engine) ask(engine, "checkpoint", { checkpoint_id: id || undefined, error: words }, command);
}
