// What a person does with the chat of chat.jsx.

/**
 * What a person does, and what is on the screen after each part of it. `open(view, assistantId, threadId)` shows one of the chat's views on a
 * page: `{click, shows, note, threadId, close}`; `note(pattern)` keeps the text once it is like that and idle.
 */
export async function story(open, { hasQueue = true, hasSuspense = true, hasDeepAgent = true } = {}) {
  const first = await open("Chat", "chat");
  await first.click("one");
  await first.note(/human: one.*ai: .*3 .*idle/);
  await first.click("edit-0");
  await first.note(/human: edited 2\/2.*ai: .*3 .*idle/);
  await first.click("previous-0");
  await first.note(/human: one 1\/2/);
  if (hasQueue) {
    await first.click("slow");
    await first.shows(/busy/);
    // One only: of two that are queued @langchain/react sometimes never shows the last.
    await first.click("one");
    await first.shows(/queued 1/);
    await first.note(/(human.*ai: .*3 .*){3}idle  queued 0/);
  }
  const threadId = first.threadId();
  await first.close();

  if (hasSuspense) {
    const later = await open("Later", "chat", threadId);
    await later.note(/human: slow/);
    await later.close();
  }

  const approval = await open("Chat", "approval");
  await approval.click("one");
  await approval.note(/idle.*asked: Send this draft/);
  await approval.click("yes");
  await approval.note(/approved yes/);
  await approval.close();

  const tools = await open("Chat", "tools");
  await tools.click("one");
  await tools.note(/get_weather.*tool: .*for call_1.*ai: .*idle/);
  await tools.close();

  if (!hasDeepAgent) return;
  const deep = await open("Deep", "deep");
  await deep.click("task");
  await deep.note(/task\(.*researcher is complete.*and found .*idle/);
  await deep.close();
}
