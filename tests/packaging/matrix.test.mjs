// The packed package in a fresh project of each kind: build, then follow one run in Chromium or Node.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Agent } from "../e2e/harness/agent.mjs";
import { freePort, killGroup } from "../e2e/harness/processes.mjs";
import { startServer } from "../e2e/harness/servers.mjs";
import { startBrowser } from "./harness/browser.mjs";
import { answered, answersAgain, openPage, streamsOneRun } from "./harness/page.mjs";
import { bin, command, files, fresh, start, wasmIn } from "./harness/project.mjs";
import { serve } from "./harness/serve.mjs";

const ENTRIES = ["inline", "asset"];
const TIMEOUT_MS = 600_000;
const closing = [];
let server;
let browser;
let agent;

before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer("rejoin")]);
  agent = new Agent(server.url);
});
after(async () => {
  await Promise.all([server?.stop(), browser?.close()]);
  console.log(closing.join("\n"));
});

/** Registers a consumer's test; what it returns is its closing line. */
function consumer(name, work) {
  test(name, { timeout: TIMEOUT_MS }, async () => {
    const began = performance.now();
    const line = await work(name);
    closing.push(`ok ${name.padEnd(8)} ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  });
}

/** One page of a consumer, on an address that serves it. */
async function follows(url, { again = true } = {}) {
  const page = await openPage(browser, `${url}?api=${encodeURIComponent(server.url)}`);
  try {
    await streamsOneRun(page, agent);
    if (again) await answersAgain(page, agent);
  } finally {
    await page.close();
  }
}

/** The built files of a page, served; `path` is the page's own. */
async function followsServed(dir, path = "/") {
  const site = await serve(dir);
  try {
    await follows(site.origin + path);
    return site.asked;
  } finally {
    site.close();
  }
}

/** Each of the two modules is in this output once, in the way that its entry promises, and only this way. */
function holdsWasmOnce(dir, entry) {
  const { bytes, ...modules } = wasmIn(dir);
  const once = entry === "asset" ? { files: 1, inlined: 0 } : { files: 0, inlined: 1 };
  assert.deepEqual(modules, { first: once, extras: once }, dir);
  return `${entry} ${(bytes / 1024).toFixed(0)} KiB`;
}

/** What a page that was built for `entry` asked for: nothing loads a module twice. */
function loadedOnce(asked, entry) {
  const wasm = asked.filter((path) => path.endsWith(".wasm"));
  assert.equal(wasm.length, entry === "asset" ? 2 : 0, `the page asked for ${asked.join(" ")}`);
  assert.equal(new Set(wasm).size, wasm.length);
}

/** Each module's text is in a file of its own, so that a page shows something before it came, and loads no more than it needs. */
function inlinedIsApart(dir) {
  const holders = ["first", "extras"].map((name) => files(dir).filter((path) => path.endsWith(".js") && wasmIn(path)[name].inlined > 0));
  assert.deepEqual(holders.map(({ length }) => length), [1, 1]);
  assert.notEqual(holders[0][0], holders[1][0]);
  for (const [holder] of holders) assert.ok(!readFileSync(holder, "utf8").includes("createRoot"), `${holder} holds the page and the wasm`);
}

describe("packaging", { concurrency: 2 }, () => {
  consumer("next", async (name) => {
    const dir = await fresh(name, { shared: "shared" });
    await command(dir, bin(dir, "next"), ["build"]);
    const lines = checksNextOutput(dir);
    const port = await freePort();
    const running = start(dir, bin(dir, "next"), ["start", "--hostname", "127.0.0.1", "--port", String(port)]);
    try {
      await answers(`http://127.0.0.1:${port}/inline`, running);
      for (const entry of ENTRIES) {
        const url = `http://127.0.0.1:${port}/${entry}`;
        await rendersBeforeItRuns(url);
        await follows(url);
      }
      await reloads(`http://127.0.0.1:${port}/inline`);
      await followsOnTheServer(`http://127.0.0.1:${port}/route`);
    } finally {
      await killGroup(running);
    }
    await nextDevServes(dir);
    return `16, app router, rendered on the server, hydrated, reloaded in the middle of a run, route handler, dev server: ${lines}`;
  });

  consumer("vite", async (name) => {
    const dir = await fresh(name, { shared: "shared" });
    const sizes = [];
    for (const entry of ENTRIES) {
      const out = join(dir, "dist", entry);
      await command(dir, bin(dir, "vite"), ["build", entry, "--outDir", out]);
      sizes.push(holdsWasmOnce(out, entry));
      if (entry === "inline") inlinedIsApart(out);
      await viteServes(dir, ["preview", entry, "--outDir", out]);
      await viteServes(dir, [entry]);
    }
    return `8, build, preview and dev server: ${sizes.join(", ")}`;
  });

  consumer("assistant-ui", async (name) => {
    const dir = await fresh(name);
    const out = join(dir, "dist");
    await command(dir, bin(dir, "vite"), ["build", "--outDir", out]);
    const size = holdsWasmOnce(out, "inline");
    inlinedIsApart(out);
    // Its runtime asks at once what can be edited.
    for (const args of [["preview", "--outDir", out], []]) await viteServes(dir, args, { again: false });
    for (const entry of ["rejoin/assistant-ui", "rejoin/assistant-ui/internal"]) {
      await command(dir, process.execPath, ["--input-type=commonjs", "-e", `require("${entry}")`]);
    }
    return `0.15, Vite 8, build, preview and dev server: ${size}`;
  });

  consumer("webpack", async (name) => {
    const dir = await fresh(name, { shared: "src/shared" });
    const sizes = [];
    for (const entry of ENTRIES) {
      const out = join(dir, "dist", entry);
      await command(dir, bin(dir, "webpack"), ["--mode=production", `--entry=./src/${entry}.js`, `--output-path=${out}`]);
      copyFileSync(join(dir, "src/page.html"), join(out, "index.html"));
      sizes.push(holdsWasmOnce(out, entry));
      if (entry === "inline") inlinedIsApart(out);
      loadedOnce(await followsServed(out), entry);
    }
    return `5, no configuration, React 18: ${sizes.join(", ")}`;
  });

  consumer("esbuild", async (name) => {
    const dir = await fresh(name, { shared: "src/shared" });
    const sizes = [];
    for (const entry of ENTRIES) {
      const out = join(dir, "dist", entry);
      const loader = entry === "asset" ? ["--loader:.wasm=file"] : [];
      await command(dir, bin(dir, "esbuild"), [
        `src/${entry}.js`, "--bundle", "--minify", "--format=esm", "--splitting", "--entry-names=main", `--outdir=${out}`, ...loader,
      ]);
      copyFileSync(join(dir, "src/page.html"), join(out, "index.html"));
      sizes.push(holdsWasmOnce(out, entry));
      if (entry === "inline") inlinedIsApart(out);
      loadedOnce(await followsServed(out), entry);
    }
    return `${sizes.join(", ")}; asset with --loader:.wasm=file and loadRejoin(address)`;
  });

  consumer("plain", async (name) => {
    const dir = await fresh(name);
    for (const entry of ENTRIES) loadedOnce(await followsServed(dir, `/${entry}.html`), entry);
    return "no bundler, import map, createStream: inline, asset";
  });

  consumer("node", async (name) => {
    const dir = await fresh(name, { shared: "shared" });
    const said = await command(dir, process.execPath, ["run.mjs", server.url]);
    for (const { thread, answer, lengths, error } of JSON.parse(said)) {
      assert.equal(error, undefined);
      await agent.idle(thread);
      assert.deepEqual(await agent.answers(thread), [answer]);
      assert.ok(lengths > 4, `the answer did not stream, it had ${lengths} lengths`);
    }
    return `${process.version}: import, require, renderToString, a run each; asset with loadRejoin(bytes)`;
  });

  runner("vitest-jsdom", "4: a component, a client of spies, a store", "vitest", ["run"]);
  runner("vitest-happy-dom", "4: a component, a client of spies, a store", "vitest", ["run"]);
  runner("jest-jsdom", "30, with its own jsdom and jest-fixed-jsdom: a component, a client of spies, a store", "jest", []);
  runner("deno", "2: a client of spies, a store", "deno", ["test", "-A"]);
  runner("bun", "1.4: a client of spies, a store", "bun", ["test"]);
});

/** A test runner without a configuration: what it runs passes, on the real server too. */
function runner(name, words, program, args) {
  consumer(name, async () => {
    const dir = await fresh(name, { shared: "shared", from: "_runners" });
    await command(dir, bin(dir, program), args, { env: { REJOIN_API: server.url } });
    return words;
  });
}

/** Vite's own server, for what was built or for the sources. */
async function viteServes(dir, args, options) {
  const port = await freePort();
  const running = start(dir, bin(dir, "vite"), [...args, "--host", "127.0.0.1", "--port", String(port), "--strictPort"]);
  try {
    await answers(`http://127.0.0.1:${port}/`, running);
    await follows(`http://127.0.0.1:${port}/`, options);
  } finally {
    await killGroup(running);
  }
}

/** What the browser gets holds each entry's wasm once; the server's half never starts it. */
function checksNextOutput(dir) {
  const { bytes, ...modules } = wasmIn(join(dir, ".next/static"));
  const once = { files: 1, inlined: 1 };
  assert.deepEqual(modules, { first: once, extras: once }, "two pages, one with each entry");
  return `in ${(bytes / 1024).toFixed(0)} KiB of static files, once for inline and once for asset`;
}

/** A route handler: the bundler has moved everything, and there is no page. */
async function followsOnTheServer(url) {
  const response = await fetch(`${url}?api=${encodeURIComponent(server.url)}`);
  assert.equal(response.status, 200);
  const { thread, answer, error } = await response.json();
  assert.equal(error, undefined);
  await agent.idle(thread);
  assert.deepEqual(await agent.answers(thread), [answer]);
}

/** In development React says more about what does not fit: a warning is a failure here. */
async function nextDevServes(dir) {
  const port = await freePort();
  const running = start(dir, bin(dir, "next"), ["dev", "--hostname", "127.0.0.1", "--port", String(port)]);
  try {
    await answers(`http://127.0.0.1:${port}/inline`, running);
    await follows(`http://127.0.0.1:${port}/inline`);
  } finally {
    await killGroup(running);
  }
}

/** A page that the server renders again in the middle of a run: it hydrates, and goes on where the text was. */
async function reloads(url) {
  const query = new URLSearchParams({ api: server.url, slow: "1" });
  const page = await openPage(browser, `${url}?${query}`);
  try {
    await page.getByTestId("send").click();
    await page.waitForFunction(() => document.querySelector('li[data-type="ai"]')?.textContent.length > 100);
    const thread = await page.locator("main").getAttribute("data-thread");
    query.set("thread", thread);
    await page.goto(`${url}?${query}`);
    assert.equal((await agent.runs(thread))[0].status, "running", "the run was over before the page was there again");
    await page.waitForFunction(() => document.querySelector('li[data-type="ai"]')?.textContent.length > 100);
    await answered(page, agent);
    assert.deepEqual(page.trouble, []);
  } finally {
    await page.close();
  }
}

/** The server's page shows the chat already, before any script. */
async function rendersBeforeItRuns(url) {
  const response = await fetch(`${url}?api=${encodeURIComponent(server.url)}`);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /<main data-loading="(true|false)" data-thread="" data-errors="">/);
}

/** Waits until a server that was just started answers. */
async function answers(url, running) {
  const deadline = Date.now() + 60_000;
  let ended;
  void running.ended.then((status) => (ended = status));
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    if (ended !== undefined || Date.now() > deadline) throw new Error(`nothing answers at ${url}:\n${running.said()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
