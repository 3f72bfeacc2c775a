// What a person has sent and the server does not have: it is shown as waiting, outlives reloads and crashes, and is sent once, in order.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { asks } from "./harness/versions.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

/** Waits until these submissions wait, each with its state. */
async function waits(app, ...states) {
  const wanted = JSON.stringify(states);
  const now = () => JSON.stringify([...document.querySelectorAll('[data-testid="waiting-item"]')].map((item) => item.dataset.state));
  await app.page.waitForFunction(`(${now})() === ${JSON.stringify(wanted)}`).catch(async () => {
    assert.equal(await app.page.evaluate(now), wanted);
  });
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
