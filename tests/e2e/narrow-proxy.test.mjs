// A proxy before the server drops `Last-Event-ID`. Our own server reads the cursor in the query, so the text goes on streaming. The real
// servers only join live: then no text with a hole is shown, and the page says why it stands still.
import assert from "node:assert/strict";
import { BLANK } from "./harness/proxy.mjs";
import { JOINT } from "./harness/recorder.mjs";
import { serverKind } from "./harness/servers.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite({ apps: ["leptos"] });
const resumes = serverKind === "rejoin";
/** Long enough that a busy machine comes back to it in time. */
const RUN = { n_tokens: 240, delay_ms: 50 };
const ANSWER = words(RUN.n_tokens);
const MIDDLE = word(30);
/** So many steps on the screen are streaming, and not a text that was filled in. */
const STEPS_MIN = 5;

/** A tab behind the proxy that has asked and shows the answer's beginning. */
async function streaming(session) {
  session.proxy.narrow = true;
  const app = await session.open(RUN);
  await app.send();
  await app.shows(MIDDLE);
  await app.threadKnown();
  return app;
}

/** Where the text does not go on, the page says why. */
async function saysWhy(app) {
  if (!resumes) await app.notice("cursor_ignored");
}

/** The texts that were shown since this entry of the record, beside the empty and the whole one, and `but`. */
function steps(app, from = 0, but = "") {
  const texts = app.log.slice(from).map((entry) => entry.text);
  return [...new Set(texts)].filter((text) => !["", ANSWER, but].includes(text));
}

/** The text goes on streaming from what was kept, or waits and is then whole. */
function assertGoesOn(app, from, kept) {
  const between = steps(app, from, kept);
  if (resumes) assert.ok(between.length >= STEPS_MIN, `the text did not go on streaming: ${between.length} steps`);
  else assert.deepEqual(between, [], "nothing is shown between what was kept and the whole");
}

scenario("reload in the middle", async (session) => {
  const app = await streaming(session);
  const url = app.page.url();
  const before = await app.answer();
  await app.page.goto(session.proxy.origin + BLANK);
  const from = app.log.length;
  await app.goto(url);
  await saysWhy(app);
  await app.settled(ANSWER);
  const kept = app.log.slice(from).find((entry) => entry.text !== "").text;
  assert.ok(kept.length >= before.length, `the page first painted ${kept.length} of ${before.length} characters`);
  assertGoesOn(app, from, kept);
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
});

scenario("the connection is cut; then it is stopped and rejoined", async (session) => {
  const app = await streaming(session);
  session.proxy.down = true;
  session.proxy.dropAll();
  await app.passed("reconnecting");
  const atCut = app.log.length;
  const kept = await app.answer();
  session.proxy.down = false;
  await saysWhy(app);
  if (resumes) await app.page.waitForFunction((before) => window.__rejoinAnswer().text.length > before, kept.length);
  await app.at("stop").click();
  await app.state("disconnected");
  const atStop = app.log.length;
  const stopped = await app.answer();
  if (!resumes) assert.equal(stopped, kept);
  await app.at("rejoin").click();
  await app.settled(ANSWER);
  if (!resumes) assertGoesOn(app, atCut, kept);
  assertGoesOn(app, atStop, stopped);
});

scenario("a second tab, and another device that has nothing yet", async (session) => {
  const app = await streaming(session);
  const context = await session.context.browser().newContext();
  const [other, second] = [await session.tab({ context }), await session.tab()];
  await Promise.all([other, second].map((reader) => reader.goto(app.page.url())));
  for (const reader of [other, second]) await saysWhy(reader);
  for (const reader of [other, second]) await reader.settled(ANSWER);
  // The second tab finds what the first has kept, another device has nothing to begin with.
  assertGoesOn(second, 0, second.log.find(({ text }) => text !== "").text);
  assertGoesOn(other, 0);
  await app.page.bringToFront();
  await app.settled(ANSWER);
  await context.close();
});

scenario("a reload in an answer of two messages: the one that begins after it is streamed", async (session) => {
  session.proxy.narrow = true;
  const app = await session.open({ assistant: "tools", n_tokens: 10, delay_ms: 500 });
  await app.send("weather?");
  await app.at("tool-card").first().waitFor();
  await app.threadKnown();
  await app.page.reload({ waitUntil: "domcontentloaded" });
  const first = `Let me look that up. ${JOINT}`;
  await app.settled(first + words(10));
  const ofSecond = steps(app).filter((text) => text.startsWith(first));
  assert.ok(ofSecond.length >= STEPS_MIN, `the second message was not streamed: ${ofSecond.length} steps`);
});
