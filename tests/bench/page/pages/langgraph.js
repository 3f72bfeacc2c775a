// The hook of LangGraph's SDK, with what it needs to find a run again.
import { useState } from "react";
import { useStream } from "@langchain/langgraph-sdk/react";
import { QUESTION, useNow } from "./common.js";

export const textOf = ({ content }) => content;

export function useThread(config) {
  const [thread, setThread] = useState(config.thread);
  const stream = useStream({ apiUrl: new URL(config.apiUrl, location.href).href, assistantId: "chat", threadId: thread, onThreadId: setThread, reconnectOnMount: true });
  const send = () => void stream.submit({ messages: [{ type: "human", content: QUESTION }] });
  useNow(config, send);
  return { messages: stream.messages, busy: stream.isLoading, send };
}
