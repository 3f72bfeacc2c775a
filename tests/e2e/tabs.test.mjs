// Tabs of one browser share the connection of a stream. Page and API are on one HTTP/1.1 origin, where a browser has six connections.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { appended, publish, started } from "./harness/published.mjs";
import { suite } from "./harness/session.mjs";
import { ANSWER, RUN, beginning, following, open, streams, whole } from "./harness/tabs.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";
import { asks, retype } from "./harness/versions.mjs";

const scenario = suite({ apps: ["leptos", "react19"] });
/** Sessions are our own server's; how tabs agree is the same whatever the server is. */
const OURS = { on: ["rejoin"] };
const TABS = 10;
/** Long enough for a busy machine to open ten tabs. */
const LONG_RUN = { n_tokens: 800, delay_ms: 50 };
const LONG_TIMEOUT_MS = 180_000;
/** So many more events of a run come at most, one each 50 ms, before a new tab shows the text so far: a machine that is not busy needs 10 to 16. */
const EVENTS_UNTIL_SHOWN = 100;
/** A new tab shows so many texts before the text so far: nothing, and what the browser has stored. It is not built up piece by piece. */
const STEPS_UNTIL_SHOWN = 3;
/** A tab shows what has come within so much, in milliseconds; also one that has no animation frames. */
const SOON_MS = 1_000;

const posts = (session) => session.proxy.count("stream");
/** The requests that do more than read, after so many calls. */
function commands(session, since) {
  const reads = ({ method, path }) => method === "GET" || /\/(history|search)$/.test(path);
  return session.proxy.calls.slice(since).filter((call) => !reads(call)).map(({ method, path }) => `${method} ${path}`);
}
/** The submissions that answer a question of the agent. */
const resumes = (session) => session.proxy.count(({ path, sent }) => path.endsWith("/runs/stream") && JSON.parse(sent).command?.resume !== undefined);

/** Its renderer is gone, without a word to the page. */
async function crash(session, tab) {
  const cdp = await session.context.newCDPSession(tab.page);
  // It is never answered.
  cdp.send("Page.crash").catch(() => {});
  await sleep(100);
}

/** The page is frozen, as the browser does with hidden ones. Thaws it. */
async function freeze(session, tab) {
  const cdp = await session.context.newCDPSession(tab.page);
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  return () => cdp.send("Page.setWebLifecycleState", { state: "active" });
}

/** Its renderer stands still with the lock in its hands, and says nothing of it, as before a debugger. Lets it go on. */
async function hang(session, tab) {
  const cdp = await session.context.newCDPSession(tab.page);
  const stands = new Promise((resolve) => cdp.once("Debugger.paused", resolve));
  await cdp.send("Debugger.enable");
  await cdp.send("Debugger.pause");
  await stands;
  return () => cdp.send("Debugger.disable");
}

/** The tab that has the connection is gone in some way: the others go on, over one. Tells how long that took. */
async function succeeds(session, way, take) {
  const { first, tabs } = await following(session, 4);
  assert.equal(open(session).length, 1, session.proxy.describe());
  const joined = session.proxy.count("join");
  const from = Date.now();
  await take(first, session);
  await until("a tab takes over", () => session.proxy.count("join") > joined);
  const took = Date.now() - from;
  // What came before is on the screens after a second; all beyond it has come over the new connection.
  await sleep(SOON_MS);
  const lengths = await Promise.all(tabs.map((tab) => tab.answer().then((text) => text.length)));
  const least = Math.max(...lengths) + 30;
  for (const tab of tabs) await until("the text goes on", async () => (await tab.answer()).length > least);
  assert.equal(session.proxy.count("join"), joined + 1, `one tab takes over: ${session.proxy.describe()}`);
  console.log(`${way}: ${took} ms until another connection is asked for`);
  return { first, tabs };
}

scenario("ten tabs on one run have one connection and the same text, which each shows so far at once", async (session) => {
  const { first, tabs, came } = await following(session, TABS, LONG_RUN);
  for (const [at, { there, events, ms }] of came.entries()) {
    assert.ok(events <= EVENTS_UNTIL_SHOWN, `tab ${at + 2} shows the text so far after ${events} more events of the run, ${ms} ms`);
    const steps = tabs[at].log.findIndex(({ text }) => text.startsWith(there));
    assert.ok(steps <= STEPS_UNTIL_SHOWN, `tab ${at + 2} shows ${steps} texts before the text so far`);
  }
  assert.equal(open(session).length, 1, session.proxy.describe());
  const all = [first, ...tabs];
  for (let times = 0; times < 5; times++) {
    const there = await first.answer();
    for (const tab of all) await until("what the first tab had", async () => (await tab.answer()).length >= there.length);
  }
  await whole(all, words(LONG_RUN.n_tokens));
  assert.equal(streams(session).length, 1, session.proxy.describe());
}, { timeout: LONG_TIMEOUT_MS });

scenario("the tab that has the connection is closed", async (session) => {
  const { tabs } = await succeeds(session, "closed", (first) => first.page.close());
  await whole(tabs);
  assert.equal(streams(session).length, 2, session.proxy.describe());
});

scenario("its renderer crashes", async (session) => {
  const { tabs } = await succeeds(session, "crashed", (first) => crash(session, first));
  await whole(tabs);
  assert.equal(streams(session).length, 2, session.proxy.describe());
}, OURS);

scenario("it is frozen, and thawed later", async (session) => {
  let thaw;
  const { first, tabs } = await succeeds(session, "frozen", async (first) => {
    thaw = await freeze(session, first);
  });
  await thaw();
  await until("the thawed tab follows", async () => (await first.answer()).length >= (await tabs[0].answer()).length - 100);
  await until("one connection is left", async () => open(session).length === 1);
  await whole([first, ...tabs]);
}, OURS);

// Beside two other suites the debugger lets go of the tab too late for the run. So this is run by hand: REJOIN_E2E_HANGS=1.
const byHand = process.env.REJOIN_E2E_HANGS ? scenario : () => {};
byHand("it hangs, and goes on later", async (session) => {
  let wake;
  const { first, tabs } = await succeeds(session, "hangs", async (first) => {
    wake = await hang(session, first);
  });
  await wake();
  // Its connection is gone; a hidden tab waits until somebody looks.
  await first.page.bringToFront();
  await until("the tab that hung follows", async () => (await first.answer()).length >= (await tabs[0].answer()).length - 100);
  await until("one connection is left", async () => open(session).length === 1);
  await whole([first, ...tabs]);
  assert.equal(streams(session).length, 2, session.proxy.describe());
}, OURS);

scenario("it is reloaded: the tab that comes back follows", async (session) => {
  const { first, tabs } = await succeeds(session, "reloaded", async (first) => {
    await first.page.reload({ waitUntil: "domcontentloaded" });
  });
  await until("one connection is left", async () => open(session).length === 1);
  await whole([first, ...tabs]);
}, OURS);

for (const [which, at, streamsAfter] of [["that follows", 2, 1], ["that has the connection", 0, 2]])
  scenario(`a tab ${which} stops following: nothing is ordered for it, and the others go on`, async (session) => {
    const { first, tabs } = await following(session, 3);
    const all = [first, ...tabs];
    const [stopped] = all.splice(at, 1);
    await stopped.page.bringToFront();
    const before = session.proxy.calls.length;
    await stopped.at("stop").click();
    await stopped.state("disconnected");
    const kept = await stopped.answer();
    for (const tab of all) await until("the text goes on", async () => (await tab.answer()).length > kept.length + 200);
    assert.deepEqual([await stopped.connection(), await stopped.answer()], ["disconnected", kept], "the tab that was stopped shows no more");
    assert.deepEqual(commands(session, before), [], "nothing was ordered");
    assert.deepEqual([streams(session).length, open(session).length], [streamsAfter, 1], session.proxy.describe());
    assert.deepEqual((await session.agent.runs(first.thread())).map(({ status }) => status), ["running"], "the agent goes on");
    for (const tab of [stopped, ...all]) await tab.healthy();
  }, OURS);

scenario("a run that asks a question: each tab shows it, and the answer of one is all tabs'", async (session) => {
  const first = await session.open({ ...RUN, n_tokens: 100, assistant: "approval", share: "headers" });
  await first.send();
  await until("the run streams", async () => (await first.answer()).length > 0);
  await first.threadKnown();
  const second = await session.tab();
  await second.goto(first.page.url());
  for (const tab of [first, second]) await tab.at("interrupt-approve").waitFor();
  assert.equal(streams(session).length, 1, session.proxy.describe());
  await second.at("interrupt-approve").click();
  for (const tab of [second, first]) {
    await tab.page.bringToFront();
    await until("the question is gone", async () => (await tab.at("interrupt-approve").count()) === 0);
    await tab.healthy();
  }
  for (const tab of [first, second]) await until("the run is over", async () => (await tab.connection()) === "finished");
  assert.deepEqual([posts(session), resumes(session)], [2, 1], `the question was asked once, and answered once: ${session.proxy.describe()}`);
  await until("the same text in both", async () => (await first.answer()) === (await second.answer()));
});

scenario("what one tab submits the others show at once, over its connection; an open edit is left alone", async (session) => {
  const first = await session.open({ n_tokens: 3, delay_ms: 1, share: "headers" });
  await first.send("one");
  await first.settled(words(3));
  await first.threadKnown();
  const url = new URL(first.page.url());
  url.searchParams.set("n_tokens", "100");
  url.searchParams.set("delay_ms", "50");
  const [second, third] = [await session.tab(), await session.tab()];
  for (const tab of [second, third]) {
    await tab.goto(url.href);
    await asks(tab, "one");
  }
  await third.page.bringToFront();
  await retype(third, 0, "to be edited");
  await second.page.bringToFront();
  await second.send("two");
  await until("the first tab shows it", async () => (await first.answer()).length > 0 && (await first.page.getByText("two", { exact: true }).count()) > 0);
  assert.equal(await third.at("edit-text").inputValue(), "to be edited");
  for (const tab of [second, first]) await until("the whole answer", async () => (await tab.answer()) === words(100));
  assert.equal(posts(session), 2, session.proxy.describe());
  assert.equal(streams(session).length, 2, session.proxy.describe());
  for (const tab of [first, second, third]) await tab.healthy();
}, OURS);

/** Three tabs show one session, whose feed goes on where the first is gone in some way. */
async function feedGoesOn(session, take) {
  const thread = randomUUID();
  const word = (at) => `word${at} `;
  let at = 0;
  const say = async (count) => {
    for (const end = at + count; at < end; at++) await publish(session.server, thread, appended("a", at, word(at)));
  };
  await publish(session.server, thread, started("a"));
  await say(10);
  const feeds = () => session.proxy.calls.filter(({ path }) => /\/sessions\/[^/]+\/stream/.test(path));
  const openFeeds = () => feeds().filter((call) => !call.ended).length;
  const first = await session.open({ view: "session", thread, share: "headers", stall_ms: 60_000 });
  const shown = (tab, text) => until(text, async () => (await tab.answer()).includes(text));
  await shown(first, word(9));
  const tabs = [await session.tab(), await session.tab()];
  for (const tab of tabs) {
    await tab.goto(first.page.url());
    await shown(tab, word(9));
  }
  // One that comes later has read the beginning by itself.
  await until("one connection", () => openFeeds() === 1);
  await say(10);
  for (const tab of [first, ...tabs]) await shown(tab, word(19));
  await take(session, first);
  await say(10);
  for (const tab of tabs) await shown(tab, word(29));
  await until("one connection", () => openFeeds() === 1);
  const whole = Array.from({ length: 30 }, (_, index) => word(index)).join("");
  for (const tab of tabs) {
    await shown(tab, whole);
    await tab.healthy();
  }
}

for (const [way, take] of [
  ["is closed", (_, first) => first.page.close()],
  ["crashes", crash],
  ["is frozen", freeze],
])
  scenario(`tabs that show one session share its feed, and the next one goes on where the first ${way}`, (session) => feedGoesOn(session, take), OURS);

scenario("the page has a way to a second tab, by keys too: it follows over the same connection", async (session) => {
  const first = await session.open({ ...RUN, share: "headers" });
  await first.send();
  await first.shows("bravo1 ");
  await first.threadKnown();
  await first.at("this-browser").locator("summary").focus();
  await first.page.keyboard.press("Enter");
  await first.page.keyboard.press("Tab");
  const opened = session.context.waitForEvent("page");
  await first.page.keyboard.press("Enter");
  const second = await opened;
  try {
    const there = await first.answer();
    const shown = async () => (await second.getByTestId("message").allInnerTexts()).join("\n");
    await until("the second tab shows the answer so far", async () => (await shown()).includes(there.trim()));
    assert.equal(open(session).length, 1, session.proxy.describe());
  } finally {
    await second.close();
  }
  await first.healthy();
}, OURS);

/** Ann and Bob open one thread: a tab of hers follows the first, and his has a connection of its own. The address says the person in `name`. */
async function sharesNothing(session, name, more = {}) {
  const first = await session.open({ ...RUN, ...more, [name]: "ann" });
  await first.send();
  await first.shows("bravo1 ");
  await first.threadKnown();
  const [same, other] = [await session.tab(), await session.tab()];
  await same.goto(first.page.url());
  await until("the same person's text", async () => (await same.answer()).length > 0);
  assert.equal(open(session).length, 1, session.proxy.describe());
  await other.goto(first.page.url().replace(`${name}=ann`, `${name}=bob`));
  await until("the other person's own connection", () => open(session).length === 2);
  await whole([first, same, other]);
  assert.equal(streams(session).length, 2, session.proxy.describe());
}

scenario("two users in one browser share nothing", (session) => sharesNothing(session, "share"), OURS);

scenario("two tokens in one browser share nothing", (session) => sharesNothing(session, "token", { share: "headers" }), OURS);

scenario("tabs that do not share have a connection each, so the seventh does not load", async (session) => {
  const first = await session.open(RUN);
  await first.send();
  await first.shows("bravo1 ");
  await first.threadKnown();
  for (let at = 2; at <= 6; at++) {
    const tab = await session.tab();
    await tab.page.goto(first.page.url(), { waitUntil: "commit" });
    await until("another connection", () => open(session).length === at);
  }
  const seventh = await session.tab();
  await assert.rejects(seventh.page.goto(first.page.url(), { waitUntil: "commit", timeout: 3_000 }), /Timeout/);
}, OURS);

/** Notes in the page what is said on its channels, and what is heard, byte for byte where it is bytes. */
function listen() {
  const said = (window.__channels = { names: [], messages: [] });
  const text = (data) => (ArrayBuffer.isView(data) ? Array.from(data, (byte) => String.fromCharCode(byte)).join("") : JSON.stringify(data) ?? String(data));
  window.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      said.names.push(name);
      this.addEventListener("message", ({ data }) => said.messages.push(text(data)));
    }
    postMessage(data) {
      said.messages.push(text(data));
      super.postMessage(data);
    }
  };
}

scenario("no header of a request crosses a channel, nor is it in the name of a channel or a lock", async (session) => {
  const token = `secret-${randomUUID()}`;
  const run = { n_tokens: 60, delay_ms: 50, share: "headers", token };
  const first = await session.tab();
  await first.page.addInitScript(listen);
  await first.open(run);
  await first.send();
  await first.shows("bravo1 ");
  await first.threadKnown();
  const second = await session.tab();
  await second.page.addInitScript(listen);
  await second.goto(first.page.url());
  const tabs = [first, second];
  await whole(tabs, words(run.n_tokens));
  await second.page.bringToFront();
  // What one tab begins the other is told of.
  await second.send("more");
  for (const tab of [second, first]) await asks(tab, "hello", "more");
  await whole([second, first], words(run.n_tokens));
  assert.equal(streams(session).length, 2, session.proxy.describe());
  for (const call of streams(session)) assert.equal(call.headers.authorization, `Bearer ${token}`);
  const names = [];
  let crossed = "";
  for (const tab of tabs) {
    const { channels, locks } = await tab.page.evaluate(async () => {
      const { held, pending } = await navigator.locks.query();
      return { channels: window.__channels, locks: [...held, ...pending].map(({ name }) => name) };
    });
    names.push(...channels.names, ...locks);
    crossed += channels.messages.join("\n");
  }
  assert.ok(names.length > 0 && crossed.includes("yankee50"), "the channels are heard");
  for (const part of [token, "authorization", "Bearer", btoa(token).slice(0, 20)]) {
    assert.ok(!crossed.toLowerCase().includes(part.toLowerCase()), `${part} has crossed a channel`);
    assert.deepEqual(names.filter((name) => name.includes(part)), []);
  }
}, OURS);
