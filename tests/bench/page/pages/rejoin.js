// Rejoin's hook, used as the README shows it.
import { useStream } from "under-test-rejoin";
import { QUESTION, useNow } from "./common.js";

export const textOf = ({ content }) => content;

export function useThread(config) {
  const stream = useStream({ apiUrl: config.apiUrl, assistantId: "chat", threadId: config.thread });
  const send = () => void stream.submit({ messages: [{ type: "human", content: QUESTION }] });
  useNow(config, send);
  return { messages: stream.messages, busy: stream.isLoading, send };
}
