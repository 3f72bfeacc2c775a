// Submissions that the server does not have yet: shown, kept, taken back, sent once. Bundled by runtime-waiting.test.mjs.
import assert from "node:assert/strict";
import { chunk, gate, startFake, stateOf } from "../support/fake-server.mjs";
import { memoryStorage, until } from "../support/server.mjs";
import { human, listOf, mount } from "./runtime.jsx";

const said = (body) => body.input.messages[0].content;
const answer = (body, id) => [["values", { messages: [...body.input.messages, { type: "ai", id, content: `to ${said(body)}` }] }]];
const shown = ({ waits }) => waits.waiting.map(({ messages, state }) => [messages[0].content, state]);
const queued = (page) => page.at().aui.composer.getState().queue;
const isKept = ({ items }) => [...items.keys()].some((key) => key.startsWith("rejoin:1:outbox|"));

/** The locks of a page: each held by one at a time, in the order in which they were asked for. */
function locksOf() {
  const held = new Map();
  return {
    request(name, callback) {
      const mine = (held.get(name) ?? Promise.resolve()).then(() => callback({ name }));
      held.set(name, mine);
      return mine;
    },
  };
}

export function suite(test) {
  /** A page on a thread that is there, with a server that streams what `script` says. */
  const open = async (t, fake, more = {}) => {
    const options = { apiUrl: fake.url, assistantId: "agent", storage: "none", unstable_enableMessageQueue: true, unstable_threadListAdapter: listOf("t1"), threadId: "t1", ...more };
    const page = mount(t, options);
    await until(() => page.seen.runtime && page.at()?.aui.threadListItem.getState().externalId === "t1", "the thread");
    return page;
  };
  const started = async (script) => {
    const fake = await startFake(script);
    fake.states.set("t1", [stateOf({ messages: [] })]);
    return fake;
  };
  /** A server whose first run stops at a gate; and a page where it streams. */
  const streaming = async (t, more) => {
    const first = gate();
    const fake = await started((body) => (fake.bodies.length > 1 ? answer(body, `a${fake.bodies.length}`) : [chunk("a1", "Hel"), first, ...answer(body, "a1")]));
    const page = await open(t, fake, more);
    await page.ready();
    page.say("one");
    await until(() => page.texts().length === 2 && page.at().thread.isRunning, "the first answer streams");
    return { ...page, fake, first };
  };

  test("waiting: what is sent during a run waits in its order, is sent so, and can be taken back and replaced", async (t) => {
    const page = await streaming(t);
    assert.deepEqual([page.at().waits.waiting, page.at().waits.isUnsent], [[], false]);
    const seen = [];
    page.seen.look = () => seen.push(page.texts().length);
    for (const text of ["two", "three", "four"]) page.say(text);
    await until(() => page.at().waits.waiting.length === 3, "three wait");
    assert.deepEqual(shown(page.at()), [["two", "queued"], ["three", "queued"], ["four", "queued"]]);
    assert.ok(seen.length > 0 && seen.every((length) => length === 2), `what waits is no message of the thread: ${seen}`);
    const [two, three] = page.at().waits.waiting;
    assert.deepEqual([two.values.messages[0].content, two.isShown], ["two", false]);
    page.at().waits.takeBack(two.id);
    const replaced = page.at().waits.replaceWaiting(three.id, [human("better", "better")], { runConfig: { custom: { mood: "good" } } });
    await until(() => shown(page.at()).map(([text]) => text).join() === "better,four", "one is gone, one replaced in its place");
    await assert.rejects(page.at().waits.replaceWaiting(three.id, [human("late", "too late")]), { code: "dropped" });
    page.first.open();
    await replaced;
    await until(() => page.fake.bodies.length === 3 && !page.at().thread.isRunning, "all were sent");
    assert.deepEqual(page.fake.bodies.map(said), ["one", "better", "four"]);
    assert.equal(page.fake.bodies[1].config.configurable.mood, "good");
    assert.deepEqual(page.at().waits.waiting, []);
  });

  test("waiting: the composer's queue says the same, and its items can be removed", async (t) => {
    const page = await streaming(t);
    assert.equal(page.at().thread.capabilities.queue, true);
    for (const text of ["two", "three"]) page.say(text);
    await until(() => queued(page).length === 2, "both are in the queue");
    assert.deepEqual(queued(page).map(({ prompt, parts }) => [prompt, parts]), [["two", [{ type: "text", text: "two" }]], ["three", [{ type: "text", text: "three" }]]]);
    assert.deepEqual(queued(page).map(({ id }) => id), page.at().waits.waiting.map(({ id }) => id));
    page.at().aui.composer.queueItem({ index: 0 }).remove();
    await until(() => queued(page).length === 1, "one is gone");
    page.first.open();
    await until(() => page.fake.bodies.length === 2 && !page.at().thread.isRunning, "the other was sent");
    assert.deepEqual(page.fake.bodies.map(said), ["one", "three"]);
    assert.deepEqual(queued(page), []);
  });

  test("waiting: without the composer's queue nothing can be sent during a run", async (t) => {
    const page = await streaming(t, { unstable_enableMessageQueue: false });
    assert.equal(page.at().thread.capabilities.queue, false);
    page.first.open();
    await page.idle();
  });

  test("waiting: what could not be sent says so, outlives a reload, and is sent once", async (t) => {
    const storage = memoryStorage();
    const network = { away: false };
    const callerOptions = { fetch: (...args) => (network.away ? Promise.reject(new TypeError("no network")) : fetch(...args)) };
    Object.defineProperty(navigator, "locks", { value: locksOf(), configurable: true });
    t.after(() => delete navigator.locks);
    const fake = await started((body) => answer(body, "a1"));
    const page = await open(t, fake, { storage, callerOptions });
    await page.ready();
    network.away = true;
    page.say("hello");
    await until(() => page.at().waits.waiting.length === 1, "it waits");
    const [hello] = page.at().waits.waiting;
    assert.deepEqual([shown(page.at()), page.at().waits.isUnsent, hello.isShown, hello.isStored, isKept(storage)], [[["hello", "unreachable"]], true, true, true, true]);
    assert.deepEqual([page.texts(), queued(page)], [["user: hello"], []]);
    page.unmount();
    const again = await open(t, fake, { storage, callerOptions });
    await until(() => again.at().waits.waiting.length === 1 && again.at().waits.isUnsent, "it still waits");
    network.away = false;
    await until(() => again.texts().length === 2 && !again.at().thread.isRunning, "it is sent and answered", 20_000);
    assert.deepEqual(fake.bodies.map(said), ["hello"]);
    assert.deepEqual([again.at().waits.waiting, again.at().waits.isUnsent, isKept(storage)], [[], false, false]);
  });

  test("waiting: in a page without locks a person is asked before it is sent after a reload", async (t) => {
    const storage = memoryStorage();
    const network = { away: false };
    const callerOptions = { fetch: (...args) => (network.away ? Promise.reject(new TypeError("no network")) : fetch(...args)) };
    const fake = await started((body) => answer(body, "a1"));
    const page = await open(t, fake, { storage, callerOptions });
    await page.ready();
    network.away = true;
    page.say("hello");
    await until(() => page.at().waits.waiting.length === 1, "it waits");
    page.unmount();
    const again = await open(t, fake, { storage });
    await until(() => again.at().waits.waiting[0]?.state === "held", "a person is asked");
    await again.ready();
    assert.equal(fake.bodies.length, 0);
    again.at().waits.sendNow(again.at().waits.waiting[0].id);
    await until(() => again.texts().length === 2 && !again.at().thread.isRunning, "it is sent");
    assert.deepEqual([fake.bodies.map(said), isKept(storage)], [["hello"], false]);
  });

  test("waiting: a message that is taken back before it was sent is no version of the next one", async (t) => {
    const network = { away: false };
    const callerOptions = { fetch: (...args) => (network.away ? Promise.reject(new TypeError("no network")) : fetch(...args)) };
    const page = await open(t, await started((body) => answer(body, "a1")), { callerOptions });
    await page.ready();
    network.away = true;
    for (const text of ["one", "two"]) page.say(text);
    await until(() => page.at().waits.waiting.length === 2 && page.texts().join() === "user: one", "both wait, and one is shown");
    const versions = new Set();
    page.seen.look = () => page.texts()[0] === "user: two" && versions.add(page.message(0).getState().branchCount);
    page.at().waits.takeBack(page.at().waits.waiting[0].id);
    network.away = false;
    await until(() => page.texts().length === 2 && !page.at().thread.isRunning, "the other one is sent and answered", 20_000);
    assert.deepEqual([page.texts()[0], [...versions]], ["user: two", [1]]);
  });

  test("option outbox: false stores nothing", async (t) => {
    const storage = memoryStorage();
    const network = { away: false };
    const callerOptions = { fetch: (...args) => (network.away ? Promise.reject(new TypeError("no network")) : fetch(...args)) };
    const page = await open(t, await started((body) => answer(body, "a1")), { storage, callerOptions, outbox: false });
    await page.ready();
    network.away = true;
    page.say("hello");
    await until(() => page.at().waits.isUnsent, "it is tried again");
    assert.equal(isKept(storage), false);
  });
}
