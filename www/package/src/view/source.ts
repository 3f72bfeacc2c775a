/** The parts of a stream that only a view needs. */
import type { State } from "../store/state.js";
import type { RunPromise } from "../types/stream.js";

/** A stream's inside. */
export interface ViewSource {
  readonly state: State;
  /** Reads the page before the oldest message that is held. */
  older: () => RunPromise;
  /** Opens the engine's feed with pages of this size, or another size; 0: closes it. */
  setPageSize: (size: number) => void;
}

/** The inside of each stream. Known here, so that pages without a view download none of it. */
export const sources = /* @__PURE__ */ new WeakMap<object, ViewSource>();

/** Keeps the engine's feed open while a view is, with pages of the size that the largest of them wants. */
export function setPages({ state, setPageSize }: ViewSource): void {
  const size = Math.max(0, ...state.views.map(({ limit }) => limit));
  if (size !== state.pageSize) setPageSize(size);
}
