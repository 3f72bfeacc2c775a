// A thread that was saved in the browser is on screen before the server has answered; on each server, and in each page that saves.
import assert from "node:assert/strict";
import { BLANK } from "./harness/proxy.mjs";
import { savedStates } from "./harness/saved.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = suite({ apps: ["leptos", "react19", "assistant-ui"] });

const AWAY_MS = 3000;
/** Longer than a busy machine takes to load the page. */
const LONG_AWAY_MS = 8000;
/** How often a page is left in the moment of saving: a browser may end it before that is done. */
const LEFT_TIMES = 5;

const shownMessages = (app) => app.page.locator('[data-testid="message"]').count();

/** The page is hidden for a moment, which saves what it shows. */
async function save(app) {
  await app.hide();
  await until("the thread is saved", async () => (await savedStates(app.page)) > 0);
  await app.show();
}

scenario("saved: a thread is on screen before the API answers, and what another device has said is added", async (session) => {
  const thread = await session.agent.conversation(["hello"]);
  const app = await session.open({ thread, cache: "on" });
  await app.shows(word(0));
  await save(app);
  await session.agent.ask(thread, "from another device", { n_tokens: 5 });
  const calls = session.proxy.calls.length;
  session.proxy.fault("any", { kind: "delay", ms: LONG_AWAY_MS }, 20);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.state("saved");
  await app.page.getByText("hello", { exact: true }).first().waitFor();
  assert.deepEqual(session.proxy.calls.slice(calls).filter(({ bytes }) => bytes > 0), [], "the API has not answered yet");
  await app.page.getByText("from another device", { exact: true }).first().waitFor();
  await app.healthy();
});

scenario("saved: a page that is left as soon as it shows its thread saves it in going", async (session) => {
  const thread = await session.agent.conversation(["hello"]);
  let states = 0;
  for (let times = 0; times < LEFT_TIMES && states === 0; times++) {
    const app = await session.open({ thread, cache: "on" });
    await app.shows(word(0));
    await app.page.goto(new URL(BLANK, app.page.url()).href);
    states = await savedStates(app.page);
    await app.page.close();
  }
  assert.equal(states, 1);
});

scenario("saved: a thread that was deleted meanwhile is shown no more, and not again", async (session) => {
  const thread = await session.agent.conversation(["hello"]);
  const app = await session.open({ thread, cache: "on" });
  await app.shows(word(0));
  await save(app);
  assert.equal((await session.agent.call("DELETE", `/threads/${thread}`)).status, 204);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.error("thread_not_found");
  assert.equal(await shownMessages(app), 0);
  session.proxy.fault("any", { kind: "delay", ms: AWAY_MS }, 50);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.error("thread_not_found");
  assert.deepEqual(await app.page.evaluate(() => window.__rejoinAnswer().text), "");
});

scenario("saved: what is asked while a saved thread is shown waits for the server", async (session) => {
  const thread = await session.agent.conversation(["hello"]);
  const app = await session.open({ thread, cache: "on", n_tokens: 10, delay_ms: 1 });
  await app.shows(word(0));
  await save(app);
  session.proxy.fault("any", { kind: "delay", ms: LONG_AWAY_MS }, 10);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.state("saved");
  await app.send("more");
  assert.equal(session.proxy.count("stream"), 0);
  session.proxy.clearFaults();
  await app.settled(words(10));
  assert.equal(session.proxy.count("stream"), 1);
});
