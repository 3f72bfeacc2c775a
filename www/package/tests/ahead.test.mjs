// The thread and its state are asked for while the wasm comes, and once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStream } from "../dist/index.js";
import { stateOf } from "./support/fake-server.mjs";

const THREAD = "http://server/threads/t";
const state = stateOf({ messages: [{ type: "human", id: "h", content: "hi" }] });

/** The wasm comes when the test says so. */
let comes;
const gate = new Promise((resolve) => (comes = resolve));
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  await gate;
  return instantiate.apply(WebAssembly, args);
};

const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** A stream on the thread, and the requests that it sends. `answer` may answer otherwise. */
function opened(t, options = {}, answer = () => undefined) {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({ url: String(url), method: init.method ?? "GET", headers: init.headers });
    const own = await answer(String(url), asked.length, init);
    return own ?? new Response(JSON.stringify(String(url).endsWith("/state") ? state : { thread_id: "t", status: "idle", values: state.values }), { headers: { "content-type": "application/json" } });
  };
  const stream = createStream({ apiUrl: "http://server", assistantId: "chat", storage: "none", threadId: "t", callerOptions: { fetch }, ...options });
  t.after(() => stream.dispose());
  stream.subscribe(() => {});
  const urls = () => asked.map(({ url }) => url).sort();
  const shown = () => until(() => stream.getSnapshot().messages.length === 1 && !stream.getSnapshot().isThreadLoading);
  return { stream, asked, urls, shown };
}

test("the first requests leave before the wasm is there, and are not sent again", async (t) => {
  const plain = opened(t);
  const keyed = opened(t, { apiKey: "k", defaultHeaders: { "X-One": "1" }, headers: async () => ({ authorization: "Bearer b" }) });
  const history = opened(t, { fetchStateHistory: true });
  const renewed = opened(t, { headers: (() => { let calls = 0; return () => ({ authorization: `Bearer ${++calls}` }); })() });
  const broken = opened(t, {}, (_, count) => { if (count <= 2) throw new TypeError("the network is gone"); });
  for (const { urls } of [plain, keyed, renewed, broken]) {
    await until(() => urls().length === 2);
    assert.deepEqual(urls(), [THREAD, `${THREAD}/state`]);
  }
  assert.deepEqual(history.urls(), [], "a history is asked for otherwise");
  assert.equal(plain.stream.getSnapshot().messages.length, 0);
  comes();
  for (const { shown } of [plain, keyed, renewed, broken]) await shown();
  assert.deepEqual(plain.urls(), [THREAD, `${THREAD}/state`]);
  assert.deepEqual(keyed.urls(), [THREAD, `${THREAD}/state`]);
  for (const { headers } of keyed.asked) assert.deepEqual(headers, { "x-api-key": "k", "x-one": "1", authorization: "Bearer b" });
  // What would be sent with other headers is not what was asked for, and what failed is asked for again.
  for (const { urls } of [renewed, broken]) assert.deepEqual(urls(), [THREAD, THREAD, `${THREAD}/state`, `${THREAD}/state`]);
});

/** A fetch whose answers never come, and how many of its requests were aborted. */
function hanging() {
  const aborted = [];
  const answer = (url, _, { signal }) => new Promise((_, reject) => signal?.addEventListener("abort", () => {
    aborted.push(url);
    reject(signal.reason);
  }));
  return { aborted, answer };
}

test("what was asked of a thread that is left before the engine comes is let go", async (t) => {
  const { aborted, answer } = hanging();
  const left = opened(t, {}, (url, ...more) => (url.startsWith(THREAD) ? answer(url, ...more) : undefined));
  left.stream.switchThread("other");
  await left.shown();
  await until(() => aborted.length === 2);
  assert.deepEqual(aborted.sort(), [THREAD, `${THREAD}/state`]);
});

test("an answer that the engine has taken ends with the engine's request", async (t) => {
  const { aborted, answer } = hanging();
  const { stream, urls } = opened(t, {}, answer);
  await until(() => urls().length === 2);
  // The engine is there, and waits for both.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(aborted, []);
  stream.switchThread("other");
  await until(() => aborted.length === 2);
  assert.deepEqual(aborted.sort(), [THREAD, `${THREAD}/state`]);
});

test("what nobody takes is let go", async (t) => {
  let cancelled = 0;
  const body = () => new ReadableStream({ cancel: () => void cancelled++ });
  const { stream } = opened(t, {}, async () => new Response(body()));
  stream.dispose();
  await until(() => cancelled === 2);
});
