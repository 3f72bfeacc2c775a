// Where there are no locks, no channels, no storage or no database, as in a sandboxed frame and partly in a worker: a client works alone, and says so
// once at most.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BLANK, startProxy } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

scenario("in a sandboxed frame, whose origin is opaque, a question is asked and answered, with one warning at most", async (session) => {
  session.proxy.framed = true;
  const app = await session.tab();
  await app.page.goto(`${session.proxy.origin}${BLANK}`);
  await app.page.evaluate((src) => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts allow-forms");
    frame.src = src;
    frame.width = 900;
    frame.height = 600;
    document.body.append(frame);
  }, "/?plain=1&assistant=chat&share=headers&n_tokens=40&delay_ms=20");
  const frame = app.page.frameLocator("iframe");
  await frame.getByTestId("composer").fill("hello");
  await frame.getByTestId("send").click();
  const shown = async () => (await frame.getByTestId("message").allInnerTexts()).join("\n");
  await until("the whole answer", async () => (await shown()).includes(words(40).trim()));
  await frame.locator('[data-testid="connection"][data-state="finished"]').first().waitFor({ state: "attached" });
  const codes = await frame.getByTestId("notice").evaluateAll((all) => all.map(({ dataset }) => dataset.code));
  assert.ok(codes.length <= 1, `warnings: ${codes}`);
  assert.equal(await frame.getByTestId("error").count(), 0);
  assert.equal(session.proxy.count("stream"), 1);
  await app.healthy();
});

/** Asks one question, and tells what came of it. */
const ASK = `
import { createStream } from "/rejoin/index.js";
const warnings = [];
const stream = createStream({
  apiUrl: "/api",
  assistantId: "chat",
  shareConnections: true,
  cache: { identity: "visitor" },
  onWarning: ({ code }) => warnings.push(code),
});
stream.subscribe(() => {});
const input = { messages: [{ type: "human", content: "hello" }] };
const { outcome, error } = await stream.submit(input, { config: { configurable: { n_tokens: 40, delay_ms: 20 } } });
postMessage({ outcome, error: error?.code, text: stream.getSnapshot().messages.at(-1)?.content, warnings });
`;

suite({ on: ["rejoin"], apps: ["react19"] })("in a worker a question is asked and answered, with one warning at most", async (session) => {
  const dist = mkdtempSync(join(tmpdir(), "rejoin-worker-"));
  symlinkSync(fileURLToPath(new URL("../../www/package/dist", import.meta.url)), join(dist, "rejoin"));
  writeFileSync(join(dist, "ask.js"), ASK);
  const proxy = await startProxy(session.server.url, { dist });
  try {
    const page = await session.context.newPage();
    await page.goto(`${proxy.origin}${BLANK}`);
    const answer = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker("/ask.js", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        }),
    );
    const { warnings, ...told } = answer;
    assert.deepEqual(told, { outcome: "finished", error: undefined, text: words(40) });
    assert.ok(warnings.length <= 1, `warnings: ${warnings}`);
    assert.equal(proxy.count("stream"), 1, proxy.describe());
    await page.close();
  } finally {
    await proxy.close();
    rmSync(dist, { recursive: true, force: true });
  }
});
