/** Reading a thread: one at a time, the newest wins, and it can be called off. */

/** `initial`: the thread is read for the first time. `reload`: it is read again, and what is shown stays until then. */
export type LoadPurpose = "initial" | "reload";

/** At most one reading of a thread. */
export class Loads {
  #current: { abort: AbortController; purpose: LoadPurpose; done: Promise<void> } | undefined;

  /** Calls off what is being read; with `purpose` only where it is that. */
  abort(purpose?: LoadPurpose): void {
    if (purpose === undefined || this.#current?.purpose === purpose) this.#current?.abort.abort();
  }

  /**
   * Reads. A `reload` while the thread is read for the first time is that. Rejects with what `load` rejects with, unless it
   * was called off. `settled` is called where it was not.
   */
  run(purpose: LoadPurpose, load: (signal: AbortSignal) => Promise<void>, settled: () => void): Promise<void> {
    const before = this.#current;
    if (purpose === "reload" && before?.purpose === "initial" && !before.abort.signal.aborted) return before.done;
    before?.abort.abort();
    const abort = new AbortController();
    const { signal } = abort;
    const done = load(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      })
      .finally(() => {
        if (this.#current?.abort === abort) this.#current = undefined;
        if (!signal.aborted) settled();
      });
    this.#current = { abort, purpose, done };
    return done;
  }
}
