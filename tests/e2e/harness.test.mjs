// The harness itself: a net with a hole in it would pass everything.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { appKind } from "./harness/apps.mjs";
import { startBrowser } from "./harness/browser.mjs";
import { startProxy } from "./harness/proxy.mjs";
import { assertNeverShrinks, record } from "./harness/recorder.mjs";
import { serverKind } from "./harness/servers.mjs";

// Once is enough: none of this depends on the server or on the page.
if (serverKind === "rejoin" && appKind === "leptos") {
  const BODY = "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n";
  let browser, upstream, dist, proxy, asked;

  before(async () => {
    browser = await startBrowser();
    upstream = http.createServer((request, response) => {
      asked = request.headers;
      response.writeHead(200, { "content-type": "text/event-stream" }).end(BODY);
    }).listen(0, "127.0.0.1");
    await once(upstream, "listening");
    dist = mkdtempSync(join(tmpdir(), "rejoin-e2e-dist-"));
    writeFileSync(join(dist, "index.html"), '<!doctype html><div data-testid="messages"></div>');
    proxy = await startProxy(`http://127.0.0.1:${upstream.address().port}`, { dist });
  });
  after(async () => {
    await proxy?.close();
    upstream?.close();
    await browser?.close();
    rmSync(dist, { recursive: true, force: true });
  });

  const join0 = () => fetch(`${proxy.origin}/api/threads/t/runs/r/stream`);

  test("without a fault the proxy changes nothing", async () => {
    assert.equal(await (await join0()).text(), BODY);
  });

  test("a narrow proxy passes on what the application needs, and drops the cursor", async () => {
    proxy.narrow = true;
    const headers = { "x-api-key": "k", authorization: "a", "content-type": "application/json", "last-event-id": "7", "cache-control": "no-store" };
    await fetch(`${proxy.origin}/api/ok`, { method: "POST", headers, body: "{}" });
    proxy.narrow = false;
    const { host, connection, "content-length": length, ...passed } = asked;
    assert.deepEqual(passed, { "x-api-key": "k", authorization: "a", "content-type": "application/json", accept: "*/*" });
    assert.equal(length, "2");
  });

  for (const kind of ["cut", "reset"]) {
    test(`${kind} sends exactly so many bytes and then breaks the connection`, async () => {
      proxy.fault("join", { kind, afterBytes: 7 });
      const reader = (await join0()).body.getReader();
      let got = "";
      await assert.rejects(async () => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          got += new TextDecoder().decode(value);
        }
      });
      assert.equal(got, BODY.slice(0, 7));
    });
  }

  test("a rule is used as often as it says and only where it matches", async () => {
    proxy.fault("join", { kind: "status", status: 502 }, 2);
    assert.equal((await fetch(`${proxy.origin}/api/ok`)).status, 200);
    assert.deepEqual([(await join0()).status, (await join0()).status, (await join0()).status], [502, 502, 200]);
  });

  test("inject puts bytes between two frames", async () => {
    proxy.fault("join", { kind: "inject", afterBytes: 3, body: "X" });
    assert.equal(await (await join0()).text(), BODY.replace("\n\n", "\n\nX"));
  });

  test("stall sends the beginning and never ends", async () => {
    proxy.fault("join", { kind: "stall", afterBytes: 5 });
    const reader = (await join0()).body.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), BODY.slice(0, 5));
    const more = reader.read();
    const still = Symbol("still waiting");
    assert.equal(await Promise.race([more, new Promise((resolve) => setTimeout(resolve, 300, still))]), still);
    proxy.dropAll();
    await assert.rejects(more);
  });

  /** What the recorder keeps when the page shows these texts one after the other. */
  async function shown(texts) {
    const page = await browser.context.newPage();
    const log = await record(page);
    await page.goto(proxy.origin);
    await page.evaluate(async (all) => {
      const box = document.querySelector('[data-testid="messages"]');
      box.innerHTML = '<p data-testid="message" data-role="human"><b data-testid="message-text">q</b></p><p data-testid="message" data-role="ai"><b data-testid="message-text"></b></p>';
      for (const text of all) {
        box.lastChild.firstChild.textContent = text;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    }, texts);
    await page.close();
    return log;
  }

  test("the recorder sees every step, and a text that only grows passes", async () => {
    const log = await shown(["a ", "a b ", "a b c "]);
    assert.deepEqual(log.map((entry) => entry.text), ["", "a ", "a b ", "a b c "].slice(log[0].text === "" ? 0 : 1));
    assertNeverShrinks(log, "a b c ");
  });

  test("a text that shrinks for one frame is caught", async () => {
    const log = await shown(["a b ", "a ", "a b "]);
    assert.throws(() => assertNeverShrinks(log, "a b "), /shrank/);
  });

  test("a word shown twice for one frame is caught", async () => {
    const log = await shown(["a ", "a a ", "a b "]);
    assert.throws(() => assertNeverShrinks(log, "a b "), /no beginning/);
  });

  test("the security policy is in force", async () => {
    const page = await browser.context.newPage();
    await page.goto(proxy.origin);
    const ran = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.__inline = true";
      document.body.append(script);
      return window.__inline === true;
    });
    await page.close();
    assert.equal(ran, false);
  });
}
