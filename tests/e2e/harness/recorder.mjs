// Watches every change of the page and keeps what a reader saw: the answer to the last question, at each mutation.
import assert from "node:assert/strict";

/** Between the texts of two messages of one answer. Never part of a message in these tests. */
export const JOINT = "\u00a6";

/** Runs in the page, before anything is shown. What it sees goes to `window.__rejoinRecord`. */
export function observe() {
  const answer = () => {
    const messages = [...document.querySelectorAll('[data-testid="messages"] [data-testid="message"]')];
    const turn = messages.filter((message) => message.dataset.role === "human").length;
    const asked = messages.findLastIndex((message) => message.dataset.role === "human");
    const texts = messages
      .slice(asked + 1)
      .filter((message) => message.dataset.role === "ai")
      .flatMap((message) => {
        // assistant-ui shows an answer of several messages as one, with their texts one after the other.
        const found = [...message.querySelectorAll('[data-testid="message-text"]')].map((text) => text.textContent);
        return found.length > 0 ? found : [""];
      });
    return { turn, text: texts.join("\u00a6") };
  };
  let last = "";
  let lastState;
  const note = () => {
    const state = document.querySelector('[data-testid="connection"]')?.dataset.state;
    if (state !== undefined && state !== lastState) {
      lastState = state;
      window.__rejoinRecord({ state, atMs: performance.now() });
    }
    const now = answer();
    const key = `${now.turn} ${now.text}`;
    if (key === last) return;
    last = key;
    window.__rejoinRecord({ document: performance.timeOrigin, atMs: performance.now(), ...now });
  };
  window.__rejoinAnswer = answer;
  new MutationObserver(note).observe(document, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["data-state"] });
}

/** Attaches a recorder to a page before it is opened. Connection states go to `states`, also those too short to wait for. */
export async function record(page, log = [], states = []) {
  await page.exposeFunction("__rejoinRecord", (entry) => void ("state" in entry ? states.push(entry.state) : log.push(entry)));
  await page.addInitScript(observe);
  return log;
}

/**
 * What was shown is always a beginning of `expected`, and never gets shorter while one document lives.
 * A turn that is not the last has only to never get shorter. `startsOver` is how often the server itself ran the run
 * again from its start, which voids what it had streamed; only then may the text begin anew.
 */
export function assertNeverShrinks(log, expected, { startsOver = 0 } = {}) {
  let left = startsOver;
  const lastTurn = Math.max(0, ...log.map((entry) => entry.turn));
  const seen = new Map();
  for (const [index, entry] of log.entries()) {
    const where = `entry ${index} of ${log.length}, document ${entry.document}, turn ${entry.turn}`;
    if (expected !== undefined && entry.turn === lastTurn && entry.turn > 0) {
      assert.ok(expected.startsWith(entry.text), `shown text is no beginning of the expected one (${where}):\n  ${difference(entry.text, expected)}`);
    }
    const key = `${entry.document} ${entry.turn}`;
    const before = seen.get(key) ?? "";
    const isNewStart = left > 0 && !entry.text.startsWith(before) && before.startsWith(entry.text);
    if (isNewStart) left -= 1;
    assert.ok(isNewStart || entry.text.startsWith(before), `shown text shrank or changed (${where}):\n  ${difference(before, entry.text)}`);
    seen.set(key, entry.text);
  }
}

function difference(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const around = (text) => JSON.stringify(text.slice(Math.max(0, at - 30), at + 30));
  return `at char ${at}: ${around(one)} (${one.length} chars) against ${around(other)} (${other.length} chars)`;
}
