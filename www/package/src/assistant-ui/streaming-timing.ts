/** How long answers took. */
import type { MessageTiming } from "@assistant-ui/core";
import { useStreamingTiming, type StreamingTimingAccessors } from "@assistant-ui/core/react";
import { isObject } from "./threads/events.js";
import type { LangChainMessage } from "./types.js";

/** The text of a part of an answer, as it is shown. */
function partText(part: unknown): string {
  if (!isObject(part)) return typeof part === "string" ? part : "";
  const { text, thinking, reasoning, summary } = part;
  if (typeof text === "string") return text;
  if (typeof thinking === "string") return thinking;
  const summaries = Array.isArray(summary) ? summary.map((one) => (isObject(one) && typeof one["text"] === "string" ? one["text"] : "")) : [];
  if (summaries.length > 0) return summaries.join("\n\n\n");
  return typeof reasoning === "string" ? reasoning : "";
}

type Answer = LangChainMessage & { type: "ai" };

/** The last answer, of this id where one is given: what streams stands at the list's end. */
function lastAnswer(messages: readonly LangChainMessage[], wanted?: string): Answer | undefined {
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at];
    if (message?.type === "ai" && (wanted === undefined || message.id === wanted)) return message;
  }
  return undefined;
}

const ACCESSORS: StreamingTimingAccessors<LangChainMessage> = {
  getAssistantMessageId: (messages) => lastAnswer(messages)?.id,
  getTextLength: (messages, id) => {
    const { content = "", additional_kwargs: beside } = lastAnswer(messages, id) ?? {};
    const parts: unknown[] = typeof content === "string" ? [content] : [...content];
    return [beside?.reasoning, ...parts].reduce<number>((length, part) => length + partText(part).length, 0);
  },
  getToolCallCount: (messages, id) => lastAnswer(messages, id)?.tool_calls?.length ?? 0,
};

/**
 * Measures answers while they stream: times in milliseconds, chunks, an estimate of tokens (a quarter of the characters) and
 * tool calls, by message id. A message's figures are there when its run is over.
 */
export const useLangGraphStreamingTiming = (messages: readonly LangChainMessage[], isRunning: boolean): Record<string, MessageTiming> =>
  useStreamingTiming(messages, isRunning, ACCESSORS);
