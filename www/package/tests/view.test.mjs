// Views against the real server and the real wasm.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createStream, createView } from "../dist/index.js";
import { gate, startFake, stateOf } from "./support/fake-server.mjs";
import { configured, human, startServer, until } from "./support/server.mjs";
import { appended, ended, publish, refusal, said, seed, span, started, watchedFetch } from "./support/session.mjs";

const apiUrl = await startServer();
const retry = { backoffBase: 10, backoffMax: 40 };

/** A stream on a session, and a view of it that is listened to. */
function open(t, threadId, { limit = 50, ...options } = {}) {
  const net = watchedFetch();
  const stream = createStream({ apiUrl, assistantId: "chat", storage: "none", threadId, loadState: false, retry, callerOptions: { fetch: net.fetch }, ...options });
  t.after(() => stream.dispose());
  const view = createView(stream, { limit });
  const seen = [];
  view.subscribe(() => seen.push(view.getSnapshot()));
  return { stream, view, net, seen };
}
const ids = (view) => view.getSnapshot().nodes.map(({ id }) => id);
const textOf = (view, id) => view.getSnapshot().nodes.find((node) => node.id === id)?.message.content;
const live = (view) => until(() => view.getSnapshot().connection.state === "live", `live, not ${JSON.stringify(view.getSnapshot())}`);

test("a view shows the newest page, and each older message exactly once while new ones come", async (t) => {
  const thread = randomUUID();
  await seed(apiUrl, thread, 1, 230);
  const { view, net } = open(t, thread);
  await live(view);
  assert.deepEqual(ids(view), span(181, 230));
  assert.equal(view.getSnapshot().hasOlder, true);
  assert.equal(net.count(/messages/), 0);
  const added = [];
  for (let at = 231; view.getSnapshot().hasOlder; at++) {
    const more = view.loadOlder();
    await seed(apiUrl, thread, at, at);
    added.push(await more);
  }
  assert.deepEqual(added, [50, 50, 50, 30]);
  assert.equal(net.count(/messages/), 4);
  await until(() => ids(view).length === 234);
  assert.deepEqual(ids(view), span(1, 234));
  assert.equal(await view.loadOlder(), 0);
});

test("a message grows as it is published, ends as its producer says, and goes when it is removed", async (t) => {
  const thread = randomUUID();
  const { view, seen } = open(t, thread);
  await live(view);
  assert.deepEqual(view.getSnapshot().nodes, []);
  assert.equal(view.getSnapshot().loading, false);
  await publish(apiUrl, thread, started("a", "", { run_id: "r1" }));
  for (let at = 0; at < 20; at++) await publish(apiUrl, thread, appended("a", at, `word${at} `));
  await until(() => /word19/.test(textOf(view, "a")));
  const { status, runId } = view.getSnapshot().nodes[0];
  assert.deepEqual([status, runId], ["streaming", "r1"]);
  const lengths = seen.map(({ nodes }) => nodes[0]?.message.content.length ?? 0);
  assert.deepEqual(lengths, lengths.toSorted((a, b) => a - b), "text never shrinks");
  await publish(apiUrl, thread, ended("a", "aborted", { reason: "agent_failed" }), ...said("b", "more"), started("c"), ended("c", "cancelled"));
  await until(() => ids(view).length === 3 && view.getSnapshot().nodes[2].status === "cancelled");
  assert.deepEqual(view.getSnapshot().nodes.map(({ status: how, reason }) => [how, reason]), [["aborted", "agent_failed"], ["complete", undefined], ["cancelled", undefined]]);
  await publish(apiUrl, thread, { type: "updated", at: 5, message: { type: "ai", id: "b", content: "else" } }, { type: "removed", id: "c" });
  await until(() => ids(view).length === 2);
  assert.equal(textOf(view, "b"), "else");
});

test("a view opened while a message streams shows the text so far at once, and goes on", async (t) => {
  const thread = randomUUID();
  await publish(apiUrl, thread, ...said("q", "question"), started("a"), appended("a", 0, "so "), appended("a", 1, "far"));
  const { view, seen } = open(t, thread);
  await until(() => view.getSnapshot().nodes.length === 2);
  assert.equal(seen.find(({ nodes }) => nodes.length > 0).nodes[1].message.content, "so far");
  await publish(apiUrl, thread, appended("a", 2, ", and on"), ended("a"));
  await until(() => view.getSnapshot().nodes[1].status === "complete");
  assert.equal(textOf(view, "a"), "so far, and on");
});

test("a feed that is cut comes back where it was, by itself", async (t) => {
  const thread = randomUUID();
  const { view, net, seen } = open(t, thread);
  await live(view);
  await publish(apiUrl, thread, started("a"));
  let text = "";
  for (let at = 0; at < 30; at++) {
    const word = `w${at} `;
    text += word;
    if (at % 10 === 5) {
      const back = gate();
      net.answer = () => back;
      net.cut();
      await until(() => view.getSnapshot().connection.state === "reconnecting");
      back.open();
    }
    await publish(apiUrl, thread, appended("a", at, word));
  }
  await publish(apiUrl, thread, ended("a"));
  await until(() => view.getSnapshot().nodes[0]?.status === "complete");
  assert.equal(textOf(view, "a"), text);
  const texts = seen.map(({ nodes }) => nodes[0]?.message.content ?? "");
  texts.forEach((shown) => assert.ok(text.startsWith(shown), shown));
  assert.ok(net.count(/\/sessions\/.*stream/) >= 4, net.asked.join());
  await live(view);
});

test("option loadState: false never reads the thread's state; a view shows the thread page by page", async (t) => {
  const thread = randomUUID();
  await seed(apiUrl, thread, 1, 30);
  const { view, stream, net } = open(t, thread, { limit: 10 });
  await live(view);
  assert.deepEqual(ids(view), span(21, 30));
  assert.deepEqual(stream.getSnapshot().messages, []);
  await until(() => !stream.getSnapshot().isThreadLoading);
  assert.deepEqual(net.asked.filter((line) => /state|history|messages/.test(line)), []);
});

test("an older page that is refused is the error, and the next call tries again", async (t) => {
  const thread = randomUUID();
  await seed(apiUrl, thread, 1, 30);
  const errors = [];
  const { view, net } = open(t, thread, { limit: 10, onError: (error) => errors.push(error) });
  await live(view);
  net.answer = (path) => path.endsWith("/messages") && refusal(422, "invalid_request");
  assert.equal(await view.loadOlder(), 0);
  const { error, hasOlder } = view.getSnapshot();
  assert.equal(hasOlder, true);
  assert.equal(error.status, 422, String(error));
  await assert.rejects(view.loadOlder({ throwOnError: true }), { status: 422 });
  assert.deepEqual(errors, []);
  net.answer = undefined;
  assert.equal(await view.loadOlder(), 10);
  assert.equal(view.getSnapshot().error, undefined);
  assert.deepEqual(ids(view), span(11, 30));
});

test("a feed that is forbidden is the error, and is not tried again", async (t) => {
  const { view, net } = open(t, randomUUID(), {});
  net.answer = (path) => path.includes("/sessions/") && refusal(403, "capability_missing");
  await until(() => view.getSnapshot().error);
  const { error, connection, loading } = view.getSnapshot();
  assert.deepEqual([error.code, error.status, connection.state, loading], ["forbidden", 403, "failed", false]);
  const asked = net.count(/\/sessions\//);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(net.count(/\/sessions\//), asked);
});

test("views with other limits share one feed and its pages", async (t) => {
  const thread = randomUUID();
  await seed(apiUrl, thread, 1, 60);
  const { view: small, stream, net } = open(t, thread, { limit: 5 });
  await live(small);
  const large = createView(stream, { limit: 20 });
  const end = large.subscribe(() => {});
  await until(() => ids(large).length === 20);
  assert.deepEqual(ids(large), span(41, 60));
  assert.deepEqual(ids(small), span(56, 60));
  assert.equal(await small.loadOlder(), 5);
  assert.equal(await large.loadOlder(), 20);
  assert.deepEqual(ids(large), span(21, 60));
  assert.deepEqual(ids(small), span(51, 60));
  assert.equal(small.getSnapshot().nodes.at(-1), large.getSnapshot().nodes.at(-1));
  assert.equal(net.count(/\/sessions\/.*stream/), 1);
  end();
  await seed(apiUrl, thread, 61, 61);
  await until(() => ids(small).length === 11);
});

test("a view follows its stream to another thread, and to a new one", async (t) => {
  const [one, two] = [randomUUID(), randomUUID()];
  await seed(apiUrl, one, 1, 3);
  await publish(apiUrl, two, ...said("other", "thread"));
  const { view, stream } = open(t, one);
  await until(() => ids(view).length === 3);
  stream.switchThread(two);
  assert.deepEqual(ids(view), []);
  await until(() => ids(view).length === 1);
  assert.deepEqual(ids(view), ["other"]);
  stream.switchThread(null);
  assert.deepEqual(ids(view), []);
  assert.equal(view.getSnapshot().loading, false);
  assert.equal(await view.loadOlder(), 0);
  stream.switchThread(one);
  await until(() => ids(view).length === 3);
});

test("the last listener's end closes the feed, and dispose of the stream too", async (t) => {
  const thread = randomUUID();
  const { view, stream, net } = open(t, thread);
  await live(view);
  const other = createView(stream);
  const end = other.subscribe(() => {});
  view.dispose();
  await publish(apiUrl, thread, ...said("a", "text"));
  await until(() => other.getSnapshot().nodes.length === 1);
  assert.deepEqual(view.getSnapshot().nodes, []);
  end();
  await until(() => net.cuts.size === 0, "the feed's end");
  const again = createView(stream);
  again.subscribe(() => {});
  await until(() => again.getSnapshot().nodes.length === 1);
  stream.dispose();
  await until(() => net.cuts.size === 0, "the feed's end");
  assert.equal(await again.loadOlder(), 0);
});

test("on a server without sessions a view is a window over the thread's messages", async (t) => {
  const server = await startFake(function* () {});
  const messages = span(1, 25).map((id, at) => ({ type: at % 2 ? "ai" : "human", id, content: `text of ${id}` }));
  server.hold("t1", stateOf({ messages }));
  for (const loadState of [true, false]) {
    const { view } = open(t, "t1", { apiUrl: server.url, limit: 10, loadState });
    await until(() => ids(view).length === 10, `10 nodes with loadState ${loadState}`);
    assert.deepEqual(ids(view), span(16, 25));
    const [first] = view.getSnapshot().nodes;
    assert.deepEqual([first.status, first.message.content], ["complete", "text of m16"]);
    assert.equal(await view.loadOlder(), 10);
    assert.equal(await view.loadOlder(), 5);
    assert.deepEqual(ids(view), span(1, 25));
    assert.deepEqual([view.getSnapshot().hasOlder, view.getSnapshot().error], [false, undefined]);
  }
});

test("a run of the thread is in its session, whoever started it", async (t) => {
  const { view, stream } = open(t, null);
  const watching = createStream({ apiUrl, assistantId: "chat", storage: "none" });
  t.after(() => watching.dispose());
  const done = stream.submit({ messages: [human("hello", "h1")] }, configured({ n_tokens: 12, delay_ms: 5 }));
  await until(() => view.getSnapshot().nodes[0]?.id === "h1", "the question at once");
  await done;
  await until(() => view.getSnapshot().nodes.length === 2 && view.getSnapshot().nodes.every(({ status, pending }) => status === "complete" && !pending));
  assert.match(view.getSnapshot().nodes[1].message.content, /alpha0.*11/s);
  watching.switchThread(stream.getSnapshot().threadId);
  const other = createView(watching);
  other.subscribe(() => {});
  await until(() => other.getSnapshot().nodes.length === 2);
  assert.deepEqual(other.getSnapshot().nodes.map(({ message }) => message), view.getSnapshot().nodes.map(({ message }) => message));
});
