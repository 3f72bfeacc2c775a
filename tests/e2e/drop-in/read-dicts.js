// How plain messages are read.
export const read = {
  type: (message) => message.type,
  text: (message) => (typeof message.content === "string" ? message.content : JSON.stringify(message.content)),
  calls: (message) => (message.type === "ai" ? (message.tool_calls ?? []) : []),
  answers: (message) => (message.type === "tool" ? message.tool_call_id : undefined),
};
