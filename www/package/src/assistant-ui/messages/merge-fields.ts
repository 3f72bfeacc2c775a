/** Merges the fields of an answer's chunks, besides content and tool calls. */
import type { LangChainAiMessage, MessageContentReasoning } from "../types.js";
import { mergeReasoning } from "./merge-content.js";

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/** The later value where there is one, key by key; `join` may say otherwise for a key that both have. */
function merge(before: Fields, next: Fields, join?: (key: string, before: unknown, next: unknown) => unknown): Fields {
  // Names that every object has, such as `__proto__`, are names like any other here.
  const merged = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(next)) {
    if (value === undefined || value === null) continue;
    const known = merged.get(key);
    const both = known !== undefined && known !== null;
    merged.set(key, both && join ? join(key, known, value) : isFields(known) && isFields(value) ? merge(known, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Tokens are counted by chunk, so their numbers add up. */
function addUsage(_: string, before: unknown, next: unknown): unknown {
  if (typeof before === "number" && typeof next === "number") return before + next;
  return isFields(before) && isFields(next) ? merge(before, next, addUsage) : next;
}

/** Speech comes in pieces of its transcript and of its sound. */
function addSpeech(key: string, before: unknown, next: unknown): unknown {
  return ["transcript", "data"].includes(key) && typeof before === "string" && typeof next === "string" ? before + next : next;
}

function addKwarg(key: string, before: unknown, next: unknown): unknown {
  if (key === "reasoning_content" && typeof before === "string" && typeof next === "string") return before + next;
  if (Array.isArray(before) && Array.isArray(next)) return [...before, ...next];
  if (!isFields(before) || !isFields(next)) return next;
  if (key === "reasoning") return mergeReasoning(before as MessageContentReasoning, next as MessageContentReasoning);
  return merge(before, next, key === "audio" ? addSpeech : undefined);
}

function addField(key: string, before: unknown, next: unknown): unknown {
  if (!isFields(before) || !isFields(next)) return next;
  if (key === "usage_metadata") return merge(before, next, addUsage);
  return merge(before, next, key === "additional_kwargs" ? addKwarg : undefined);
}

/** The message with the fields of its next chunk. Its id and type stay. */
export function mergeFields(message: LangChainAiMessage, chunk: object): LangChainAiMessage {
  const { id, type } = message;
  const merged = { ...merge(message, chunk as Fields, addField), type } as LangChainAiMessage;
  if (id !== undefined) merged.id = id;
  return merged;
}
