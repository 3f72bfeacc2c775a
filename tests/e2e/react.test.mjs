// What only a page made with React can do wrong.
import assert from "node:assert/strict";
import { appKind } from "./harness/apps.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["react18", "react19"] });
const RUN = { n_tokens: 60, delay_ms: 20 };

/** A tab that counts how often the page's first effect ran. */
async function counting(session) {
  const app = await session.tab();
  await app.page.addInitScript(() => {
    window.__mounts = 0;
    const add = window.addEventListener;
    window.addEventListener = function (name, ...rest) {
      if (name === "popstate") window.__mounts += 1;
      return add.call(this, name, ...rest);
    };
  });
  return app;
}

scenario("StrictMode mounts twice, and still there is one load of the thread and one connection to its run", async (session) => {
  // Long enough that the second page finds it going on, on a busy machine too.
  const long = { ...RUN, n_tokens: 200, delay_ms: 40 };
  const first = await session.open(long);
  await first.send();
  await first.shows(word(10));
  const thread = await first.threadKnown();
  const before = session.proxy.calls.length;
  const app = await counting(session);
  await app.open({ ...long, thread });
  await app.settled(words(200));
  assert.equal(await app.page.evaluate(() => window.__mounts), 2, "StrictMode is in force");
  assert.match(await app.page.locator("h1").innerText(), new RegExp(`React ${appKind.slice("react".length)}\\.`));
  // Both tabs read the thread when the run is over; only the new one opened it.
  const opened = session.proxy.calls.slice(before).filter((call) => call.at < session.proxy.calls.find((one, at) => at >= before && /\/stream/.test(one.path)).at);
  const reads = opened.filter((call) => /\/(state|history)/.test(call.path));
  assert.equal(reads.length, 1, `the thread was loaded once, not ${reads.length} times`);
  const joins = session.proxy.calls.slice(before).filter((call) => /\/runs\/[^/]+\/stream/.test(call.path));
  assert.equal(joins.length, 1, `one connection, not ${joins.length}`);
});

/** Waits until the conversation holds this text, and not that one. */
async function conversation(app, text, other) {
  await app.page.waitForFunction(([wanted, unwanted]) => {
    const shown = document.querySelector('[data-testid="messages"]').innerText;
    return shown.includes(wanted) && !shown.includes(unwanted);
  }, [text, other]);
}

scenario("the browser's back and forward buttons switch threads, and a run that streams is found again", async (session) => {
  const app = await session.open(RUN);
  await app.send("first question");
  await app.settled(words(60));
  const first = app.thread();
  await app.at("new-thread").click();
  await app.page.waitForFunction(() => document.querySelectorAll('[data-testid="message"]').length === 0);
  await app.send("second question");
  await app.page.waitForURL((url) => ![null, first].includes(url.searchParams.get("thread")), { waitUntil: "commit" });
  await app.shows(word(10));
  await app.page.goBack();
  await conversation(app, "first question", "second question");
  assert.equal(await app.answer(), words(60));
  await app.page.goForward();
  await conversation(app, "second question", "first question");
  await app.state("finished");
  assert.equal(await app.answer(), words(60));
  assert.equal(session.proxy.count("stream"), 2, "each question was asked once");
  await app.healthy();
});

scenario("the module's script does not come: load_failed, what was typed is kept, and Retry works once it does", async (session) => {
  const app = await session.tab();
  await app.page.route("**/inline-*.js", (route) => route.abort());
  await app.open(RUN);
  await app.send("a question worth keeping");
  await app.error("load_failed");
  await app.state("failed");
  const kept = (await app.at("messages").innerText()) + (await app.at("composer").inputValue());
  assert.match(kept, /a question worth keeping/);
  await app.page.unroute("**/inline-*.js");
  await app.at("retry").click();
  await app.settled(words(60));
  assert.equal(await app.at("composer").inputValue(), "");
});
