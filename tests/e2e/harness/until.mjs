// Waiting for a condition from here: a hidden page has no animation frames to wait in.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

const WAIT_MS = 60_000;
const POLL_MS = 20;

/** Asks until it holds; `words` say what never came. */
export async function until(words, condition, { waitMs = WAIT_MS, pollMs = POLL_MS } = {}) {
  const deadline = Date.now() + waitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`never: ${words}`);
    await sleep(pollMs);
  }
}
