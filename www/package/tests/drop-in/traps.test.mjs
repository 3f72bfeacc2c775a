// The wasm traps: what waits ends as failed, what was received stays, and the next command works on a new engine.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { startFake } from "../support/fake-server.mjs";

const program = fileURLToPath(new URL("trapped.mjs", import.meta.url));
const megabyte = "x".repeat(2 ** 20);

/** Runs `trapped.mjs` with little memory for its wasm; what it printed. */
async function trapped(url, how) {
  const child = spawn(process.execPath, ["--wasm-max-mem-pages=200", program, url, how], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (bytes) => (said += bytes));
  const code = await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(code, 0, said);
  return JSON.parse(said);
}

/** A run that is too large while it streams, unless it is asked to be small. */
const fake = await startFake((body) => {
  const small = body.input?.messages?.at(-1)?.content === "small";
  const chunk = (id, content) => ["messages", [{ type: "AIMessageChunk", id, content }, {}]];
  if (small) return [["values", { messages: [...body.input.messages, { type: "ai", id: "b", content: "small answer" }] }]];
  return [chunk("a", "kept"), 50, ...Array.from({ length: 40 }, (_, at) => chunk(`m${at}`, megabyte))];
});

const CASES = {
  stream: "while a run streams",
  submit: "while something is submitted",
  load: "while a thread is loaded",
};

for (const [how, when] of Object.entries(CASES)) {
  test(`a trap ${when}`, { timeout: 60_000 }, async () => {
    if (how === "load") fake.hold("large", { values: { messages: Array.from({ length: 9 }, (_, at) => ({ type: "ai", id: `m${at}`, content: megabyte.repeat(1) })) }, next: [], tasks: [], metadata: {}, checkpoint: { checkpoint_id: "c" } });
    const said = await trapped(fake.url, how);
    assert.deepEqual(said.results, [["failed", "engine_failed"], ["failed", "engine_failed"]].slice(0, said.results.length));
    assert.deepEqual([said.error, said.isLoading, said.state], ["engine_failed", false, "failed"]);
    assert.deepEqual(said.told, ["engine_failed"]);
    if (how === "stream") assert.ok(said.kept.includes("kept"), "what was received is gone");
    assert.deepEqual(said.next, { outcome: "finished", answer: "small answer", error: null });
  });
}

test("a trap is told, and the next command works", { timeout: 60_000 }, async () => {
  const { told, next } = await trapped(fake.url, "stream");
  assert.deepEqual([told, next.outcome], [["engine_failed"], "finished"]);
});
