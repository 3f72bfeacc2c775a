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
const RUN = { n_tokens: 240, delay_ms: 25 };
const ANSWER = words(RUN.n_tokens);
const MIDDLE = word(30);
/** So many steps on the screen are streaming, and not a text that was filled in. */
const STEPS_MIN = 10;

/** A tab behind the proxy that has asked and shows the answer's beginning. */
async function streaming(session, query = RUN) {
  session.proxy.narrow = true;
  const app = await session.open(query);
  await app.send();
  await app.shows(MIDDLE);
  await app.threadKnown();
  return app;
}

/** The text is whole in the end, and was right at every moment. `from` is where the record of what `app` shows after coming back begins. */
async function comesBack(app, from, kept) {
  if (!resumes) await app.notice("cursor_ignored");
  await app.settled(ANSWER);
  const texts = app.log.slice(from).map((entry) => entry.text);
  assert.ok(texts.every((text) => text.length >= kept.length), `what had been shown (${kept.length} characters) was taken away`);
  const between = new Set(texts.filter((text) => text !== texts[0] && text !== ANSWER));
  if (resumes) assert.ok(between.size >= STEPS_MIN, `the text did not go on streaming: ${between.size} steps`);
  else assert.deepEqual([...between], [], "nothing is shown between what was kept and the whole");
}

scenario("reload", async (session) => {
  const app = await streaming(session);
  const url = app.page.url();
  const kept = await app.answer();
  await app.page.goto(session.proxy.origin + BLANK);
  const from = app.log.length;
  await app.goto(url);
  await app.shows(MIDDLE);
  // An empty page is painted before what was kept.
  const painted = app.log.findIndex((entry, at) => at >= from && entry.text !== "");
  await comesBack(app, painted, kept);
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
});

scenario("the connection is cut", async (session) => {
  const app = await streaming(session);
  session.proxy.down = true;
  session.proxy.dropAll();
  await app.passed("reconnecting");
  const kept = await app.answer();
  const from = app.log.length - 1;
  session.proxy.down = false;
  await comesBack(app, from, kept);
});

scenario("stop, then rejoin", async (session) => {
  const app = await streaming(session);
  await app.at("stop").click();
  await app.state("disconnected");
  const kept = await app.answer();
  const from = app.log.length - 1;
  await app.at("rejoin").click();
  await comesBack(app, from, kept);
});

scenario("a second tab", async (session) => {
  const app = await streaming(session);
  const second = await session.tab();
  await second.goto(app.page.url());
  await second.settled(ANSWER);
  if (!resumes) await second.notice("cursor_ignored");
  await app.page.bringToFront();
  await app.settled(ANSWER);
});

scenario("another device, which has nothing yet", async (session) => {
  const app = await streaming(session);
  const context = await session.context.browser().newContext();
  const other = await session.tab({ context });
  await other.goto(app.page.url());
  await other.settled(ANSWER);
  const texts = new Set(other.log.map((entry) => entry.text).filter((text) => text !== "" && text !== ANSWER));
  if (resumes) assert.ok(texts.size >= STEPS_MIN, `the text was not streamed: ${texts.size} steps`);
  else assert.deepEqual([...texts], [], "the answer began before the join: it waits");
  await context.close();
});

scenario("a reload in an answer of two messages: the one that begins after it is streamed", async (session) => {
  session.proxy.narrow = true;
  const app = await session.open({ assistant: "tools", n_tokens: 10, delay_ms: 500 });
  await app.send("weather?");
  await app.at("tool-card").first().waitFor();
  await app.threadKnown();
  await app.page.reload({ waitUntil: "domcontentloaded" });
  const first = "Let me look that up. ";
  await app.settled(first + JOINT + words(10));
  const ofSecond = new Set(app.log.map((entry) => entry.text).filter((text) => text.startsWith(first + JOINT)));
  assert.ok(ofSecond.size >= 4, `the second message was not streamed: ${ofSecond.size} steps`);
});
