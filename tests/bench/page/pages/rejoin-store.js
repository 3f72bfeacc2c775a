// Rejoin without React: the store, and a document that is changed by hand.
import { createStream } from "under-test-rejoin";

const { bench } = window;
const { config } = bench;
let stream;

bench.mount = (element) => {
  stream = createStream({ apiUrl: config.apiUrl, assistantId: "chat", threadId: config.thread });
  bench.send = () => void stream.submit({ messages: [{ type: "human", content: "hello" }] });
  const list = document.createElement("div");
  list.id = "list";
  element.append(list);
  let shown = [];
  stream.subscribe(() => {
    const { messages, isLoading } = stream.getSnapshot();
    bench.busy = isLoading;
    if (messages === shown) return;
    if (config.alone) {
      bench.counted(messages.length);
      const answer = messages[config.before + 1];
      if (answer) bench.seen(answer.content);
    } else {
      messages.forEach((message, at) => {
        if (message === shown[at]) return;
        const row = list.children[at] ?? list.appendChild(document.createElement("p"));
        row.textContent = message.content;
      });
      while (list.children.length > messages.length) list.lastChild.remove();
    }
    shown = messages;
  });
  if (config.now) bench.send();
};
bench.unmount = () => {
  stream.dispose();
  document.getElementById("list").remove();
};
if (config.now) bench.begin();
