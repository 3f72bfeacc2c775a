// The second module: who needs it gets it, who does not never loads it, and what is asked meanwhile waits in its order.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createView } from "../dist/index.js";
import { makeStore } from "../dist/store/create-store.js";
import { loader } from "../dist/wasm/load.js";
import { configured, human, startServer, until } from "./support/server.mjs";
import { seed, span } from "./support/session.mjs";

const apiUrl = await startServer();
const quick = configured({ n_tokens: 6, delay_ms: 1 });
const file = (name) => readFile(new URL(`../dist/${name}`, import.meta.url));
const own = () => file("rejoin_extras_bg.wasm");

/** How the second module comes, and how often it was asked for. Once it is there it stays, for all that follows. */
const second = { give: own, asked: 0 };
const load = loader(
  () => file("rejoin_bg.wasm"),
  () => (second.asked++, second.give()),
);
const refused = () => Promise.reject(new TypeError("Failed to fetch"));

function make(t, options = {}) {
  const told = [];
  const tell = (kind) => (error) => told.push(`${kind} ${error.code}`);
  const given = { apiUrl, assistantId: "chat", storage: "none", onError: tell("error"), onWarning: tell("warning"), ...options };
  const stream = makeStore(given, load, { modes: ["values", "messages-tuple"], untended: false });
  t.after(() => stream.dispose());
  return { stream, told };
}
const types = (stream) => stream.getSnapshot().messages.map(({ type }) => type);
const texts = (stream) => stream.getSnapshot().messages.filter(({ type }) => type === "human").map(({ content }) => content);

test("a page that only streams never asks for the second module", async (t) => {
  const { stream } = make(t);
  t.after(stream.subscribe(() => {}));
  await stream.submit({ messages: [human("one", "h1")] }, { ...quick, optimisticValues: { messages: [human("one", "h1")] } });
  const thread = stream.getSnapshot().threadId;
  const { stream: again } = make(t, { threadId: thread });
  t.after(again.subscribe(() => {}));
  await until(() => types(again).length === 2, "the thread");
  assert.equal(stream.getSnapshot().getMessagesMetadata(again.getSnapshot().messages[1]).firstSeenState.next.length, 0);
  await stream.stop();
  assert.equal(second.asked, 0);
});

test("where it does not come, what needs it fails and nothing else", async (t) => {
  second.give = refused;
  const { stream, told } = make(t);
  await stream.submit({ messages: [human("one", "h1")] }, quick);
  const edited = stream.edit("h1", "other", quick);
  const after = stream.submit({ messages: [human("two")] }, quick);
  const { outcome, error } = await edited;
  assert.deepEqual([outcome, error.code], ["failed", "load_failed"]);
  assert.equal((await after).outcome, "finished");
  assert.deepEqual(texts(stream), ["one", "two"]);
  assert.deepEqual(told, ["error load_failed"]);
  await assert.rejects(stream.regenerate(stream.getSnapshot().messages[1].id, { throwOnError: true }), { code: "load_failed" });
});

test("an option that cannot do without it is the stream's error, until it comes", async (t) => {
  second.give = refused;
  const { stream, told } = make(t, { fetchStateHistory: true });
  assert.equal((await stream.submit({ messages: [human("one")] }, quick)).error.code, "load_failed");
  assert.equal(stream.getSnapshot().error.code, "load_failed");
  assert.deepEqual(told, ["error load_failed"]);
});

test("stopped before it came, an edit was never sent", async (t) => {
  const { stream } = make(t);
  await stream.submit({ messages: [human("one", "h1")] }, quick);
  let give;
  second.give = () => new Promise((resolve) => (give = resolve));
  const edited = stream.edit("h1", "other", quick);
  await until(() => give, "it is asked for");
  await stream.stop();
  assert.equal((await edited).outcome, "disconnected");
  // It is asked for again after a second, which a slow machine may need for what follows: a load that never ends would be the next test's too.
  second.give = refused;
  give(Promise.reject(new TypeError("Failed to fetch")));
  assert.equal((await stream.submit({ messages: [human("two")] }, quick)).outcome, "finished");
  assert.deepEqual(texts(stream), ["one", "two"]);
});

test("one of another build is refused, and harms nothing", async (t) => {
  const bytes = await own();
  const { name } = await import("../dist/wasm/rejoin.js");
  const at = bytes.indexOf(name);
  assert.ok(at > 0, "it names the first module that it belongs to");
  for (let found = at; found >= 0; found = bytes.indexOf(name, found + 1)) bytes.write("another!", found);
  second.give = async () => bytes;
  const { stream } = make(t);
  await stream.submit({ messages: [human("one", "h1")] }, quick);
  const { error } = await stream.edit("h1", "other", quick);
  assert.deepEqual([error.code, stream.getSnapshot().error], ["load_failed", error]);
  assert.equal((await stream.submit({ messages: [human("two")] }, quick)).outcome, "finished");
});

/** A page's `document`, as far as the store asks for one. */
function asPage(t) {
  globalThis.document = { visibilityState: "visible", addEventListener() {}, removeEventListener() {} };
  t.after(() => delete globalThis.document);
}

test("tabs share connections with it; without it each has its own, with one warning", async (t) => {
  const before = second.asked;
  const { stream: alone } = make(t, { shareConnections: true });
  await alone.submit({ messages: [human("one")] }, quick);
  assert.equal(second.asked, before, "there are no tabs outside of a page");
  asPage(t);
  let late;
  for (const give of [refused, () => new Promise((resolve) => (late = resolve))]) {
    second.give = give;
    const { stream, told } = make(t, { shareConnections: "ann" });
    assert.equal((await stream.submit({ messages: [human("one")] }, quick)).outcome, "finished");
    assert.equal((await stream.submit({ messages: [human("two")] }, quick)).outcome, "finished");
    assert.deepEqual(texts(stream), ["one", "two"]);
    if (give === refused) {
      const asked = second.asked;
      await until(() => second.asked > asked, "it is asked for again");
      await until(() => told.length > 0, "the warning");
    }
    assert.deepEqual([told, stream.getSnapshot().error], [give === refused ? ["warning load_failed"] : [], undefined]);
    stream.dispose();
  }
  late(Promise.reject(new TypeError("Failed to fetch")));
});

test("a view says that it did not come, and shows the session by itself when it does", async (t) => {
  const thread = randomUUID();
  await seed(apiUrl, thread, 1, 30);
  second.give = refused;
  const { stream, told } = make(t, { threadId: thread, loadState: false });
  const view = createView(stream, { limit: 10 });
  t.after(view.subscribe(() => {}));
  await until(() => view.getSnapshot().error?.code === "load_failed", "what is wrong");
  assert.deepEqual([told[0], view.getSnapshot().loading, stream.getSnapshot().error], ["warning load_failed", false, undefined]);
  second.give = own;
  await until(() => view.getSnapshot().nodes.length === 10, "the session");
  assert.deepEqual(view.getSnapshot().nodes.map(({ id }) => id), span(21, 30));
  assert.equal(view.getSnapshot().error, undefined);
});

// From here on it is there.

test("what can be edited is known to whoever asks, and an edit keeps its place before what follows", async (t) => {
  const before = second.asked;
  const { stream, told } = make(t);
  await stream.submit({ messages: [human("one", "h1")] }, quick);
  assert.equal(stream.canEdit("h1"), false);
  await until(() => stream.canEdit("h1"), "it can be edited");
  assert.equal(stream.canRegenerate(stream.getSnapshot().messages[1].id), true);
  const order = [];
  const edited = stream.edit("h1", "other", quick).then(({ outcome }) => order.push(`edit ${outcome}`));
  const sent = stream.submit({ messages: [human("two")] }, quick).then(({ outcome }) => order.push(`submit ${outcome}`));
  await Promise.all([edited, sent]);
  // What is said later overtakes an edit that is still looked up.
  assert.deepEqual([order, told], [["edit superseded", "submit finished"], []]);
  assert.equal(second.asked, before);
});
