// Each option, submit option and member of the legacy hook, by name. docs/use-stream.md names these tests.
import assert from "node:assert/strict";
import { FetchStreamTransport } from "../../dist/react/index.js";
import { configured, human, memoryStorage, until } from "../support/server.mjs";
import { chunk, gate, startFake, stateOf } from "../support/fake-server.mjs";
import { mount } from "./suite.jsx";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ai = (content, id = "a1", more = {}) => ({ type: "ai", content, id, ...more });
const done = (messages, more = {}) => ["values", { messages, ...more }];
const all = (stream) => [stream.messages, stream.values, stream.isLoading, stream.error, stream.interrupts];

export function legacy(test, apiUrl) {
  const real = { apiUrl, assistantId: "chat", storage: "none" };
  const quick = configured({ n_tokens: 8, delay_ms: 3 });
  /** Mounts on a server that streams `events`; gives both. */
  const against = async (t, events, options = {}, read = all) => {
    const fake = await startFake(typeof events === "function" ? events : () => events);
    const host = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", ...options }, { read });
    await host.ready();
    return { fake, ...host };
  };
  const simple = [chunk("a1", "hel"), chunk("a1", "lo"), done([human("hi", "h1"), ai("hello")])];

  // --- options: where and who ---

  test("option assistantId is sent with each run", async (t) => {
    const { fake, at } = await against(t, simple);
    await at().submit({ messages: [human("hi", "h1")] });
    assert.equal(fake.bodies[0].assistant_id, "agent");
    assert.equal(at().assistantId, "agent");
  });

  test("option apiUrl loses its trailing slash, and a path belongs to it", async (t) => {
    const { fake, at, setOptions } = await against(t, simple);
    setOptions({ apiUrl: `${fake.url}/api/` });
    await until(() => at());
    await pause(20);
    await at().submit({ messages: [] });
    assert.ok(fake.requests.some(({ path }) => /^\/api\/threads\/[^/]+\/runs\/stream$/.test(path)));
  });

  test("option apiKey is sent as x-api-key", async (t) => {
    const { fake, at } = await against(t, simple, { apiKey: "secret" });
    await at().submit({ messages: [] });
    assert.ok(fake.requests.every(({ headers }) => headers["x-api-key"] === "secret"));
  });

  test("option client gives its URL, headers, hook and fetch", async (t) => {
    const { Client } = await import("@langchain/langgraph-sdk/client");
    const fake = await startFake(() => simple);
    let asked = 0;
    const onRequest = (url, init) => ({ ...init, headers: { ...init.headers, "x-hook": url.pathname.length > 1 ? "yes" : "" } });
    const custom = (...args) => (asked++, fetch(...args));
    const client = new Client({ apiUrl: fake.url, apiKey: "k", defaultHeaders: { "x-team": "red" }, onRequest, callerOptions: { fetch: custom } });
    const { ready, at } = mount(t, { client, assistantId: "agent", storage: "none" }, { read: all });
    await ready();
    await at().submit({ messages: [] });
    const { headers } = fake.requests[0];
    assert.deepEqual([headers["x-api-key"], headers["x-team"], headers["x-hook"]], ["k", "red", "yes"]);
    assert.ok(asked > 0);
    assert.equal(at().client, client);
  });

  test("option callerOptions: fetch is used for every request, with a URL and an init", async (t) => {
    const seen = [];
    const { at } = await against(t, simple, { callerOptions: { fetch: (url, init) => (seen.push([typeof url, init.method]), fetch(url, init)) } });
    await at().submit({ messages: [] });
    assert.deepEqual(seen[0], ["string", "POST"]);
    assert.ok(seen.length > 1);
  });

  test("option defaultHeaders goes with every request; headers may be asynchronous and are made anew", async (t) => {
    let made = 0;
    const headers = async () => ({ authorization: `Bearer ${++made}` });
    const { fake, at } = await against(t, simple, { defaultHeaders: { "x-team": "red", "x-none": null }, headers });
    await at().submit({ messages: [] });
    assert.ok(fake.requests.every((request) => request.headers["x-team"] === "red" && !("x-none" in request.headers)));
    assert.equal(new Set(fake.requests.map((request) => request.headers.authorization)).size, fake.requests.length);
  });

  test("option messagesKey names the messages in the state", async (t) => {
    const { at } = await against(t, [chunk("a1", "hello"), ["values", { chat: [human("hi", "h1"), ai("hello")] }]], { messagesKey: "chat" });
    await at().submit({ chat: [human("hi", "h1")] });
    await until(() => at().messages.length === 2);
    assert.equal(at().values.chat, at().messages);
  });

  // --- options: threads and what is shown first ---

  test("option threadId enters a thread; onThreadId tells a new one", async (t) => {
    const ids = [];
    const first = mount(t, { ...real, onThreadId: (id) => ids.push(id) }, { read: all });
    await first.ready();
    await first.at().submit({ messages: [human("hi")] }, quick);
    assert.deepEqual(ids, [first.at().threadId]);
    const second = mount(t, { ...real, threadId: ids[0] }, { read: all });
    await until(() => second.at()?.messages.length === 2);
    assert.equal(second.at().isThreadLoading, false);
  });

  test("option initialValues are shown until the thread's state is there", async (t) => {
    const { fake, at } = await against(t, simple, { initialValues: { messages: [human("cached", "c")], title: "t" } });
    assert.equal(at().messages[0].content, "cached");
    assert.equal(at().values.title, "t");
    await at().submit({ messages: [human("hi", "h1")] });
    await until(() => at().messages.length === 2);
    assert.equal(at().values.title, undefined);
    assert.ok(fake.bodies.length === 1);
  });

  test("option fetchStateHistory: false reads one state; true reads ten; a limit reads that many", async (t) => {
    const thread = "11111111-1111-4111-8111-111111111111";
    const seen = {};
    for (const [name, value] of Object.entries({ false: false, true: true, limit: { limit: 3 } })) {
      const fake = await startFake(() => simple);
      fake.hold(thread, stateOf({ messages: [ai("kept")] }));
      const { at } = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", threadId: thread, fetchStateHistory: value }, { read: all });
      await until(() => at()?.messages.length === 1);
      await until(() => fake.requests.some(({ path }) => path.endsWith(value ? "/history" : "/state")));
      seen[name] = fake.requests.find(({ path }) => path.endsWith("/history"))?.body.limit;
      if (!value) assert.throws(() => at().history, /fetchStateHistory/);
    }
    assert.deepEqual(seen, { false: undefined, true: 10, limit: 3 });
  });

  test("option thread: the application's own data is shown, and fetched again after a run", async (t) => {
    const mutated = [];
    const state = stateOf({ messages: [human("mine", "m1")] });
    const thread = { data: [state], error: undefined, isLoading: false, mutate: async (id) => (mutated.push(id), [stateOf({ messages: [human("fresh", "f1")] })]) };
    let finished;
    const { fake, at } = await against(t, simple, { threadId: "11111111-1111-4111-8111-111111111111", thread, onFinish: (head) => (finished = head) });
    await until(() => at().messages[0]?.content === "mine");
    assert.equal(at().isThreadLoading, false);
    assert.ok(!fake.requests.some(({ path }) => /state|history/.test(path)));
    await at().submit({ messages: [human("hi", "h1")] });
    await until(() => finished);
    assert.deepEqual(mutated, ["11111111-1111-4111-8111-111111111111"]);
    assert.equal(finished.values.messages[0].content, "fresh");
  });

  test("option thread: its error and its loading are the stream's", async (t) => {
    const error = new Error("mine");
    const thread = { data: undefined, error: undefined, isLoading: true, mutate: async () => undefined };
    const { at, setOptions } = await against(t, simple, { thread }, (stream) => [stream.error, stream.isThreadLoading]);
    await until(() => at().isThreadLoading);
    setOptions({ thread: { ...thread, isLoading: false, error } });
    await until(() => at().error === error && !at().isThreadLoading);
  });

  test("option throttle: a number is the least time between two renders, and never starves", async (t) => {
    const words = Array.from({ length: 40 }, (_, at) => [chunk("a1", `w${at} `), 10]).flat();
    const { at, seen } = await against(t, words, { throttle: 100 });
    const before = seen.renders;
    await at().submit({ messages: [] });
    const renders = seen.renders - before;
    assert.ok(renders >= 3 && renders <= 14, `${renders} renders`);
  });

  // --- callbacks ---

  test("callbacks come in the SDK's order", async (t) => {
    const told = [];
    const note = (name) => () => void told.push(name);
    const { at } = await against(t, [["updates", { agent: {} }], ["custom", 1], ...simple], {
      onThreadId: note("onThreadId"), onCreated: note("onCreated"), onMetadataEvent: note("onMetadataEvent"), onUpdateEvent: note("onUpdateEvent"),
      onCustomEvent: note("onCustomEvent"), onFinish: note("onFinish"), onError: note("onError"),
    });
    await at().submit({ messages: [] }).then(note("resolved"));
    assert.deepEqual(told, ["onThreadId", "onCreated", "onMetadataEvent", "onUpdateEvent", "onCustomEvent", "onFinish", "resolved"]);
  });

  test("onCreated tells the run and its thread", async (t) => {
    const runs = [];
    const { fake, at } = await against(t, simple, { onCreated: (run) => runs.push(run) });
    await at().submit({ messages: [] });
    const [run] = fake.runs.values();
    assert.deepEqual(runs, [{ run_id: run.run_id, thread_id: run.thread_id }]);
  });

  test("onFinish with a parameter is given the thread's state; without one it is not", async (t) => {
    const told = [];
    const { at, setOptions } = await against(t, simple, { onFinish: (state, run) => told.push([state.values.messages.length, Object.keys(run)]) });
    await at().submit({ messages: [] });
    setOptions({ onFinish: (...args) => told.push(args[0]) });
    await pause(20);
    await at().submit({ messages: [] });
    assert.deepEqual(told, [[2, ["run_id", "thread_id"]], undefined]);
  });

  test("onError tells a failed run, with the server's name and words", async (t) => {
    const told = [];
    const { at } = await against(t, [chunk("a1", "hel"), ["error", { error: "ValueError", message: "no such city" }]], { onError: (error, run) => told.push([error, run]) });
    const { outcome } = await at().submit({ messages: [] });
    assert.equal(outcome, "failed");
    await until(() => at().error);
    assert.equal(told.length, 1);
    const [error, run] = told[0];
    assert.deepEqual([error.name, error.message, error.code], ["ValueError", "no such city", "run_failed"]);
    assert.ok(run.run_id && run.thread_id);
    assert.equal(at().error.message, "no such city");
  });

  test("event callbacks are given data, namespace and a way to show something", async (t) => {
    const told = {};
    const keep = (name) => (data, options) => (told[name] = [data, options?.namespace]);
    const events = [
      ["updates", { agent: { n: 1 } }], ["custom|tools:x|agent:y", { p: 1 }], ["events", { event: "on_chain_start" }], ["debug", { d: 1 }],
      ["checkpoints", { c: 1 }], ["tasks", { id: "t" }], ["tools", { event: "on_tool_start", name: "search", toolCallId: "c1", input: {} }], ...simple,
    ];
    const { at } = await against(t, events, {
      onUpdateEvent: keep("updates"), onCustomEvent: keep("custom"), onLangChainEvent: keep("events"), onDebugEvent: keep("debug"),
      onCheckpointEvent: keep("checkpoints"), onTaskEvent: keep("tasks"), onToolEvent: keep("tools"), onMetadataEvent: keep("metadata"),
    });
    await at().submit({ messages: [] });
    assert.equal(typeof told.metadata[0].run_id, "string");
    delete told.metadata;
    assert.deepEqual(told, {
      updates: [{ agent: { n: 1 } }, undefined], custom: [{ p: 1 }, ["tools:x", "agent:y"]], events: [{ event: "on_chain_start" }, undefined],
      debug: [{ d: 1 }, undefined], checkpoints: [{ c: 1 }, undefined], tasks: [{ id: "t" }, undefined],
      tools: [{ event: "on_tool_start", name: "search", toolCallId: "c1", input: {} }, undefined],
    });
  });

  test("mutate in a callback shows something at once, until the server's next values", async (t) => {
    const [shown, grown] = [gate(), gate()];
    const events = [chunk("a1", "hel"), ["custom", "step 1"], ["custom", "step 2"], shown, chunk("a1", "lo"), grown, done([ai("hello")])];
    const { at } = await against(t, events, { onCustomEvent: (data, { mutate }) => mutate((prev) => ({ ...prev, steps: [...(prev.steps ?? []), data] })) });
    const run = at().submit({ messages: [] });
    await until(() => at().values.steps?.length === 2);
    shown.open();
    await until(() => at().messages.at(-1)?.content === "hello");
    assert.equal(at().values.steps.length, 2);
    grown.open();
    await run;
    await until(() => at().values.steps === undefined);
    assert.equal(at().messages.length, 1);
  });

  test("onStop can show something, and stop keeps every message", async (t) => {
    const { at } = await against(t, [chunk("a1", "half"), 3000], { onStop: ({ mutate }) => mutate((prev) => ({ ...prev, note: "stopped" })) });
    const run = at().submit({ messages: [] });
    await until(() => at().messages.at(-1)?.content === "half");
    await at().stop();
    assert.equal((await run).outcome, "disconnected");
    await until(() => !at().isLoading && at().values.note === "stopped");
    assert.equal(at().messages.at(-1).content, "half");
  });

  test("stop never cancels, unless cancelOnStop asks for it", async (t) => {
    for (const cancelOnStop of [false, true]) {
      const { fake, at } = await against(t, [chunk("a1", "half"), 3000], { cancelOnStop });
      const run = at().submit({ messages: [] });
      await until(() => at().messages.length > 0);
      await at().stop();
      await run;
      await pause(50);
      assert.equal(fake.requests.some(({ path }) => path.endsWith("/cancel")), cancelOnStop);
    }
  });

  // --- storage ---

  test("option reconnectOnMount: true keeps runs in sessionStorage, false rejoins nothing by itself", async (t) => {
    const store = memoryStorage();
    globalThis.sessionStorage = store;
    t.after(() => delete globalThis.sessionStorage);
    const held = gate();
    const fake = await startFake(() => [chunk("a1", "hel"), held, chunk("a1", "lo"), done([ai("hello")])]);
    const options = { apiUrl: fake.url, assistantId: "agent", reconnectOnMount: true };
    const first = mount(t, options, { read: all });
    void (await first.ready()).submit({ messages: [] });
    await until(() => first.at().messages.length > 0);
    const { threadId } = first.at();
    first.unmount();
    await until(() => store.items.size > 0);
    const deaf = mount(t, { ...options, reconnectOnMount: false, storage: store, threadId }, { read: all });
    await deaf.ready();
    await until(() => deaf.at().connection.state === "disconnected");
    assert.equal(deaf.at().isLoading, false);
    assert.equal(deaf.at().canRejoin, true);
    deaf.unmount();
    const second = mount(t, { ...options, threadId }, { read: all });
    await until(() => second.at()?.messages.at(-1)?.content === "hel");
    held.open();
    await until(() => second.at().messages.at(-1).content === "hello" && !second.at().isLoading);
  });

  // --- submit options ---

  test("submit options are sent in the protocol's names", async (t) => {
    const { fake, at } = await against(t, simple);
    await at().submit({ messages: [] }, {
      config: { tags: ["x"], configurable: { model: "m" } }, context: { user: 1 }, command: { goto: "node" }, interruptBefore: ["a"], interruptAfter: "*",
      metadata: { k: "v" }, multitaskStrategy: "reject", strictResume: true, onCompletion: "continue", feedbackKeys: ["f"], runId: "ignored", onDisconnect: "cancel", streamMode: ["debug"],
      streamSubgraphs: true, streamResumable: false, durability: "sync", threadId: "22222222-2222-4222-8222-222222222222",
      checkpoint: { thread_id: "gone", checkpoint_ns: "", checkpoint_id: "c9", checkpoint_map: null },
    });
    const [body] = fake.bodies;
    assert.deepEqual(fake.requests.slice(0, 2).map(({ path }) => path), ["/threads", "/threads/22222222-2222-4222-8222-222222222222/runs/stream"]);
    const { rejoin_submission: _, ...metadata } = body.metadata;
    const { stream_mode, metadata: __, if_not_exists: ___, ...rest } = body;
    assert.deepEqual(metadata, { k: "v" });
    assert.deepEqual(new Set(stream_mode), new Set(["debug", "values", "messages-tuple"]));
    assert.deepEqual(rest, {
      assistant_id: "agent", input: { messages: [] }, config: { tags: ["x"], configurable: { model: "m" } }, context: { user: 1 }, command: { goto: "node" },
      interrupt_before: ["a"], interrupt_after: "*", multitask_strategy: "reject", strict_resume: true, on_completion: "continue", feedback_keys: ["f"], on_disconnect: "cancel",
      stream_subgraphs: true, stream_resumable: false, durability: "sync", checkpoint: { checkpoint_ns: "", checkpoint_id: "c9" },
    });
  });

  test("a thread that submit names is made first, with the application's metadata, unless it is said to be made", async (t) => {
    const threadId = "22222222-2222-4222-8222-222222222222";
    for (const threadIsMade of [false, true]) {
      const { fake, at } = await against(t, simple);
      const { outcome } = await at().submit({ messages: [] }, { metadata: { k: "v" }, threadId, threadIsMade });
      assert.equal(outcome, "finished");
      const made = fake.requests.filter(({ path }) => path === "/threads").map(({ body }) => body);
      assert.deepEqual(made, threadIsMade ? [] : [{ thread_id: threadId, metadata: { k: "v" }, if_exists: "do_nothing" }]);
      // The run has the mark as well; the thread has not.
      assert.equal(typeof fake.bodies[0].metadata.rejoin_submission, "string");
    }
  });

  test("submit defaults: the run is resumable and goes on without a reader", async (t) => {
    const { fake, at } = await against(t, simple);
    await at().submit(null, { command: { resume: "yes" } });
    const [body] = fake.bodies;
    assert.deepEqual([body.stream_resumable, body.on_disconnect, body.command, body.input ?? null], [true, "continue", { resume: "yes" }, null]);
  });

  test("submit optimisticValues are shown at once, as an object or from what is shown", async (t) => {
    const held = gate();
    const { at } = await against(t, [held, done([human("hi", "h1"), ai("hello")])], { initialValues: { messages: [], n: 1 } });
    const run = at().submit({ messages: [human("hi", "h1")] }, { optimisticValues: (prev) => ({ n: prev.n + 1, messages: [...prev.messages, human("hi", "h1")] }) });
    await until(() => at().values.n === 2 && at().messages.length === 1);
    held.open();
    await run;
    await until(() => at().messages.length === 2);
  });

  test("submit onError is called for that submission, after the hook's", async (t) => {
    const told = [];
    const { at } = await against(t, [["error", { error: "E", message: "m" }]], { onError: () => told.push("hook") });
    await at().submit({ messages: [] }, { onError: (error, run) => told.push(`submit ${error.message} ${!!run}`) });
    assert.deepEqual(told, ["hook", "submit m true"]);
  });

  test("submit multitaskStrategy: interrupt replaces the run that is followed", async (t) => {
    let count = 0;
    const { fake, at } = await against(t, () => (count++ === 0 ? [chunk("a1", "slow"), 3000] : simple));
    const first = at().submit({ messages: [] });
    await until(() => at().messages.length > 0);
    const from = Date.now();
    await at().submit({ messages: [] }, { multitaskStrategy: "interrupt" });
    await first;
    assert.ok(Date.now() - from < 1500);
    assert.equal(fake.bodies[1].multitask_strategy, "interrupt");
  });

  // --- stream modes ---

  test("stream modes follow what is read", async (t) => {
    const modes = async (read, options = {}) => {
      const { fake, at } = await against(t, simple, options, read);
      await at().submit({ messages: [] });
      return fake.bodies[0].stream_mode.toSorted();
    };
    const nothing = () => ({});
    assert.deepEqual(await modes((s) => s.values), ["values"]);
    assert.deepEqual(await modes((s) => s.messages), ["messages-tuple", "values"]);
    assert.deepEqual(await modes((s) => s.toolCalls), ["messages-tuple", "values"]);
    assert.deepEqual(await modes((s) => s.getMessagesMetadata(human("x", "x"))), ["values"]);
    assert.deepEqual(await modes((s) => [s.values, s.toolProgress]), ["tools", "values"]);
    assert.deepEqual(await modes((s) => s.subagents), ["messages-tuple", "updates"]);
    assert.deepEqual(await modes((s) => ({ ...s })), ["messages-tuple", "values"]);
    const noop = () => {};
    const listening = { onUpdateEvent: noop, onCustomEvent: noop, onLangChainEvent: noop, onDebugEvent: noop, onCheckpointEvent: noop, onTaskEvent: noop, onToolEvent: noop };
    assert.deepEqual(await modes(nothing, listening), ["checkpoints", "custom", "debug", "events", "tasks", "tools", "updates"]);
    assert.deepEqual(await modes(nothing), ["messages-tuple", "values"]);
  });

  // --- members ---

  test("members that cost are not enumerable, so a spread reads none of them", async (t) => {
    const { at } = await against(t, simple);
    const spread = { ...at() };
    for (const name of ["history", "experimental_branchTree", "toolProgress", "subagents", "activeSubagents"]) assert.ok(!(name in spread), name);
    for (const name of ["values", "messages", "isLoading", "isThreadLoading", "error", "interrupt", "interrupts", "toolCalls", "branch", "submit", "stop", "joinStream",
      "switchThread", "setBranch", "getToolCalls", "getMessagesMetadata", "getSubagent", "getSubagentsByType", "getSubagentsByMessage", "client", "assistantId"]) {
      assert.ok(name in spread, name);
    }
  });

  test("messages are plain dicts, and toolCalls pairs calls with results", async (t) => {
    const call = { id: "c1", name: "search", args: { q: "x" }, type: "tool_call" };
    const bad = { id: "c2", name: "fetch", args: {}, type: "tool_call" };
    const messages = [human("hi", "h1"), ai("", "a1", { tool_calls: [call, bad] }), { type: "tool", id: "t1", tool_call_id: "c1", content: "found", status: "success" }];
    const { at } = await against(t, [done(messages)]);
    await at().submit({ messages: [] });
    assert.equal(Object.getPrototypeOf(at().messages[0]), Object.prototype);
    const [first, second] = at().toolCalls;
    assert.deepEqual([first.id, first.state, first.result.content, first.index, second.state, second.result], ["c1", "completed", "found", 0, "pending", undefined]);
    assert.equal(at().getToolCalls(at().messages[1]).length, 2);
    assert.deepEqual(at().getToolCalls(ai("", "other")), []);
  });

  test("toolProgress follows tools events and starts anew with each submission", async (t) => {
    const tool = (event, more) => ["tools", { event, name: "search", toolCallId: "c1", ...more }];
    const { at } = await against(t, (body) => (body.input.again ? [50] : [tool("on_tool_start", { input: 1 }), tool("on_tool_event", { data: 2 }), tool("on_tool_end", { output: 3 }), ...simple]), {}, (s) => [s.toolProgress, s.messages]);
    await at().submit({ messages: [] });
    await until(() => at().toolProgress.length === 1);
    assert.deepEqual(at().toolProgress, [{ toolCallId: "c1", name: "search", state: "completed", input: 1, data: 2, result: 3 }]);
    const again = at().submit({ again: true });
    await until(() => at().toolProgress.length === 0);
    await again;
  });

  test("interrupts: one, several, both spellings, and a resume", async (t) => {
    const ask = (id, value) => ({ id, value });
    const request = { action_requests: [{ action_name: "send" }], review_configs: [{ allowed_decisions: ["approve"] }] };
    const { at } = await against(t, (body) => (body.command ? simple : [["values", { messages: [], __interrupt__: [ask("i1", request)] }], ["values", { __interrupt__: [ask("i2", "sure?")] }]]));
    await at().submit({ messages: [] });
    await until(() => at().interrupts.length === 2);
    assert.ok(Array.isArray(at().interrupt));
    const { value } = at().interrupts[0];
    assert.deepEqual([value.actionRequests[0].name, value.reviewConfigs[0].allowedDecisions], ["send", ["approve"]]);
    assert.equal(at().interrupts[1].value, "sure?");
    assert.equal(at().values.__interrupt__.length, 2);
    await at().submit(null, { command: { resume: { i1: true, i2: true } } });
    await until(() => at().interrupts.length === 0);
    assert.equal(at().interrupt, undefined);
  });

  test("a node that waits without a question is a breakpoint", async (t) => {
    const thread = "11111111-1111-4111-8111-111111111111";
    const fake = await startFake(() => simple);
    fake.hold(thread, stateOf({ messages: [] }, { next: ["tools"], tasks: [{ id: "x", name: "tools", error: null, interrupts: [], checkpoint: null, state: null }] }));
    const { at } = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", threadId: thread }, { read: all });
    await until(() => at()?.interrupts.length === 1);
    assert.deepEqual(at().interrupt, { when: "breakpoint" });
  });

  test("the last error of a failed task is the stream's after a reload", async (t) => {
    const thread = "11111111-1111-4111-8111-111111111111";
    const fake = await startFake(() => simple);
    fake.hold(thread, stateOf({ messages: [ai("kept")] }, { next: ["agent"], tasks: [{ id: "x", name: "agent", error: '{"error":"ValueError","message":"bad"}', interrupts: [], checkpoint: null, state: null }] }));
    const { at } = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", threadId: thread }, { read: all });
    await until(() => at()?.error && !at().isThreadLoading);
    assert.deepEqual([at().error.name, at().error.message], ["ValueError", "bad"]);
    assert.deepEqual(at().interrupts, []);
    assert.equal(at().messages.length, 1);
  });

  test("getMessagesMetadata gives the first state, branches, and what streamed beside it", async (t) => {
    const { at } = await against(t, [chunk("a1", "hello", {}, { langgraph_step: 7 }), done([ai("hello")])], {}, (s) => [s.messages, s.getMessagesMetadata(ai("", "a1"))]);
    await at().submit({ messages: [] });
    const known = await until(() => at().getMessagesMetadata(at().messages[0], 0)?.streamMetadata && at().getMessagesMetadata(at().messages[0], 0));
    assert.equal(known.messageId, "a1");
    assert.equal(known.streamMetadata.langgraph_step, 7);
    assert.equal(known.firstSeenState.values.messages[0].id, "a1");
    assert.equal(at().getMessagesMetadata(at().messages[0], 0), known);
  });

  test("history, experimental_branchTree, branch and setBranch: an edit forks the thread", async (t) => {
    const read = (s) => [s.messages, s.branch, s.history, s.experimental_branchTree];
    const host = mount(t, { ...real, fetchStateHistory: { limit: 50 } }, { read });
    await host.ready();
    const { at } = host;
    await at().submit({ messages: [human("first", "h1")] }, quick);
    await until(() => at().history.length > 1);
    const answer = at().messages[1].id;
    const before = at().getMessagesMetadata(at().messages[0]).firstSeenState;
    const from = before.parent_checkpoint;
    assert.ok(from, "the first state has a parent");
    await at().submit({ messages: [human("second", "h2")] }, { ...quick, checkpoint: from });
    await until(() => at().messages[0]?.content === "second" && at().getMessagesMetadata(at().messages[0])?.branchOptions?.length === 2);
    const { branch, branchOptions } = at().getMessagesMetadata(at().messages[0]);
    assert.equal(branchOptions.length, 2);
    assert.equal(at().experimental_branchTree.type, "sequence");
    at().setBranch(branchOptions.find((option) => option !== branch));
    await until(() => at().messages[0]?.content === "first");
    assert.equal(at().messages[1].id, answer);
    assert.notEqual(at().branch, "");
    assert.ok(at().history.every((state) => state.checkpoint));
    at().setBranch("");
    await until(() => at().messages[0]?.content === "second");
  });

  test("switchThread leaves a run, empties the screen at once, and tells onThreadId", async (t) => {
    const ids = [];
    const { at } = await against(t, [chunk("a1", "half"), 3000], { onThreadId: (id) => ids.push(id) });
    const run = at().submit({ messages: [] });
    await until(() => at().messages.length > 0);
    at().switchThread(null);
    await until(() => at().messages.length === 0 && !at().isLoading);
    assert.equal((await run).outcome, "disconnected");
    assert.equal(ids.length, 2);
    assert.equal(ids[1], null);
  });

  test("joinStream resolves to an outcome; filter leaves events out; streamMode is asked for", async (t) => {
    const held = gate();
    const { fake, at } = await against(t, [chunk("a1", "hel"), ["custom", "drop"], ["custom", "keep"], held, chunk("a1", "lo"), done([ai("hello")])]);
    const told = [];
    const run = at().submit({ messages: [] });
    await until(() => at().messages.at(-1)?.content === "hel");
    const { runId, threadId } = at();
    await at().stop();
    await run;
    const other = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", threadId, reconnectOnMount: false, onCustomEvent: (data) => told.push(data) }, { read: all });
    await other.ready();
    const joined = other.at().joinStream(runId, undefined, { filter: ({ event, data }) => event !== "custom" || data !== "drop", streamMode: ["custom", "values"] });
    await until(() => told.length > 0);
    held.open();
    const { outcome } = await joined;
    // A filter leaves holes in the ids, which count as missed events.
    assert.ok(["finished", "replayed", "snapshot_then_tail"].includes(outcome), outcome);
    assert.deepEqual(told, ["keep"]);
    await until(() => other.at().messages.at(-1)?.content === "hello");
    const join = fake.requests.find(({ path, query }) => path.endsWith(`${runId}/stream`) && query.get("stream_mode"));
    assert.match(join.query.getAll("stream_mode").join(), /custom.*values/);
  });

  test("client is our own where none was given, and asks with the same headers", async (t) => {
    const { fake, at } = await against(t, simple, { apiKey: "k" });
    await at().submit({ messages: [] });
    const { threads, runs } = at().client;
    const { threadId, runId } = at();
    assert.equal((await threads.getState(threadId)).values.messages.length, 2);
    assert.equal((await runs.get(threadId, runId)).status, "success");
    await assert.rejects(runs.get(threadId, "none"), { code: "not_found", status: 404 });
    assert.equal(fake.requests.at(-1).headers["x-api-key"], "k");
  });

  // --- tools and subagents ---

  test("option tools: a headless tool runs, onTool tells it, and its result resumes the graph", async (t) => {
    const phases = [];
    const call = { id: "i1", value: { type: "tool", tool_call: { id: "c1", name: "where", args: { a: 1 } } } };
    const unknown = { id: "i2", value: { type: "tool", toolCall: { id: "c2", name: "nope", args: {} } } };
    const tools = [{ tool: { name: "where" }, execute: async (args) => ({ lat: args.a }) }];
    const { fake, at } = await against(t, (body) => (body.command ? simple : [["values", { messages: [], __interrupt__: [call, unknown] }]]), { tools, onTool: ({ phase, name }) => phases.push(`${name} ${phase}`) });
    await at().submit({ messages: [] });
    await until(() => fake.bodies.length === 2);
    await until(() => at().messages.length === 2 && !at().isLoading);
    assert.deepEqual(fake.bodies[1].command.resume.i1, { c1: { lat: 1 } });
    assert.match(fake.bodies[1].command.resume.i2.c2.error, /nope/);
    assert.equal(fake.bodies[1].multitask_strategy, "interrupt");
    assert.deepEqual(phases.toSorted(), ["nope error", "where start", "where success"]);
    assert.deepEqual(at().interrupts, []);
    assert.equal(fake.bodies.length, 2);
  });

  test("subagents: called, running, complete; filterSubagentMessages keeps their messages apart", async (t) => {
    const task = (id, description) => ({ id, name: "task", args: { description, subagent_type: "researcher" }, type: "tool_call" });
    const calls = ai("", "a1", { tool_calls: [task("c1", "find birds"), task("c2", "find fish")] });
    const sub = (ns, list) => [`values|tools:${ns}`, { messages: list }];
    const [called, started] = [gate(), gate()];
    const events = [
      done([human("go", "h1"), calls]), called,
      [`updates|tools:n1`, {}], sub("n1", [human("find birds", "s0")]),
      ["messages|tools:n1", [{ type: "AIMessageChunk", id: "s1", content: "bird" }, { langgraph_checkpoint_ns: "tools:n1|model:1" }]],
      ["messages|tools:n1", [{ type: "AIMessageChunk", id: "s1", content: "s!" }, { langgraph_checkpoint_ns: "tools:n1|model:1" }]], started,
      done([human("go", "h1"), calls, { type: "tool", id: "t1", tool_call_id: "c1", content: "birds" }, { type: "tool", id: "t2", tool_call_id: "c2", content: "net broke", status: "error" }]),
    ];
    const read = (s) => [s.messages, s.subagents, s.activeSubagents];
    const { at } = await against(t, events, { filterSubagentMessages: true }, read);
    const run = at().submit({ messages: [] }, { streamSubgraphs: true });
    await until(() => at().subagents.get("c1")?.status === "pending");
    called.open();
    await until(() => at().subagents.get("c1").messages.at(-1)?.content === "birds!");
    assert.deepEqual([...at().subagents.values()].map((one) => one.status), ["running", "pending"]);
    assert.deepEqual(at().activeSubagents.map((one) => one.id), ["c1"]);
    assert.equal(at().messages.length, 2);
    started.open();
    await run;
    await until(() => at().getSubagent("c1").status === "complete");
    assert.equal(at().getSubagent("c1").result, "birds");
    assert.deepEqual([at().getSubagent("c2").status, at().getSubagent("c2").error], ["error", "net broke"]);
    assert.equal(at().getSubagentsByType("researcher").length, 2);
    assert.equal(at().getSubagentsByMessage("a1").length, 2);
    assert.deepEqual(at().getSubagentsByType("writer"), []);
  });

  test("option subagentToolNames names the tools that start subagents", async (t) => {
    const calls = ai("", "a1", { tool_calls: [{ id: "c1", name: "delegate", args: { subagent_type: "writer" } }, { id: "c2", name: "task", args: { subagent_type: "writer" } }] });
    const { at } = await against(t, [done([calls])], { subagentToolNames: ["delegate"] }, (s) => [s.messages, s.subagents]);
    await at().submit({ messages: [] });
    await until(() => at().subagents.size > 0);
    assert.deepEqual([...at().subagents.keys()], ["c1"]);
  });

  // --- transports ---

  test("option transport: a generator streams into the hook, and its end is the run's", async (t) => {
    const payloads = [];
    const transport = {
      async stream(payload) {
        payloads.push(payload);
        return (async function* () {
          yield { event: "values", data: { messages: [human("hi", "h1")] } };
          yield { event: "messages", data: [{ type: "AIMessageChunk", id: "a1", content: "hel" }, {}] };
          yield { event: "messages", data: [{ type: "AIMessageChunk", id: "a1", content: "lo" }, {}] };
          yield { event: "custom", data: 5 };
        })();
      },
    };
    const told = [];
    const { ready, at } = mount(t, { transport, onCustomEvent: (data) => told.push(data), onFinish: (state) => told.push(state.values.messages.length), onThreadId: (id) => told.push(typeof id) }, { read: all });
    await ready();
    await at().submit({ messages: [human("hi", "h1")] }, { context: { c: 1 }, command: { resume: 1 }, config: { configurable: { model: "m" } } });
    await until(() => !at().isLoading && at().messages.length === 2);
    assert.equal(at().messages[1].content, "hello");
    assert.deepEqual(told, ["string", 5, 2]);
    const [{ input, context, command, config, signal }] = payloads;
    assert.deepEqual([input.messages.length, context, command, config.configurable.model, config.configurable.thread_id], [1, { c: 1 }, { resume: 1 }, "m", at().threadId]);
    assert.ok(signal);
  });

  test("a transport that fails is the error itself, and stop aborts its signal", async (t) => {
    const broken = new Error("no wire");
    let signal;
    let mode = "reject";
    const transport = {
      async stream(payload) {
        signal = payload.signal;
        if (mode === "reject") throw broken;
        return (async function* () {
          yield { event: "values", data: { messages: [human("hi", "h1")] } };
          if (mode === "throw") throw broken;
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        })();
      },
    };
    const errors = [];
    const { ready, at } = mount(t, { transport, onError: (error) => errors.push(error) }, { read: all });
    await ready();
    assert.equal((await at().submit({ messages: [] })).error, broken);
    await until(() => at().error === broken);
    mode = "throw";
    assert.equal((await at().submit({ messages: [] })).outcome, "failed");
    assert.deepEqual(errors, [broken, broken]);
    mode = "wait";
    const before = signal;
    const run = at().submit({ messages: [] });
    await until(() => signal !== before && at().connection.state === "live");
    await at().stop();
    assert.equal((await run).outcome, "disconnected");
    assert.equal(signal.aborted, true);
  });

  test("FetchStreamTransport posts the submission and reads events", async (t) => {
    const seen = [];
    const body = 'event: values\ndata: {"messages":[{"type":"ai",\ndata: "id":"a1","content":"hi"}]}\n\n: beat\n\nevent: custom\r\ndata: 1\r\n\r\n';
    const answer = async (url, init) => (seen.push([url, init]), new Response(body, { headers: { "content-type": "text/event-stream" } }));
    const transport = new FetchStreamTransport({ apiUrl: "http://own/run", defaultHeaders: { "x-a": "1" }, fetch: answer, onRequest: (url, init) => ({ ...init, headers: { ...init.headers, "x-b": url } }) });
    const { ready, at } = mount(t, { transport }, { read: all });
    await ready();
    await at().submit({ q: 1 }, { context: { c: 1 } });
    await until(() => at().messages[0]?.content === "hi");
    const [url, { method, headers, body: sent }] = seen[0];
    assert.deepEqual([url, method, headers["x-a"], headers["x-b"], headers["content-type"]], ["http://own/run", "POST", "1", "http://own/run", "application/json"]);
    const { input, context, config } = JSON.parse(sent);
    assert.deepEqual([input, context, typeof config.configurable.thread_id], [{ q: 1 }, { c: 1 }, "string"]);
    const refusing = new FetchStreamTransport({ apiUrl: "http://own", fetch: async () => new Response("", { status: 500, statusText: "No" }) });
    await assert.rejects(refusing.stream({}), /500/);
  });

  // --- beyond ---

  test("connection, onConnectionChange and runId tell how it stands", async (t) => {
    const states = [];
    const { at } = await against(t, [100, ...simple], { onConnectionChange: ({ state }) => states.push(state) }, (s) => [s.connection, s.runId]);
    assert.deepEqual([at().connection.state, at().runId], ["idle", null]);
    await at().submit({ messages: [] });
    await until(() => at().connection.state === "finished");
    assert.ok(at().runId === null || typeof at().runId === "string");
    assert.equal(states.at(-1), "finished");
    assert.ok(states.length > 1, states.join());
  });

  test("onWarning tells what was dealt with", async (t) => {
    const warnings = [];
    const { at } = await against(t, [["messages", [{ type: "AIMessageChunk", content: "no id" }, {}]], ...simple], { onWarning: (warning) => warnings.push(warning.code) });
    assert.equal((await at().submit({ messages: [] })).outcome, "finished");
    assert.deepEqual(warnings, ["message_without_id"]);
    assert.equal(at().error, undefined);
  });

  test("option streamMode adds modes to what is read", async (t) => {
    const { fake, at } = await against(t, simple, { streamMode: ["custom"] }, (s) => s.values);
    await at().submit({ messages: [] });
    assert.deepEqual(fake.bodies[0].stream_mode.toSorted(), ["custom", "values"]);
  });

  test("options retry, timeouts, limits and credentials reach the core, and wrong ones are named", async (t) => {
    const { fake, at } = await against(t, [["custom", "x".repeat(4000)], ...simple], {
      retry: { backoffBase: 10 }, timeouts: { headers: 5000 }, limits: { frameBytesMax: 1000 }, credentials: "omit",
    });
    const { error } = await at().submit({ messages: [] });
    assert.ok(fake.bodies.length > 0);
    assert.ok(error === undefined || error.code === "sse_frame_too_large", error?.code);
    const wrong = await against(t, simple, { retry: { backoffBase: "soon" } });
    const result = await wrong.at().submit({ messages: [] });
    assert.equal(result.outcome, "failed");
    assert.equal(result.error.code, "invalid_option");
    assert.match(result.error.message, /backoffBase/);
    await until(() => wrong.at().error?.code === "invalid_option");
  });

  test("mutate shows something until the server's next values", async (t) => {
    const { at } = await against(t, simple);
    at().mutate({ draft: 1 });
    await until(() => at().values.draft === 1);
    at().mutate((prev) => ({ draft: prev.draft + 1 }));
    await until(() => at().values.draft === 2);
    await at().submit({ messages: [] });
    await until(() => at().values.draft === undefined);
  });

  test("getMessage and getMessageOrigin tell of one message", async (t) => {
    const held = gate();
    const { at } = await against(t, [held, ...simple], {}, (s) => [s.messages, s.getMessageOrigin("h1")]);
    const run = at().submit({ messages: [human("hi", "h1")] });
    await until(() => at().getMessageOrigin("h1") === "optimistic");
    held.open();
    await run;
    await until(() => at().getMessageOrigin("h1") === "server");
    assert.equal(at().getMessage("a1"), at().messages[1]);
    assert.equal(at().getMessage("none"), undefined);
  });

  test("onFinish and history: the state that is given has the run in it", async (t) => {
    const told = [];
    const host = mount(t, { ...real, fetchStateHistory: true, onFinish: (state) => told.push(state.values.messages.length) }, { read: (s) => [s.history, s.messages] });
    await host.ready();
    await host.at().submit({ messages: [human("one")] }, quick);
    await host.at().submit({ messages: [human("two")] }, quick);
    assert.deepEqual(told, [2, 4]);
    await until(() => host.at().history.at(-1).values.messages.length === 4);
  });

  test("after a reload a waiting headless tool runs, and subagents' messages are read from their checkpoints", async (t) => {
    const thread = "11111111-1111-4111-8111-111111111111";
    const call = { id: "c1", name: "task", args: { description: "find birds", subagent_type: "researcher" } };
    const messages = [human("go", "h1"), ai("", "a1", { tool_calls: [call] })];
    const tool = { type: "tool", id: "t1", tool_call_id: "c1", content: "birds" };
    const ask = { id: "i1", value: { type: "tool", tool_call: { id: "x1", name: "where", args: {} } } };
    const task = { id: "n1", name: "tools", path: ["__pregel_push", 0, false], error: null, interrupts: [], checkpoint: null, state: null, result: { messages: [tool] } };
    const point = (id, parent) => ({ checkpoint: { thread_id: thread, checkpoint_ns: "", checkpoint_id: id, checkpoint_map: null }, parent_checkpoint: parent ? { thread_id: thread, checkpoint_ns: "", checkpoint_id: parent, checkpoint_map: null } : null });
    const fake = await startFake(() => simple);
    fake.hold(thread, stateOf({ messages: [...messages, tool] }, { ...point("k2", "k1"), next: ["ask"], tasks: [{ ...task, id: "n2", name: "ask", path: [], result: undefined, interrupts: [ask] }] }), stateOf({ messages }, { ...point("k1"), tasks: [task] }));
    fake.states.set("tools:n1", [stateOf({ messages: [human("find birds", "s0"), ai("birds!", "s1")] })]);
    const tools = [{ tool: { name: "where" }, execute: async () => "here" }];
    const { at } = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", threadId: thread, fetchStateHistory: true, filterSubagentMessages: true, tools }, { read: (s) => [s.messages, s.subagents, s.interrupts] });
    await until(() => at()?.getSubagent("c1")?.messages.length === 2);
    assert.deepEqual([at().getSubagent("c1").status, at().getSubagent("c1").result], ["complete", "birds"]);
    await until(() => fake.bodies.length === 1);
    assert.deepEqual(fake.bodies[0].command.resume, { i1: { x1: "here" } });
  });
}
