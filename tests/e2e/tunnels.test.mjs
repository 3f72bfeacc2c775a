// A reader goes through a tunnel while the answer streams, in three browsers: the text is whole soon after, without a click.
// REJOIN_E2E_TUNNELS is "short" for the cases that CI has time for, "all" for every one; without it there are none.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startProxy } from "./harness/proxy.mjs";
import { assertNeverShrinks, observe } from "./harness/recorder.mjs";
import { startServer } from "./harness/servers.mjs";
import { word, words } from "./harness/text.mjs";
import { startTunnel } from "./harness/tunnel.mjs";
import { startTab } from "./harness/webdriver.mjs";

const BROWSERS = ["chromium", "firefox", "webkit"];
const LENGTHS_S = [30, 180];
const TOKENS = 300;
const ANSWER = words(TOKENS);
const WHOLE_WITHIN_MS = 60_000;
const SHOWN_WITHIN_MS = 20_000;
const POLL_MS = 100;

const chosen = process.env.REJOIN_E2E_TUNNELS;
const every = ["refused", "silent"].flatMap((kind) => LENGTHS_S.flatMap((seconds) => [false, true].map((hidden) => ({ kind, seconds, hidden }))));
const cases = { short: every.slice(0, 1), all: every }[chosen] ?? [];

if (cases.length > 0) {
  let server;
  const table = [];

  before(async () => {
    server = await startServer("rejoin");
  });
  after(async () => {
    await server?.stop();
    console.table(table);
  });

  // Side by side, as they mostly wait.
  describe("tunnels", { concurrency: true }, () => {
    for (const browser of BROWSERS) {
      describe(browser, { concurrency: 1 }, () => {
        for (const { kind, seconds, hidden } of cases) {
          const name = `${browser}: connections are ${kind === "silent" ? "never answered" : kind} for ${seconds} s while the page is ${hidden ? "hidden" : "visible"}`;
          test(name, { timeout: seconds * 1000 + 180_000 }, async () => {
            const wholeAfterMs = await crossing(server, browser, { kind, seconds, hidden });
            table.push({ browser, connections: kind, seconds, page: hidden ? "hidden" : "visible", "whole after (s)": wholeAfterMs / 1000 });
          });
        }
      });
    }
  });
}

/** Asks, enters the tunnel in the middle of the answer, leaves it, and waits. Returns how long after the network's return the text was whole. */
async function crossing(server, browser, { kind, seconds, hidden }) {
  const proxy = await startProxy(server.url);
  const tunnel = await startTunnel(Number(new URL(proxy.origin).port));
  const tab = await startTab(browser);
  try {
    // In the short tunnel the run goes on at the end, in the long one it is over.
    const delayMs = seconds <= 60 ? 130 : 20;
    await tab.goto(`${tunnel.origin}/?${new URLSearchParams({ plain: 1, assistant: "chat", n_tokens: TOKENS, delay_ms: delayMs })}`);
    await shows(tab, SHOWN_WITHIN_MS, "the composer", () => document.querySelector('[data-testid="composer"]') !== null);
    await tab.run(() => {
      window.__entries = [];
      window.__rejoinRecord = (entry) => window.__entries.push(entry);
    });
    await tab.run(observe);
    await tab.run(type, "hello");
    await shows(tab, SHOWN_WITHIN_MS, "the button that sends", () => !document.querySelector('[data-testid="send"]').disabled);
    await tab.run(() => document.querySelector('[data-testid="send"]').click());
    await shows(tab, SHOWN_WITHIN_MS, "the middle", (part) => window.__rejoinAnswer().text.includes(part), word(12));
    if (hidden) await tab.hide();
    tunnel.enter(kind);
    await sleep(seconds * 1000);
    const inside = await tab.run(seen);
    await tunnel.leave();
    const back = Date.now();
    if (hidden) await tab.show();
    await shows(tab, WHOLE_WITHIN_MS, "the whole answer", (whole) => window.__rejoinAnswer().text === whole, ANSWER);
    const wholeAfterMs = Date.now() - back;
    await shows(tab, SHOWN_WITHIN_MS, "the end", () => document.querySelector('[data-testid="connection"]').dataset.state === "finished");
    const { entries, errors } = await tab.run(seen);
    assertNeverShrinks(entries.filter((entry) => "text" in entry), ANSWER);
    assert.deepEqual(errors, [], "an error is still shown");
    assert.equal(proxy.count("stream"), 1, "the question was asked once");
    assert.ok(ANSWER.startsWith(inside.text) && inside.text.includes(word(12)), "what was received stays");
    if (!hidden) assert.doesNotMatch(inside.words, /^Connected/, "there was no connection");
    return wholeAfterMs;
  } catch (error) {
    error.stack = `${error.stack}\n${JSON.stringify(await tab.run(seen).catch(String), undefined, 1).slice(-3000)}\ncalls:${proxy.describe()}`;
    throw error;
  } finally {
    await tab.close();
    tunnel.close();
    await proxy.close();
  }
}

async function shows(tab, withinMs, what, look, ...args) {
  const deadline = Date.now() + withinMs;
  while (!(await tab.run(look, ...args))) {
    assert.ok(Date.now() < deadline, `${what} is not shown within ${withinMs / 1000} s`);
    await sleep(POLL_MS);
  }
}

/** Runs in the page: types a question. */
function type(text) {
  const composer = document.querySelector('[data-testid="composer"]');
  composer.value = text;
  composer.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Runs in the page: what a reader sees, and has seen. */
function seen() {
  const connection = document.querySelector('[data-testid="connection"]');
  return {
    entries: window.__entries,
    errors: [...document.querySelectorAll('[data-testid="error"]')].map((error) => `${error.dataset.code}: ${error.innerText}`),
    state: connection.dataset.state,
    words: connection.innerText,
    text: window.__rejoinAnswer().text,
  };
}
