/** A stream that ends when a signal says so, whatever its source does. */

const ENDED: IteratorResult<never> = { done: true, value: undefined };

/** Resolves when the signal aborts; at once if it has. */
export function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Lets a source clean up. Nobody waits for it: a source that hangs would hang here too. */
function close(iterator: AsyncIterator<unknown>): void {
  try {
    Promise.resolve(iterator.return?.()).catch(() => {});
  } catch {
    // The stream is left anyway; its source's troubles while leaving are nobody's.
  }
}

/**
 * The same items, until the signal aborts. The loop over them then ends at once, even while the source waits, and the source is told to
 * clean up.
 */
export function abortableIterable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      const leave = async (): Promise<IteratorResult<T>> => {
        close(iterator);
        return ENDED;
      };
      return {
        return: leave,
        next() {
          if (signal.aborted) return leave();
          // A listener for each item, taken off with it: one for the whole stream would hold every item's promise.
          return new Promise<IteratorResult<T>>((resolve, reject) => {
            const stop = (): void => resolve(leave());
            const over = (settle: () => void): void => {
              signal.removeEventListener("abort", stop);
              settle();
            };
            signal.addEventListener("abort", stop, { once: true });
            iterator.next().then(
              (item) => over(() => resolve(item)),
              (error: unknown) => over(() => reject(error)),
            );
          });
        },
      };
    },
  };
}
