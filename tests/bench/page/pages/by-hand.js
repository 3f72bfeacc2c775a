// What a careful person writes without a library: fetch, a parser of events, and a state. Each read sets the state, or each frame.
import { createParser } from "eventsource-parser";
import { useEffect, useRef, useState } from "react";
import { QUESTION, useNow } from "./common.js";

const KEY = "by-hand";

export const textOf = ({ content }) => content;

export const byHand = (perFrame) => function useThread(config) {
  const [messages, setMessages] = useState([]);
  const [busy, setBusy] = useState(false);
  const now = useRef({ messages: [], frame: 0 });
  const { apiUrl } = config;

  const show = () => {
    if (!perFrame) return setMessages(now.current.messages);
    now.current.frame ||= requestAnimationFrame(() => {
      now.current.frame = 0;
      setMessages(now.current.messages);
    });
  };

  const onEvent = ({ event, data, id }) => {
    const at = now.current;
    if (id !== undefined) at.lastId = id;
    if (event === "values") {
      at.messages = JSON.parse(data).messages;
      at.answer = undefined;
    } else if (event === "messages") {
      const [chunk] = JSON.parse(data);
      if (at.answer?.id !== chunk.id) {
        at.answer = { id: chunk.id, type: "ai", content: "" };
        at.messages = [...at.messages, at.answer];
      }
      at.answer.content += chunk.content;
    }
  };

  /** Reads a stream; true when it came to its end. */
  const follow = async (path, init) => {
    const response = await fetch(`${apiUrl}${path}`, init);
    now.current.run = response.headers.get("content-location") ?? now.current.run;
    sessionStorage.setItem(KEY, now.current.run);
    const decoder = new TextDecoder();
    const parser = createParser({ onEvent });
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      const { answer, messages: all } = now.current;
      // The answer is a new object where it has grown.
      if (answer) now.current.answer = { ...answer };
      if (answer) now.current.messages = [...all.slice(0, -1), now.current.answer];
      show();
    }
  };

  const run = async (path, init) => {
    setBusy(true);
    try {
      await follow(path, init);
    } catch {
      const { run: known, lastId } = now.current;
      await follow(`${known}/stream`, { headers: { "last-event-id": lastId } });
    }
    sessionStorage.removeItem(KEY);
    setBusy(false);
  };

  useEffect(() => {
    const known = sessionStorage.getItem(KEY);
    const load = async () => {
      if (known) return run(`${known}/stream`, { headers: { "last-event-id": "-1" } });
      if (config.thread === null) return;
      const state = await (await fetch(`${apiUrl}/threads/${config.thread}/state`)).json();
      now.current.messages = state.values.messages ?? [];
      show();
    };
    void load();
  }, []);

  const send = () => {
    const thread = config.thread ?? crypto.randomUUID();
    void run(`/threads/${thread}/runs/stream`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        assistant_id: "chat", input: { messages: [{ type: "human", content: QUESTION }] }, stream_mode: ["messages-tuple", "values"], stream_resumable: true,
        on_disconnect: "continue", if_not_exists: "create",
      }),
    });
  };
  useNow(config, send);
  return { messages, busy, send };
};
