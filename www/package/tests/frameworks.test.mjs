// The README's examples for other frameworks, taken from it and run as they stand, against the real server.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { configured, human, startServer, until } from "./support/server.mjs";

const here = new URL(".", import.meta.url);
const readme = readFileSync(new URL("../README.md", here), "utf8");
const apiUrl = await startServer();
const options = { apiUrl, assistantId: "chat", storage: "none" };
const quick = configured({ n_tokens: 8, delay_ms: 3 });

/** The example under a bold name, bundled with what `more` adds. */
async function example(name, more) {
  const [, code] = new RegExp(`\\*\\*${name}\\*\\*\\n\\n\`\`\`ts\\n([\\s\\S]*?)\`\`\``).exec(readme) ?? assert.fail(`no example for ${name}`);
  const folder = new URL("../node_modules/.tests/", here);
  mkdirSync(folder, { recursive: true });
  const entry = fileURLToPath(new URL(`example-${name}.ts`, folder));
  const outfile = entry.replace(".ts", ".mjs");
  writeFileSync(entry, `${code}\n${more}`);
  const dist = fileURLToPath(new URL("../dist/index.js", here));
  await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", platform: "neutral", mainFields: ["module", "main"], conditions: ["browser", "import"], alias: { rejoin: dist }, logLevel: "error" });
  return import(outfile);
}

test("the README's Vue example", async () => {
  const { useAgent, effectScope, watchEffect } = await example("Vue", 'export { effectScope, watchEffect } from "vue";');
  const scope = effectScope();
  const seen = [];
  const { now, stream } = scope.run(() => {
    const made = useAgent(options);
    watchEffect(() => seen.push(made.now.value.messages.length), { flush: "sync" });
    return made;
  });
  await stream.submit({ messages: [human("hi")] }, quick);
  await until(() => now.value.messages.length === 2);
  assert.equal(seen.at(-1), 2);
  scope.stop();
  assert.equal((await stream.submit(null)).outcome, "disposed");
});

test("the README's Svelte example", async () => {
  const { agent, get } = await example("Svelte", 'export { get } from "svelte/store";');
  const { now, stream } = agent(options);
  const seen = [];
  const end = now.subscribe((snapshot) => seen.push(snapshot.messages.length));
  await stream.submit({ messages: [human("hi")] }, quick);
  await until(() => seen.at(-1) === 2);
  assert.equal(get(now).messages.length, 2);
  end();
  stream.dispose();
});

test("the README's Solid example", async () => {
  const { createAgent, createEffect, createRoot } = await example("Solid", 'export { createEffect, createRoot } from "solid-js";');
  const seen = [];
  let stream;
  const dispose = createRoot((end) => {
    const made = createAgent(options);
    stream = made.stream;
    createEffect(() => seen.push(made.now().messages.length));
    return end;
  });
  await stream.submit({ messages: [human("hi")] }, quick);
  await until(() => seen.at(-1) === 2);
  dispose();
  assert.equal((await stream.submit(null)).outcome, "disposed");
});
