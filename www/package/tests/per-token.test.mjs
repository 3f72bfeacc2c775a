// What a token costs does not grow with the list: the package's work with 10 and with 10,000 messages, counted rather than timed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf } from "./support/counting.mjs";
import { pageServer } from "./support/page-server.mjs";
import { makePage } from "./support/react.mjs";
import { until } from "./support/server.mjs";

makePage();
const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");

/** Tokens before anything is counted, and counted ones. */
const [BEFORE, TOKENS] = [5, 20];
const LISTS = [10, 10_000];

const listOf = (count) => Array.from({ length: count }, (_, at) => ({ type: at % 2 ? "ai" : "human", id: `m${at}`, content: `message ${at}` }));

/** The state of a thread with that many messages. */
const valuesOf = (count) => ({ messages: listOf(count), ui: [{ type: "ui", id: "u", name: "card", props: {}, metadata: { message_id: "m1" } }] });

/** Streams an answer into a thread with that many messages; gives what its tokens cost. `mount(t, options)` shows the thread: `{text, count, say}`. */
async function costOf(t, count, mount) {
  const server = pageServer(valuesOf(count));
  const shown = await mount(t, { apiUrl: "http://agent.example", assistantId: "agent", threadId: "t", storage: "none", callerOptions: { fetch: server.fetch } });
  await until(() => shown.count() === count, `${count} messages`, 60_000);
  shown.say("more");
  await until(() => server.isOpen, "the run");
  server.tell("metadata", { run_id: "r", thread_id: "t" });
  let text = "";
  const token = async () => {
    text += "x";
    server.tell("messages", [{ type: "AIMessageChunk", id: "answer", content: "x" }, { langgraph_node: "agent" }]);
    await until(() => shown.text() === text, `${text} (${shown.text()})`, 60_000);
  };
  const tokens = async (many) => {
    for (let n = 0; n < many; n++) await token();
  };
  await tokens(BEFORE);
  const cost = await countOf(() => tokens(TOKENS));
  server.end();
  return cost;
}

/** Renders `element`. */
function render(t, element) {
  const root = createRoot(document.createElement("div"));
  root.render(element);
  t.after(() => root.unmount());
}

/** Shows a thread with a hook, read as `read` says: `{count, text}`. */
const withHook = (useStream, read) => async (t, options) => {
  let now;
  const Chat = () => {
    const stream = useStream(options);
    now = { ...read(stream), submit: stream.submit, isLoading: stream.isLoading };
    return null;
  };
  render(t, createElement(Chat));
  await until(() => now, "a render");
  return { count: () => now.count, text: () => now.text, say: (content) => void now.submit({ messages: [{ type: "human", content }] }) };
};

const ADAPTERS = { "rejoin/react": "../dist/react/index.js", "rejoin/langchain": "../dist/langchain/index.js" };
/** Who reads the list as an array is given another one per token. */
const byList = ({ messages, toolCalls }) => ({ count: messages.length, text: messages.at(-1)?.content, calls: toolCalls.length });
const byId = ({ messageIds, getMessage }) => ({ count: messageIds.length, text: getMessage(messageIds.at(-1))?.content });

/** The same work, within a tenth, beside `copies` of the whole list for each token. */
function assertEven([few, many], copies, lists = LISTS) {
  for (const what of ["runs", "elements", "bytes"]) {
    assert.ok(few[what] > 0, `nothing was counted: ${what}`);
    // With the question and its answer.
    const copied = lists.map((count) => (what === "elements" ? copies * TOKENS * (count + 2) : 0));
    const [own, same] = [few[what] - copied[0], many[what] - copied[1]];
    assert.ok(same <= own * 1.1, `${what}: ${own} with ${lists[0]} messages, ${same} with ${lists[1]}\n${few.most.join("\n")}\n\n${many.most.join("\n")}`);
  }
}

/** What the tokens cost in a list of each length. */
async function costs(t, mount, lists = LISTS) {
  const found = [];
  for (const count of lists) found.push(await costOf(t, count, mount));
  t.diagnostic(found.map(({ most: _, ...cost }) => JSON.stringify(cost)).join(" "));
  return found;
}

for (const [name, path] of Object.entries(ADAPTERS)) {
  const { useStream } = await import(path);
  test(`${name}: a token costs the same with 10 and with 10,000 messages`, async (t) => {
    assertEven(await costs(t, withHook(useStream, byId)), 0);
  });
  test(`${name}: who reads the list is given a copy of it for each token, and that is all that grows`, async (t) => {
    // Of plain messages one array, of instances another.
    assertEven(await costs(t, withHook(useStream, byList)), name === "rejoin/react" ? 1 : 2);
  });
}

const { useLangGraphRuntime } = await import("../dist/assistant-ui/index.js");
const { AssistantRuntimeProvider } = await import("@assistant-ui/core/react");
const { useAuiState } = await import("@assistant-ui/store");

/** Shows a thread in assistant-ui's runtime. */
async function withRuntime(t, { threadId, storage, ...options }) {
  let thread, runtime;
  const Thread = () => {
    thread = useAuiState((state) => state.thread);
    return null;
  };
  const Chat = () => {
    runtime = useLangGraphRuntime({ ...options, storage, unstable_threadListAdapter: ONE_THREAD });
    return createElement(AssistantRuntimeProvider, { runtime }, createElement(Thread));
  };
  render(t, createElement(Chat));
  await until(() => runtime && thread, "a render");
  await runtime.threads.switchToThread(threadId);
  const text = () => thread.messages.at(-1)?.content.map((part) => part.text ?? "").join("");
  return { count: () => thread.messages.length, text, say: (content) => void runtime.thread.append(content) };
}

const T = { status: "regular", remoteId: "t", externalId: "t", title: "t" };
const ONE_THREAD = { list: async () => ({ threads: [T] }), fetch: async () => T, initialize: async () => T };

test("rejoin/assistant-ui: a token costs a copy of the list, as assistant-ui reads one, and nothing else of it", async (t) => {
  // Not more, as assistant-ui itself goes over the list several times for each token.
  const lists = [10, 200];
  assertEven(await costs(t, withRuntime, lists), 1, lists);
});

const { makeThread } = await import("../dist/assistant-ui/runtime/make-thread.js");

/** Shows a thread as the runtime reads it, and nothing of assistant-ui's own. */
async function withThread(t, { threadId, ...options }) {
  const thread = makeThread(options, { externalId: () => threadId, initialize: () => assert.fail("the thread is there") });
  const leave = thread.subscribe(() => {});
  thread.enter();
  t.after(() => (leave(), thread.dispose()));
  const { getSnapshot } = thread;
  return { count: () => getSnapshot().messages.length, text: () => getSnapshot().messages.at(-1)?.content, say: (content) => void thread.newTurn({ type: "human", id: "question", content }) };
}

test("rejoin/assistant-ui: the thread behind the runtime gives that copy with 10 and with 10,000 messages, and that is all that grows", async (t) => {
  assertEven(await costs(t, withThread), 1);
});
