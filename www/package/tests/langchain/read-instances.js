// How class messages are read.
import { AIMessage, ToolMessage } from "@langchain/core/messages";

export const read = {
  type: (message) => message.getType(),
  text: (message) => message.text,
  calls: (message) => (AIMessage.isInstance(message) ? (message.tool_calls ?? []) : []),
  answers: (message) => (ToolMessage.isInstance(message) ? message.tool_call_id : undefined),
};
