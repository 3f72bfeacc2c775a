// `rejoin` is mapped by the page, so this file is the same for the inlined wasm and for the one beside it.
import { createStream, loadRejoin } from "rejoin";

const page = document.body.appendChild(document.createElement("main"));
page.innerHTML = '<button data-testid="send">Send</button><button data-testid="load">Load again</button><button data-testid="again">Answer again</button><ol></ol>';
const list = page.querySelector("ol");
const errors = [];

const stream = createStream({
  apiUrl: new URLSearchParams(location.search).get("api"),
  assistantId: "chat",
  onThreadId: (id) => (page.dataset.thread = id),
  onError: (error) => (page.dataset.errors = errors.push(error.code) && errors.join(" ")),
});

function show() {
  const { messages, isLoading, error } = stream.getSnapshot();
  page.dataset.loading = String(isLoading);
  list.replaceChildren(...messages.map((message) => {
    const item = document.createElement("li");
    item.dataset.type = message.type;
    item.textContent = message.content;
    return item;
  }));
  page.querySelector("[role=alert]")?.remove();
  if (!error) return;
  const alert = page.appendChild(document.createElement("p"));
  alert.role = "alert";
  alert.dataset.code = error.code;
  alert.textContent = error.message;
}

stream.subscribe(show);
show();
page.querySelector("[data-testid=send]").addEventListener("click", () => {
  const input = { messages: [{ type: "human", content: "hello" }] };
  void stream.submit(input, { config: { configurable: { n_tokens: 60, delay_ms: 10 } } });
});
page.querySelector("[data-testid=again]").addEventListener("click", () => {
  void stream.regenerate(stream.getSnapshot().messages.findLast(({ type }) => type === "ai")?.id);
});
page.querySelector("[data-testid=load]").addEventListener("click", () => void loadRejoin().catch(() => {}));
