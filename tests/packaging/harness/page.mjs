// A consumer's page as a person meets it, and what it must show.
import assert from "node:assert/strict";

const WAIT_MS = 20_000;

/** A tab. `trouble` collects exceptions and console errors, hydration warnings included. */
export async function openPage(browser, url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const trouble = [];
  page.on("pageerror", (error) => trouble.push(`exception: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) trouble.push(`console ${message.type()}: ${message.text()}`);
  });
  await page.addInitScript(watchAnswer);
  await page.goto(url, { waitUntil: "load" });
  await page.getByTestId("send").waitFor();
  return Object.assign(page, { trouble });
}

/** Every length that the shown answer had. */
function watchAnswer() {
  window.__lengths = [];
  const look = () => {
    const length = document.querySelector('li[data-type="ai"]')?.textContent.length ?? 0;
    if (length !== window.__lengths.at(-1)) window.__lengths.push(length);
    requestAnimationFrame(look);
  };
  look();
}

/** Sends, waits for the end, and compares what is shown with what the server has. */
export async function streamsOneRun(page, agent) {
  await page.getByTestId("send").click();
  await answered(page, agent);
  assert.deepEqual(page.trouble, []);
}

/** Has the answer given again, which is the second module's to do: the page loads it now, and not before. */
export async function answersAgain(page, agent) {
  const thread = await page.locator("main").getAttribute("data-thread");
  const again = page.getByTestId("again");
  const before = await codeOf(page);
  await again.click();
  await page.waitForFunction(() => document.querySelector("main").dataset.loading === "true");
  await page.waitForFunction(() => document.querySelector("main").dataset.loading === "false");
  await agent.idle(thread);
  const [runs, answers] = await Promise.all([agent.runs(thread), agent.answers(thread)]);
  assert.equal(runs.length, 2, "nothing was answered again");
  assert.ok((await codeOf(page)) > before, "the second module was loaded before anything needed it");
  const shown = await page.locator("li").evaluateAll((items) => items.map((item) => [item.dataset.type, item.textContent]));
  assert.deepEqual(shown, [["human", "hello"], ["ai", answers[0]]]);
  assert.deepEqual(page.trouble, []);
}

/** How many files of code the page has loaded from its own site. */
const codeOf = (page) =>
  page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => name.startsWith(location.origin) && /\.(js|wasm)(\?|$)/.test(name)).length);

/** Waits for the end of a run that was started, and compares what is shown with what the server has. */
export async function answered(page, agent) {
  await page.waitForFunction(() => {
    const main = document.querySelector("main");
    return main?.dataset.loading === "false" && document.querySelector('li[data-type="ai"]') !== null;
  }).catch(async (error) => {
    throw new Error(`no answer is shown: ${await page.locator("body").innerHTML()}\n${page.trouble.join("\n")}`, { cause: error });
  });
  const thread = await page.locator("main").getAttribute("data-thread");
  assert.match(thread ?? "", /^[0-9a-f-]{36}$/, "the thread's id was not told");
  await agent.idle(thread);
  const answers = await agent.answers(thread);
  assert.equal(answers.length, 1);
  assert.ok(answers[0].length > 300, `the server has only ${JSON.stringify(answers[0])}`);
  const shown = await page.locator("li").evaluateAll((items) => items.map((item) => [item.dataset.type, item.textContent]));
  assert.deepEqual(shown, [["human", "hello"], ["ai", answers[0]]]);
  assert.equal(await page.locator("main [role=alert]").count(), 0, "an error is shown");
  const lengths = await page.evaluate(() => window.__lengths);
  assert.ok(lengths.length > 4, `the answer did not stream, it was shown at lengths ${lengths}`);
  assert.deepEqual(lengths, lengths.toSorted((a, b) => a - b), "the answer shrank");
}

/** Waits for the banner with this code; its text is for a person. */
export async function showsError(page, code) {
  const banner = page.locator(`main [role=alert][data-code="${code}"]`);
  await banner.waitFor().catch(async () => {
    throw new Error(`no error ${code} is shown: ${await page.locator("body").innerHTML()}\n${page.trouble.join("\n")}`);
  });
  const text = await banner.innerText();
  assert.ok(text.length > 20, `the error says nothing: ${JSON.stringify(text)}`);
  return text;
}
