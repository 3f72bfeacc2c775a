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

scenario("in a sandboxed frame, whose origin is opaque, a question is asked and answered, with one warning", async (session) => {
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
  assert.deepEqual(codes, ["storage_denied"]);
  assert.equal(await frame.getByTestId("error").count(), 0);
  assert.equal(session.proxy.count("stream"), 1);
  await app.healthy();
});

/** What a page may lack, and what then is told. Each runs in the page before anything else. */
const BROKEN = {
  "no Web Locks": { breaks: () => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }) },
  "Web Locks that throw": {
    breaks: () => {
      LockManager.prototype.request = () => {
        throw new DOMException("no", "SecurityError");
      };
    },
  },
  "Web Locks that are refused": { breaks: () => (LockManager.prototype.request = () => Promise.reject(new DOMException("no", "SecurityError"))) },
  "no BroadcastChannel": { breaks: () => delete window.BroadcastChannel },
  "a BroadcastChannel that throws": {
    breaks: () => {
      window.BroadcastChannel = class {
        constructor() {
          throw new DOMException("no", "SecurityError");
        }
      };
    },
  },
  "a BroadcastChannel whose postMessage throws": {
    breaks: () => {
      BroadcastChannel.prototype.postMessage = () => {
        throw new DOMException("no", "InvalidStateError");
      };
    },
  },
  "no IndexedDB": { breaks: () => Object.defineProperty(window, "indexedDB", { value: undefined }), warnings: ["cache_unavailable"] },
  "an IndexedDB that throws": {
    breaks: () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("no", "SecurityError");
      };
    },
    warnings: ["cache_unavailable"],
  },
};

const warningsOf = (app) => app.at("notice").evaluateAll((all) => all.map(({ dataset }) => dataset.code));

for (const [what, { breaks, warnings = [] }] of Object.entries(BROKEN)) {
  scenario(`with ${what} two tabs show the whole answer, and each warns ${warnings.length === 0 ? "of nothing" : "once"}`, async (session) => {
    const [first, second] = [await session.tab(), await session.tab()];
    const tabs = [first, second];
    for (const tab of tabs) await tab.page.addInitScript(breaks);
    await first.page.bringToFront();
    await first.open({ n_tokens: 60, delay_ms: 30, share: "headers" });
    await first.send();
    await first.shows("bravo1 ");
    await first.threadKnown();
    await second.page.bringToFront();
    await second.goto(first.page.url());
    for (const tab of tabs) {
      await tab.page.bringToFront();
      await until("the whole answer", async () => (await tab.answer()) === words(60));
      await tab.settled(words(60));
      // What is saved is saved when the page is left, and what cannot be is told then at the latest.
      await tab.hide();
      await tab.show();
    }
    for (const tab of tabs) {
      await until("the warnings", async () => (await warningsOf(tab)).length >= warnings.length);
      assert.deepEqual(await warningsOf(tab), warnings);
    }
    assert.equal(session.proxy.count("stream"), 1, session.proxy.describe());
  });
}

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

suite({ on: ["rejoin"], apps: ["react19"] })("in a worker a question is asked and answered, without a warning", async (session) => {
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
    assert.deepEqual(warnings, []);
    assert.equal(proxy.count("stream"), 1, proxy.describe());
    await page.close();
  } finally {
    await proxy.close();
    rmSync(dist, { recursive: true, force: true });
  }
});
