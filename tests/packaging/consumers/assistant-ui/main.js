// assistant-ui's primitives on `rejoin/assistant-ui`, without JSX, so that no loader is needed.
import { AssistantRuntimeProvider, ComposerPrimitive, MessagePrimitive, ThreadPrimitive, useAuiState } from "@assistant-ui/react";
import { createElement as h, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useLangGraphError, useLangGraphRuntime } from "rejoin/assistant-ui";

const apiUrl = new URLSearchParams(location.search).get("api");

function App() {
  const [thread, setThread] = useState();
  const runtime = useLangGraphRuntime({ apiUrl, assistantId: "chat", onThreadIdChange: setThread });
  return h(AssistantRuntimeProvider, { runtime }, h(Page, { thread: thread ?? "" }));
}

function Page({ thread }) {
  const isRunning = useAuiState((state) => state.thread.isRunning);
  const failure = useLangGraphError();
  return h("main", { "data-loading": String(isRunning), "data-thread": thread },
    h(ThreadPrimitive.Root, null, h(ThreadPrimitive.Messages, { components: { UserMessage: Message, AssistantMessage: Message } })),
    h(ComposerPrimitive.Root, null, h(ComposerPrimitive.Input, { "aria-label": "Question" }), h(ThreadPrimitive.Suggestion, { prompt: "hello", send: true, "data-testid": "send" }, "Send")),
    failure.error ? h("p", { role: "alert", "data-code": failure.error.code }, failure.error.message) : null);
}

const TYPES = { user: "human", assistant: "ai" };
const PARTS = { Text: ({ text }) => text };

function Message() {
  const role = useAuiState((state) => state.message.role);
  return h("li", { "data-type": TYPES[role] }, h(MessagePrimitive.Parts, { components: PARTS }));
}

createRoot(document.body.appendChild(document.createElement("div"))).render(h(StrictMode, null, h(App)));
