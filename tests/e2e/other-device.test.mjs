// A tab is hidden while another device goes on with the thread that it shows. Whoever looks at it again sees what is new.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";
import { asks, question, retype } from "./harness/versions.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });
const RUN = { n_tokens: 200, delay_ms: 25 };

/** A tab that shows a thread with one finished turn. */
async function finished(session) {
  const app = await session.open({ n_tokens: 5, delay_ms: 1 });
  await app.send("first");
  await app.settled(words(5));
  return app;
}

/** How often the server was asked for this thread. */
const requests = (session, app) => session.proxy.count(({ path, sent }) => `${path} ${sent}`.includes(app.thread()));

scenario("another device has added a turn: it is shown, and looking again at once asks for nothing", async (session) => {
  const app = await finished(session);
  await app.hide();
  await session.agent.ask(app.thread(), "second", { n_tokens: 40 });
  const before = requests(session, app);
  await app.show();
  await asks(app, "first", "second");
  await app.settled(words(40));
  assert.ok(requests(session, app) - before <= 2, `it asked more than to compare and to read: ${session.proxy.describe()}`);
  const after = requests(session, app);
  await app.hide();
  await app.show();
  assert.equal(requests(session, app), after);
});

scenario("another device has started a run: it is joined and its text streams", async (session) => {
  const app = await finished(session);
  await app.hide();
  await session.agent.start(app.thread(), "second", RUN);
  await app.show();
  await app.shows(word(20));
  assert.equal(await app.connection(), "live");
  await app.settled(words(RUN.n_tokens));
  await asks(app, "first", "second");
  const steps = new Set(app.log.filter(({ turn }) => turn === 2).map(({ text }) => text));
  assert.ok(steps.size >= 10, `the text did not stream: ${steps.size} steps`);
  assert.equal(session.proxy.count("stream"), 1, "only the first question was asked here");
});

scenario("what is being typed stays: in the composer, and in a message that is edited", async (session) => {
  const app = await finished(session);
  await retype(app, 0, "first, edited");
  await app.at("composer").fill("not sent yet");
  await app.hide();
  await session.agent.ask(app.thread(), "second", { n_tokens: 40 });
  await app.show();
  await app.shows(word(39));
  assert.equal(await question(app, 0).getByTestId("edit-text").inputValue(), "first, edited");
  assert.equal(await app.at("composer").inputValue(), "not sent yet");
  await app.healthy();
});
