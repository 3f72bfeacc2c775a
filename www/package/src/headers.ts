/** Headers in the forms that people have them in. */
import { invalidOption, RejoinError } from "./errors.js";

type HeaderValue = string | null | undefined;

/** Headers: an object, a `Headers`, or pairs. A value of null or undefined is no header, and takes away one of the same name. */
export type HeadersLike = HeadersInit | Record<string, HeaderValue> | Iterable<readonly [name: string, value: HeaderValue]>;

function* pairsOf(given: HeadersLike): Generator<readonly [string, HeaderValue]> {
  if (!(Symbol.iterator in given)) return yield* Object.entries(given as Record<string, HeaderValue>);
  for (const pair of given as Iterable<unknown>) {
    if (!Array.isArray(pair) || pair.length !== 2) throw invalidOption("The option `headers` or `defaultHeaders` must be an object, a `Headers`, or pairs of a name and a value.");
    yield pair as [string, HeaderValue];
  }
}

/** Throws where one of these cannot be sent. Never says its value, which may be a secret. */
export function checkHeaders(headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/[\0\r\n]|[^\0-\xff]/.test(value)) continue;
    throw new RejoinError("invalid_request", `The header "${name}" has characters that no header may have.`);
  }
}

/** All of them, by their names in lower case; of two of one name the later counts. */
export function mergedHeaders(...all: (HeadersLike | null | undefined)[]): Record<string, string> {
  const merged = new Map<string, string>();
  for (const given of all) {
    if (given == null) continue;
    for (const [name, value] of pairsOf(given)) {
      if (value == null) merged.delete(name.toLowerCase());
      else merged.set(name.toLowerCase(), String(value));
    }
  }
  return Object.fromEntries(merged);
}
