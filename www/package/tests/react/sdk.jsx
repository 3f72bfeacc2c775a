// The same events through the hook of the SDK and through ours: an application must be told the same.
import assert from "node:assert/strict";
import { createRoot } from "react-dom/client";
import { useStream as theirs } from "@langchain/langgraph-sdk/react";
import { useStream as ours } from "../../dist/react/index.js";
import { human, until } from "../support/server.mjs";
import { chunk, startFake, stateOf } from "../support/fake-server.mjs";

const ai = (content, id = "a1", more = {}) => ({ type: "ai", content, id, ...more });
const CALLBACKS = ["onThreadId", "onCreated", "onMetadataEvent", "onUpdateEvent", "onCustomEvent", "onLangChainEvent", "onDebugEvent", "onCheckpointEvent", "onTaskEvent", "onToolEvent", "onFinish", "onError", "onStop"];

/** Runs one submission; gives what was told, what was shown at the end, and what was sent. */
async function observe(t, hook, events, { submit = [{ messages: [human("hi", "h1")] }], options = {}, read }) {
  const fake = await startFake(() => events);
  const told = [];
  const listening = Object.fromEntries(CALLBACKS.map((name) => [name, (data, more) => void told.push([name, clean(name, data, more)])]));
  let now;
  function Host() {
    now = hook({ apiUrl: fake.url, assistantId: "agent", ...(hook === ours ? { storage: "none" } : {}), ...listening, ...options });
    read(now);
    return null;
  }
  const root = createRoot(document.createElement("div"));
  t.after(() => root.unmount());
  root.render(<Host />);
  await until(() => now);
  await now.submit(...submit);
  await until(() => !now.isLoading);
  await new Promise((resolve) => setTimeout(resolve, 30));
  return { told, shown: plain(read(now)), body: fake.bodies[0] };
}

/** Without empty fields: ours gives each message the two that a server always sends. */
const plain = (value) =>
  JSON.parse(JSON.stringify(value), (name, field) => (["additional_kwargs", "response_metadata"].includes(name) && Object.keys(field).length === 0 ? undefined : field));

/** What must be the same: not ids that each server run makes anew. */
function clean(name, data, more) {
  if (name === "onThreadId" || name === "onMetadataEvent") return typeof data;
  if (name === "onCreated") return Object.keys(data).toSorted();
  if (name === "onFinish") return [data?.values, Object.keys(more ?? {}).toSorted()];
  if (name === "onError") return [data.name, data.message, Object.keys(more ?? {}).toSorted()];
  return [data, more?.namespace, typeof more?.mutate];
}

export function sdk(test) {
  const quiet = (t) => {
    const { error, warn } = console;
    console.error = console.warn = () => {};
    t.after(() => Object.assign(console, { error, warn }));
  };
  const both = async (t, events, settings) => {
    quiet(t);
    const [theirOwn, our] = [await observe(t, theirs, events, settings), await observe(t, ours, events, settings)];
    assert.deepEqual(our.told, theirOwn.told);
    assert.deepEqual(our.shown, theirOwn.shown);
    return { theirOwn, our };
  };
  const shown = (s) => ({ messages: s.messages, interrupts: s.interrupts, interrupt: s.interrupt, loading: s.isLoading, toolCalls: s.toolCalls, title: s.values.title });
  const end = (messages, more = {}) => ["values", { messages, ...more }];

  test("SDK: the same callbacks in the same order, and the same end", async (t) => {
    const events = [
      ["updates", { agent: { n: 1 } }], ["custom", { p: 1 }], ["custom|sub:1", { p: 2 }], ["events", { event: "on_chain_start" }], ["debug", { d: 1 }], ["checkpoints", { c: 1 }],
      ["tasks", { id: "t" }], ["tools", { event: "on_tool_start", name: "search", toolCallId: "c1", input: {} }], end([human("hi", "h1")]),
      chunk("a1", "hel"), chunk("a1", "lo"), end([human("hi", "h1"), ai("hello")], { title: "t" }),
    ];
    await both(t, events, { read: shown });
  });

  test("SDK: a failed run", async (t) => {
    const events = [end([human("hi", "h1")]), chunk("a1", "half"), ["error", { error: "ValueError", message: "no such city" }]];
    const read = (s) => ({ name: s.error?.name, message: s.error?.message, texts: s.messages.map(({ content }) => content), loading: s.isLoading });
    await both(t, events, { read });
  });

  test("SDK: interrupts of parallel branches", async (t) => {
    const ask = (id, value) => ({ id, value });
    const request = { action_requests: [{ action_name: "send", args: {} }], review_configs: [{ allowed_decisions: ["approve"] }] };
    const events = [end([human("hi", "h1")]), ["values", { messages: [human("hi", "h1")], __interrupt__: [ask("i1", request)] }], ["values", { __interrupt__: [ask("i2", "sure?")] }]];
    await both(t, events, { read: (s) => ({ interrupts: s.interrupts, interrupt: s.interrupt, loading: s.isLoading }) });
  });

  test("SDK: tool calls in chunks, with their results", async (t) => {
    const part = (args, first) => chunk("a1", "", { tool_call_chunks: [{ index: 0, args, type: "tool_call_chunk", ...(first ? { id: "c1", name: "search" } : {}) }] });
    const call = { id: "c1", name: "search", args: { q: "birds" }, type: "tool_call" };
    const result = { type: "tool", id: "t1", tool_call_id: "c1", name: "search", content: "found" };
    const read = (s) => s.toolCalls.map(({ id, call: { name, args }, state, index, result: of }) => ({ id, name, args, state, index, of: of?.content }));
    await both(t, [end([human("hi", "h1")]), part('{"q":', true), part('"bir'), part('ds"}'), end([human("hi", "h1"), ai("", "a1", { tool_calls: [call] }), result])], { read });
    // Without a last state: what the chunks alone make.
    await both(t, [end([human("hi", "h1")]), part('{"q":', true), part('"bir'), part('ds"}')], { read });
  });

  test("SDK: the same submission on the wire, but for what differs on purpose", async (t) => {
    const submit = [{ messages: [human("hi", "h1")] }, { config: { configurable: { model: "m" } }, context: { u: 1 }, metadata: { k: 1 }, interruptBefore: ["a"], interruptAfter: "*", durability: "sync", streamSubgraphs: true, multitaskStrategy: "reject", streamMode: ["debug"] }];
    const { theirOwn, our } = await both(t, [end([human("hi", "h1"), ai("hello")])], { submit, read: (s) => s.messages });
    const { if_not_exists, metadata, ...ourBody } = our.body;
    assert.ok(if_not_exists);
    const { stream_resumable, on_disconnect, ...same } = ourBody;
    assert.deepEqual([stream_resumable, on_disconnect], [true, "continue"]);
    const { stream_resumable: _, on_disconnect: __, stream_mode, ...theirBody } = theirOwn.body;
    assert.deepEqual(new Set(same.stream_mode), new Set(stream_mode));
    delete same.stream_mode;
    assert.deepEqual({ ...same, metadata }, theirBody);
  });

  const reading = (s) => s.messages.map(({ id, type, content, tool_calls, usage_metadata, additional_kwargs, response_metadata, name }) => ({
    id, type, content, calls: tool_calls?.map(({ id: call, name: of, args }) => ({ call, of, args })), usage_metadata, additional_kwargs, response_metadata, name,
  }));
  const human1 = end([human("hi", "h1")]);

  for (const [what, events] of Object.entries({
    "text blocks and a block that grows": [human1, chunk("a1", [{ type: "text", text: "hel", index: 0 }]), chunk("a1", [{ type: "text", text: "lo", index: 0 }]), chunk("a1", [{ type: "text", text: "!", index: 1 }])],
    "text after blocks": [human1, chunk("a1", [{ type: "text", text: "hel" }]), chunk("a1", "lo")],
    "usage, which is summed, and response metadata": [
      human1,
      chunk("a1", "hel", { usage_metadata: { input_tokens: 3, output_tokens: 1, total_tokens: 4 }, response_metadata: { model_name: "m" } }),
      chunk("a1", "lo", { usage_metadata: { input_tokens: 0, output_tokens: 2, total_tokens: 2 }, response_metadata: { finish_reason: "stop" } }),
    ],
    "two messages that stream at the same time": [human1, chunk("a1", "one"), chunk("a2", "two"), chunk("a1", " more"), chunk("a2", " more")],
    "a message that a state replaces": [human1, chunk("a1", "draft"), end([human("hi", "h1"), ai("final")])],
    "a message that is removed": [end([human("hi", "h1"), ai("old", "a0")]), ["messages", [{ type: "remove", id: "a0", content: "" }, {}]], chunk("a1", "new")],
    "a tool's message and its answer": [human1, chunk("a1", "", { tool_calls: [{ id: "c1", name: "search", args: { q: 1 }, type: "tool_call" }] }), ["messages", [{ type: "tool", id: "t1", tool_call_id: "c1", content: "found", name: "search" }, {}]], chunk("a2", "so")],
    "two tool calls in chunks": [
      human1,
      chunk("a1", "", { tool_call_chunks: [{ index: 0, id: "c1", name: "f", args: '{"a"', type: "tool_call_chunk" }, { index: 1, id: "c2", name: "g", args: "", type: "tool_call_chunk" }] }),
      chunk("a1", "", { tool_call_chunks: [{ index: 0, args: ":1}", type: "tool_call_chunk" }, { index: 1, args: '{"b":2}', type: "tool_call_chunk" }] }),
    ],
    "kwargs that grow": [human1, chunk("a1", "", { additional_kwargs: { reasoning_content: "hm" } }), chunk("a1", "ok", { additional_kwargs: { reasoning_content: "m" } })],
    "other types of message": [["values", { messages: [{ type: "system", id: "s", content: "be" }, { type: "function", id: "f", name: "fn", content: "r" }, human("hi", "h1")] }]],
    "values of a subgraph": [human1, ["values|sub:1", { messages: [ai("inner", "x")] }], chunk("a1", "outer")],
    "nothing but values": [end([human("hi", "h1"), ai("hello")])],
  })) {
    test(`SDK: ${what}`, (t) => both(t, events, { read: reading }));
  }

  const THREAD = "11111111-1111-4111-8111-111111111111";
  const place = (id) => ({ thread_id: THREAD, checkpoint_ns: "", checkpoint_id: id, checkpoint_map: null });
  const at = (id, parent, messages, more = {}) => stateOf({ messages }, { checkpoint: place(id), parent_checkpoint: parent ? place(parent) : null, ...more });
  const one = human("one", "h1");
  const two = human("two", "h2");
  // Newest first: an answer was made anew (3b), then the question was edited (5).
  const forked = [
    at("6", "5", [two, ai("other", "a4")]), at("5", "1", [two]), at("4", "3b", [one, ai("again", "a2"), human("more", "h3")]), at("3b", "2", [one, ai("again", "a2")]),
    at("3a", "2", [one, ai("first", "a1")]), at("2", "1", [one]), at("1", null, []),
  ];
  /** What both hooks show of a history, at first and after each branch that is chosen. */
  const walk = async (t, hook, states) => {
    const fake = await startFake(() => []);
    fake.hold(THREAD, ...states);
    let now;
    function Host() {
      now = hook({ apiUrl: fake.url, assistantId: "agent", threadId: THREAD, fetchStateHistory: true, ...(hook === ours ? { storage: "none" } : {}) });
      void [now.messages, now.history, now.branch, now.experimental_branchTree];
      return null;
    }
    const root = createRoot(document.createElement("div"));
    t.after(() => root.unmount());
    root.render(<Host />);
    const tree = (item) => (item.type === "node" ? [item.value.checkpoint.checkpoint_id, item.path.join(">")] : { [item.type]: item.items.map(tree) });
    const look = () => ({
      branch: now.branch,
      history: now.history.map(({ checkpoint }) => checkpoint.checkpoint_id),
      messages: now.messages.map(({ id }) => id),
      tree: tree(now.experimental_branchTree),
      metadata: now.messages.map((message, index) => {
        const known = now.getMessagesMetadata(message, index);
        return known && { id: known.messageId, first: known.firstSeenState?.checkpoint.checkpoint_id, branch: known.branch, options: known.branchOptions };
      }),
    });
    await until(() => now && !now.isThreadLoading && now.messages.length > 0);
    const looks = [look()];
    const options = [...new Set(looks[0].metadata.flatMap((known) => known?.options ?? []))];
    for (const branch of [...options, "nonsense", ""]) {
      now.setBranch(branch);
      await until(() => now.branch === branch);
      await new Promise((resolve) => setTimeout(resolve, 40));
      looks.push(look());
    }
    return looks;
  };
  for (const [what, states] of Object.entries({
    "a thread with forks": forked,
    "a thread without forks": [at("3", "2", [one, ai("first", "a1")]), at("2", "1", [one]), at("1", null, [])],
    "one state": [at("1", null, [one])],
    "a history that was cut off": forked.slice(0, 5),
    "a history that was cut off between two branches": forked.slice(0, 4),
  })) {
    test(`SDK: branches of ${what}`, async (t) => {
      quiet(t);
      assert.deepEqual(await walk(t, ours, states), await walk(t, theirs, states));
    });
  }
}
