// One chat, written for the hooks that people come from, with only the import replaced: in Chromium, against the real Python server, it ends in
// the same text. Nothing of the page is Rejoin's but what it imports.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { story } from "../../www/package/tests/langchain/story.mjs";
import { buildPage } from "./drop-in/build.mjs";
import { startProxy } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";

const scenario = suite({ on: ["python"], apps: ["react19"] });

/** What is on the screen after each part of what `tell(open)` does, with that package. */
async function shownWith(session, name, tell) {
  const dist = await buildPage(name);
  const proxy = await startProxy(session.server.url, { dist });
  const shown = [];
  try {
    await tell(async (view, assistantId, threadId) => {
      const page = await session.context.newPage();
      await page.goto(`${proxy.origin}/?${new URLSearchParams({ view, assistant: assistantId, ...(threadId && { thread: threadId }) })}`);
      const shows = (pattern) => page.waitForFunction((source) => new RegExp(source).test(document.getElementById("chat").textContent), pattern.source, { timeout: 30_000 }).catch(async (error) => {
        throw new Error(`${name}: not ${pattern}, but ${JSON.stringify(await page.locator("#chat").textContent())}`, { cause: error });
      });
      let thread = threadId;
      return {
        click: (id) => page.locator(`#${id}`).evaluate((button) => button.click()),
        shows,
        async note(pattern) {
          await shows(pattern);
          await shows(/idle/);
          // Both have told all that they know of the run when its state was read.
          await page.waitForLoadState("networkidle");
          thread ??= await page.evaluate(() => document.body.dataset.thread);
          shown.push(await page.locator("#chat").textContent());
        },
        threadId: () => thread,
        close: () => page.close(),
      };
    });
  } finally {
    await proxy.close();
    rmSync(dist, { recursive: true, force: true });
  }
  return shown;
}

/** What a person does with assistant-ui's thread. */
async function assistantStory(open) {
  const first = await open("Thread", "chat");
  await first.click("one");
  await first.note(/user: one assistant: .*delta3 .*after 1 runs/);
  await first.click("edit");
  await first.note(/user: edited assistant: .*delta3 .*after 2 runs/);
  await first.click("again");
  await first.note(/user: edited assistant: .*delta3 .*after 3 runs/);
  const threadId = first.threadId();
  await first.close();

  const later = await open("Thread", "chat", threadId);
  await later.note(/user: edited assistant: .*delta3 .*after 0 runs/);
  await later.close();

  const approval = await open("Thread", "approval");
  await approval.click("one");
  await approval.note(/asked: .*Send this draft/);
  await approval.click("yes");
  await approval.note(/done approved='yes'/);
  await approval.close();

  const tools = await open("Thread", "tools");
  await tools.click("one");
  await tools.note(/get_weather\(.*Paris.*\) = .*22C in Paris.*delta3/);
  await tools.close();
}

const PAIRS = [
  { theirs: "@langchain/react", ours: "rejoin/langchain", tell: (open) => story(open), notes: 9 },
  { theirs: "@langchain/langgraph-sdk/react", ours: "rejoin/react", tell: (open) => story(open, { hasQueue: false, hasSuspense: false }), notes: 7 },
  { theirs: "@assistant-ui/react-langgraph", ours: "rejoin/assistant-ui", tell: assistantStory, notes: 7 },
];
for (const { theirs, ours, tell, notes } of PAIRS) {
  scenario(`drop-in: one chat on ${theirs} and ${ours} ends in the same text`, async (session) => {
    const shown = await shownWith(session, ours, tell);
    assert.equal(shown.length, notes, shown.join("\n"));
    assert.deepEqual(shown, await shownWith(session, theirs, tell));
  }, { timeout: 300_000 });
}
