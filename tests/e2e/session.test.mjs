// A session, page by page: what `useView` brings, and what the page does with it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appended, ended, publish, seed, shownIds, shows, span, started } from "./harness/published.mjs";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });
const withoutSessions = suite({ on: ["python", "js"], apps: ["leptos"] });
const VIEW = { view: "session" };

/** Opens the session of a thread. */
const open = (session, thread, query = {}) => session.open({ ...VIEW, thread, ...query });
const live = (app) => app.page.locator('[data-testid="feed"][data-state="live"]').waitFor();
/** How many requests there were for a path. */
const asked = (session, pattern) => session.proxy.calls.filter(({ path }) => pattern.test(path)).length;
/** Where the first message is that can be seen, and where its top is below that of the list. */
const eye = (app) => app.page.evaluate(() => {
  const top = document.querySelector('[data-testid="messages"]').getBoundingClientRect().top;
  const first = [...document.querySelectorAll('[data-testid="message"]')].find((message) => message.getBoundingClientRect().bottom > top);
  return { id: first.dataset.messageId, top: first.getBoundingClientRect().top - top };
});
/** That message is where it was; a list scrolls by whole pixels of the screen. */
async function stays(app, { id, top }) {
  const now = await app.page.evaluate((wanted) => {
    const list = document.querySelector('[data-testid="messages"]').getBoundingClientRect().top;
    return document.querySelector(`[data-message-id="${wanted}"]`).getBoundingClientRect().top - list;
  }, id);
  assert.ok(Math.abs(now - top) <= 1, `${id} has moved from ${top} to ${now}`);
}
const scrollTo = (app, top) => app.page.evaluate(async (to) => {
  document.querySelector('[data-testid="messages"]').scrollTop = to;
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}, top);

scenario("10,000 messages: the first paint loads one page, and loading to the top shows each exactly once while new ones come", async (session) => {
  const thread = randomUUID();
  await seed(session.server, thread, 1, 10_000);
  // One connection is counted: a slow machine must not take painting for a silent network.
  const app = await open(session, thread, { page_size: 500, stall_ms: 60_000 });
  await shows(app, 500);
  await live(app);
  assert.deepEqual(await shownIds(app), span(9501, 10_000));
  assert.equal(asked(session, /\/sessions\/.*\/stream/), 1);
  assert.equal(asked(session, /\/sessions\/.*\/messages|\/state|\/history/), 0, session.proxy.describe());
  let newest = 10_000;
  for (let shown = 500; shown < 10_000; shown += 500) {
    await app.at("load-older").evaluate((button) => button.click());
    newest += 1;
    await seed(session.server, thread, newest, newest);
    await shows(app, shown + 500 + newest - 10_000);
  }
  await app.at("beginning").waitFor();
  assert.deepEqual(await shownIds(app), span(1, newest));
  assert.equal(asked(session, /\/sessions\/.*\/messages/), 19);
  await app.healthy();
}, { timeout: 240_000 });

scenario("scrolling up brings older messages, and the text under the eye does not move", async (session) => {
  const thread = randomUUID();
  await seed(session.server, thread, 1, 300);
  const app = await open(session, thread);
  await shows(app, 50);
  await scrollTo(app, 700);
  const before = await eye(app);
  await app.at("load-older").evaluate((button) => button.click());
  await shows(app, 100);
  await stays(app, before);
  // What is said meanwhile comes below.
  await seed(session.server, thread, 301, 303);
  await shows(app, 103);
  await stays(app, before);
  // By scrolling alone, to the very beginning.
  for (let tries = 0; (await app.at("beginning").count()) === 0; tries++) {
    assert.ok(tries < 50, "the beginning never came");
    await scrollTo(app, 0);
  }
  await shows(app, 303);
  assert.deepEqual(await shownIds(app), span(1, 303));
  await app.healthy();
});

scenario("a session that does not fill the window is loaded until it does, and stays at its end", async (session) => {
  const thread = randomUUID();
  await seed(session.server, thread, 1, 60);
  const app = await open(session, thread, { page_size: 3 });
  await app.page.waitForFunction(() => {
    const box = document.querySelector('[data-testid="messages"]');
    return box.scrollHeight > box.clientHeight + 300 && box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  });
  const ids = await shownIds(app);
  assert.deepEqual(ids, span(61 - ids.length, 60));
  assert.ok(ids.length < 60);
  await app.healthy();
});

scenario("a tab opened mid-stream shows the text so far at once and goes on, also after a reload and without a network", async (session) => {
  const thread = randomUUID();
  const word = (at) => `word${at} `;
  const text = (count) => Array.from({ length: count }, (_, at) => word(at)).join("");
  let at = 0;
  const say = async (count) => {
    for (const end = at + count; at < end; at++) await publish(session.server, thread, appended("a", at, word(at)));
  };
  await publish(session.server, thread, started("q", "human", "question"), ended("q"), started("a"));
  await say(30);
  const first = await open(session, thread);
  await first.shows(word(29));
  assert.equal(first.log.find(({ text: shown }) => shown !== "").text, text(30), "no beginning of it was shown alone");
  await say(20);
  const second = await open(session, thread);
  await second.shows(word(49));
  await second.page.reload();
  await second.shows(word(49));
  await session.context.setOffline(true);
  await say(20);
  await session.context.setOffline(false);
  // A hidden tab waits until somebody looks.
  await first.page.bringToFront();
  await first.shows(word(69));
  await say(5);
  await publish(session.server, thread, ended("a", "aborted", "agent_failed"));
  for (const app of [first, second]) {
    await app.page.bringToFront();
    await app.page.locator('[data-message-id="a"][data-status="aborted"]').waitFor();
    await app.same(text(75));
    assert.match(await app.page.locator('[data-message-id="a"]').innerText(), /agent_failed/);
    await app.healthy();
  }
});

scenario("a run that is started here is in the session of another tab, and there once", async (session) => {
  const first = await session.open({ ...VIEW, n_tokens: 30, delay_ms: 20 });
  await first.send("hello");
  const thread = await first.threadKnown();
  const second = await open(session, thread);
  for (const app of [first, second]) {
    await app.page.bringToFront();
    await app.page.locator('[data-role="ai"][data-status="complete"]').waitFor();
    await shows(app, 2);
  }
  assert.equal(await first.answer(), await second.answer());
  assert.deepEqual(await shownIds(first), await shownIds(second));
  await first.healthy();
});

scenario("older messages can be loaded with the keyboard alone, and a screen reader is told", async (session) => {
  const thread = randomUUID();
  await seed(session.server, thread, 1, 200);
  const app = await open(session, thread);
  await shows(app, 50);
  await live(app);
  const list = app.at("messages");
  assert.equal(await list.getAttribute("role"), "log");
  assert.equal(await list.getAttribute("aria-label"), "Messages");
  await app.at("load-older").focus();
  await shows(app, 100);
  assert.equal(await app.at("older-status").innerText(), "50 older messages.");
  assert.equal(await app.at("older-status").getAttribute("role"), "status");
  // The button that was pressed, or come to, keeps the focus until there is nothing more to press it for.
  assert.equal(await app.page.evaluate(() => document.activeElement.dataset.testid), "load-older");
  for (let count = 150; count <= 200; count += 50) {
    await app.page.keyboard.press("Enter");
    await shows(app, count);
  }
  await app.at("beginning").waitFor();
  await app.page.waitForFunction(() => document.activeElement.dataset.testid === "messages");
  await app.page.keyboard.press("Home");
  assert.equal(await list.getAttribute("aria-busy"), "false");
  const unnamed = await app.page.locator('[data-testid="message"]:not([aria-label])').count();
  assert.equal(unnamed, 0);
  await app.healthy();
});

withoutSessions("on a server without sessions the view is a window over the thread's messages, and goes on with its runs", async (session) => {
  const thread = await session.agent.conversation(span(1, 6), { n_tokens: 300 });
  const stored = async () => (await session.agent.state(thread)).values.messages.map(({ id }) => id);
  const before = await stored();
  assert.equal(before.length, 12);
  const app = await open(session, thread, { page_size: 4, n_tokens: 40, delay_ms: 5 });
  await shows(app, 4);
  assert.deepEqual(await shownIds(app), before.slice(-4));
  for (const count of [8, 12]) {
    await app.at("load-older").evaluate((button) => button.click());
    await shows(app, count);
    assert.deepEqual(await shownIds(app), before.slice(-count));
  }
  await app.at("beginning").waitFor();
  await app.send("one more");
  await app.settled(words(40));
  assert.deepEqual(await shownIds(app), await stored());
  assert.equal(asked(session, /\/sessions\//), 1, "it was asked for its sessions once");
  await app.healthy();
});
