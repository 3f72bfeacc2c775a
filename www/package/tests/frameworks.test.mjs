// The README's examples for other frameworks, taken from it and run as they stand, against the real server.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { createStream } from "../dist/index.js";
import { makePage } from "./support/react.mjs";
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

test("the README's example of edits, new answers, branches and interrupts", async (t) => {
  const first = createStream(options);
  await first.submit({ messages: [human("one")] }, quick);
  const { threadId, messages } = first.getSnapshot();
  first.dispose();
  const asks = createStream({ ...options, assistantId: "approval" });
  await asks.submit({ messages: [human("go")] }, quick);
  const waits = asks.getSnapshot().threadId;
  asks.dispose();

  const [, code] = /## Edit, regenerate[\s\S]*?```tsx\n([\s\S]*?)```/.exec(readme) ?? assert.fail("no example");
  const at = 'apiUrl: "http://localhost:2024", assistantId: "agent"';
  assert.ok(code.includes(at));
  const given = code.replace(at, "...globalThis.given");
  const folder = new URL("../node_modules/.tests/", here);
  const entry = fileURLToPath(new URL("example-edits.tsx", folder));
  const outfile = entry.replace(".tsx", ".mjs");
  mkdirSync(folder, { recursive: true });
  writeFileSync(entry, `${given}\nexport { createElement } from "react";\nexport { createRoot } from "react-dom/client";`);
  await build({
    entryPoints: [entry], outfile, bundle: true, format: "esm", platform: "node", jsx: "automatic", logLevel: "error",
    alias: { react: "react-19", "react-dom": "react-dom-19", "rejoin/react": fileURLToPath(new URL("../dist/react/index.js", here)) },
    banner: { js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);' },
  });
  makePage();
  const { Thread, createElement, createRoot } = await import(outfile);
  const page = document.body.appendChild(document.createElement("div"));
  const root = createRoot(page);
  t.after(() => root.unmount());
  const button = (words) => until(() => [...page.querySelectorAll("button")].find((one) => one.textContent === words && !one.disabled), `a button ${words}`);
  const texts = () => [...page.querySelectorAll("article p")].map((one) => one.textContent);
  const show = (more) => {
    globalThis.given = { ...options, ...more };
    root.render(createElement(Thread, { key: JSON.stringify(more) }));
  };

  show({ threadId });
  (await button("Edit")).click();
  const input = await until(() => page.querySelector("input"));
  Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, "value").set.call(input, "one!");
  input.dispatchEvent(new window.Event("input", { bubbles: true }));
  await until(() => input.value === "one!");
  page.querySelector("form").dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
  await until(() => texts()[0] === "one!" && page.textContent.includes("2/2"), "the new branch", 20_000);
  (await button("‹")).click();
  await until(() => texts()[0] === "one" && page.textContent.includes("1/2"));
  (await button("›")).click();
  await until(() => texts()[0] === "one!");
  const answer = texts()[1];
  assert.ok(answer.startsWith(messages[1].content.slice(0, 20)));
  (await button("Answer again")).click();
  await until(() => (page.textContent.match(/2\/2/g) ?? []).length === 2, "another answer, on the new branch", 20_000);

  show({ threadId: waits, assistantId: "approval" });
  (await button("Approve")).click();
  await until(() => texts().at(-1) === "done approved=True");
});
