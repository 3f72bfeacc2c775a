// The framework-free store against the real server and the real wasm.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStream, RejoinError } from "../dist/index.js";
import { configured, human, memoryStorage, setFaults, startServer, until } from "./support/server.mjs";

const apiUrl = await startServer();
const quick = configured({ n_tokens: 12, delay_ms: 5 });
const slow = configured({ n_tokens: 400, delay_ms: 10 });
const make = (t, options = {}) => {
  const stream = createStream({ apiUrl, assistantId: "chat", storage: "none", ...options });
  t.after(() => stream.dispose());
  return stream;
};

test("importing and making a stream loads nothing and sends nothing", async (t) => {
  let asked = 0;
  const stream = make(t, { callerOptions: { fetch: (...args) => (asked++, fetch(...args)) } });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(asked, 0);
  assert.deepEqual(stream.getSnapshot().messages, []);
  assert.equal(stream.getSnapshot().isLoading, false);
  assert.equal(stream.getSnapshot(), stream.getSnapshot());
});

test("a submission before the wasm is there is queued, and is loading at once", async (t) => {
  const stream = make(t);
  const done = stream.submit({ messages: [human("one")] }, quick);
  assert.equal(stream.getSnapshot().isLoading, true);
  assert.deepEqual(await done, { outcome: "finished" });
  const { messages, isLoading, error, threadId, connection } = stream.getSnapshot();
  assert.equal(isLoading, false);
  assert.equal(error, undefined);
  assert.equal(connection.state, "finished");
  assert.ok(threadId);
  assert.deepEqual(messages.map((message) => message.type), ["human", "ai"]);
});

test("two submissions run one after the other", async (t) => {
  const stream = make(t);
  const order = [];
  const first = stream.submit({ messages: [human("one")] }, quick).then(() => order.push(1));
  const second = stream.submit({ messages: [human("two")] }, quick).then(() => order.push(2));
  await Promise.all([first, second]);
  assert.deepEqual(order, [1, 2]);
  assert.deepEqual(stream.getSnapshot().messages.map((message) => message.type), ["human", "ai", "human", "ai"]);
});

test("what has not changed keeps its identity", async (t) => {
  const stream = make(t);
  await stream.submit({ messages: [human("one", "h1")] }, quick);
  const before = stream.getSnapshot();
  const seen = new Set();
  const unsubscribe = stream.subscribe(() => {
    const { messages } = stream.getSnapshot();
    assert.equal(stream.getSnapshot().messages, messages);
    seen.add(messages[0]).add(messages[1]);
  });
  await stream.submit({ messages: [human("two", "h2")] }, quick);
  unsubscribe();
  const after = stream.getSnapshot();
  assert.notEqual(after, before);
  assert.equal(after.messages.length, 4);
  assert.equal(after.messages[0], before.messages[0]);
  assert.equal(after.messages[1], before.messages[1]);
  assert.equal(seen.size, 2);
  assert.equal(before.messages.length, 2);
});

test("stop while the run is posted is immediate, and the run goes on", async (t) => {
  await setFaults(apiUrl, { match: "stream", fault: { kind: "delay", delay_ms: 3000 } });
  const stream = make(t);
  const done = stream.submit({ messages: [human("one")] }, quick);
  await until(() => stream.getSnapshot().connection.state === "connecting");
  const from = Date.now();
  await stream.stop();
  assert.equal((await done).outcome, "disconnected");
  assert.ok(Date.now() - from < 500);
  assert.equal(stream.getSnapshot().isLoading, false);
  await setFaults(apiUrl);
});

test("stop keeps every message, and rejoin goes on where it was", async (t) => {
  const stream = make(t);
  const done = stream.submit({ messages: [human("one")] }, configured({ n_tokens: 120, delay_ms: 10 }));
  await until(() => String(stream.getSnapshot().messages[1]?.content ?? "").length > 60);
  const shown = stream.getSnapshot().messages[1].content;
  await stream.stop();
  assert.equal((await done).outcome, "disconnected");
  assert.ok(stream.getSnapshot().messages[1].content.startsWith(shown));
  assert.equal(stream.getSnapshot().canRejoin, true);
  let least = shown.length;
  stream.subscribe(() => {
    const now = stream.getSnapshot().messages[1]?.content.length ?? 0;
    assert.ok(now >= least, "text never shrinks");
    least = now;
  });
  const result = await stream.rejoin();
  assert.ok(["finished", "replayed"].includes(result.outcome), result.outcome);
  assert.equal(stream.getSnapshot().messages[1].content.match(/alpha0/g).length, 1);
  assert.match(stream.getSnapshot().messages[1].content, /119/);
});

test("cancel stops the run on the server", async (t) => {
  const stream = make(t);
  const done = stream.submit({ messages: [human("one")] }, slow);
  await until(() => stream.getSnapshot().messages.length === 2);
  const { runId, threadId } = stream.getSnapshot();
  await stream.cancel();
  assert.equal((await done).outcome, "cancelled");
  const run = await stream.client.runs.get(threadId, runId);
  assert.notEqual(run.status, "running");
  assert.equal(stream.getSnapshot().error, undefined);
  assert.deepEqual(stream.getSnapshot().interrupts, []);
});

test("after dispose commands resolve as disposed, and reject where that was asked for", async (t) => {
  const stream = make(t);
  const done = stream.submit({ messages: [human("one")] }, slow);
  await until(() => stream.getSnapshot().messages.length === 2);
  stream.dispose();
  stream.dispose();
  assert.equal((await done).outcome, "disconnected");
  const late = await stream.submit({ messages: [human("two")] });
  assert.equal(late.outcome, "disposed");
  assert.equal(late.error.code, "disposed");
  await assert.rejects(stream.joinStream("x", undefined, { throwOnError: true }), { code: "disposed" });
  stream.switchThread("y");
  await stream.stop();
  assert.equal(stream.getSnapshot().messages.length, 2);
});

test("wrong options throw, naming the option", () => {
  const named = (options, name) =>
    assert.throws(() => createStream(options), (error) => error instanceof RejoinError && error.code === "invalid_option" && error.message.includes(`\`${name}\``));
  named({ apiUrl }, "assistantId");
  named({ assistantId: 3 }, "assistantId");
  named({ assistantId: "chat", apiUrl: 3 }, "apiUrl");
  named({ assistantId: "chat", onError: "no" }, "onError");
  named({ assistantId: "chat", tools: {} }, "tools");
  named({ assistantId: "chat", throttle: "fast" }, "throttle");
  named({ transport: {} }, "transport");
});

test("a server that is no Agent Server is a clear error", async (t) => {
  await setFaults(apiUrl, { match: "stream", fault: { kind: "html" } });
  const errors = [];
  const stream = make(t, { onError: (error) => errors.push(error) });
  const { outcome, error } = await stream.submit({ messages: [human("one")] });
  assert.equal(outcome, "failed");
  assert.equal(error.code, "not_an_event_stream");
  assert.equal(stream.getSnapshot().error.code, "not_an_event_stream");
  assert.equal(errors.length, 1);
  assert.equal(errors[0].code, "not_an_event_stream");
  assert.equal(stream.getSnapshot().isLoading, false);
  await setFaults(apiUrl);
});

test("throwOnError rejects with the error", async (t) => {
  const stream = make(t, { assistantId: "boom" });
  await assert.rejects(stream.submit({ messages: [human("one")] }, { throwOnError: true }), RejoinError);
  assert.ok(stream.getSnapshot().error instanceof RejoinError);
});

test("joinStream without a thread finds the stored run's", async (t) => {
  const storage = memoryStorage();
  const first = make(t, { storage });
  const done = first.submit({ messages: [human("one")] }, configured({ n_tokens: 100, delay_ms: 10 }));
  await until(() => first.getSnapshot().messages.length === 2);
  const { runId, threadId } = first.getSnapshot();
  first.dispose();
  await done;
  const second = make(t, { storage });
  const { outcome } = await second.joinStream(runId);
  assert.ok(["finished", "replayed"].includes(outcome), outcome);
  assert.equal(second.getSnapshot().threadId, threadId);
  assert.match(second.getSnapshot().messages[1].content, /^alpha0.*99/s);
});

test("joining a run that is gone resolves as expired, is a warning, and keeps what the thread holds", async (t) => {
  const first = make(t);
  await first.submit({ messages: [human("one")] }, quick);
  const { threadId } = first.getSnapshot();
  const told = [];
  const second = make(t, { threadId, onWarning: ({ code }) => told.push(code), onError: ({ code }) => told.push(`error: ${code}`) });
  const { outcome, error } = await second.joinStream("01a1fd2e-66b1-71bb-b60f-000000000000");
  assert.equal(outcome, "expired");
  assert.equal(error.code, "run_expired");
  assert.deepEqual(told, ["run_expired"]);
  assert.equal(second.getSnapshot().error, undefined);
  assert.equal(second.getSnapshot().messages.length, 2);
});

test("a thread's messages load when it is entered, and another's when it is switched", async (t) => {
  const first = make(t);
  await first.submit({ messages: [human("one")] }, quick);
  const { threadId } = first.getSnapshot();
  const ids = [];
  const second = make(t, { threadId, onThreadId: (id) => ids.push(id) });
  assert.equal(second.getSnapshot().isThreadLoading, true);
  second.subscribe(() => {});
  await until(() => second.getSnapshot().messages.length === 2);
  assert.equal(second.getSnapshot().isThreadLoading, false);
  second.switchThread(null);
  assert.deepEqual(second.getSnapshot().messages, []);
  assert.equal(second.getSnapshot().threadId, null);
  await until(() => second.getSnapshot().connection.state === "idle");
  second.switchThread(threadId);
  await until(() => second.getSnapshot().messages.length === 2);
  assert.deepEqual(ids, [null, threadId]);
});

test("what cannot be written as JSON is an error of that submission", async (t) => {
  const errors = [];
  const stream = make(t, { onError: (error) => errors.push(error.code) });
  const round = {};
  round.round = round;
  const { outcome, error } = await stream.submit(round);
  assert.deepEqual([outcome, error.code, errors], ["failed", "invalid_input", ["invalid_input"]]);
  assert.equal(stream.getSnapshot().isLoading, false);
  assert.equal((await stream.submit("words")).error.code, "invalid_input");
  assert.equal((await stream.submit({ messages: [human("one")] }, quick)).outcome, "finished");
});

test("a wasm that does not load is an error, and the next command tries again", async (t) => {
  const { makeStore } = await import("../dist/store/create-store.js");
  const { loadEngine } = await import("../dist/wasm/inline-loader.js");
  const { loadError } = await import("../dist/errors.js");
  const failures = [new TypeError("fetch failed"), new WebAssembly.CompileError("blocked by CSP: 'unsafe-eval' is not allowed")];
  const load = async () => {
    const cause = failures.shift();
    if (cause) throw loadError(cause);
    return loadEngine();
  };
  const errors = [];
  const stream = makeStore({ apiUrl, assistantId: "chat", storage: "none", onError: (error) => errors.push(error.code) }, load, { modes: ["values"], untended: false });
  t.after(() => stream.dispose());
  const first = await stream.submit({ messages: [human("one")] });
  assert.deepEqual([first.outcome, first.error.code, stream.getSnapshot().error.code, stream.getSnapshot().isLoading], ["failed", "load_failed", "load_failed", false]);
  assert.equal((await stream.submit({ messages: [human("one")] })).error.code, "wasm_blocked");
  assert.match(stream.getSnapshot().error.message, /wasm-unsafe-eval/);
  assert.equal((await stream.submit({ messages: [human("one")] }, quick)).outcome, "finished");
  assert.equal(stream.getSnapshot().error, undefined);
  assert.deepEqual(errors, ["load_failed", "wasm_blocked"]);
});

test("a listener that throws breaks nothing", async (t) => {
  const thrown = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error.message));
  t.after(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  });
  const stream = make(t, {
    onCreated: () => {
      throw new Error("mine");
    },
  });
  stream.subscribe(() => {
    throw new Error("also mine");
  });
  assert.equal((await stream.submit({ messages: [human("one")] }, quick)).outcome, "finished");
  await until(() => thrown.includes("mine") && thrown.includes("also mine"));
});

test("commands may be given from inside callbacks", async (t) => {
  let second;
  const stream = make(t, {
    onFinish: () => {
      second ??= stream.submit({ messages: [human("two")] }, quick);
    },
    onCreated: () => stream.getSnapshot().messages.length,
  });
  await stream.submit({ messages: [human("one")] }, quick);
  assert.equal((await second).outcome, "finished");
  assert.equal(stream.getSnapshot().messages.length, 4);
});

test("the small client has exactly the methods that its requests have", async (t) => {
  const { requestsOf } = await import("../dist/client-requests.js");
  const names = (client) => Object.fromEntries(Object.entries(client).map(([part, methods]) => [part, Object.keys(methods).filter((name) => !["stream", "joinStream"].includes(name)).toSorted()]));
  // What streams is in neither: the client refuses it.
  assert.deepEqual(names(make(t).client), names(requestsOf(() => "", fetch)));
});
