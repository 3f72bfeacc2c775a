// One chat, written from the documentation of the hooks that people come from. It is shown with whichever package it is given.
import * as React from "react";
import { Suspense } from "react";

const quick = { configurable: { n_tokens: 4, delay_ms: 5 } };
const slow = { configurable: { n_tokens: 4, delay_ms: 250 } };
const human = (text) => ({ messages: [{ type: "human", content: text }] });

/** The chat, made of what a package exports; `read` says how its messages are read. */
export function chatOf({ StreamProvider, useStreamContext, createSuspenseCache, useSuspenseStream }, read) {
  const suspenseCache = createSuspenseCache?.();
  const Line = ({ message, at }) => {
    const { getMessagesMetadata, setBranch, submit } = useStreamContext();
    const metadata = getMessagesMetadata(message, at);
    const branches = metadata?.branchOptions ?? [];
    const shown = branches.indexOf(metadata?.branch ?? "");
    return (
      <li>
        {read.type(message)}: {read.text(message)}
        {read.calls(message).map((call) => `${call.name}(${JSON.stringify(call.args)})`)}
        {read.answers(message) && ` for ${read.answers(message)}`}
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
        <p>{isLoading ? "busy" : "idle"} {error ? String(error) : ""} queued {queue?.size ?? 0} approved {String(values.approved)}</p>
        {interrupt && <p>asked: {interrupt.value.question}</p>}
        <button id="one" onClick={() => void submit(human("one"), { config: quick })} />
        <button id="slow" onClick={() => void submit(human("slow"), { config: slow })} />
        <button id="yes" onClick={() => void submit(null, { command: { resume: "yes" } })} />
        <button id="task" onClick={() => void submit(human("task"), { config: quick, streamSubgraphs: true })} />
      </>
    );
  };
  const List = () => <ol>{useStreamContext().messages.map((message, at) => <Line key={message.id ?? at} message={message} at={at} />)}</ol>;
  const Team = () => (
    <ul>
      {[...useStreamContext().subagents.values()].map(({ id, toolCall, status, messages, result }) => (
        <li key={id}>{toolCall.args.subagent_type} is {status}, has said {messages.filter((message) => read.type(message) === "ai").map(read.text).join("|")} and found {result}</li>
      ))}
    </ul>
  );
  const Kept = (options) => {
    const { messages, isStreaming } = useSuspenseStream({ ...options, suspenseCache });
    return <p>{isStreaming ? "busy" : "idle"} {messages.map((message) => `${read.type(message)}: ${read.text(message)}`).join("|")}</p>;
  };
  return {
    Chat: (options) => <StreamProvider {...options} fetchStateHistory={true}><List /><Controls /></StreamProvider>,
    /** A deep agent's, with its subagents. */
    Deep: (options) => <StreamProvider {...options} filterSubagentMessages={true}><List /><Team /><Controls /></StreamProvider>,
    Later: (options) => <Suspense fallback="loading"><Kept {...options} /></Suspense>,
  };
}
