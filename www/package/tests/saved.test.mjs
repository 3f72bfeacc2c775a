// The option `cache`, as far as it can be told without a browser: what it takes, what is said where there is no IndexedDB, and the logout.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, test } from "node:test";
import { clearRejoinData, createStream } from "../dist/index.js";
import { configured, human, memoryStorage, startServer, until } from "./support/server.mjs";

const apiUrl = await startServer();
const quick = configured({ n_tokens: 3, delay_ms: 1 });

/** A stream on a thread, and what it was told. */
function make(t, options) {
  const told = [];
  const tell = (kind) => (error) => told.push({ kind, code: error.code, message: error.message });
  const stream = createStream({ apiUrl, assistantId: "chat", storage: "none", onError: tell("error"), onWarning: tell("warning"), ...options });
  t.after(() => stream.dispose());
  t.after(stream.subscribe(() => {}));
  return { stream, told };
}

/** Something in the place of a global, until the test is over. */
const placed = [];
function place(name, value) {
  placed.push([name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  Object.defineProperty(globalThis, name, { configurable: true, ...value });
}
afterEach(() => {
  for (const [name, before] of placed.splice(0).reverse()) before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name];
});

for (const cache of [7, "yes", []]) {
  test(`a cache that is ${JSON.stringify(cache)} is refused by its name`, () => {
    assert.throws(() => createStream({ apiUrl, assistantId: "chat", cache }), { code: "invalid_option", message: /`cache`/ });
  });
}

for (const [name, value] of [["threadsMax", -1], ["bytesMax", "many"], ["ttlMs", NaN], ["identity", 7]]) {
  test(`\`cache.${name}\` that is ${value} is the stream's error, and names the option`, async (t) => {
    const { stream } = make(t, { cache: { [name]: value } });
    const { outcome, error } = await stream.submit({ messages: [human("hi")] }, quick);
    assert.equal(outcome, "failed");
    assert.equal(error.code, "invalid_option");
    assert.match(error.message, new RegExp(`\`cache.${name}\``));
  });
}

test("a misspelt field of it is told", async (t) => {
  const { told } = make(t, { cache: { identity: "ann", threadMax: 7 } });
  const { message } = await until(() => told.find(({ code }) => code === "unknown_option"));
  assert.match(message, /`cache.threadMax`.*`cache.threadsMax`/);
});

const FACTORIES = {
  "there is no IndexedDB": { value: undefined },
  "naming it throws": { get() { throw new DOMException("refused", "SecurityError"); } },
  "opening it throws": { value: { open() { throw new DOMException("refused", "SecurityError"); } } },
  "opening it fails": { value: { open() { const asked = { error: new DOMException("private", "InvalidStateError") }; setTimeout(() => asked.onerror({}), 1); return asked; } } },
};
for (const [name, factory] of Object.entries(FACTORIES)) {
  test(`where ${name}, all is as without it but for one warning`, async (t) => {
    place("indexedDB", factory);
    const first = make(t, {});
    await first.stream.submit({ messages: [human("hi")] }, quick);
    const { threadId } = first.stream.getSnapshot();
    const { stream, told } = make(t, { threadId, cache: { identity: "ann" } });
    await until(() => stream.getSnapshot().messages.length === 2, "the thread");
    assert.equal((await stream.submit({ messages: [human("more")] }, quick)).outcome, "finished");
    await until(() => told.length > 0, "the warning");
    assert.deepEqual(told.map(({ kind, code }) => `${kind} ${code}`), ["warning cache_unavailable"]);
  });
}

test("without headers or an identity nothing is saved, and the warning says what to give", async (t) => {
  const opened = [];
  place("indexedDB", { value: { open: (...given) => opened.push(given) } });
  const { told } = make(t, { threadId: randomUUID(), cache: true });
  const { message } = await until(() => told.find(({ code }) => code === "cache_unavailable"));
  assert.match(message, /`identity`.*`headers`/);
  assert.deepEqual(opened, []);
});

/** A page's stores and databases, as far as a logout needs them. */
function page({ remove } = {}) {
  const stores = { localStorage: {}, sessionStorage: {} };
  for (const [name, store] of Object.entries(stores)) {
    const methods = { getItem: (key) => store[key] ?? null, setItem: (key, text) => (store[key] = text), removeItem: (key) => delete store[key] };
    for (const [called, value] of Object.entries(methods)) Object.defineProperty(store, called, { value });
    place(name, { value: store });
  }
  const deleted = [];
  const deleteDatabase = (name) => {
    deleted.push(name);
    const request = {};
    setTimeout(() => (remove ?? (({ onsuccess }) => onsuccess()))(request), 1);
    return request;
  };
  place("document", { value: {} });
  place("indexedDB", { value: { deleteDatabase } });
  return { ...stores, deleted };
}

test("a logout removes what is ours, and nothing else", async () => {
  const { localStorage, sessionStorage, deleted } = page();
  Object.assign(localStorage, { "rejoin:1:a": "1", "rejoin:1:run|b": "2", "rejoin-like": "3", other: "4" });
  Object.assign(sessionStorage, { "rejoin:1:c": "5", other: "6" });
  await clearRejoinData();
  const { "rejoin-logout": mark } = localStorage;
  assert.match(mark, /^[0-9-]+$/);
  assert.deepEqual({ ...localStorage }, { "rejoin-like": "3", other: "4", "rejoin-logout": mark });
  assert.deepEqual({ ...sessionStorage }, { other: "6", "rejoin-logout": mark });
  assert.deepEqual(deleted, ["rejoin"]);
});

test("a stream that is still there after a logout stores nothing more, and the next one does", async (t) => {
  const { stream } = make(t, { storage: memoryStorage() });
  const kept = memoryStorage();
  const { stream: first } = make(t, { storage: kept });
  void stream;
  const run = first.submit({ messages: [human("hi")] }, configured({ n_tokens: 30, delay_ms: 20 }));
  await until(() => kept.items.size > 0, "a record");
  page();
  await clearRejoinData();
  kept.items.clear();
  await run;
  assert.equal(kept.items.size, 0);
  const next = memoryStorage();
  const { stream: second } = make(t, { storage: next });
  void second.submit({ messages: [human("hi")] }, configured({ n_tokens: 100, delay_ms: 20 }));
  await until(() => next.items.size > 0, "a record of the next one");
});

test("a database that is not removed is told, and the rest is removed all the same", async () => {
  const { localStorage } = page({ remove: (request) => { request.error = new DOMException("busy", "UnknownError"); request.onerror(); } });
  localStorage["rejoin:1:a"] = "1";
  await assert.rejects(clearRejoinData(), { code: "clear_failed", detail: "busy" });
  assert.deepEqual(Object.keys(localStorage), ["rejoin-logout"]);
});

test("where storage is refused there is nothing to remove", async () => {
  const refused = { get() { throw new DOMException("refused", "SecurityError"); } };
  page();
  for (const name of ["localStorage", "sessionStorage", "indexedDB"]) place(name, refused);
  await clearRejoinData();
});

test("outside of a page there is nothing to remove either", () => clearRejoinData());
