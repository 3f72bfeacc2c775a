// Windows over one feed, on an engine that does what a test tells it to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeStore } from "../dist/store/create-store.js";
import { createView, RejoinError } from "../dist/index.js";
import { until } from "./support/server.mjs";

const DONE = undefined;
const microtasks = () => new Promise((resolve) => setTimeout(resolve));

/** A session of `count` messages behind a fake engine, and a stream on it. */
function open(t, count, { threadId = "t", reads = true } = {}) {
  const fake = { calls: [], held: [], waiting: [], next: 1, generation: 0, limit: 0, host: undefined, log: [] };
  const add = (more) => {
    const position = fake.next++;
    const node = { id: `m${position}`, text: `text ${position}`, status: "complete", position, ...more };
    fake.log.push(node);
    return node;
  };
  for (let at = 0; at < count; at++) add();
  const facts = ({ position, status, reason, run_id }) => JSON.stringify({ position, status, reason, run_id });
  const say = (node) => fake.host.message("session", node.id, JSON.stringify({ type: "ai", id: node.id, content: node.text }), facts(node));
  const order = () => fake.host.order("session", fake.held.map(({ id }) => id));
  fake.feed = (more = {}) =>
    fake.host.feed(JSON.stringify({ connection: { state: "live" }, hasOlder: fake.held[0] !== fake.log[0] && fake.log.length > 0, ready: true, generation: fake.generation, error: null, ...more }));
  fake.commit = () => fake.host.commit(0);
  /** The newest page, as a snapshot brings it. */
  fake.snapshot = () => {
    fake.generation++;
    fake.held = fake.log.slice(-fake.limit);
    order();
    fake.held.forEach(say);
    fake.feed();
    fake.commit();
  };
  fake.live = (more) => {
    const node = add(more);
    fake.held.push(node);
    order();
    say(node);
    fake.commit();
    return node;
  };
  fake.grow = (node, text) => {
    node.text += text;
    fake.host.append("session", node.id, text);
    fake.commit();
  };
  fake.end = (node, more) => {
    say(Object.assign(node, more));
    fake.commit();
  };
  fake.remove = (node) => {
    for (const list of [fake.log, fake.held]) if (list.includes(node)) list.splice(list.indexOf(node), 1);
    order();
    fake.feed();
    fake.commit();
  };
  /** Answers the request for older messages. */
  fake.answer = (error = DONE) => {
    const command = fake.waiting.shift();
    if (!error) {
      const from = fake.log.indexOf(fake.held[0]);
      const page = fake.log.slice(Math.max(0, from - fake.limit), from);
      fake.held.unshift(...page);
      order();
      page.forEach(say);
      fake.feed();
      fake.commit();
    }
    fake.host.concluded(command, error ? "failed" : "finished", error && JSON.stringify(error));
  };
  class Engine {
    extend() {}
    constructor(options, host) {
      fake.host = host;
      fake.options = options;
    }
    send(request, json, command) {
      const { limit, thread_id } = JSON.parse(json);
      if (request === "view" && limit > 0) {
        fake.calls.push(`open ${limit}`);
        const first = fake.limit === 0;
        fake.limit = limit;
        if (first && reads) queueMicrotask(() => fake.limit > 0 && fake.snapshot());
      } else if (request === "view") {
        fake.calls.push("close");
        fake.limit = 0;
        fake.held = [];
        order();
      } else if (request === "older") {
        fake.calls.push("older");
        fake.waiting.push(command);
      } else if (request === "thread") fake.calls.push(`switch ${thread_id}`);
    }
    dispose() {
      for (const command of fake.waiting.splice(0)) fake.host.concluded(command, "disconnected", undefined);
    }
    free() {}
  }
  const told = [];
  const stream = makeStore({ apiUrl: "http://fake", assistantId: "a", storage: "none", threadId, onError: (error) => told.push(error) }, Object.assign(async () => Engine, { extras: async () => {} }), { modes: [], untended: false });
  t.after(() => stream.dispose());
  return { fake, stream, told };
}

/** A view that is listened to and has its first page. */
async function shown(t, stream, limit) {
  const view = createView(stream, { limit });
  t.after(view.subscribe(() => {}));
  await until(() => !view.getSnapshot().loading, "the first page");
  return view;
}
const ids = (view) => view.getSnapshot().nodes.map(({ id }) => id);
const span = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => `m${from + at}`);

test("a view asks for nothing before it is listened to, and its feed closes with its last listener", async (t) => {
  const { fake, stream } = open(t, 3);
  const view = createView(stream, { limit: 2 });
  await microtasks();
  assert.deepEqual(fake.calls, []);
  const ends = [view.subscribe(() => {}), view.subscribe(() => {})];
  await until(() => view.getSnapshot().nodes.length === 2);
  ends[0]();
  await microtasks();
  assert.deepEqual(fake.calls, ["open 2", "switch t"]);
  // As StrictMode does: nobody listens for a moment.
  ends[1]();
  const again = view.subscribe(() => {});
  await microtasks();
  assert.deepEqual(fake.calls, ["open 2", "switch t"]);
  again();
  again();
  await microtasks();
  assert.deepEqual(fake.calls, ["open 2", "switch t", "close"]);
});

test("nodes are what the session says of its messages, parsed when they are read", async (t) => {
  const { fake, stream } = open(t, 0);
  const view = await shown(t, stream, 5);
  assert.deepEqual(view.getSnapshot().nodes, []);
  assert.equal(view.getSnapshot().hasOlder, false);
  fake.live({ run_id: "r1" });
  fake.live({ status: "streaming" });
  fake.live({ status: "aborted", reason: "lease_expired" });
  const plain = view.getSnapshot().nodes.map((node) => ({ ...node }));
  assert.deepEqual(plain, [
    { id: "m1", message: { type: "ai", id: "m1", content: "text 1" }, status: "complete", runId: "r1", position: 1 },
    { id: "m2", message: { type: "ai", id: "m2", content: "text 2" }, status: "streaming", position: 2 },
    { id: "m3", message: { type: "ai", id: "m3", content: "text 3" }, status: "aborted", reason: "lease_expired", position: 3 },
  ]);
  fake.host.order("session", ["m1", "m2", "m3", "mine"]);
  fake.host.message("session", "mine", JSON.stringify({ type: "human", id: "mine", content: "x" }), JSON.stringify({ status: "complete" }));
  fake.commit();
  const { pending, position } = view.getSnapshot().nodes[3];
  assert.deepEqual([pending, position], [true, Infinity]);
});

test("a message that was only submitted does not hide those that the session has by then", async (t) => {
  const { fake, stream } = open(t, 0);
  const view = createView(stream, { limit: 2 });
  t.after(view.subscribe(() => {}));
  await until(() => fake.host);
  fake.host.order("session", ["mine"]);
  fake.host.message("session", "mine", JSON.stringify({ type: "human", id: "mine", content: "x" }), JSON.stringify({ status: "complete" }));
  fake.feed({ generation: 1 });
  fake.commit();
  assert.deepEqual(ids(view), ["mine"]);
  fake.held = ["mine", "answer"].map((id, at) => ({ id, text: "", status: "complete", position: at + 1 }));
  fake.log = fake.held.slice();
  fake.host.order("session", ["mine", "answer"]);
  for (const node of fake.held) fake.end(node, {});
  assert.deepEqual(ids(view), ["mine", "answer"]);
});

test("an unchanged node keeps its identity, and so does the list while nothing in it changes", async (t) => {
  const { fake, stream } = open(t, 4);
  const view = await shown(t, stream, 3);
  const node = fake.live({ status: "streaming" });
  const before = view.getSnapshot();
  assert.equal(view.getSnapshot(), before);
  fake.commit();
  assert.equal(view.getSnapshot(), before);
  const { message } = before.nodes.at(-1);
  fake.grow(node, " and more");
  const after = view.getSnapshot();
  assert.notEqual(after.nodes, before.nodes);
  assert.deepEqual(after.nodes.slice(0, -1).map((one, at) => one === before.nodes[at]), [true, true, true]);
  assert.notEqual(after.nodes.at(-1), before.nodes.at(-1));
  assert.equal(after.nodes.at(-1).message.content, "text 5 and more");
  assert.equal(message.content, "text 5");
  fake.end(node, { status: "complete" });
  assert.equal(view.getSnapshot().nodes.at(-1).status, "complete");
  const held = view.getSnapshot().nodes;
  fake.feed({ connection: { state: "reconnecting", attempt: 1 } });
  fake.commit();
  assert.equal(view.getSnapshot().nodes, held);
  assert.deepEqual(view.getSnapshot().connection, { state: "reconnecting", attempt: 1 });
});

test("loadOlder shows exactly as many more as the limit says, until there are none", async (t) => {
  const { fake, stream } = open(t, 12);
  const view = await shown(t, stream, 5);
  assert.deepEqual(ids(view), span(8, 12));
  assert.equal(view.getSnapshot().hasOlder, true);
  const first = view.loadOlder();
  assert.equal(view.getSnapshot().loading, true);
  await until(() => fake.waiting.length === 1);
  fake.live();
  fake.answer();
  assert.equal(await first, 5);
  assert.equal(view.getSnapshot().loading, false);
  assert.deepEqual(ids(view), span(3, 13));
  const second = view.loadOlder();
  await until(() => fake.waiting.length === 1);
  fake.answer();
  assert.equal(await second, 2);
  assert.deepEqual(ids(view), span(1, 13));
  assert.equal(view.getSnapshot().hasOlder, false);
  assert.equal(await view.loadOlder(), 0);
  assert.equal(fake.calls.filter((call) => call === "older").length, 2);
});

test("concurrent calls of loadOlder get one promise and send one request", async (t) => {
  const { fake, stream } = open(t, 9);
  const view = await shown(t, stream, 3);
  const calls = [view.loadOlder(), view.loadOlder(), view.getSnapshot().loadOlder()];
  assert.equal(calls[0], calls[1]);
  assert.equal(calls[0], calls[2]);
  await until(() => fake.waiting.length === 1);
  fake.answer();
  assert.deepEqual(await Promise.all(calls), [3, 3, 3]);
  assert.notEqual(view.loadOlder(), calls[0]);
  assert.deepEqual(ids(view), span(4, 9));
});

test("loadOlder before the first page waits for it", async (t) => {
  const { fake, stream } = open(t, 9);
  const view = createView(stream, { limit: 3 });
  t.after(() => view.dispose());
  const more = view.loadOlder();
  await until(() => fake.waiting.length === 1);
  fake.answer();
  assert.equal(await more, 3);
  assert.deepEqual(ids(view), span(4, 9));
});

test("loadOlder that waits for a first page which will not come resolves to nothing", async (t) => {
  const ends = [(view) => view.dispose(), (view, stream) => stream.dispose(), (view, stream, end) => end()];
  for (const [at, end] of ends.entries()) {
    const { fake, stream } = open(t, 9, { reads: false });
    const view = createView(stream);
    const unsubscribe = view.subscribe(() => {});
    await until(() => fake.host);
    const more = view.loadOlder();
    end(view, stream, unsubscribe);
    assert.equal(await more, 0, `way ${at}`);
    assert.deepEqual(fake.calls.filter((call) => call === "older"), []);
  }
});

test("a page that cannot be read is the error, nothing else changes, and the next call tries again", async (t) => {
  const { fake, stream, told } = open(t, 9);
  const view = await shown(t, stream, 3);
  const failing = view.loadOlder();
  const throwing = view.loadOlder({ throwOnError: true });
  await until(() => fake.waiting.length === 1);
  fake.answer({ code: "server_error", message: "no", status: 503 });
  assert.equal(await failing, 0);
  await assert.rejects(throwing, (error) => error instanceof RejoinError && error.code === "server_error");
  const { error, hasOlder, loading } = view.getSnapshot();
  assert.deepEqual([error.code, error.status, hasOlder, loading], ["server_error", 503, true, false]);
  assert.deepEqual(ids(view), span(7, 9));
  assert.deepEqual(told, [], "onError is for runs");
  const again = view.loadOlder();
  assert.equal(view.getSnapshot().error, undefined);
  await until(() => fake.waiting.length === 1);
  fake.answer();
  assert.equal(await again, 3);
});

test("views of one stream are windows over one feed, each with its own limit", async (t) => {
  const { fake, stream } = open(t, 40);
  const small = await shown(t, stream, 4);
  const large = createView(stream, { limit: 10 });
  t.after(large.subscribe(() => {}));
  // The feed holds the small one's page: the rest comes before anybody scrolls.
  await until(() => fake.waiting.length === 1);
  assert.deepEqual(fake.calls, ["open 4", "switch t", "open 10", "older"]);
  assert.equal(large.getSnapshot().loading, true);
  fake.answer();
  await until(() => large.getSnapshot().nodes.length === 10);
  assert.deepEqual(ids(large), span(31, 40));
  assert.deepEqual(ids(small), span(37, 40));
  // What the feed holds already costs no request.
  assert.equal(await small.loadOlder(), 4);
  assert.deepEqual(ids(small), span(33, 40));
  assert.equal(fake.calls.filter((call) => call === "older").length, 1);
  fake.live();
  assert.deepEqual([ids(small).at(-1), ids(large).at(-1)], ["m41", "m41"]);
  assert.equal(small.getSnapshot().nodes.at(-1), large.getSnapshot().nodes.at(-1));
});

test("a message that streams is in the window, however far back it began", async (t) => {
  const { fake, stream } = open(t, 2);
  fake.log[0].status = "streaming";
  const view = createView(stream, { limit: 1 });
  t.after(view.subscribe(() => {}));
  await microtasks();
  fake.held = fake.log.slice();
  fake.generation++;
  fake.snapshot = () => {};
  fake.host.order("session", ["m1", "m2"]);
  for (const node of fake.log) fake.end(node, {});
  fake.feed();
  fake.commit();
  assert.deepEqual(ids(view), ["m1", "m2"]);
});

test("a removed message goes, and the window stays where it began", async (t) => {
  const { fake, stream } = open(t, 9);
  const view = await shown(t, stream, 3);
  fake.remove(fake.held[0]);
  assert.deepEqual(ids(view), span(8, 9));
  fake.live();
  assert.deepEqual(ids(view), span(8, 10));
});

test("a snapshot of another life of the log begins the window anew", async (t) => {
  const { fake, stream } = open(t, 9);
  const view = await shown(t, stream, 3);
  const more = view.loadOlder();
  await until(() => fake.waiting.length === 1);
  fake.answer();
  await more;
  fake.log = [];
  fake.next = 1;
  for (let at = 0; at < 8; at++) fake.log.push({ id: `n${at}`, text: "", status: "complete", position: fake.next++ });
  fake.snapshot();
  assert.deepEqual(ids(view), ["n5", "n6", "n7"]);
  assert.equal(view.getSnapshot().hasOlder, true);
});

test("a switch of threads empties the view at once, and loadOlder resolves to nothing", async (t) => {
  const { fake, stream } = open(t, 9);
  const view = await shown(t, stream, 3);
  const older = view.loadOlder();
  await until(() => fake.waiting.length === 1);
  stream.switchThread("other");
  assert.deepEqual([ids(view), view.getSnapshot().hasOlder, view.getSnapshot().loading], [[], false, true]);
  fake.host.concluded(fake.waiting.shift(), "disconnected", undefined);
  assert.equal(await older, 0);
  assert.equal(view.getSnapshot().error, undefined);
  fake.snapshot();
  assert.deepEqual(ids(view), span(7, 9));
});

test("a feed that is refused says so, and the view is not loading any more", async (t) => {
  const { fake, stream } = open(t, 9, { reads: false });
  const view = createView(stream);
  t.after(view.subscribe(() => {}));
  await until(() => fake.host);
  assert.equal(view.getSnapshot().loading, true);
  const waiting = view.loadOlder({ throwOnError: true });
  fake.feed({ ready: false, connection: { state: "failed" }, error: { code: "forbidden", message: "no", status: 403 } });
  fake.commit();
  const { error } = view.getSnapshot();
  await assert.rejects(waiting, (thrown) => thrown === error);
  const { loading, connection } = view.getSnapshot();
  assert.deepEqual([error.code, loading, connection.state], ["forbidden", false, "failed"]);
  // The engine leaves out what is as it has said it.
  fake.feed({ ready: false, connection: undefined, error: undefined, generation: 2 });
  fake.commit();
  assert.equal(view.getSnapshot().error, error);
  assert.equal(view.getSnapshot().connection, connection);
});

test("dispose ends a view alone, and the stream's ends them all", async (t) => {
  const { fake, stream } = open(t, 9);
  const first = await shown(t, stream, 3);
  const second = await shown(t, stream, 3);
  first.dispose();
  first.dispose();
  assert.equal(await first.loadOlder(), 0);
  await assert.rejects(first.loadOlder({ throwOnError: true }), { code: "disposed" });
  assert.equal(fake.calls.includes("close"), false);
  fake.live();
  assert.deepEqual(ids(second), span(7, 10));
  assert.deepEqual(ids(first), span(7, 9));
  const older = second.loadOlder();
  await until(() => fake.waiting.length === 1);
  stream.dispose();
  assert.equal(await older, 0);
  assert.equal(await second.loadOlder(), 0);
});

test("on a server a view has no messages, and what is wrong with its options is thrown", (t) => {
  const { stream } = open(t, 9);
  const view = createView(stream);
  const { nodes, hasOlder, loading, error, connection } = view.getServerSnapshot();
  assert.deepEqual({ nodes, hasOlder, loading, error, connection }, { nodes: [], hasOlder: false, loading: true, error: undefined, connection: { state: "idle" } });
  assert.equal(view.getServerSnapshot(), view.getServerSnapshot());
  assert.equal(view.getSnapshot(), view.getServerSnapshot());
  assert.equal(createView({ store: stream }).getSnapshot().nodes.length, 0);
  for (const limit of [0, -1, 1.5, 1001, "5", NaN, Infinity]) assert.throws(() => createView(stream, { limit }), { code: "invalid_option", message: /`limit`/ });
  for (const wrong of [undefined, null, {}, 5]) assert.throws(() => createView(wrong), { code: "invalid_option", message: /`stream`/ });
});
