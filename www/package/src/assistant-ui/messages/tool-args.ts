/** Tool calls while they are written: their arguments are read piece by piece, and what was read is kept with the call. */
import type { LangChainAiMessage, LangChainToolCall, LangChainToolCallChunk } from "../types.js";
import { type PartialJson, type PartialJsonReader, partialJsonReader, readPartialJson } from "./partial-json.js";

/** The parsed part of a call's `partial_json`. */
const known = new WeakMap<object, PartialJson>();
/** The reader that stands at the end of a call's `partial_json`. It goes over to the call's next state. */
const readers = new WeakMap<object, PartialJsonReader>();

/** Reads a call's `partial_json`. */
export function readArgs(call: LangChainToolCall): PartialJson {
  let json = known.get(call);
  if (!json) {
    json = readPartialJson(call.partial_json ?? "");
    known.set(call, json);
  }
  return json;
}

const argsOf = ({ args, args_json: json }: LangChainToolCallChunk): string => args ?? json ?? "";

/** The call with the next piece of it; without a call before, the piece begins one. */
function grow(call: LangChainToolCall | undefined, chunk: LangChainToolCallChunk): LangChainToolCall {
  const piece = argsOf(chunk);
  const before = call?.partial_json ?? "";
  let reader = call && readers.get(call);
  if (call) readers.delete(call);
  let read: PartialJson;
  if (reader) read = reader.feed(piece);
  else {
    reader = partialJsonReader();
    read = reader.feed(before + piece);
  }
  const grown: LangChainToolCall = {
    ...chunk,
    ...call,
    id: call?.id || chunk.id,
    name: call?.name || chunk.name,
    partial_json: before + piece,
    args: read.value ?? call?.args ?? {},
  };
  readers.set(grown, reader);
  known.set(grown, read);
  return grown;
}

/** The index of the call that this one belongs to: by id, else by index if one of the two has no id. -1: none. */
function placeOf(calls: readonly LangChainToolCall[], id: string | undefined, index: number | null | undefined): number {
  const byId = id ? calls.findIndex((call) => call?.id === id) : -1;
  if (byId >= 0 || index === undefined || index === null) return byId;
  return calls.findIndex((call) => call?.index === index && (!call.id || !id));
}

/** The calls with the next pieces of them. */
export function growToolCalls(
  calls: readonly LangChainToolCall[],
  chunks: readonly LangChainToolCallChunk[],
): LangChainToolCall[] {
  const next = [...calls];
  for (const chunk of chunks) {
    if (typeof chunk !== "object" || chunk === null) continue;
    const at = placeOf(next, chunk.id, chunk.index);
    next.splice(at < 0 ? next.length : at, at < 0 ? 0 : 1, grow(next[at], chunk));
  }
  return next;
}

/** Whether two values of JSON are the same, whatever the order of their keys. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return a === b;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
  );
}

/**
 * The whole message that takes the place of a streamed one, with the JSON that was streamed: the text shown must go on as
 * it began, not be written anew. Arguments that the server has changed since are not those that were streamed.
 */
export function keepStreamedArgs(streamed: LangChainAiMessage, whole: LangChainAiMessage): LangChainAiMessage {
  const before = streamed.tool_calls;
  if (!before?.length || !whole.tool_calls?.length) return whole;
  let kept = false;
  const calls = whole.tool_calls.map((call, place) => {
    const from = call && before[placeOf(before, call.id, call.index ?? place)];
    if (!from?.partial_json || call.partial_json) return call;
    const read = readArgs(from);
    if (read.complete && !same(read.value, call.args)) return call;
    kept = true;
    const merged = { ...call, partial_json: from.partial_json };
    known.set(merged, read);
    return merged;
  });
  return kept ? { ...whole, tool_calls: calls } : whole;
}
