// A long thread that was saved in the browser is on screen before the server has answered, and put right without a jump.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { savedStates } from "./harness/saved.mjs";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

const MESSAGES = 1000;
/** The API is away for so long at least, and until the page has shown what is asked for. */
const AWAY_MS = 3000;

/** A thread with so many messages, as another device has left it. */
async function longThread(session) {
  const { body: { thread_id: thread } } = await session.agent.call("POST", "/threads", {});
  const messages = Array.from({ length: MESSAGES }, (_, at) => ({ id: `m${at}`, type: at % 2 === 0 ? "human" : "ai", content: `Message ${at} of a long conversation.` }));
  const { status } = await session.agent.call("POST", `/threads/${thread}/state`, { values: { messages } });
  assert.equal(status, 200);
  return thread;
}

/**
 * The page notes when it has first shown a message and when all of them, and their rows. From then on it notes each row that comes or goes, and within
 * those rows each node that goes and each text that changes.
 */
const watch = (page) =>
  page.addInitScript((count) => {
    const seen = { firstAt: undefined, allAt: undefined, rows: undefined, removed: [], added: [], within: [] };
    window.__seen = seen;
    const MESSAGE = '[data-testid="message"]';
    const rowsOf = (nodes) => [...nodes].flatMap((node) => (node.nodeType !== 1 ? [] : node.matches(MESSAGE) ? [node] : [...node.querySelectorAll(MESSAGE)])).map((row) => row.innerText.slice(0, 40));
    const named = (node) => `${node.nodeName} ${node.textContent.slice(0, 40)}`;
    new MutationObserver((changes) => {
      for (const { type, target, addedNodes, removedNodes } of seen.rows ? changes : []) {
        const row = (target.nodeType === 1 ? target : target.parentElement)?.closest(MESSAGE);
        if (row && seen.rows.has(row)) {
          // A comment holds the place of a part that is not shown yet, such as the button to edit.
          const changed = type === "characterData" ? [target] : [...removedNodes].filter(({ nodeType }) => nodeType !== 8);
          seen.within.push(...changed.map((node) => `${row.dataset.messageId}: ${named(node)}`));
          continue;
        }
        seen.added.push(...rowsOf(addedNodes));
        seen.removed.push(...rowsOf(removedNodes));
      }
      const rows = document.querySelectorAll(MESSAGE);
      if (rows.length > 0) seen.firstAt ??= performance.now();
      if (rows.length >= count && !seen.rows) {
        seen.rows = new Set(rows);
        seen.allAt = performance.now();
      }
    }).observe(document, { childList: true, subtree: true, characterData: true });
  }, MESSAGES);

/** Loads the page while the API is away. */
async function loadWithoutApi(session, load, shown) {
  const calls = session.proxy.calls.length;
  await session.server.suspended(async () => {
    const away = sleep(AWAY_MS);
    await load();
    await shown();
    assert.deepEqual(session.proxy.calls.slice(calls).filter(({ bytes }) => bytes > 0), [], "the API has not answered yet");
    await away;
  });
}

const showsMessages = (app, wanted) => app.page.waitForFunction((count) => document.querySelectorAll('[data-testid="message"]').length === count, wanted);

/** Opens the thread, and waits until the page has saved it. */
async function saved(session, thread) {
  const app = await session.tab();
  await watch(app.page);
  await app.open({ thread });
  await showsMessages(app, MESSAGES);
  await until("the thread is saved", async () => (await savedStates(app.page)) > 0);
  return app;
}

scenario(`saved: a thread of ${MESSAGES} messages is on screen before the API answers, and no row is replaced when it answers`, async (session) => {
  const thread = await longThread(session);
  const app = await saved(session, thread);
  await loadWithoutApi(session, () => app.page.reload({ waitUntil: "domcontentloaded" }), () => showsMessages(app, MESSAGES));
  await app.passed("saved");
  await app.state("idle");
  const { firstAt, allAt, answerAt, asked, ...changes } = await app.page.evaluate(() => {
    const { rows, ...seen } = window.__seen;
    const kept = [...rows];
    const answers = performance.getEntriesByType("resource").filter(({ name }) => new URL(name).pathname.startsWith("/api/"));
    return {
      ...seen,
      asked: answers.length,
      answerAt: Math.min(...answers.map(({ responseStart }) => responseStart)),
      areSame: [...document.querySelectorAll('[data-testid="message"]')].every((row, at) => row === kept[at]),
    };
  });
  console.log(`the first message was shown after ${Math.round(firstAt)} ms, all after ${Math.round(allAt)} ms, and the API's first answer came after ${Math.round(answerAt)} ms`);
  assert.ok(asked > 0 && allAt < answerAt, `all messages were on screen ${Math.round(answerAt - allAt)} ms before the first of ${asked} answers`);
  assert.deepEqual(changes, { areSame: true, removed: [], added: [], within: [] });
}, { timeout: 180_000 });

scenario("saved: what another device has said meanwhile is added, and nothing else changes", async (session) => {
  const thread = await longThread(session);
  const app = await saved(session, thread);
  const url = app.page.url();
  await app.page.close();
  await session.agent.ask(thread, "from another device", { n_tokens: 5 });
  const again = await session.tab();
  await watch(again.page);
  await loadWithoutApi(session, () => again.goto(url), () => showsMessages(again, MESSAGES));
  await again.passed("saved");
  await showsMessages(again, MESSAGES + 2);
  const { removed, added, within } = await again.page.evaluate(() => ({ ...window.__seen, rows: undefined }));
  assert.deepEqual({ removed, within }, { removed: [], within: [] });
  assert.equal(added.length, 2);
}, { timeout: 180_000 });

/** By hand more are tried: `REJOIN_E2E_TOKENS`. */
const TOKENS = Number(process.env.REJOIN_E2E_TOKENS ?? 4_000);

scenario(`saved: reloaded at token ${TOKENS / 2} of ${TOKENS}, the page shows the text before the first byte and fetches the rest only`, async (session) => {
  // The second half takes longer than a busy page needs to ask for it.
  const app = await session.open({ n_tokens: TOKENS, delay_ms: 3 });
  await app.send();
  await app.page.waitForFunction((half) => window.__rejoinAnswer().text.split(/\s+/).length > half, TOKENS / 2, { timeout: 120_000, polling: 50 });
  const before = await app.answer();
  const calls = session.proxy.calls.length;
  const isPainted = () => app.page.waitForFunction((part) => window.__rejoinAnswer().text.startsWith(part), before);
  await loadWithoutApi(session, () => app.page.reload({ waitUntil: "domcontentloaded" }), isPainted);
  const isStream = ({ path }) => /\/runs\/(.*\/)?stream/.test(path);
  const bytes = (some) => some.filter(isStream).reduce((sum, call) => sum + call.bytes, 0);
  await app.page.locator('[data-testid="connection"][data-state="finished"]').first().waitFor({ state: "attached", timeout: 120_000 });
  assert.equal(await app.answer(), words(TOKENS));
  const after = bytes(session.proxy.calls.slice(calls));
  const { body } = await session.agent.call("GET", `/threads/${app.thread()}/runs?limit=1`);
  const whole = (await (await fetch(`${session.agent.url}/threads/${app.thread()}/runs/${body[0].run_id}/stream`, { headers: { "last-event-id": "-1" } })).text()).length;
  console.log(`${((100 * after) / whole).toFixed(1)} % of the stream's bytes came after the reload`);
  assert.ok(after > 0.3 * whole, `the run went on, and the page followed it: ${after} of ${whole} bytes`);
  assert.ok(after <= 0.55 * whole, `${after} of ${whole} bytes came after the reload`);
}, { timeout: 240_000 });
