// A tab that the browser discards to save memory: its page is gone without a word. Chromium decides itself when a tab may be discarded, and on a busy
// machine that takes longer than the run. So this is run by hand: REJOIN_E2E_DISCARDS=1.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = process.env.REJOIN_E2E_DISCARDS ? suite({ on: ["rejoin"], apps: ["leptos", "react19"] }) : () => {};

const RUN = { n_tokens: 800, delay_ms: 50 };
const LONG_TIMEOUT_MS = 180_000;

/** Presses "Urgent Discard" beside the tab whose address has `part` in it, on `chrome://discards`, once nothing drives that tab: before, it is not discarded. */
function pressFor(part) {
  const within = (node) => [...node.querySelectorAll("*")].flatMap((element) => [element, ...(element.shadowRoot ? within(element.shadowRoot) : [])]);
  const press = () => {
    const row = within(document).find(({ tagName, textContent }) => tagName === "TR" && textContent.includes(part));
    const link = row && within(row).find(({ children, textContent }) => children.length === 0 && textContent.includes("Urgent Discard"));
    if (link && !row.textContent.includes("DevTools")) link.click();
  };
  setInterval(press, 100);
}

scenario("the tab that has the connection is discarded: another goes on", async (session) => {
  // A tab in which something was typed is not discarded.
  const typed = await session.open({ ...RUN, share: "headers", which: "typed" });
  await typed.send();
  await typed.shows("bravo1 ");
  await typed.threadKnown();
  const url = typed.page.url();
  for (const which of ["leader", "other"]) {
    const tab = await session.tab();
    await tab.goto(url.replace("which=typed", `which=${which}`));
    await tab.shows("bravo1 ");
  }
  const streams = () => session.proxy.calls.filter(({ path }) => path.split("?")[0].endsWith("/stream"));
  assert.equal(streams().length, 1, session.proxy.describe());
  await typed.page.close();
  await until("the tab that waits longest takes over", () => streams().length === 2);
  const control = await session.tab();
  await control.page.goto("chrome://discards/");
  await control.page.evaluate(pressFor, "which=leader");
  const pageOf = (part) => session.context.pages().find((page) => page.url().includes(part));
  await pageOf("which=other").bringToFront();
  await session.browser.unwatched(async () => {
    await until("the discarded tab's connection ends", () => streams()[1].ended);
    const from = Date.now();
    await until("another tab goes on", () => streams().length === 3);
    console.log(`discarded: ${streams()[2].at - from} ms until another connection is asked for`);
  });
  assert.equal(pageOf("which=leader"), undefined, "it is discarded");
  const left = pageOf("which=other");
  await until("the tab that stayed has the whole answer", () => left.evaluate((text) => window.__rejoinAnswer().text === text, words(RUN.n_tokens)));
  assert.equal(streams().length, 3, session.proxy.describe());
  for (const one of [left, pageOf("chrome://discards")]) await one.close();
}, { timeout: LONG_TIMEOUT_MS });
