// What a person sees: screenshots for the README, and the things a good chat has.
import assert from "node:assert/strict";
import { fits, shot, SIZES, toTop } from "./harness/look.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

for (const [name, viewport, colorScheme] of SIZES) {
  scenario(`${name}: a conversation, a tool card, an interrupt card and a lost connection fit and can be read`, async (session) => {
    const app = await session.tab();
    await app.page.setViewportSize(viewport);
    await app.page.emulateMedia({ colorScheme });
    await app.open({ plain: "0", assistant: "tools", n_tokens: 20, delay_ms: 5 });
    await app.send("What is the weather in Paris?");
    await app.state("finished");
    await fits(app);
    await shot(app, `${name}-tools`);
    await app.open({ plain: "0", assistant: "approval", n_tokens: 10, delay_ms: 5 });
    await app.send("Draft a note to the team.");
    await app.at("interrupt-card").waitFor();
    await fits(app);
    await shot(app, `${name}-approval`);
    await app.open({ plain: "0", style: "markdown", n_tokens: 10_000, delay_ms: 1 });
    await app.send("Explain it with an example.");
    await app.state("finished");
    await fits(app);
    await toTop(app);
    await shot(app, `${name}-chat`);
    await app.open({ plain: "0", n_tokens: 120, delay_ms: 25, join_timeout_ms: 20_000 });
    await app.send("Tell me something long.");
    await app.shows(word(40));
    session.proxy.fault("join", { kind: "hang" });
    session.proxy.dropAll();
    await app.state("reconnecting", "catching_up");
    await fits(app);
    await shot(app, `${name}-reconnecting`);
    await app.healthy();
  });
}

/** Waits until a run has begun and is over. */
async function answered(app, count) {
  await app.page.waitForFunction((wanted) => document.querySelectorAll('[data-testid="message"][data-role="ai"]').length === wanted, count);
  await app.state("finished");
}

for (const [name, viewport, colorScheme] of SIZES) {
  scenario(`${name}: an edit, versions and several questions fit and can be read`, async (session) => {
    const app = await session.tab();
    await app.page.setViewportSize(viewport);
    await app.page.emulateMedia({ colorScheme });
    await app.open({ plain: "0", n_tokens: 24, delay_ms: 1 });
    await app.send("What can I see from up there?");
    await answered(app, 1);
    await app.send("And how long does it take to climb, if the weather holds and nobody is in a hurry?");
    await answered(app, 2);
    await app.at("regenerate").last().click();
    await app.at("branch").waitFor();
    await answered(app, 2);
    await app.at("edit").last().click();
    await app.at("edit-text").fill("And how long does it take to climb with a child?");
    await app.at("edit-save").click();
    await app.page.waitForFunction(() => document.querySelector('[data-testid="messages"]').innerText.includes("with a child?") && !document.querySelector('[data-testid="edit-text"]'));
    await answered(app, 2);
    await app.page.getByText("1/2").or(app.page.getByText("2/2")).first().waitFor();
    await fits(app);
    await shot(app, `${name}-versions`);
    await app.at("edit").first().click();
    await app.at("edit-text").fill("What can I see from up there in winter, when the paths are closed and the hut is shut? Is it worth the walk at all?");
    await fits(app);
    await shot(app, `${name}-editing`);
    await app.open({ plain: "0", assistant: "multi" });
    await app.send("Prepare the trip.");
    await app.at("interrupt-answer").nth(1).waitFor();
    await app.at("interrupt-answer").first().fill("the night train");
    await fits(app);
    await shot(app, `${name}-questions`);
    await app.healthy();
  });
}

scenario("keyboard: Enter sends, Shift+Enter makes a line, and the composer keeps the focus", async (session) => {
  const app = await session.open({ n_tokens: 5, delay_ms: 1 });
  await app.at("composer").focus();
  await app.page.keyboard.type("one");
  await app.page.keyboard.press("Shift+Enter");
  await app.page.keyboard.type("two");
  await app.page.keyboard.press("Enter");
  await app.settled(words(5));
  const asked = app.page.locator('[data-testid="message"][data-role="human"] [data-testid="message-text"]');
  assert.equal(await asked.textContent(), "one\ntwo");
  assert.equal(await app.at("composer").inputValue(), "");
});

scenario("screen readers: there is a polite live region that says the connection state", async (session) => {
  const app = await session.open({ n_tokens: 5, delay_ms: 1 });
  await app.send();
  await app.state("finished");
  const regions = await app.page.locator('[aria-live="polite"], [role="status"], [role="log"]').count();
  assert.ok(regions > 0, "no live region");
  const nameless = await app.page.locator("button").evaluateAll((all) => all.filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.title)).length);
  assert.equal(nameless, 0, "a button has no name");
});

scenario("the timeline opens and tells what happened", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 3000 });
  const app = await session.open({ n_tokens: 40, delay_ms: 15 });
  await app.send();
  await app.settled(words(40));
  await app.at("timeline-toggle").click();
  await app.at("timeline-entry").first().waitFor();
  assert.ok((await app.at("timeline-entry").count()) >= 2);
}, { needs: "timeline" });

scenario("scrolling yields to the reader: reading above is not torn away", async (session) => {
  const app = await session.tab();
  await app.page.setViewportSize({ width: 500, height: 400 });
  await app.open({ n_tokens: 300, delay_ms: 8 });
  await app.send();
  await app.shows(word(150));
  const area = app.at("messages");
  await area.hover();
  await app.page.mouse.wheel(0, -3000);
  const topOf = () => area.evaluate((element) => {
    for (let one = element; one; one = one.parentElement) if (one.scrollHeight > one.clientHeight + 1 && one.scrollTop >= 0 && getComputedStyle(one).overflowY !== "visible") return one.scrollTop;
    return document.scrollingElement.scrollTop;
  });
  await app.page.waitForFunction(() => new Promise((resolve) => requestAnimationFrame(() => resolve(true))));
  const top = await topOf();
  await app.state("finished");
  assert.equal(await topOf(), top, "the page scrolled while the reader was above");
});

scenario("what went wrong is shown beside the newest message, not over it", async (session) => {
  const app = await session.tab();
  await app.page.setViewportSize({ width: 390, height: 500 });
  await app.open({ n_tokens: 120, delay_ms: 1 });
  await app.send();
  await app.state("finished");
  session.proxy.fault("stream", { kind: "status", status: 500 });
  await app.send("the newest message");
  await app.error("server_error");
  await app.page.waitForFunction(() => {
    const bottom = (box) => Math.round(box.getBoundingClientRect().bottom);
    const newest = [...document.querySelectorAll('[data-testid="message"]')].at(-1);
    return newest.innerText.includes("the newest message") && bottom(newest) <= bottom(document.querySelector('[data-testid="messages"]'));
  });
});

scenario("markdown is rendered and nothing in it runs", async (session) => {
  const app = await session.open({ plain: "0", n_tokens: 3, delay_ms: 1 });
  await app.send("**bold** <img src=x onerror=window.__pwned=1> <script>window.__pwned=1</script> [x](javascript:window.__pwned=1)");
  await app.state("finished");
  assert.equal(await app.page.evaluate(() => window.__pwned), undefined);
  assert.equal(await app.page.locator('[data-testid="messages"] script, [data-testid="messages"] [onerror], [data-testid="messages"] a[href^="javascript"]').count(), 0);
}, { needs: "markdown" });
