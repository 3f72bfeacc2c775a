// The AI SDK's hook on its own protocol. A lost connection is asked for again at once, which is the best that it can do.
import { useEffect } from "react";
import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { QUESTION, useNow } from "./common.js";

const THROTTLE_MS = 50;
const transport = new DefaultChatTransport({ api: "/chat" });

export const textOf = ({ parts }) => parts.map((part) => (part.type === "text" ? part.text : "")).join("");

export function useThread({ thread, ...config }) {
  const chat = useChat({
    id: thread ?? undefined, transport, throttle: THROTTLE_MS,
    onFinish: ({ isDisconnect }) => isDisconnect && setTimeout(() => void chat.resumeStream()),
  });
  useEffect(() => {
    const load = async () => {
      const messages = await (await fetch(`/chat/${thread}`)).json();
      chat.setMessages(messages);
      // A question without an answer: it is on its way.
      if (messages.at(-1)?.role === "user") await chat.resumeStream();
    };
    if (thread !== null) void load();
  }, []);
  const send = () => void chat.sendMessage({ text: QUESTION });
  useNow(config, send);
  return { messages: chat.messages, busy: chat.status === "submitted" || chat.status === "streaming", send };
}
