/** Puts a streamed answer together. */
import type { LangChainAiMessage, LangChainMessage, LangChainMessageChunk } from "../types.js";
import { mergeContent } from "./merge-content.js";
import { mergeFields } from "./merge-fields.js";
import { growToolCalls, keepStreamedArgs } from "./tool-args.js";

/**
 * Joins what came to the message of the same id. A chunk (type `AIMessageChunk`) is added to it; a whole message takes its
 * place, and keeps the JSON of tool calls as it was streamed. Neither argument is changed, so what was shown before stays
 * what it was. JavaScript's server sends chunks with the type `ai`: their type has to be set before they come here.
 */
export function appendLangChainChunk(
  prev: LangChainMessage | undefined,
  curr: LangChainMessage | LangChainMessageChunk,
): LangChainMessage {
  if (curr.type !== "AIMessageChunk") return prev?.type === "ai" && curr.type === "ai" ? keepStreamedArgs(prev, curr) : curr;
  const { tool_call_chunks: chunks, content, ...fields } = curr;
  const begun = prev?.type === "ai" ? prev : undefined;
  const calls = growToolCalls(begun?.tool_calls ?? [], chunks ?? []);
  if (begun) return { ...mergeFields(begun, fields), content: mergeContent(begun.content, content), tool_calls: calls };

  const first = { ...fields, type: "ai", content: typeof content === "string" ? content : mergeContent([], content) } as LangChainAiMessage;
  if (first.id === undefined) delete first.id;
  if (calls.length) first.tool_calls = calls;
  return first;
}
