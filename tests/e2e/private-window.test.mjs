// A private window of Firefox, whose storage is the window's own and ends with it: a question is asked and answered, also over a reload.
// REJOIN_E2E_FIREFOX says that there is a Firefox; without it there are no tests.
import assert from "node:assert/strict";
import { observe } from "./harness/recorder.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";
import { startTab } from "./harness/webdriver.mjs";

const TOKENS = 200;

const scenario = process.env.REJOIN_E2E_FIREFOX ? suite({ on: ["rejoin"], apps: ["leptos"] }) : () => {};

scenario("in a private window of Firefox an answer goes on over a reload, with one warning at most", async (session) => {
  const tab = await startTab("firefox", { isPrivate: true });
  try {
    const query = new URLSearchParams({ plain: 1, assistant: "chat", share: "headers", n_tokens: TOKENS, delay_ms: 20 });
    await tab.goto(`${session.proxy.origin}/?${query}`);
    const has = (selector) => tab.run((wanted) => document.querySelector(wanted) !== null, selector);
    const answer = () => tab.run(() => window.__rejoinAnswer?.().text ?? "");
    await until("the composer", () => has('[data-testid="composer"]'));
    await tab.run(type, "hello");
    await until("the button that sends", () => has('[data-testid="send"]:not([disabled])'));
    await tab.run(() => document.querySelector('[data-testid="send"]').click());
    await tab.run(observe);
    await until("the middle", async () => (await answer()).includes(word(40)));
    await tab.run(() => location.reload());
    await until("the page after the reload", () => tab.run(() => !window.__rejoinAnswer && document.querySelector('[data-testid="composer"]') !== null));
    await tab.run(observe);
    await until("the whole answer", async () => (await answer()) === words(TOKENS));
    await until("the end", () => has('[data-testid="connection"][data-state="finished"]'));
    const codes = await tab.run(() => [...document.querySelectorAll('[data-testid="notice"]')].map(({ dataset }) => dataset.code));
    assert.ok(codes.length <= 1, `warnings: ${codes}`);
    assert.equal(await has('[data-testid="error"]'), false);
    assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
  } finally {
    await tab.close();
  }
});

function type(text) {
  const composer = document.querySelector('[data-testid="composer"]');
  composer.value = text;
  composer.dispatchEvent(new Event("input", { bubbles: true }));
}
