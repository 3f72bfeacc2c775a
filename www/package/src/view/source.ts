/** What a view needs of its stream, beside what everybody sees of it. */
import { ask } from "../store/commands.js";
import type { State } from "../store/state.js";
import type { RunPromise } from "../types/stream.js";

/** A stream's inside. */
export interface ViewSource {
  readonly state: State;
  /** Reads the page before the oldest message that is held. */
  older: () => RunPromise;
}

/** The inside of each stream. Known here, so that pages without a view download none of it. */
export const sources = /* @__PURE__ */ new WeakMap<object, ViewSource>();

/** Keeps the engine's feed open while a view is, with pages of the size that the largest of them wants. */
export function setPages({ state }: ViewSource): void {
  const size = Math.max(0, ...state.views.map(({ limit }) => limit));
  if (size === state.pageSize) return;
  state.pageSize = size;
  ask(state.engine, "view", { limit: size });
}
