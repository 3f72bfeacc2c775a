/** Waits for a promise of the application, with a time limit. */
import { RejoinError } from "./errors.js";

/** As the engine's own default for the headers of a stream. */
const DEFAULT_MS = 30_000;

/** `promised`, or the error `unreachable` where it has not come after `ms`. `late` is the sentence that says so. */
export async function inTime<T>(promised: T | PromiseLike<T>, ms: number | undefined, late: string): Promise<T> {
  const limit = ms ?? DEFAULT_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RejoinError("unreachable", `${late} within ${limit} ms.`)), Math.min(limit, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promised, end]);
  } finally {
    clearTimeout(timer);
  }
}
