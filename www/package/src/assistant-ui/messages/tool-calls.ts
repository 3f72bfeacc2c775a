/** Tool calls that wait for their results. */
import type { LangChainAiMessage, LangChainMessage, LangChainToolCall } from "../types.js";

/** Calls whose results are sent together. */
export type PendingToolCallGroup = {
  /** The key of the group: the message of the calls, or the caller's own key. */
  key: string;
  /** The calls that have no result, in order. */
  toolCalls: LangChainToolCall[];
};

/** The group of a message's calls: the message, or its first call when it has no id. Undefined: it has neither. */
export function pendingToolCallGroupKey({ id, tool_calls: calls }: LangChainAiMessage): string | undefined {
  if (id !== undefined) return `message:${id}`;
  const first = calls?.find((call) => call)?.id;
  return first === undefined ? undefined : `tool:${first}`;
}

/** The calls that have no result, by group. `resolveGroupKey` may group them otherwise; undefined from it: by message. */
export function getPendingToolCallGroups(
  messages: readonly LangChainMessage[],
  resolveGroupKey: (message: LangChainAiMessage) => string | undefined = pendingToolCallGroupKey,
): PendingToolCallGroup[] {
  const pending = new Map<string, { key: string; call: LangChainToolCall }>();
  for (const message of messages) {
    if (message.type === "tool") pending.delete(message.tool_call_id);
    if (message.type !== "ai" || !message.tool_calls?.length) continue;
    const key = resolveGroupKey(message) ?? pendingToolCallGroupKey(message);
    if (key) for (const call of message.tool_calls) if (call) pending.set(call.id, { key, call });
  }
  const groups = new Map<string, PendingToolCallGroup>();
  for (const { key, call } of pending.values()) {
    const group = groups.get(key) ?? { key, toolCalls: [] };
    group.toolCalls.push(call);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The calls that have no result, in order. */
export function getPendingToolCalls(messages: readonly LangChainMessage[]): LangChainToolCall[] {
  return getPendingToolCallGroups(messages).flatMap(({ toolCalls }) => toolCalls);
}

/** Whether a call has its result. */
export function hasToolResult(messages: readonly LangChainMessage[], toolCallId: string): boolean {
  return messages.some((message) => message.type === "tool" && message.tool_call_id === toolCallId);
}
