/**
 * The first requests of a store that begins on a thread, sent while its wasm comes: the thread and its state. The engine asks for them
 * as soon as it is there, and gets these answers. An answer to a request that the engine makes otherwise is dropped, and the request sent.
 *
 * Cookies are not compared, as no script sees all of them. An answer is as old as the page's wait for its wasm, and as any request that was
 * under way when a cookie changed.
 */
import { clientHasOwnMethods, headersOf, sendOwn } from "./network.js";
import { apiUrlOf, historyLimitOf, transportOf, type AnyOptions } from "./options.js";

/** After so long an answer may be old, in milliseconds. */
const OLD_MS = 10_000;

/** Requests that are ahead of the engine. */
export interface Ahead {
  /** Asks for a thread, where the engine will. */
  ask(options: AnyOptions, threadId: string): void;
  /** The answer to one of the engine's requests, if it was asked for just so. Each is given once. */
  take(url: string, init: RequestInit): Promise<Response> | undefined;
  /** The engine begins on this thread: what was asked of another one is let go. */
  begins(threadId: string | null): void;
  /** Lets what was not taken go. */
  drop(): void;
}

interface Early {
  /** The headers as JSON. */
  headers: string;
  answer: Promise<Response>;
  stop: AbortController;
  since: number;
}

const sorted = (headers: object): string => JSON.stringify(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]).sort());

/** Makes the requests of one store. */
export function aheadOf(): Ahead {
  const asked = new Map<string, Promise<Early>>();
  let of: string | null = null;

  const send = async (options: AnyOptions, url: string): Promise<Early> => {
    const headers = await headersOf(options, false);
    const { credentials = "same-origin" } = options;
    const stop = new AbortController();
    const answer = sendOwn(options, url, { method: "GET", headers, credentials, cache: "no-store", signal: stop.signal });
    return { headers: sorted(headers), answer, stop, since: performance.now() };
  };
  // An application's own `fetch` may not heed the signal.
  const cancel = (early: Promise<Early>): void => void early.then(({ answer, stop }) => (stop.abort(), answer)).then((response) => response.body?.cancel()).catch(() => {});
  const drop = (): void => {
    for (const early of asked.values()) cancel(early);
    asked.clear();
  };

  return {
    ask(options, threadId) {
      const asksOtherwise = historyLimitOf(options) > 0 || options.thread || options.loadState === false || transportOf(options);
      // Other ids are written otherwise in an address.
      if (asksOtherwise || clientHasOwnMethods(options) || !/^[\w~-][\w.~-]*$/.test(threadId)) return;
      of = threadId;
      for (const rest of ["/state", ""]) {
        const url = `${apiUrlOf(options)}/threads/${threadId}${rest}`;
        const early = send(options, url);
        early.then(({ answer }) => answer).catch(() => {});
        asked.set(url, early);
      }
    },
    take(url, { method, body, headers, signal }) {
      const early = asked.get(url);
      if (!early || method !== "GET" || body) return undefined;
      asked.delete(url);
      const fits = ({ headers: sent, since }: Early): boolean => sent === sorted(headers ?? {}) && performance.now() - since < OLD_MS;
      return early.then((made) => {
        if (fits(made)) {
          const stop = (): void => made.stop.abort();
          signal?.addEventListener("abort", stop);
          if (signal?.aborted) stop();
          return made.answer;
        }
        cancel(early);
        throw new Error("it was asked for otherwise");
      });
    },
    begins(threadId) {
      if (threadId !== of) drop();
    },
    drop,
  };
}
