// Questions of the agent: they survive whatever the page goes through, and each is answered by itself.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { asks, edit, eventually, isHead, isVersion, question } from "./harness/versions.mjs";

const scenario = suite({ apps: ["leptos", "react19"] });
const APPROVAL = { assistant: "approval", n_tokens: 4, delay_ms: 1 };

/** The ids of the questions on the screen. */
const cards = (app) => app.at("interrupt").evaluateAll((all) => all.map((one) => one.dataset.interruptId));

/** Waits for as many questions; returns their ids. */
async function asked(app, count = 1) {
  await eventually(async () => (await cards(app)).length, count, "questions on the screen");
  return cards(app);
}

const card = (app, id) => app.page.locator(`[data-testid="interrupt"][data-interrupt-id="${id}"]`);

scenario("a question is there again after another thread, and its answer goes on", async (session) => {
  const app = await session.open(APPROVAL);
  await app.send("write it");
  const [id] = await asked(app);
  const thread = await app.threadKnown();
  await app.at("new-thread").click();
  await asked(app, 0);
  await app.page.locator(`[data-testid="thread-item"][data-thread-id="${thread}"]`).click();
  assert.deepEqual(await asked(app), [id]);
  await app.at("interrupt-approve").click();
  await asked(app, 0);
  await app.shows("done approved=");
  const { values } = await isHead(session, app);
  assert.equal(values.approved, true);
  await app.healthy();
});

scenario("a question whose draft is edited away is asked of the new draft, and answered there", async (session) => {
  const app = await session.open(APPROVAL);
  await app.send("write it");
  const [first] = await asked(app);
  await edit(app, 0, "write it differently");
  await asks(app, "write it differently");
  await eventually(async () => { const [now] = await cards(app); return now !== undefined && now !== first; }, true, "a question of the new draft");
  await isHead(session, app);
  await app.at("interrupt-approve").click();
  await app.shows("done approved=");
  const { values } = await isHead(session, app);
  assert.equal(values.messages.length, 3, "the answer went to the new draft");
  // The other draft's question waits on its branch.
  await question(app, 0).getByTestId("branch-previous").click();
  await asks(app, "write it");
  await isVersion(question(app, 0), "1/2");
  assert.deepEqual(await asked(app), [first]);
  await card(app, first).getByTestId("interrupt-answer").fill("not yet");
  await card(app, first).getByTestId("interrupt-send").click();
  await app.shows("done approved=");
  await asks(app, "write it");
  const other = await isHead(session, app);
  assert.equal(other.values.approved, "not yet");
  await app.healthy();
});

/** A page that shows the two questions of the graph `multi`. */
async function twoAsked(session, query = {}) {
  const app = await session.open({ assistant: "multi", ...query });
  await app.send("ask me");
  return { app, ids: await asked(app, 2) };
}

scenario("two questions are answered one by one, with a reload in between", async (session) => {
  const { app, ids: [a, b] } = await twoAsked(session);
  await card(app, a).getByTestId("interrupt-answer").fill("first");
  await card(app, a).getByTestId("interrupt-send").click();
  assert.deepEqual(await asked(app, 1), [b], "the answered one is gone at once, the other stays");
  await session.agent.idle(await app.threadKnown(), 2);
  await app.state("finished");
  assert.deepEqual(await asked(app, 1), [b], "and is not asked again by what the server's state still names");
  await app.page.reload({ waitUntil: "domcontentloaded" });
  assert.deepEqual(await asked(app, 1), [b]);
  await card(app, b).getByTestId("interrupt-reject").click();
  await asked(app, 0);
  await eventually(() => session.agent.given(app.thread()), { a: "first", b: false }, "the answers in the thread");
  await app.healthy();
});

scenario("two questions are answered together", async (session) => {
  const { app, ids } = await twoAsked(session);
  const before = session.proxy.count("stream");
  for (const [at, id] of ids.entries()) await card(app, id).getByTestId("interrupt-answer").fill(`answer ${at}`);
  await app.at("interrupts-send-all").click();
  await asked(app, 0);
  await eventually(() => session.agent.given(app.thread()), { a: "answer 0", b: "answer 1" }, "the answers in the thread");
  assert.equal(session.proxy.count("stream"), before + 1);
  assert.deepEqual(JSON.parse(session.proxy.calls.findLast((call) => call.path.endsWith("/runs/stream")).sent).command.resume, { [ids[0]]: "answer 0", [ids[1]]: "answer 1" });
  await app.healthy();
});

scenario("an answer that does not say to which of two questions is refused before anything is sent", async (session) => {
  const { app, ids } = await twoAsked(session, { answer: "unnamed" });
  await app.state("finished");
  const before = session.proxy.count("stream");
  await card(app, ids[0]).getByTestId("interrupt-approve").click();
  const said = await app.error("ambiguous_resume");
  assert.match(said, /interrupt/i);
  assert.equal(session.proxy.count("stream"), before, "nothing was sent");
  assert.deepEqual(await asked(app, 2), ids, "both still wait");
});

scenario("an interrupted thread whose page was closed shows its question to who comes later, beside the draft", async (session) => {
  const thread = await session.agent.conversation(["write it"], { assistant: "approval", n_tokens: 4 });
  const app = await session.open({ ...APPROVAL, thread });
  const [id] = await asked(app);
  assert.equal(await app.answer(), words(4));
  const { tasks } = await session.agent.state(thread);
  assert.equal(tasks[0].interrupts[0].id, id);
});
