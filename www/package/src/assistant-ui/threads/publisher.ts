/** Publishes the snapshot to listeners: at most once a frame while tokens come, and at once after a person's action. */

/** A frame's time where there are no frames: a hidden page, or no page. */
const TICK_MS = 16;
/** A page that is hidden after a frame was asked for gets none; this is when it is told anyway. */
const LATE_MS = 100;

/** Calls `run` with the next frame. Returns what calls it off. */
export function onFrame(run: () => void): () => void {
  const framed = typeof requestAnimationFrame === "function" && (typeof document === "undefined" || document.visibilityState !== "hidden");
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame: number | undefined;
  const end = (): void => {
    clearTimeout(timer);
    if (frame !== undefined) cancelAnimationFrame(frame);
  };
  const go = (): void => {
    end();
    run();
  };
  timer = setTimeout(go, framed ? LATE_MS : TICK_MS);
  if (framed) frame = requestAnimationFrame(go);
  return end;
}

/** A snapshot that is made anew when something has changed, and the listeners to it. */
export class Publisher<S> {
  readonly #make: () => S;
  readonly #listeners = new Set<() => void>();
  #shown: S | undefined;
  #pending: (() => void) | undefined;

  constructor(make: () => S) {
    this.#make = make;
  }

  /** Calls `listener` after each change. Returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /** The snapshot; the same object until the next publication. */
  readonly getSnapshot = (): S => (this.#shown ??= this.#make());

  /** Tells a change at once. */
  now(): void {
    this.#pending?.();
    this.#pending = undefined;
    this.#shown = this.#make();
    for (const listener of [...this.#listeners]) listener();
  }

  /** Tells a change with the next frame, together with what comes until then. */
  soon(): void {
    this.#pending ??= onFrame(() => {
      this.#pending = undefined;
      this.now();
    });
  }
}
