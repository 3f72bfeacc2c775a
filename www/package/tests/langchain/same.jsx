// One chat, written for `@langchain/react` from its documentation, on both packages and the same real server: it ends in the same text.
import assert from "node:assert/strict";
import * as theirs from "@langchain/react";
import * as React from "react";
import * as ours from "../../dist/langchain/index.js";
import { until } from "../support/server.mjs";
import { chatOf } from "./chat.jsx";
import { render } from "./mount.jsx";
import { read } from "./read-instances.js";
import { story } from "./story.mjs";

/** What is on the screen after each part of the story. */
async function shownWith(t, apiUrl, hooks) {
  const views = chatOf(hooks, read);
  const shown = [];
  await story(async (view, assistantId, given) => {
    const View = views[view];
    let threadId = given;
    const more = given ? { threadId: given } : { onThreadId: (id) => (threadId = id) };
    const { node, unmount, text } = render(t, <View apiUrl={apiUrl} assistantId={assistantId} {...more} />);
    const shows = async (pattern) => until(() => pattern.test(text()), `${pattern} (${text()})`, 20_000);
    return {
      click: async (id) => (await until(() => node.querySelector(`#${id}`), id)).click(),
      shows,
      note: async (pattern) => (await shows(pattern), await shows(/idle/), await new Promise((resolve) => setTimeout(resolve, 50)), shown.push(text())),
      threadId: () => threadId,
      close: unmount,
    };
    // The server of these tests has no such agent.
  }, { hasDeepAgent: false });
  return shown;
}

export function same(test, apiUrl) {
  test("one chat on both packages: streaming, tool calls, an interrupt, branches, the queue, suspense and context", async (t) => {
    const our = await shownWith(t, apiUrl, ours);
    assert.equal(our.length, 8);
    assert.deepEqual(our, await shownWith(t, apiUrl, theirs));
  });
}
