// What a person has sent and the server does not have: it is shown as waiting, outlives reloads and crashes, and is sent once, in order.
import assert from "node:assert/strict";
import { BLANK } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";
import { asks } from "./harness/versions.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19", "assistant-ui"] });

/** Waits until these submissions wait, each with its state. */
async function waits(app, ...states) {
  const wanted = JSON.stringify(states);
  const shown = (expected) => {
    const now = JSON.stringify([...document.querySelectorAll('[data-testid="waiting-item"]')].map((item) => item.dataset.state));
    return expected === undefined ? now : now === expected;
  };
  await app.page.waitForFunction(shown, wanted).catch(async () => assert.equal(await app.page.evaluate(shown), wanted));
}

/** The texts that the server's runs of a thread were begun with, oldest first. */
async function askedOf(session, thread) {
  const { values } = await session.agent.state(thread);
  return values.messages.filter(({ type }) => type === "human").map(({ content }) => content);
}

async function reload(app) {
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.at("composer").waitFor();
}

/** From now on the page comes without a network too. */
async function keepPage(app) {
  await app.page.evaluate(async () => {
    await navigator.serviceWorker.register("/__worker.js");
    await navigator.serviceWorker.ready;
  });
  // What it was made of passes the worker once.
  await reload(app);
  await app.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await app.page.waitForLoadState("networkidle");
}

/** Changes what is stored to be sent, while no page of the application is open; after that the server can be reached again. */
async function changeStored(session, app, change) {
  const back = app.page.url();
  await app.page.goto(new URL(BLANK, back).href);
  session.proxy.down = false;
  await app.page.evaluate((source) => {
    const key = Object.keys(localStorage).find((name) => name.includes(":outbox|"));
    localStorage[key] = new Function("text", source)(localStorage[key]);
  }, change);
  await app.goto(back);
}

/** The server, which was killed meanwhile, has one run of this question, whatever became of that; and nothing is left to be sent. */
async function sentOnce(session, app) {
  await app.state("finished", "failed");
  await waits(app);
  assert.equal((await session.agent.runs(app.thread())).length, 1);
  assert.ok(Object.keys(await app.stored()).every((key) => !key.includes(":outbox|")), "nothing is left to be sent");
  await app.healthy();
}

/** Each of these was asked once, in this order. */
async function askedOnce(session, app, ...texts) {
  await asks(app, ...texts);
  await app.state("finished");
  await waits(app);
  const thread = app.thread();
  assert.deepEqual(await askedOf(session, thread), texts);
  assert.equal((await session.agent.runs(thread)).length, texts.length);
  assert.ok(Object.keys(await app.stored()).every((key) => !key.includes(":outbox|")), "nothing is left to be sent");
  await app.healthy();
}

scenario("three questions are typed while the server is away: two outlive a reload and are asked once, one is taken back", async (session) => {
  const app = await session.open({ n_tokens: 12, delay_ms: 5 });
  session.proxy.down = true;
  for (const text of ["first", "second", "third"]) await app.send(text);
  await waits(app, "unreachable", "unreachable", "unreachable");
  await app.threadKnown();
  assert.match(await app.at("connection").first().innerText(), /not sent yet/i);
  assert.doesNotMatch(await app.at("connection").first().innerText(), /agent goes on/i);
  await app.page.getByRole("button", { name: "Take back: second" }).click();
  await waits(app, "unreachable", "unreachable");
  assert.equal(await app.at("composer").inputValue(), "second");
  await reload(app);
  await waits(app, "unreachable", "unreachable");
  assert.match(await app.at("connection").first().innerText(), /not sent yet/i);
  session.proxy.down = false;
  await asks(app, "first", "third");
  await app.settled(words(12));
  await waits(app);
  const thread = app.thread();
  assert.deepEqual(await askedOf(session, thread), ["first", "third"]);
  assert.equal((await session.agent.runs(thread)).length, 2);
});

scenario("a second question during an answer is shown as waiting, outlives a reload, and is asked once", async (session) => {
  const app = await session.open({ n_tokens: 80, delay_ms: 60 });
  await app.send("first");
  await app.shows(words(3));
  await app.send("second");
  await waits(app, "queued");
  await app.page.getByTestId("waiting-item").getByText("second").waitFor();
  await reload(app);
  await waits(app, "queued");
  await asks(app, "first", "second");
  await app.settled(words(80));
  await waits(app);
  const thread = app.thread();
  assert.deepEqual(await askedOf(session, thread), ["first", "second"]);
  assert.equal((await session.agent.runs(thread)).length, 2);
});

scenario("two tabs: the one that has a question sends it, and the other when that tab is gone", async (session) => {
  const one = await session.open({ n_tokens: 12, delay_ms: 5 });
  session.proxy.down = true;
  await one.send("first");
  await waits(one, "unreachable");
  const thread = await one.threadKnown();
  const two = await session.open({ n_tokens: 12, delay_ms: 5, thread });
  await waits(two, "other_tab");
  // No `pagehide`, as in a crash.
  await one.page.close({ runBeforeUnload: false });
  await waits(two, "unreachable");
  session.proxy.down = false;
  await asks(two, "first");
  await two.settled(words(12));
  assert.equal((await session.agent.runs(thread)).length, 1);
});

scenario("what one person has not sent, another person of the browser neither sees nor sends", async (session) => {
  const knobs = { n_tokens: 12, delay_ms: 5 };
  const ann = await session.open({ ...knobs, token: "ann" });
  await ann.send("first");
  await ann.settled(words(12));
  const thread = await ann.threadKnown();
  session.proxy.down = true;
  await ann.send("second");
  await waits(ann, "unreachable");
  session.proxy.down = false;
  session.proxy.fault("stream", { kind: "refuse" }, 100);
  const bob = await session.open({ ...knobs, thread, token: "bob" });
  await asks(bob, "first");
  await waits(bob);
  await ann.page.close({ runBeforeUnload: false });
  session.proxy.clearFaults();
  await bob.send("of bob");
  await asks(bob, "first", "of bob");
  await bob.state("finished");
  assert.equal((await session.agent.idle(thread)).length, 2, session.proxy.describe());

  const again = await session.open({ ...knobs, thread, token: "ann" });
  await until("ann's question is sent", async () => (await session.agent.runs(thread)).length === 3);
  await asks(again, "first", "of bob", "second");
});

scenario("two open tabs: a question that waits in one is shown by the other at once, and asked by it when that tab is gone", async (session) => {
  const one = await session.open({ n_tokens: 150, delay_ms: 60 });
  await one.send("first");
  await one.shows(words(3));
  const thread = await one.threadKnown();
  const two = await session.open({ n_tokens: 150, delay_ms: 60, thread });
  await two.shows(words(3));
  await waits(two);
  // A tab behind another one paints nothing, so nothing in it can be clicked or waited for.
  await one.page.bringToFront();
  await one.send("second");
  await waits(one, "queued");
  await two.page.bringToFront();
  await waits(two, "other_tab");
  await one.page.close({ runBeforeUnload: false });
  await waits(two, "queued");
  await asks(two, "first", "second");
  await until("the second question has a run", async () => (await session.agent.runs(thread)).length > 1);
  await askedOnce(session, two, "first", "second");
});

scenario("questions that are typed offline outlive a reload offline, and are asked once and in their order when the network is back", async (session) => {
  const app = await session.open({ n_tokens: 12, delay_ms: 5 });
  await keepPage(app);
  await session.context.setOffline(true);
  for (const text of ["first", "second", "third"]) await app.send(text);
  await waits(app, "unreachable", "unreachable", "unreachable");
  await app.threadKnown();
  await reload(app);
  await waits(app, "unreachable", "unreachable", "unreachable");
  assert.match(await app.at("connection").first().innerText(), /not sent yet/i);
  assert.doesNotMatch(await app.at("connection").first().innerText(), /agent goes on/i);
  assert.equal(session.proxy.count("stream"), 0, "nothing has left");
  await session.context.setOffline(false);
  await askedOnce(session, app, "first", "second", "third");
});

scenario("a question that the server has accepted and not answered is found again after a reload", async (session) => {
  const app = await session.open({ n_tokens: 12, delay_ms: 5 });
  session.proxy.fault("stream", { kind: "withhold" });
  const accepted = session.proxy.next("stream", "fault");
  await app.send("first");
  await accepted;
  await app.threadKnown();
  await reload(app);
  await askedOnce(session, app, "first");
  assert.equal(session.proxy.count("stream"), 1, "it was posted once");
});

scenario("the server is killed when it has accepted a question and answered nothing: the question is sent once", async (session) => {
  const app = await session.open({ n_tokens: 60, delay_ms: 20 });
  session.proxy.fault("stream", { kind: "withhold" });
  const accepted = session.proxy.next("stream", "fault");
  await app.send("first");
  await accepted;
  await app.threadKnown();
  await session.server.kill();
  session.proxy.dropAll();
  await until("the question is looked for", () => session.proxy.count(({ path }) => path.includes("/runs?")) > 0);
  await session.server.start();
  await sentOnce(session, app);
  // A browser may repeat a request itself whose connection was reset; of those none has arrived.
  assert.equal(session.proxy.count(({ path, status }) => path.endsWith("/runs/stream") && status !== undefined), 1, "it was posted once");
});

scenario("the server is killed in the moment in which a question comes: it is sent once, also where the page is loaded anew meanwhile", async (session) => {
  const app = await session.open({ n_tokens: 60, delay_ms: 20 });
  const posted = session.proxy.next("stream", "call");
  await app.send("first");
  await posted;
  await session.server.kill();
  await app.threadKnown();
  await reload(app);
  await session.server.start();
  await sentOnce(session, app);
});

scenario("a question is taken back, changed and sent again: in its new place, with its new words", async (session) => {
  const app = await session.open({ n_tokens: 12, delay_ms: 5 });
  session.proxy.down = true;
  for (const text of ["first", "second"]) await app.send(text);
  await waits(app, "unreachable", "unreachable");
  await app.page.getByRole("button", { name: "Take back: first" }).click();
  await app.page.waitForFunction(() => document.querySelector('[data-testid="composer"]').value === "first");
  await app.send("better");
  session.proxy.down = false;
  await askedOnce(session, app, "second", "better");
});

scenario("old questions are not asked before a person says so: one is discarded, one is sent", async (session) => {
  const app = await session.open({ n_tokens: 12, delay_ms: 5 });
  session.proxy.down = true;
  for (const text of ["first", "second"]) await app.send(text);
  await waits(app, "unreachable", "unreachable");
  await app.threadKnown();
  // Two hours ago.
  await changeStored(session, app, `return text.replace(/"submitted_at":(\\d+)/g, (_, at) => '"submitted_at":' + (at - 7200000))`);
  await waits(app, "held", "held");
  assert.equal(session.proxy.count(({ path, status }) => path.endsWith("/runs/stream") && status !== undefined), 0, "nothing has arrived");
  await app.page.getByRole("button", { name: "Take back: first" }).click();
  await waits(app, "held");
  await app.page.getByRole("button", { name: "Send now: second" }).click();
  await askedOnce(session, app, "second");
});

const HOSTILE = {
  "no JSON": "return text.slice(0, -20)",
  "another version's": 'return JSON.stringify({ version: 7, entries: [{ id: 1 }] })',
  "a list": 'return "[1,2,3]"',
  "far too large": 'return JSON.stringify({ a: [{ id: "x", submitted_at: Date.now(), body: { input: "y".repeat(3e6) } }] })',
  "nested deeply": 'return \'{"a":[{"id":"x","body":{"input":\' + "[".repeat(2e4) + "]".repeat(2e4) + "}}]}"',
};
for (const [what, change] of Object.entries(HOSTILE)) {
  scenario(`what is stored to be sent and is ${what} harms nothing: the next question is asked`, async (session) => {
    const app = await session.open({ n_tokens: 12, delay_ms: 5 });
    session.proxy.down = true;
    await app.send("first");
    await waits(app, "unreachable");
    await app.threadKnown();
    await changeStored(session, app, change);
    await app.page.waitForFunction(() => document.querySelector('[data-testid="composer"]') !== null);
    await app.send("next");
    await app.shows(words(12));
    await app.state("finished");
    assert.deepEqual((await askedOf(session, app.thread())).at(-1), "next");
    assert.ok((await app.at("notice").count()) <= 1, "one warning at most");
    await app.healthy();
  });
}
