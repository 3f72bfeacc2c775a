// What `cargo xtask demo` serves: the demo and the API from one process, faults from the server itself, no proxy between.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Agent } from "./harness/agent.mjs";
import { App } from "./harness/app.mjs";
import { lacks } from "./harness/apps.mjs";
import { startBrowser } from "./harness/browser.mjs";
import { distDir } from "./harness/proxy.mjs";
import { serverKind, startServer } from "./harness/servers.mjs";
import { words } from "./harness/text.mjs";

const NO_PROXY = { count: () => 0, describe: () => "(no proxy)", calls: [] };

if (serverKind === "rejoin") {
  let browser, server, agent, session;

  before(async () => {
    browser = await startBrowser();
    server = await startServer("rejoin", ["--assets", distDir, "--api-prefix", "/api", "--faults"]);
    agent = new Agent(server.url);
    session = { context: browser.context, proxy: { ...NO_PROXY, origin: server.origin } };
  });
  after(async () => {
    await server?.stop();
    await browser?.close();
  });

  test("the page comes with a strict security policy", async () => {
    const page = await fetch(`${server.origin}/`);
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /script-src[^;]*'wasm-unsafe-eval'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
    const html = await page.text();
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/, "no inline script");
  });

  test("the module comes with its type", { skip: lacks("wasm file") }, async () => {
    const html = await (await fetch(`${server.origin}/`)).text();
    const [wasm] = html.match(/[\w./-]+_bg\.wasm/) ?? [];
    assert.ok(wasm, "the page names its module");
    assert.equal((await fetch(new URL(wasm, server.origin))).headers.get("content-type"), "application/wasm");
  });

  test("a run survives the server's own faults, one after the other", async () => {
    const kinds = [
      { kind: "cut", after_bytes: 4000 }, { kind: "reset", after_bytes: 2000 }, { kind: "status", status: 502 },
      { kind: "html" }, { kind: "stall", after_bytes: 3000 }, { kind: "delay", delay_ms: 100 },
    ];
    const rules = kinds.map((fault, index) => ({ match: index === 0 ? "stream" : "join", times: 1, fault }));
    assert.ok((await agent.call("POST", "/faults", { rules })).status < 300);
    const app = await App.tab(session);
    await app.open({ n_tokens: 80, delay_ms: 20, stall_ms: 1500 });
    await app.send();
    await app.settled(words(80));
    await agent.call("DELETE", "/faults");
    await app.page.close();
  });
}
