// What each test runner's page must be able to do with the package, whatever it has of a browser. Each throws where it cannot.

const equal = (actual, expected, what) => {
  const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== wanted) throw new Error(`${what}: ${is} instead of ${wanted}`);
};
const until = async (test, what) => {
  const end = Date.now() + 10_000;
  while (!test()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const human = (content) => ({ messages: [{ type: "human", content }] });
const shownBy = (stream) => stream.getSnapshot().messages.map(({ type, content }) => `${type} ${content}`);

/** Events of a run whose answer is the question's words, one by one. */
async function* echo(question) {
  yield { event: "metadata", data: { run_id: "r1" } };
  for (const word of question.split(" ")) yield { event: "messages", data: [{ type: "AIMessageChunk", id: "a", content: `${word} ` }, {}] };
  yield { event: "values", data: { messages: [{ type: "human", id: "h", content: question }, { type: "ai", id: "a", content: `${question} ` }] } };
}

/** A component on a transport: nothing of the network is needed. */
async function component({ useStream, React, createRoot }) {
  const transport = { stream: async ({ input }) => echo(input.messages.at(-1).content) };
  let submit;
  function Chat() {
    const stream = useStream({ transport });
    submit = stream.submit;
    return React.createElement("ul", null, stream.messages.map((message) => React.createElement("li", { key: message.id }, message.content)));
  }
  const place = document.createElement("div");
  const root = createRoot(place);
  root.render(React.createElement(Chat));
  await until(() => submit, "the first render");
  const { outcome } = await submit(human("één two 😀"));
  equal(outcome, "finished", "the outcome");
  await until(() => place.querySelectorAll("li").length === 2, "two messages");
  equal([...place.querySelectorAll("li")].map((item) => item.textContent), ["één two 😀", "één two 😀 "], "the list");
  root.unmount();
}

/** A client of spies: they are called, and no request is sent. */
async function client({ createStream }) {
  const calls = [];
  const spy = (name, answer) => (...args) => {
    calls.push(name);
    return answer(...args);
  };
  const state = { values: human("Hi"), next: [], tasks: [], metadata: {}, checkpoint: { checkpoint_id: "c" }, created_at: null, parent_checkpoint: null };
  const given = {
    runs: { stream: spy("runs.stream", (_thread, _assistant, { input }) => echo(input.messages.at(-1).content)) },
    threads: { getState: spy("threads.getState", async () => state) },
  };
  const first = createStream({ client: given, assistantId: "chat", storage: "none" });
  const { outcome, error } = await first.submit(human("a b"));
  equal([outcome, error?.message], ["finished", undefined], "the outcome with a client of spies");
  equal(calls.includes("runs.stream"), true, "runs.stream was called");
  first.dispose();
  const second = createStream({ client: given, assistantId: "chat", threadId: "t1", storage: "none" });
  second.subscribe(() => {});
  await until(() => shownBy(second).length === 1, "the thread's messages");
  equal(shownBy(second), ["human Hi"], "the thread's messages");
  second.dispose();
}

/** A store on the real server, by the page's own `fetch`. */
async function store({ createStream, apiUrl }) {
  const stream = createStream({ apiUrl, assistantId: "chat", storage: "none" });
  const lengths = new Set();
  stream.subscribe(() => lengths.add(shownBy(stream).at(-1)?.length ?? 0));
  const { outcome } = await stream.submit(human("hello"), { config: { configurable: { n_tokens: 40, delay_ms: 5 } } });
  equal(outcome, "finished", "the outcome on the server");
  equal(lengths.size > 3, true, "the answer streamed");
  const { id } = stream.getSnapshot().messages.at(-1);
  // The second module's to do.
  const again = await stream.regenerate(id, { config: { configurable: { n_tokens: 4, delay_ms: 1 } } });
  equal(again.outcome, "finished", "the outcome of another answer");
  stream.dispose();
}

module.exports = { component, client, store };
