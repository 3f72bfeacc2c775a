/** The arguments of a tool call as text that only ever grows, and as an object that knows which of its keys are complete. */
import { fromThreadMessageLike } from "@assistant-ui/core";
import type { LangChainToolCall, LangChainToolCallChunk, ReadonlyJSONObject } from "../types.js";
import { type PartialJson, readPartialJson } from "./partial-json.js";
import { readArgs } from "./tool-args.js";

/** The order in which a call's keys were first seen, by call and by path. */
export type KeyOrders = Map<string, Map<string, string[]>>;

/** The value with the keys of its objects in the order in which they were first seen. */
function inOrder(value: unknown, orders: Map<string, string[]>, path = "$"): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item, at) => inOrder(item, orders, `${path}[${at}]`));
  const fields = value as Record<string, unknown>;
  const keys = [...new Set([...(orders.get(path) ?? []), ...Object.keys(fields)])].filter((key) => Object.hasOwn(fields, key));
  orders.set(path, keys);
  return Object.fromEntries(keys.map((key) => [key, inOrder(fields[key], orders, `${path}.${JSON.stringify(key)}`)]));
}

function ordersOf(all: KeyOrders | undefined, call: string): Map<string, string[]> {
  const orders = all?.get(call) ?? new Map<string, string[]>();
  all?.set(call, orders);
  return orders;
}

/** JSON of arguments, with the keys in the order they had before: servers parse them and send them in another. */
export function stableArgsText(all: KeyOrders | undefined, call: string, args: unknown): string {
  try {
    return JSON.stringify(inOrder(args, ordersOf(all, call)));
  } catch {
    // Made by the application, and no JSON.
    return "{}";
  }
}

const isObject = (value: unknown): value is ReadonlyJSONObject => typeof value === "object" && value !== null && !Array.isArray(value);

let symbol: symbol | null | undefined;

/**
 * assistant-ui marks arguments with how far they have come, under a symbol that it does not hand out; `useToolArgsStatus`
 * reads it. The symbol is taken from arguments that assistant-ui marked itself. Null: it marks none.
 */
function statusSymbol(): symbol | null {
  if (symbol === undefined) {
    const like = { role: "assistant", content: [{ type: "tool-call", toolCallId: "", toolName: "", argsText: "" }] } as const;
    const part = fromThreadMessageLike(like, "", { type: "complete", reason: "unknown" }).content[0];
    symbol = part?.type === "tool-call" ? (Object.getOwnPropertySymbols(part.args)[0] ?? null) : null;
  }
  return symbol;
}

function marked(args: ReadonlyJSONObject, complete: boolean, path: readonly string[]): ReadonlyJSONObject {
  const key = statusSymbol();
  if (!key || Array.isArray(args)) return args;
  return { ...args, [key]: { state: complete ? "complete" : "partial", partialPath: path } };
}

/** Arguments as assistant-ui wants them. */
export interface ShownArgs {
  args: ReadonlyJSONObject;
  /** JSON, or the beginning of it. */
  argsText: string;
}

/**
 * The arguments of a call as text. If any JSON was streamed, the text is that JSON, even after the call has its arguments. Each shown text
 * must be the beginning of the next.
 */
export function argsOf(call: LangChainToolCall, chunk: LangChainToolCallChunk | undefined, all: KeyOrders | undefined, key: string): ShownArgs {
  const args = isObject(call.args) ? call.args : {};
  const begun = chunk && Object.keys(args).length === 0 ? "" : undefined;
  const streamed = call.partial_json ?? chunk?.args ?? chunk?.args_json ?? begun;
  if (streamed === undefined) {
    const argsText = stableArgsText(all, key, args);
    all?.delete(key);
    return { args: marked(args, true, []), argsText };
  }
  const read: PartialJson = streamed === call.partial_json ? readArgs(call) : readPartialJson(streamed);
  inOrder(read.value ?? args, ordersOf(all, key));
  return { args: marked(streamed ? (read.value ?? {}) : args, read.complete, read.path), argsText: streamed };
}
