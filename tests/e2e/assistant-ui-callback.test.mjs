// The same thread where the application streams, by callbacks on LangGraph's SDK: what a drop-in has to keep working.
import assert from "node:assert/strict";
import { agrees, shown, shows, turn } from "./harness/conversation.mjs";
import { JOINT } from "./harness/recorder.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite({ apps: ["assistant-ui"] });
const CALLBACK = { mode: "callback", n_tokens: 12, delay_ms: 8 };
const ANSWER = words(12);
const OURS = { on: ["rejoin"] };

scenario("callbacks: a question, an edit by getCheckpointId, an answer given again, a branch switched", async (session) => {
  const app = await session.open(CALLBACK);
  await app.send("one");
  await shows(app, turn("one", ANSWER));
  await agrees(session, app);
  await app.send("two");
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER)]);
  await agrees(session, app);
  await app.at("edit").first().click();
  await app.at("edit-text").fill("one, edited");
  await app.at("edit-save").click();
  await shows(app, turn("one, edited", ANSWER));
  await agrees(session, app);
  await app.at("branch-previous").first().click();
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER)]);
  await app.at("regenerate").last().click();
  await app.page.waitForFunction(() => [...document.querySelectorAll('[data-testid="branch"]')].at(-1)?.innerText === "2/2");
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER)]);
  await agrees(session, app);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await agrees(session, app);
  await app.healthy();
});

scenario("callbacks: a question of the agent is approved, after a reload", async (session) => {
  const app = await session.open({ ...CALLBACK, assistant: "approval" });
  await app.send("write it");
  await app.at("interrupt-card").waitFor();
  await app.threadKnown();
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.at("interrupt-approve").click();
  await app.at("interrupt-card").waitFor({ state: "detached" });
  await app.shows("done approved=");
  assert.match(await app.answer(), new RegExp(`^${ANSWER}${JOINT}done approved=[Tt]rue$`));
  await agrees(session, app);
  await app.healthy();
});

scenario("callbacks: stop leaves what was received, marked", async (session) => {
  const app = await session.open({ ...CALLBACK, n_tokens: 400, delay_ms: 20 });
  await app.send("hello");
  await app.shows(word(10));
  await app.at("cancel").click();
  await app.at("cancelled").waitFor();
  assert.ok((await app.answer()).startsWith(words(10)));
  await app.healthy();
}, OURS);

scenario("callbacks: a stream that throws is an error that can be retried, and marks its own turn", async (session) => {
  const app = await session.open(CALLBACK);
  await app.send("one");
  await shows(app, turn("one", ANSWER));
  session.proxy.fault("stream", { kind: "status", status: 500 });
  await app.send("two");
  await app.at("error").waitFor();
  assert.deepEqual((await shown(app)).slice(0, 2), turn("one", ANSWER));
  const before = app.at("message").nth(1);
  assert.notEqual(await before.getAttribute("data-reason"), "error", "the answer before is not marked");
  await app.at("retry").click();
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER)]);
  assert.equal(await app.at("error").count(), 0);
  await agrees(session, app);
}, OURS);

scenario("callbacks: a checkpoint that cannot be looked up changes nothing, and says so", async (session) => {
  const app = await session.open(CALLBACK);
  await app.send("one");
  await shows(app, turn("one", ANSWER));
  session.proxy.fault((call) => /\/history/.test(call.path), { kind: "status", status: 500 });
  await app.at("edit").click();
  await app.at("edit-text").fill("one, edited");
  await app.at("edit-save").click();
  await app.error("checkpoint_lookup_failed");
  await shows(app, turn("one", ANSWER));
  assert.equal(session.proxy.count("stream"), 1, "nothing was sent");
}, OURS);

scenario("callbacks: without getCheckpointId editing and answering again are not offered", async (session) => {
  const app = await session.open({ ...CALLBACK, checkpoints: "off" });
  await app.send("hello");
  await shows(app, turn("hello", ANSWER));
  await app.at("copy").waitFor();
  for (const button of ["edit", "regenerate"]) assert.equal(await app.at(button).count(), 0, button);
}, OURS);
