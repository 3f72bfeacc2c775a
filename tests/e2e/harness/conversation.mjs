// What a conversation shows and what the server has of it, in one form, so that they can be compared.
import assert from "node:assert/strict";
import { eventually } from "./versions.mjs";

const WAIT_MS = 20_000;

/** The turns on the screen: who, and each text of theirs. */
export function shown(app) {
  return app.page.evaluate(() => [...document.querySelectorAll('[data-testid="messages"] [data-testid="message"]')].map((message) => ({
    role: message.dataset.role,
    texts: [...message.querySelectorAll('[data-testid="message-text"]')].map((text) => text.textContent).filter((text) => text !== ""),
  })));
}

/** The same of a state of the thread; messages of one turn are one. */
export function turnsOf(messages) {
  const turns = [];
  for (const { type, content } of messages) {
    if (type === "tool") continue;
    const text = typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
    if (type === "ai" && turns.at(-1)?.role === "ai") turns.at(-1).texts.push(text);
    else turns.push({ role: type, texts: [text] });
  }
  return turns.map(({ role, texts }) => ({ role, texts: texts.filter((text) => text !== "") }));
}

/** The newest state of the shown thread is what the screen shows, and nothing else. */
export async function agrees(session, app) {
  const thread = await app.threadKnown();
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    // Read anew each time: a run that was just asked for may not be there yet.
    await session.agent.idle(thread);
    const { values } = await session.agent.state(thread);
    const [now, wanted] = [await shown(app), turnsOf(values.messages ?? [])];
    if (JSON.stringify(now) === JSON.stringify(wanted)) return;
    if (Date.now() > deadline) return assert.deepEqual(now, wanted, "the screen, against the thread's newest state");
  }
}

/** Waits until these turns are on the screen. */
export async function shows(app, wanted) {
  await eventually(() => shown(app), wanted, "the turns on the screen");
}

/** One turn of a person and the answer. */
export const turn = (question, ...answers) => [{ role: "human", texts: [question] }, { role: "ai", texts: answers }];
