// A tab that the browser discards to save memory: its page is gone without a word, and is loaded anew when a person comes back to it.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

const RUN = { n_tokens: 800, delay_ms: 50 };
const LONG_TIMEOUT_MS = 180_000;

/**
 * Presses "Urgent Discard" beside the tab whose address has `part` in it, and "Load" once that is wanted, on `chrome://discards`. The browser
 * discards no tab that is driven, so it is pressed again and again.
 */
function pressFor(part) {
  const within = (node) => [...node.querySelectorAll("*")].flatMap((element) => [element, ...(element.shadowRoot ? within(element.shadowRoot) : [])]);
  const press = () => {
    const row = within(document).find(({ tagName, textContent }) => tagName === "TR" && textContent.includes(part));
    const wanted = window.__wanted ?? "Urgent Discard";
    const link = row && within(row).find(({ children, textContent }) => children.length === 0 && textContent.includes(wanted));
    if (link && !row.textContent.includes("DevTools")) link.click();
  };
  setInterval(press, 100);
}

scenario("the tab that has the connection is discarded: another goes on, and the tab follows again when it is loaded", async (session) => {
  const first = await session.open({ ...RUN, share: "headers", which: "first" });
  await first.send();
  await first.shows("bravo1 ");
  await first.threadKnown();
  const second = await session.tab();
  await second.goto(first.page.url().replace("which=first", "which=second"));
  await second.shows("bravo1 ");
  const streams = () => session.proxy.calls.filter(({ path }) => path.split("?")[0].endsWith("/stream"));
  assert.equal(streams().length, 1, session.proxy.describe());
  const control = await session.tab();
  await control.page.goto("chrome://discards/");
  await control.page.evaluate(pressFor, "which=first");
  await second.page.bringToFront();
  await session.browser.unwatched(async () => {
    await until("the discarded tab's connection ends", () => streams()[0].ended);
    await until("another tab goes on", () => streams().length === 2).catch((e) => { console.log(session.proxy.describe()); throw e; });
  });
  const pageOf = (part) => session.context.pages().find((page) => page.url().includes(part));
  assert.equal(pageOf("which=first"), undefined, "it is discarded");
  const left = pageOf("which=second");
  const back = session.context.waitForEvent("page", { predicate: (page) => page.url().includes("which=first"), timeout: 60_000 });
  await pageOf("chrome://discards").evaluate(() => { window.__wanted = "[Load]"; });
  const page = await back;
  const whole = words(RUN.n_tokens);
  await until("the tab that stayed has the whole answer", () => left.evaluate((text) => window.__rejoinAnswer().text === text, whole));
  const shown = async () => (await page.getByTestId("message").allInnerTexts()).join("\n");
  await until("the tab that came back has it too", async () => (await shown()).includes(whole.trim()));
  assert.equal(streams().length, 2, session.proxy.describe());
  for (const one of [left, page, pageOf("chrome://discards")]) await one.close();
}, { timeout: LONG_TIMEOUT_MS });
