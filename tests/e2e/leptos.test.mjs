// What the Leptos demo does for hands on a keyboard, for who cannot see it, and beside the conversation.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos"] });
const QUICK_AGENT = { n_tokens: 5, delay_ms: 1 };

/** Waits until what has the focus carries this data-testid. */
async function focused(app, testid) {
  await app.page.waitForFunction((wanted) => document.activeElement?.dataset.testid === wanted, testid).catch(async () => {
    assert.equal(await app.page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120)), testid, "the focus is elsewhere");
  });
}

/** Waits until the polite region says this. */
async function announced(app, text) {
  await app.page.waitForFunction((wanted) => document.querySelector('[data-testid="announcer"]').textContent.includes(wanted), text);
}

/** The questions, as shown. */
function questions(app) {
  return app.page.locator('[data-testid="message"][data-role="human"] [data-testid="message-text"]').allTextContents();
}

/** Waits until these questions are shown and nothing is under way. */
async function asked(app, ...wanted) {
  await app.page.waitForFunction((texts) => {
    const shown = [...document.querySelectorAll('[data-testid="message"][data-role="human"] [data-testid="message-text"]')].map((one) => one.textContent);
    const state = document.querySelector('[data-testid="connection"]').dataset.state;
    return JSON.stringify(shown) === JSON.stringify(texts) && state !== "live" && state !== "connecting" && !document.querySelector('[data-streaming="true"]');
  }, wanted).catch(async () => assert.deepEqual(await questions(app), wanted));
}

scenario("keyboard: a message is left as it was, then edited; versions are switched; the focus is never lost", async (session) => {
  const app = await session.open(QUICK_AGENT);
  const { keyboard } = app.page;
  await app.send("one");
  await app.state("finished");
  await asked(app, "one");
  await app.at("edit").focus();
  await keyboard.press("Enter");
  await focused(app, "edit-text");
  await keyboard.type(" two");
  assert.equal(await app.at("edit-text").inputValue(), "one two");
  await keyboard.press("Escape");
  await focused(app, "edit");
  assert.deepEqual(await questions(app), ["one"]);
  assert.equal(await app.connection(), "finished", "Escape was for the editor only");
  await keyboard.press("Enter");
  await focused(app, "edit-text");
  assert.equal(await app.at("edit-text").inputValue(), "one", "what was left is not kept");
  await keyboard.press("Shift+Enter");
  await keyboard.type("two");
  await keyboard.press("Enter");
  await asked(app, "one\ntwo");
  // Where there is no mouse the message field would bring up a keyboard on the screen.
  await focused(app, await app.page.evaluate(() => (matchMedia("(hover: hover)").matches ? "composer" : "messages")));
  await app.at("branch").waitFor();
  assert.equal(await app.at("branch").innerText(), "2/2");
  assert.equal(await app.at("branch-next").isDisabled(), true);
  await app.at("branch-previous").focus();
  await keyboard.press("Enter");
  await asked(app, "one");
  assert.equal(await app.at("branch").innerText(), "1/2");
  // It cannot go further back, so the way forth has the focus.
  await focused(app, "branch-next");
  await announced(app, "Version 1 of 2");
  await keyboard.press("Enter");
  await asked(app, "one\ntwo");
  await focused(app, "branch-previous");
  await announced(app, "Version 2 of 2");
  const nameless = await app.page.locator("button, input, textarea").evaluateAll((all) => all.filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.title || one.labels?.length)).length);
  assert.equal(nameless, 0, "a control has no name");
  await app.healthy();
});

scenario("an edit that cannot be looked up keeps what was typed, says why, and can be saved again", async (session) => {
  const app = await session.open({ ...QUICK_AGENT, history: 1 });
  await app.send("one");
  await asked(app, "one");
  await app.state("finished");
  const sent = session.proxy.count("stream");
  session.proxy.fault("history", { kind: "status", status: 500 });
  await app.at("edit").click();
  await app.at("edit-text").fill("two");
  await app.at("edit-save").click();
  await app.at("edit-error").waitFor();
  assert.equal(await app.at("edit-error").getAttribute("data-code"), "checkpoint_lookup_failed");
  assert.equal(await app.at("edit-text").inputValue(), "two");
  assert.deepEqual(await questions(app), ["one"]);
  assert.equal(await app.answer(), words(5));
  assert.equal(session.proxy.count("stream"), sent, "nothing was sent");
  assert.equal(await app.at("retry").count(), 0, "there is no run to try again");
  await app.at("edit-save").click();
  await asked(app, "two");
  await app.state("finished");
  assert.equal(await app.at("edit-error").count(), 0);
  assert.equal(await app.at("error").count(), 0);
  await app.healthy();
});

scenario("the list tells which thread works, also when nobody follows it, and when it is done; who comes back rejoins", async (session) => {
  const app = await session.open({ n_tokens: 240, delay_ms: 50 });
  await app.send("long");
  await app.shows(word(5));
  const thread = await app.threadKnown();
  const item = app.page.locator(`[data-testid="thread-item"][data-thread-id="${thread}"]`);
  const status = (wanted) => app.page.locator(`[data-testid="thread-item"][data-thread-id="${thread}"][data-status="${wanted}"]`).waitFor();
  await status("busy");
  await app.at("new-thread").click();
  await app.page.waitForFunction(() => document.querySelectorAll('[data-testid="message"]').length === 0);
  await status("busy");
  assert.match(await item.innerText(), /working/);
  await item.click();
  await app.shows(word(20));
  // The record is on the screen before the run's stream is back.
  await app.state("live");
  await app.at("new-thread").click();
  await status("busy");
  await status("idle");
  await item.click();
  await app.same(words(240));
  await app.healthy();
});
