/** The content of a `messages` event, by kind: a piece of an answer, or a whole message. */
import type { LangChainMessage, LangChainMessageChunk, LangChainToolCallChunk } from "../types.js";

/** A piece of an answer, or a whole message. */
export type NormalizedLangGraphTupleMessage =
  | { kind: "chunk"; message: LangChainMessageChunk }
  | { kind: "message"; message: LangChainMessage };

type Fields = Record<string, unknown>;

const WHOLE = ["system", "human", "tool", "remove", "ai"];

const isText = (value: unknown): value is string => typeof value === "string";

/** A piece of a tool call with every field there; null when it says no index, and so belongs nowhere. */
function toolCallChunk(value: unknown): LangChainToolCallChunk | null {
  const fields = value as Fields | null;
  if (typeof fields !== "object" || typeof fields?.["index"] !== "number") return null;
  const { id, name, args, args_json: json } = fields;
  return {
    ...(fields as LangChainToolCallChunk),
    id: isText(id) ? id : "",
    name: isText(name) ? name : "",
    args: isText(args) ? args : isText(json) ? json : "",
  };
}

/** Whether a field is there with another type than it may have. */
const wrong = (value: unknown, ...allowed: boolean[]): boolean => value !== undefined && !allowed.includes(true);

/**
 * Reads the first part of a `messages` event. JavaScript's server sends pieces with the type `ai`, Python's with
 * `AIMessageChunk`; both are pieces. Null: it is no message.
 */
export function normalizeLangGraphTupleMessage(value: unknown): NormalizedLangGraphTupleMessage | null {
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Fields;
  const { type, id, content, tool_call_chunks: chunks } = fields;
  const ofAnswer = type === "AIMessageChunk" || type === "ai";
  if (ofAnswer && !wrong(id, isText(id)) && !wrong(content, isText(content), Array.isArray(content)) && !wrong(chunks, Array.isArray(chunks))) {
    const message = { ...fields, type: "AIMessageChunk" } as LangChainMessageChunk;
    if (chunks) message.tool_call_chunks = (chunks as unknown[]).map(toolCallChunk).filter((chunk) => chunk !== null);
    return { kind: "chunk", message };
  }
  return WHOLE.includes(type as string) ? { kind: "message", message: value as LangChainMessage } : null;
}
