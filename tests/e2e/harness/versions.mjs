// Editing, answering again and choosing between versions, as a person does it; and what the server has of it.
import assert from "node:assert/strict";

const WAIT_MS = 20_000;
const POLL_MS = 30;

/** The nth question on the screen, from 0. */
export const question = (app, at) => app.page.locator('[data-testid="message"][data-role="human"]').nth(at);

/** The nth message of the agent on the screen, from 0. */
export const reply = (app, at) => app.page.locator('[data-testid="message"][data-role="ai"]').nth(at);

/** Opens the field of the nth question and types other words. */
export async function retype(app, at, text) {
  await question(app, at).getByTestId("edit").click();
  await question(app, at).getByTestId("edit-text").fill(text);
}

/** Puts other words in the place of the nth question. */
export async function edit(app, at, text) {
  await retype(app, at, text);
  await question(app, at).getByTestId("edit-save").click();
}

/** Has the nth message of the agent made anew. */
export async function regenerate(app, at) {
  await reply(app, at).getByTestId("regenerate").click();
}

/** Which version of a message is shown: "2/3"; "" where there is one. */
export async function version(message) {
  const label = message.getByTestId("branch");
  return (await label.count()) > 0 ? label.innerText() : "";
}

/** Waits until this version of a message is shown. */
export async function isVersion(message, wanted) {
  await eventually(() => version(message), wanted, "the version of a message");
}

/** What is on the screen: each message's id and text. */
export function screen(app) {
  return app.page.evaluate(() => [...document.querySelectorAll('[data-testid="messages"] [data-testid="message"]')].map((message) =>
    `${message.dataset.messageId} ${message.querySelector('[data-testid="message-text"]')?.textContent ?? ""}`));
}

/** The same of a state of the thread. Results of tools are shown within the call. */
export const written = (state) => (state.values?.messages ?? []).filter((message) => message.type !== "tool").map((message) => `${message.id} ${message.content}`);

/** The questions on the screen. */
export const questions = (app) => app.page.locator('[data-testid="message"][data-role="human"] [data-testid="message-text"]').allTextContents();

/** Waits until the screen shows these questions. */
export async function asks(app, ...wanted) {
  await eventually(() => questions(app), wanted, "the questions on the screen");
}

/** Nothing runs, and the screen shows what the thread's newest state holds, message for message. Returns that state. */
export async function isHead(session, app) {
  const thread = await app.threadKnown();
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    // Read anew each time: a run that was just asked for may not be there yet.
    const { length } = await session.agent.idle(thread);
    const state = await session.agent.state(thread);
    const now = await screen(app);
    const isQuiet = (await session.agent.idle(thread)).length === length;
    if (isQuiet && JSON.stringify(now) === JSON.stringify(written(state))) return state;
    if (Date.now() > deadline) assert.deepEqual(now, written(state), "the screen, against the thread's newest state");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The screen shows the end of a branch that the server has, message for message, and it is not the newest. */
export async function isOlderBranch(session, app) {
  const history = await session.agent.history(app.thread());
  const parents = new Set(history.map((state) => state.parent_checkpoint?.checkpoint_id));
  const ends = history.filter((state) => !parents.has(state.checkpoint.checkpoint_id));
  const shown = await screen(app);
  const found = ends.findIndex((state) => JSON.stringify(written(state)) === JSON.stringify(shown));
  assert.ok(found > 0, `the screen shows no older branch of the thread: ${JSON.stringify(shown)}; branches: ${JSON.stringify(ends.map(written), null, 1)}`);
}

/** Waits until `read` gives `wanted`. */
export async function eventually(read, wanted, what) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const now = await read();
    if (JSON.stringify(now) === JSON.stringify(wanted)) return;
    if (Date.now() > deadline) return assert.deepEqual(now, wanted, what);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
