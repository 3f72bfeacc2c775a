// The API cannot be reached when a page needs it for the first time: that is said soon, and mended without a click.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { asks } from "./harness/versions.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });
const SAID_WITHIN_MS = 6_000;

/** Waits for the error, from the moment `act` does something that needs the server. */
async function saidSoon(app, act) {
  const start = Date.now();
  await act();
  const text = await app.error("unreachable");
  const tookMs = Date.now() - start;
  assert.ok(tookMs < SAID_WITHIN_MS, `it was said only after ${tookMs} ms`);
  return text;
}

/** The words of the connection, which must not promise anything about an agent that was never reached. */
async function promisesNothing(app) {
  assert.doesNotMatch(await app.at("connection").first().innerText(), /agent goes on|connected again/i);
}

scenario("a thread's address is opened: an error, not an empty page, and the thread once the API is there", async (session) => {
  const thread = await session.agent.conversation(["first", "second"], { n_tokens: 20 });
  session.proxy.down = true;
  const app = await session.tab();
  await app.page.addInitScript(() => {
    new MutationObserver(() => (window.__wasEmpty ||= document.querySelector('[data-testid="empty"]') !== null)).observe(document, { childList: true, subtree: true });
  });
  await saidSoon(app, () => app.open({ thread }));
  await promisesNothing(app);
  // More attempts than were ever made before it was given up.
  const tries = session.proxy.count((call) => call.path.includes(thread));
  while (session.proxy.count((call) => call.path.includes(thread)) < tries + 10) await session.proxy.next("any");
  session.proxy.down = false;
  await asks(app, "first", "second");
  await app.same(words(20));
  await app.at("error").waitFor({ state: "detached" });
  assert.equal(await app.page.evaluate(() => window.__wasEmpty), false, "a thread that is not loaded was shown as an empty one");
  await app.healthy();
});

scenario("a question is sent: an error, the question stays, and it is asked once when the API is there", async (session) => {
  const app = await session.open({ n_tokens: 20, delay_ms: 5 });
  session.proxy.down = true;
  await saidSoon(app, () => app.send("a question worth keeping"));
  await promisesNothing(app);
  assert.deepEqual(await app.page.getByTestId("message-text").allTextContents(), ["a question worth keeping"]);
  session.proxy.down = false;
  await app.settled(words(20));
  assert.equal((await session.agent.runs(app.thread())).length, 1, "the question was asked once");
});
