// Rejoin with rows that each render by themselves: a token renders one message.
import { memo } from "react";
import { useMessage, useMessageIds, useStream } from "under-test-rejoin";
import { QUESTION, useNow } from "./common.js";

export const textOf = ({ content }) => content;

export function useThread(config) {
  const stream = useStream({ apiUrl: config.apiUrl, assistantId: "chat", threadId: config.thread });
  const send = () => void stream.submit({ messages: [{ type: "human", content: QUESTION }] });
  useNow(config, send);
  return { stream, busy: stream.isLoading, send };
}

const Row = memo(({ store, id }) => <p>{useMessage(store, id)?.content}</p>);

export const List = ({ stream }) => useMessageIds(stream).map((id) => <Row key={id} store={stream.store} id={id} />);

const Look = memo(({ store, id, seen }) => {
  const message = useMessage(store, id);
  if (message) seen(message.content);
  return null;
});

export function Alone({ stream, at, bench }) {
  const ids = useMessageIds(stream);
  bench.counted(ids.length);
  return ids.length > at ? <Look store={stream.store} id={ids[at]} seen={bench.seen} /> : null;
}
