// What a page shows when the wasm does not come: an error with a code, never nothing; and what helps then.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Agent } from "../e2e/harness/agent.mjs";
import { startServer } from "../e2e/harness/servers.mjs";
import { startBrowser } from "./harness/browser.mjs";
import { answered, openPage, showsError } from "./harness/page.mjs";
import { bin, command, files, fresh, wasmIn } from "./harness/project.mjs";
import { serve } from "./harness/serve.mjs";

const TIMEOUT_MS = 60_000;
const ENTRIES = ["inline", "asset"];
const STRICT = "default-src 'none'; script-src 'self'; connect-src 'self' http://127.0.0.1:*; img-src data:";
const shared = {};

before(async () => {
  [shared.browser, shared.server, shared.dir] = await Promise.all([startBrowser(), startServer("rejoin"), fresh("vite", { as: "loading", shared: "shared" })]);
  shared.agent = new Agent(shared.server.url);
  for (const entry of ENTRIES) {
    await command(shared.dir, bin(shared.dir, "vite"), ["build", entry, "--outDir", built(entry)]);
  }
}, { timeout: 240_000 });
after(() => Promise.all([shared.server?.stop(), shared.browser?.close()]));

const built = (entry) => join(shared.dir, "dist", entry);

/** The path of the file that holds a module: the wasm itself, or the script with its text. */
function holder(entry, name = "first") {
  const found = files(built(entry)).filter((path) => (entry === "asset" ? wasmIn(path)[name].files > 0 : path.endsWith(".js") && wasmIn(path)[name].inlined > 0));
  assert.equal(found.length, 1);
  return found[0].slice(built(entry).length);
}

/** Opens the page that was built for `entry`, on a site with these faults. */
async function withPage(entry, site, work) {
  const serving = await serve(built(entry), site);
  const page = await openPage(shared.browser, `${serving.origin}/?api=${encodeURIComponent(shared.server.url)}`);
  try {
    await work(page, serving);
    assert.deepEqual(page.trouble.filter((line) => line.startsWith("exception")), [], "an exception that nobody caught");
  } finally {
    await page.close();
    serving.close();
  }
}

/**
 * The error is shown without anybody having done anything, `onError` was told once although StrictMode mounts twice, and
 * the page itself is whole. A command tries again, and fails as clearly. The error's text is returned.
 */
async function fails(page, code = "load_failed") {
  const text = await showsError(page, code);
  assert.equal(await told(page), code);
  await page.getByTestId("send").click();
  await page.waitForFunction((twice) => document.querySelector("main").dataset.errors === twice, `${code} ${code}`);
  await page.waitForFunction(() => document.querySelector("main").dataset.loading === "false");
  assert.equal(await showsError(page, code), text);
  assert.ok(await page.getByTestId("send").isEnabled());
  return text;
}

/** The codes that `onError` was told. */
const told = (page) => page.locator("main").getAttribute("data-errors");

/** After the fault is gone the same page works, without a reload. */
async function sendsAgain(page) {
  await page.getByTestId("send").click();
  await answered(page, shared.agent);
}

for (const entry of ENTRIES) {
  test(`${entry}: a policy without 'wasm-unsafe-eval' is named`, { timeout: TIMEOUT_MS }, () =>
    withPage(entry, { policy: STRICT }, async (page) => {
      assert.match(await fails(page, "wasm_blocked"), /wasm-unsafe-eval/);
    }));

  test(`${entry}: a policy with 'wasm-unsafe-eval' is enough`, { timeout: TIMEOUT_MS }, () =>
    withPage(entry, { policy: STRICT.replace("'self';", "'self' 'wasm-unsafe-eval';") }, async (page) => {
      await sendsAgain(page);
      assert.deepEqual(page.trouble, []);
    }));
}

const FAULTS = {
  "is not there (404)": { status: 404 },
  "comes cut short": { bytes: 1000 },
  "is a server's own page instead": { page: "<!doctype html><title>Not the wasm</title>" },
};

for (const [what, change] of Object.entries(FAULTS)) {
  test(`asset: the wasm ${what}, later it works`, { timeout: TIMEOUT_MS }, () => {
    let broken = true;
    const path = holder("asset");
    return withPage("asset", { fault: (asked) => (broken && asked === path ? change : undefined) }, async (page, site) => {
      await fails(page);
      assert.ok(site.asked.includes(path), "the fault never happened");
      broken = false;
      await sendsAgain(page);
    });
  });
}

test("asset: a server that does not know the type of .wasm is no hindrance", { timeout: TIMEOUT_MS }, () => {
  const path = holder("asset");
  return withPage("asset", { fault: (asked) => (asked === path ? { type: "application/octet-stream" } : undefined) }, sendsAgain);
});

test("asset: loadRejoin() loads what was missing, then the stream works", { timeout: TIMEOUT_MS }, () => {
  let broken = true;
  const path = holder("asset");
  return withPage("asset", { fault: (asked) => (broken && asked === path ? { status: 503 } : undefined) }, async (page) => {
    await fails(page);
    broken = false;
    await page.getByTestId("load").click();
    await sendsAgain(page);
  });
});

test("asset: the second module is not there; what needs it says so, the rest works, and later all of it", { timeout: TIMEOUT_MS }, () => {
  let broken = true;
  const path = holder("asset", "extras");
  return withPage("asset", { fault: (asked) => (broken && asked === path ? { status: 404 } : undefined) }, async (page, site) => {
    await sendsAgain(page);
    await page.getByTestId("again").click();
    await showsError(page, "load_failed");
    assert.equal(await told(page), "load_failed");
    assert.ok(site.asked.includes(path), "the fault never happened");
    assert.equal(await page.locator("li").count(), 2, "what was shown is gone");
    broken = false;
    page.trouble.length = 0;
    await page.getByTestId("again").click();
    await page.waitForFunction(() => !document.querySelector("main [role=alert]"));
    await page.waitForFunction(() => document.querySelector("main").dataset.loading === "false");
    const thread = await page.locator("main").getAttribute("data-thread");
    await shared.agent.idle(thread);
    assert.equal((await shared.agent.runs(thread)).length, 2);
  });
});

test("inline: the script with the wasm is not there any more; the page says so", { timeout: TIMEOUT_MS }, () => {
  let broken = true;
  const path = holder("inline");
  return withPage("inline", { fault: (asked) => (broken && asked === path ? { status: 404 } : undefined) }, async (page, site) => {
    await fails(page);
    assert.ok(site.asked.includes(path), "the fault never happened");
    broken = false;
    // A browser may keep the failure of a script for as long as the page lives; a reload always helps.
    await page.reload();
    await sendsAgain(page);
  });
});
