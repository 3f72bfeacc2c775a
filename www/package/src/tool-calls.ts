/** Tool calls with their results. */
import type { AIMessage, Message, ToolCallWithResult, ToolMessage } from "./types/messages.js";

/** All tool calls of all AI messages, in order. A later AI message means that the tools before it are done. */
export function toolCallsOf(messages: readonly Message[]): ToolCallWithResult[] {
  const results = new Map<string, ToolMessage>();
  let lastAi = -1;
  messages.forEach((message, at) => {
    if (message.type === "tool") results.set(message.tool_call_id, message);
    if (message.type === "ai") lastAi = at;
  });
  return messages.flatMap((message, at) =>
    message.type !== "ai"
      ? []
      : (message.tool_calls ?? []).map((call, index) => {
          const result = call.id ? results.get(call.id) : undefined;
          return {
            id: call.id ?? `${message.id ?? "unknown"}-${index}`,
            call,
            result,
            aiMessage: message as AIMessage,
            index,
            state: result ? (result.status === "error" ? "error" : "completed") : at < lastAi ? "completed" : "pending",
          } satisfies ToolCallWithResult;
        }),
  );
}
