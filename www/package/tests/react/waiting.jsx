// Submissions that the server does not have yet: shown, kept, taken back, sent once.
import assert from "node:assert/strict";
import { chunk, gate } from "../support/fake-server.mjs";
import { human, memoryStorage, until } from "../support/server.mjs";
import { mount } from "./suite.jsx";
import { pause, threadsOn } from "./threads.jsx";

const read = (s) => [s.messages, s.isLoading, s.error, s.waiting, s.isUnsent, s.threadId];
const says = (text) => ({ messages: [human(text)] });
const said = (body) => body.input.messages[0].content;
const shown = ({ waiting }) => waiting.map(({ messages, state }) => [messages[0].content, state]);
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

export function waits(test, apiUrl) {
  const { against } = threadsOn(apiUrl);
  const answer = (body, id) => [["values", { messages: [...body.input.messages, { type: "ai", id, content: `to ${said(body)}` }] }]];

  test("waiting: what is submitted while a run streams is shown at once, sent in its order, and can be taken back", async (t) => {
    const first = gate();
    const { fake, at } = await against(t, (body) => (fake.bodies.length > 1 ? answer(body, `a${fake.bodies.length}`) : [chunk("a1", "Hel"), first, ...answer(body, "a1")]), {}, read);
    const results = [at().submit(says("one"))];
    await until(() => at().messages.length === 2, "the first answer streams");
    assert.deepEqual(at().waiting, []);
    for (const text of ["two", "three", "four"]) results.push(at().submit(says(text)));
    await until(() => at().waiting.length === 3);
    assert.deepEqual(shown(at()), [["two", "queued"], ["three", "queued"], ["four", "queued"]]);
    const [two, three] = at().waiting;
    assert.deepEqual([two.values.messages[0].content, two.isShown, at().isUnsent], ["two", false, false]);
    at().takeBack(two.id);
    assert.equal((await results[1]).outcome, "dropped");
    results.push(at().replaceWaiting(three.id, says("better")));
    assert.equal((await results[2]).outcome, "dropped");
    await until(() => at().waiting.length === 2 && at().waiting[0].messages[0].content === "better", "in its place");
    first.open();
    assert.deepEqual((await Promise.all([results[0], results[3], results[4]])).map(({ outcome }) => outcome), ["finished", "finished", "finished"]);
    assert.deepEqual(fake.bodies.map(said), ["one", "better", "four"]);
    assert.deepEqual(at().waiting, []);
    assert.equal((await at().replaceWaiting(three.id, says("too late"))).outcome, "dropped");
  });

  test("waiting: the queue says the same in the words of LangChain's hooks", async (t) => {
    const first = gate();
    const { fake, at } = await against(t, (body) => (fake.bodies.length > 1 ? answer(body, `a${fake.bodies.length}`) : [chunk("a1", "Hel"), first, ...answer(body, "a1")]), {}, read);
    const results = [at().submit(says("one"))];
    await until(() => at().messages.length === 2, "the first answer streams");
    assert.deepEqual([at().queue.size, at().queue.entries], [0, []]);
    for (const text of ["two", "three", "four"]) results.push(at().submit(says(text)));
    await until(() => at().queue.size === 3);
    const { entries, cancel } = at().queue;
    assert.deepEqual(entries.map(({ values }) => values.messages[0].content), ["two", "three", "four"]);
    assert.ok(entries.every(({ id, createdAt }) => typeof id === "string" && Math.abs(Date.now() - createdAt) < 60_000));
    assert.equal(at().queue, at().queue);
    assert.deepEqual([await cancel("nobody"), await cancel(entries[1].id)], [false, true]);
    assert.equal((await results[2]).outcome, "dropped");
    await until(() => at().queue.size === 2);
    await at().queue.clear();
    await until(() => at().queue.size === 0);
    first.open();
    assert.deepEqual((await Promise.all(results)).map(({ outcome }) => outcome), ["finished", "dropped", "dropped", "dropped"]);
    assert.deepEqual(fake.bodies.map(said), ["one"]);
  });

  test("waiting: what could not be sent says so, outlives a reload, and is sent once", async (t) => {
    const storage = memoryStorage();
    const network = { away: true };
    const callerOptions = { fetch: (...args) => (network.away ? Promise.reject(new TypeError("no network")) : fetch(...args)) };
    Object.defineProperty(navigator, "locks", { value: locksOf(), configurable: true });
    t.after(() => delete navigator.locks);
    const { fake, at, unmount } = await against(t, (body) => answer(body, "a1"), { storage, callerOptions }, read);
    void at().submit(says("hello"));
    await until(() => at().waiting.length === 1, "it waits");
    assert.deepEqual([shown(at()), at().isUnsent, at().waiting[0].isShown, at().waiting[0].isStored], [[["hello", "unreachable"]], true, true, true]);
    const { threadId } = at();
    unmount();
    const again = mount(t, { apiUrl: fake.url, assistantId: "agent", storage, callerOptions, threadId }, { read });
    await again.ready();
    await until(() => again.at().waiting.length === 1 && again.at().isUnsent, "it still waits");
    network.away = false;
    await until(() => again.at().messages.length === 2 && !again.at().isLoading, "it is sent and answered", 20_000);
    await pause(50);
    assert.deepEqual(fake.bodies.map(said), ["hello"]);
    assert.deepEqual([again.at().waiting, isKept(storage), again.at().error], [[], false, undefined]);
  });

  test("waiting: in a page without locks a person is asked before it is sent after a reload", async (t) => {
    const storage = memoryStorage();
    const failing = { fetch: () => Promise.reject(new TypeError("no network")) };
    const { fake, at, unmount } = await against(t, (body) => answer(body, "a1"), { storage, callerOptions: failing }, read);
    void at().submit(says("hello"));
    await until(() => at().waiting.length === 1, "it waits");
    const { threadId } = at();
    unmount();
    const again = mount(t, { apiUrl: fake.url, assistantId: "agent", storage, threadId }, { read });
    await again.ready();
    await until(() => again.at().waiting[0]?.state === "held", "a person is asked");
    await pause(100);
    assert.equal(fake.bodies.length, 0);
    again.at().sendNow(again.at().waiting[0].id);
    await until(() => again.at().messages.length === 2 && !again.at().isLoading, "it is sent");
    assert.deepEqual([fake.bodies.map(said), isKept(storage)], [["hello"], false]);
  });

  test("option outbox: false stores nothing, and askAfter holds what is old", async (t) => {
    const storage = memoryStorage();
    const callerOptions = { fetch: () => Promise.reject(new TypeError("no network")) };
    const off = await against(t, (body) => answer(body, "a1"), { storage, callerOptions, outbox: false }, read);
    void off.at().submit(says("hello"));
    await until(() => off.at().isUnsent, "it is tried again");
    assert.equal(isKept(storage), false);
    const asks = await against(t, (body) => answer(body, "a1"), { storage, callerOptions, outbox: { askAfter: 20 } }, read);
    void asks.at().submit(says("hello"));
    void asks.at().submit(says("more"));
    await until(() => asks.at().waiting[1]?.state === "held", "a person is asked");
    assert.equal(isKept(storage), true);
    const wrong = await against(t, () => [], { outbox: 3 }, read);
    assert.equal(wrong.at().error.code, "invalid_option");
  });
}
