// One chat, written for `@langchain/react` from its documentation, on both packages and the same real server: it ends in the same text.
import assert from "node:assert/strict";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import * as theirs from "@langchain/react";
import * as React from "react";
import { Suspense } from "react";
import * as ours from "../../dist/langchain/index.js";
import { until } from "../support/server.mjs";
import { render } from "./mount.jsx";

const quick = { configurable: { n_tokens: 4, delay_ms: 5 } };
const slow = { configurable: { n_tokens: 4, delay_ms: 250 } };
const human = (text) => ({ messages: [{ type: "human", content: text }] });

/** The chat, made of what a package exports. */
function chatOf({ StreamProvider, createSuspenseCache, useStreamContext, useSuspenseStream }) {
  const suspenseCache = createSuspenseCache();
  const Line = ({ message, at }) => {
    const { getMessagesMetadata, setBranch, submit } = useStreamContext();
    const metadata = getMessagesMetadata(message, at);
    const branches = metadata?.branchOptions ?? [];
    const shown = branches.indexOf(metadata?.branch ?? "");
    return (
      <li>
        {message.getType()}: {message.text}
        {AIMessage.isInstance(message) && message.tool_calls?.map((call) => `${call.name}(${JSON.stringify(call.args)})`)}
        {ToolMessage.isInstance(message) && ` for ${message.tool_call_id}`}
        {branches.length > 1 && ` ${shown + 1}/${branches.length}`}
        {branches.length > 1 && <button id={`previous-${at}`} onClick={() => setBranch(branches[shown - 1])} />}
        <button id={`edit-${at}`} onClick={() => void submit(human("edited"), { config: quick, checkpoint: metadata?.firstSeenState?.parent_checkpoint })} />
      </li>
    );
  };
  const Controls = () => {
    const { isLoading, interrupt, queue, submit, error, values } = useStreamContext();
    return (
      <>
        <p>{isLoading ? "busy" : "idle"} {error ? String(error) : ""} queued {queue.size} approved {String(values.approved)}</p>
        {interrupt && <p>asked: {interrupt.value.question}</p>}
        <button id="one" onClick={() => void submit(human("one"), { config: quick })} />
        <button id="slow" onClick={() => void submit(human("slow"), { config: slow })} />
        <button id="yes" onClick={() => void submit(null, { command: { resume: "yes" } })} />
      </>
    );
  };
  const List = () => <ol>{useStreamContext().messages.map((message, at) => <Line key={message.id ?? at} message={message} at={at} />)}</ol>;
  const Kept = (options) => {
    const { messages, isStreaming } = useSuspenseStream({ ...options, suspenseCache });
    return <p>{isStreaming ? "busy" : "idle"} {messages.map((message) => `${message.getType()}: ${message.text}`).join("|")}</p>;
  };
  return {
    Chat: (options) => <StreamProvider {...options} fetchStateHistory={true}><List /><Controls /></StreamProvider>,
    Later: (options) => <Suspense fallback="loading"><Kept {...options} /></Suspense>,
  };
}

/** What a person does, and what is on the screen after each part of it. */
async function story(t, apiUrl, of) {
  const { Chat, Later } = chatOf(of);
  const shown = [];
  const open = (element) => {
    const { node, unmount, text } = render(t, element);
    const shows = async (pattern) => until(() => pattern.test(text()), `${pattern} (${text()})`, 20_000);
    return {
      click: async (id) => (await until(() => node.querySelector(`#${id}`), id)).click(),
      shows,
      note: async (pattern) => (await shows(pattern), await shows(/idle/), await new Promise((resolve) => setTimeout(resolve, 50)), shown.push(text())),
      unmount,
    };
  };
  let threadId;
  const chat = (assistantId) => open(<Chat apiUrl={apiUrl} assistantId={assistantId} onThreadId={(id) => (threadId = id)} />);

  const first = chat("chat");
  await first.click("one");
  await first.note(/human: one.*ai: .*3 .*idle/);
  await first.click("edit-0");
  await first.note(/human: edited 2\/2.*ai: .*3 .*idle/);
  await first.click("previous-0");
  await first.note(/human: one 1\/2/);
  await first.click("slow");
  await first.shows(/busy/);
  for (const size of [1, 2]) {
    await first.click("one");
    await first.shows(new RegExp(`queued ${size}`));
  }
  await first.note(/(human.*ai: .*3 .*){4}idle  queued 0/);
  first.unmount();

  const later = open(<Later apiUrl={apiUrl} assistantId="chat" threadId={threadId} />);
  await later.note(/human: slow/);
  later.unmount();

  const approval = chat("approval");
  await approval.click("one");
  await approval.note(/idle.*asked: Send this draft/);
  await approval.click("yes");
  await approval.note(/approved yes/);
  approval.unmount();

  const tools = chat("tools");
  await tools.click("one");
  await tools.note(/get_weather.*tool: .*for call_1.*ai: .*idle/);
  return shown;
}

export function same(test, apiUrl) {
  test("one chat on both packages: streaming, tool calls, an interrupt, branches, the queue, suspense and context", async (t) => {
    const our = await story(t, apiUrl, ours);
    assert.equal(our.length, 8);
    assert.deepEqual(our, await story(t, apiUrl, theirs));
  });
}
