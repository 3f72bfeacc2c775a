// One component for all consumers, without JSX, so that no consumer needs a loader for it.
import { createElement as h, useState } from "react";

/** A chat on `useStream`, whichever entry of the package it comes from; on `thread` where one is given. */
export function Chat({ useStream, loadRejoin, apiUrl, thread, tokens = 60, delay = 10 }) {
  const [threadId, setThreadId] = useState("");
  const [errors, setErrors] = useState([]);
  const stream = useStream({
    apiUrl,
    assistantId: "chat",
    ...(thread ? { threadId: thread } : {}),
    onThreadId: setThreadId,
    onError: (error) => setErrors((all) => [...all, code(error)]),
  });
  const send = () => {
    const input = { messages: [{ type: "human", content: "hello" }] };
    void stream.submit(input, { config: { configurable: { n_tokens: tokens, delay_ms: delay } } });
  };
  // Not asked first whether it can be: that would load what is needed for it.
  const again = () => void stream.regenerate(stream.messages.findLast(({ type }) => type === "ai")?.id);
  return h("main", { "data-loading": String(stream.isLoading), "data-thread": thread ?? threadId, "data-errors": errors.join(" ") },
    h("button", { onClick: send, "data-testid": "send" }, "Send"),
    h("button", { onClick: () => void loadRejoin().catch(() => {}), "data-testid": "load" }, "Load again"),
    h("button", { onClick: again, "data-testid": "again" }, "Answer again"),
    h("ol", null, stream.messages.map((message) => h("li", { key: message.id, "data-type": message.type }, message.content))),
    stream.error ? h("p", { role: "alert", "data-code": code(stream.error) }, stream.error.message) : null);
}

const code = (error) => error.code ?? error.name;
