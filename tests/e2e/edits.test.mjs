// Going on from an earlier point of a thread: what the screen shows is what the server has, on every branch.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";
import { asks, edit, eventually, isHead, isOlderBranch, isVersion, question, regenerate, reply, retype, screen } from "./harness/versions.mjs";

// React 18 differs from 19 in nothing that is tested here.
const scenario = suite({ apps: ["leptos", "react19"] });
const SHORT = { n_tokens: 3, delay_ms: 1 };
const SLOW = { n_tokens: 300, delay_ms: 20 };

/** What is the client's alone is tested on our own server alone. */
const OURS = { on: ["rejoin"] };

/** The mouse goes down on a button, and up again in the same place after `meanwhile`. */
async function press(app, button, meanwhile) {
  await button.hover();
  await app.page.mouse.down();
  await meanwhile();
  await app.page.mouse.up();
}

/** The body of the newest submission. */
const lastSent = (session) => JSON.parse(session.proxy.calls.findLast((call) => call.path.endsWith("/runs/stream")).sent);

scenario("the last, a middle and the first message are edited, and every branch is the server's", async (session) => {
  const thread = await session.agent.conversation(["one", "two", "three"]);
  const app = await session.open({ ...SHORT, thread });
  await asks(app, "one", "two", "three");
  await edit(app, 2, "three b");
  await asks(app, "one", "two", "three b");
  await isHead(session, app);
  await isVersion(question(app, 2), "2/2");
  await edit(app, 1, "two b");
  await asks(app, "one", "two b");
  await isHead(session, app);
  await edit(app, 0, "one b");
  await asks(app, "one b");
  await isHead(session, app);
  await isVersion(question(app, 0), "2/2");
  assert.equal(lastSent(session).multitask_strategy, "interrupt");

  // What comes next goes on from here, not from the checkpoint that was named last.
  await app.send("and then");
  await asks(app, "one b", "and then");
  const head = await isHead(session, app);
  assert.equal(head.values.messages.length, 4);

  await question(app, 0).getByTestId("branch-previous").click();
  await asks(app, "one", "two b");
  await isOlderBranch(session, app);
  await question(app, 1).getByTestId("branch-previous").click();
  await asks(app, "one", "two", "three b");
  await isOlderBranch(session, app);
  await question(app, 2).getByTestId("branch-previous").click();
  await asks(app, "one", "two", "three");
  await isOlderBranch(session, app);

  await app.send("four");
  await asks(app, "one", "two", "three", "four");
  await isHead(session, app);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await asks(app, "one", "two", "three", "four");
  await isHead(session, app);
  await isVersion(question(app, 0), "1/2");
  await app.healthy();
});

scenario("an answer is made anew, and the older one can be had back", async (session) => {
  const thread = await session.agent.conversation(["one", "two"]);
  const app = await session.open({ ...SHORT, thread });
  await asks(app, "one", "two");
  const before = await screen(app);
  await regenerate(app, 1);
  await isVersion(reply(app, 1), "2/2");
  await isHead(session, app);
  const after = await screen(app);
  assert.deepEqual(after.slice(0, 3), before.slice(0, 3));
  assert.notEqual(after[3], before[3]);
  const { input, checkpoint } = lastSent(session);
  assert.equal(input ?? null, null, "nothing is asked again");
  assert.ok(checkpoint.checkpoint_id);
  await reply(app, 1).getByTestId("branch-previous").click();
  await eventually(() => screen(app), before, "the older answer");
  await isOlderBranch(session, app);
  await regenerate(app, 0);
  await isVersion(reply(app, 0), "2/2");
  await asks(app, "one");
  await isHead(session, app);
  await app.healthy();
});

scenario("tools: the whole turn is made anew, with its call", async (session) => {
  const thread = await session.agent.conversation(["weather?"], { assistant: "tools" });
  const app = await session.open({ ...SHORT, assistant: "tools", thread });
  await app.at("tool-card").waitFor();
  const before = await screen(app);
  await regenerate(app, await reply(app, 0).getByTestId("regenerate").count() > 0 ? 0 : 1);
  await isVersion(reply(app, 0), "2/2");
  await isHead(session, app);
  const after = await screen(app);
  assert.equal(after.length, before.length);
  assert.notEqual(after[1], before[1]);
  assert.equal(await app.at("tool-card").count(), 1);
  assert.match(await app.at("tool-card").innerText(), /22C in Paris/);
});

scenario("an edit while a run streams replaces the run", async (session) => {
  const thread = await session.agent.conversation(["one"]);
  const app = await session.open({ ...SLOW, thread });
  await asks(app, "one");
  await app.send("two");
  await app.shows(word(10));
  await edit(app, 0, "one b");
  await asks(app, "one b");
  await app.shows(word(3));
  await app.at("cancel").click();
  const runs = await session.agent.idle(thread);
  const { length } = runs.filter((run) => run.status === "interrupted");
  assert.equal(length, 2, "the one that was replaced, and the one that was stopped");
  const { values } = await session.agent.state(thread);
  assert.equal(values.messages[0].content, "one b");
  assert.ok(!values.messages.some((message) => ["one", "two"].includes(message.content)));
  await app.healthy();
});

scenario("what is pressed, and what is being edited, stays under the pointer while the answer grows below", async (session) => {
  const thread = await session.agent.conversation(["one"]);
  const app = await session.open({ ...SLOW, n_tokens: 900, thread });
  await asks(app, "one");
  await app.send("two");
  await app.shows(word(10));
  // A slow hand: the answer is longer than the page before the button is let go.
  await press(app, question(app, 0).getByTestId("edit"), () => app.shows(word(200)));
  await question(app, 0).getByTestId("edit-text").fill("one b");
  const save = question(app, 0).getByTestId("edit-save");
  const { y } = await save.boundingBox();
  await app.shows(word(300));
  assert.equal((await save.boundingBox()).y, y, "the page went on scrolling under the editor");
  await press(app, save, () => app.shows(word(400)));
  await asks(app, "one b");
  await app.at("cancel").click();
  await app.healthy();
}, OURS);

scenario("stopped in the middle of an answer, another is asked for", async (session) => {
  const app = await session.open(SLOW);
  await app.send("one");
  await app.shows(word(10));
  const thread = await app.threadKnown();
  await app.at("stop").click();
  await app.state("disconnected");
  const [first] = await reply(app, 0).evaluateAll((all) => all.map((one) => one.dataset.messageId));
  await regenerate(app, 0);
  await eventually(async () => (await reply(app, 0).getAttribute("data-message-id")) !== first, true, "another answer");
  await app.shows(word(3));
  await app.at("cancel").click();
  const runs = await session.agent.idle(thread);
  assert.deepEqual(runs.map((run) => run.status), ["interrupted", "interrupted"]);
  await asks(app, "one");
  await app.healthy();
});

/** A thread whose states the page does not know: it is shown with the newest only. */
const UNREAD = { ...SHORT, history: 1 };

scenario("of two edits the later wins, and nothing of the other is sent", async (session) => {
  const thread = await session.agent.conversation(["one", "two"]);
  const app = await session.open({ ...UNREAD, thread });
  await asks(app, "one", "two");
  session.proxy.fault("history", { kind: "delay", ms: 1500 }, 2);
  const before = await screen(app);
  await edit(app, 1, "two b");
  await edit(app, 0, "one b");
  assert.deepEqual((await screen(app)).map((line) => line.split(" ")[0]), before.map((line) => line.split(" ")[0]), "nothing has changed yet");
  await asks(app, "one b");
  await isHead(session, app);
  assert.equal(session.proxy.count("stream"), 1);
  assert.equal(await app.at("edit-error").count(), 0);
  await app.healthy();
}, OURS);

for (const [what, answer, code] of [
  ["fails", { kind: "status", status: 500 }, "checkpoint_lookup_failed"],
  ["finds nothing", { kind: "status", status: 200, body: "[]" }, "checkpoint_not_found"],
]) {
  scenario(`a lookup that ${what} changes nothing, says so, and the edit can be saved again`, async (session) => {
    const thread = await session.agent.conversation(["one", "two"]);
    const app = await session.open({ ...UNREAD, thread });
    await asks(app, "one", "two");
    const before = await screen(app);
    session.proxy.fault("history", answer, 100);
    await edit(app, 0, "one b");
    await app.page.locator(`[data-testid="edit-error"][data-code="${code}"]`).waitFor();
    assert.deepEqual(await screen(app), before);
    assert.equal(await question(app, 0).getByTestId("edit-text").inputValue(), "one b", "what was typed stays");
    assert.equal(session.proxy.count("stream"), 0, "nothing was sent");
    session.proxy.clearFaults();
    await question(app, 0).getByTestId("edit-save").click();
    await asks(app, "one b");
    await isHead(session, app);
    await app.healthy();
  }, OURS);
}

scenario("without checkpoints nothing is offered that could not work", async (session) => {
  const thread = await session.agent.conversation(["one"]);
  const app = await session.open({ ...SHORT, thread, checkpoints: "off" });
  await asks(app, "one");
  await app.shows(words(3));
  for (const offer of ["edit", "regenerate"]) assert.equal(await app.at(offer).count(), 0, offer);
  await app.send("two");
  await asks(app, "one", "two");
  await isHead(session, app);
  for (const offer of ["edit", "regenerate"]) assert.equal(await app.at(offer).count(), 0, offer);
}, OURS);

scenario("an edit that is given up leaves the message as it was, and the focus on its button", async (session) => {
  const thread = await session.agent.conversation(["one"]);
  const app = await session.open({ ...SHORT, thread });
  await asks(app, "one");
  const before = await screen(app);
  await retype(app, 0, "never sent");
  await app.page.keyboard.press("Escape");
  await question(app, 0).getByTestId("edit-text").waitFor({ state: "detached" });
  await eventually(() => app.page.evaluate(() => document.activeElement?.dataset.testid), "edit", "the focus");
  assert.deepEqual(await screen(app), before);
  assert.equal(session.proxy.count("stream"), 0);
}, OURS);

scenario("a thread of 120 checkpoints is edited at its first message: its history is paged", async (session) => {
  const thread = await session.agent.conversation(["one"]);
  const path = `/threads/${thread}/state`;
  for (let at = 0; at < 117; at += 1) {
    const { status } = await session.agent.call("POST", path, { values: { messages: [] }, as_node: "model" });
    assert.equal(status, 200);
  }
  assert.equal((await session.agent.history(thread)).length, 120);
  const app = await session.open({ ...SHORT, thread, history: 10 });
  await asks(app, "one");
  const before = session.proxy.calls.length;
  await edit(app, 0, "one b");
  await asks(app, "one b");
  await isHead(session, app);
  const pages = session.proxy.calls.slice(before).filter((call) => /\/history\?.*before=/.test(call.path));
  assert.ok(pages.length >= 1 && pages.length <= 2, `${pages.length} pages were read: ${session.proxy.describe()}`);
  await app.healthy();
}, { timeout: 120_000 });
