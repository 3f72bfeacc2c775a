// What the runtime does on callbacks. Bundled with one version of React by runtime-callbacks.test.mjs.
import assert from "node:assert/strict";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { AssistantRuntimeProvider } from "@assistant-ui/core/react";
import { useAui, useAuiState } from "@assistant-ui/store";
import {
  unstable_createLangGraphStream,
  useLangGraphCanEdit,
  useLangGraphConnection,
  useLangGraphEditing,
  useLangGraphError,
  useLangGraphInterrupts,
  useLangGraphInterruptState,
  useLangGraphMessageMetadata,
  useLangGraphMessages,
  useLangGraphRespond,
  useLangGraphRespondAll,
  useLangGraphRuntime,
  useLangGraphSend,
  useLangGraphSendCommand,
  useLangGraphSetState,
  useLangGraphState,
  useLangGraphUIMessages,
  useLangGraphWaiting,
} from "../../dist/assistant-ui/index.js";
import { until } from "../support/server.mjs";

export { useLangGraphRuntime };

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A promise with its ends outside. */
export function deferred() {
  let resolve, reject;
  const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** A list with these threads; a new one is called `new-1`, `new-2`, … */
export function listOf(...ids) {
  let made = 0;
  const thread = (id) => ({ status: "regular", remoteId: id, externalId: id, title: id });
  return {
    list: async () => ({ threads: ids.map(thread) }),
    initialize: async () => thread(`new-${++made}`),
    fetch: async (id) => thread(id),
    rename: async () => {},
    archive: async () => {},
    unarchive: async () => {},
    delete: async () => {},
    generateTitle: async () => new ReadableStream({ start: (controller) => controller.close() }),
  };
}

/** A `stream` callback whose runs a test feeds. */
export function agent() {
  const runs = [];
  const stream = async (messages, config) => {
    const events = [];
    let wake = () => {};
    let over = false;
    let failure;
    const run = {
      messages,
      config,
      give: (event, data) => (events.push({ event, data }), wake()),
      end: () => ((over = true), wake()),
      fail: (error) => ((failure = error), wake()),
    };
    runs.push(run);
    if (agentOptions.initialize) await config.initialize();
    return (async function* () {
      for (;;) {
        if (config.abortSignal.aborted) return;
        if (events.length > 0) yield events.shift();
        else if (failure) throw failure;
        else if (over) return;
        else
          await new Promise((resolve) => {
            wake = resolve;
            config.abortSignal.addEventListener("abort", resolve, { once: true });
          });
      }
    })();
  };
  const agentOptions = { initialize: true };
  return { runs, stream, options: agentOptions, run: (at) => until(() => runs[at], `run ${at}`) };
}

export const ai = (id, content, more = {}) => ({ type: "ai", id, content, ...more });
export const human = (id, content) => ({ type: "human", id, content });

/** Renders a provider with the runtime; `at()` is what its hooks gave last. */
export function mount(t, { strict = false, ...options }) {
  const seen = { now: undefined, renders: 0, mounted: true };
  const rejections = [];
  const onRejection = (reason) => rejections.push(reason);
  process.on("unhandledRejection", onRejection);
  let setOptions;
  function Probe() {
    const aui = useAui();
    const thread = useAuiState((state) => state.thread);
    seen.renders++;
    seen.now = {
      aui,
      thread,
      failure: useLangGraphError(),
      interrupt: useLangGraphInterruptState(),
      interrupts: useLangGraphInterrupts(),
      state: useLangGraphState(),
      setState: useLangGraphSetState(),
      send: useLangGraphSend(),
      command: useLangGraphSendCommand(),
      respond: useLangGraphRespond(),
      respondAll: useLangGraphRespondAll(),
      metadata: useLangGraphMessageMetadata(),
      ui: useLangGraphUIMessages(),
      editing: useLangGraphEditing(),
      connection: useLangGraphConnection(),
      waits: useLangGraphWaiting(),
      canEdit: useLangGraphCanEdit("h1"),
    };
    // What was rendered, for tests of what must not be seen in between.
    useEffect(() => void seen.look?.());
    return null;
  }
  function Host() {
    const [given, set] = useState(options);
    setOptions = set;
    const runtime = useLangGraphRuntime(given);
    useEffect(() => void (seen.runtime = runtime), [runtime]);
    return (
      <AssistantRuntimeProvider runtime={runtime}>
        <Probe />
      </AssistantRuntimeProvider>
    );
  }
  const root = createRoot(document.createElement("div"), { onUncaughtError: (error) => (seen.crash = error) });
  root.render(strict ? <StrictMode><Host /></StrictMode> : <Host />);
  const unmount = () => {
    if (seen.mounted) root.unmount();
    seen.mounted = false;
  };
  t.after(async () => {
    unmount();
    await pause(20);
    process.off("unhandledRejection", onRejection);
    assert.deepEqual(rejections, [], "no rejection is left to nobody");
    assert.equal(seen.crash, undefined);
  });
  const at = () => seen.now;
  /** Each message as `role: text`. */
  const texts = () =>
    at().thread.messages.filter((message) => !message.metadata.isOptimistic).map(({ role, content }) => `${role}: ${content.map((part) => part.text ?? `[${part.type}]`).join("")}`);
  return {
    seen,
    unmount,
    at,
    texts,
    ids: () => at().thread.messages.map(({ id }) => id),
    last: () => at().thread.messages.at(-1),
    runtime: () => until(() => seen.runtime, "the runtime"),
    ready: () => until(() => seen.runtime && at() && !at().thread.isLoading, "a thread"),
    say: (text) => seen.runtime.thread.append(text),
    async open(id) {
      await seen.runtime.threads.switchToThread(id);
      await until(() => at().aui.threadListItem.getState().externalId === id, `thread ${id}`);
    },
    message: (index) => seen.runtime.thread.getMessageByIndex(index),
    /** Edits the message at this place, as the edit composer does. */
    edit(index, text) {
      const composer = seen.runtime.thread.getMessageByIndex(index).composer;
      composer.beginEdit();
      composer.setText(text);
      composer.send();
    },
    idle: () => until(() => !at().thread.isRunning, "the run's end"),
    setOptions: (next) => setOptions((old) => ({ ...old, ...next })),
  };
}

/** A thread with two turns on the server, opened. */
export async function conversation(t, more = {}) {
  const { stream, runs, run } = agent();
  const messages = [human("h1", "one"), ai("a1", "first"), human("h2", "two"), ai("a2", "second")];
  const loads = [];
  const load = async (id) => (loads.push(id), { messages });
  const page = mount(t, { stream, load, unstable_threadListAdapter: listOf("t1", "t2"), unstable_allowCancellation: true, ...more });
  await page.runtime();
  await page.open("t1");
  await until(() => page.texts().length === 4, "the thread");
  const shownRun = async (at) => {
    const made = await run(at);
    // What is waited for later must not be found in what was shown before the run.
    await until(() => page.at().thread.isRunning, "the run to be shown");
    return made;
  };
  return { ...page, runs, run: shownRun, loads };
}

/** Edits where the lookup ends with `answer`, then tries again. */
async function lookup(t, answer, code) {
  let find = answer;
  const told = [];
  const page = await conversation(t, { getCheckpointId: (...args) => find(...args), eventHandlers: { onError: (error) => void told.push(error.code) } });
  const before = page.at().thread.messages;
  page.edit(2, "two, edited");
  const { error, canRetry, retry } = await until(() => page.at().failure.error && page.at().failure, "the error");
  assert.deepEqual([error.name, error.code, canRetry, told], ["RejoinError", code, true, [code]]);
  assert.deepEqual(page.at().thread.messages, before);
  assert.deepEqual([page.at().thread.isRunning, page.at().editing, page.runs.length], [false, null, 0]);
  find = async () => "cp-9";
  void retry();
  const run = await page.run(0);
  assert.equal(run.config.checkpointId, "cp-9");
  assert.equal(page.at().failure.error, undefined);
  run.end();
  await page.idle();
  assert.deepEqual(page.texts().slice(1), ["assistant: first", "user: two, edited"]);
}

export function suite(test) {
  test("a message is sent and its answer streams in, once a frame", async (t) => {
    const { stream, run } = agent();
    const page = mount(t, { stream, unstable_threadListAdapter: listOf() });
    await page.ready();
    page.say("hello");
    const { messages, config, give, end } = await run(0);
    assert.deepEqual(messages.map(({ type, content }) => [type, content]), [["human", "hello"]]);
    assert.equal(typeof messages[0].id, "string");
    assert.ok(config.abortSignal instanceof AbortSignal);
    await until(() => page.texts().length === 1 && page.at().thread.isRunning, "the message");
    const before = page.seen.renders;
    for (let n = 0; n < 200; n++) give("messages", [{ type: "AIMessageChunk", id: "a1", content: `w${n} ` }, { langgraph_node: "model" }]);
    await until(() => page.texts()[1]?.endsWith("w199 "), "the answer");
    assert.ok(page.seen.renders - before < 40, `${page.seen.renders - before} renders for 200 tokens`);
    assert.deepEqual(page.at().metadata.get("a1"), { langgraph_node: "model" });
    end();
    await page.idle();
    assert.equal(page.last().status.type, "complete");
    assert.equal(page.at().connection, undefined);
  });

  test("messages that have not changed keep their identity", async (t) => {
    const page = await conversation(t);
    const before = page.at().thread.messages;
    page.say("three");
    const run = await page.run(0);
    run.give("messages", [{ type: "AIMessageChunk", id: "a3", content: "th" }, {}]);
    await until(() => page.texts().length === 6, "the answer");
    const middle = page.at().thread.messages;
    // The last one is told that it is not the last any more.
    assert.deepEqual([0, 1, 2].map((n) => middle[n] === before[n]), [true, true, true]);
    run.give("messages", [{ type: "AIMessageChunk", id: "a3", content: "ird" }, {}]);
    await until(() => page.texts()[5] === "assistant: third", "more of it");
    assert.equal(page.at().thread.messages[4], middle[4]);
    assert.notEqual(page.at().thread.messages[5], middle[5]);
    run.end();
    await page.idle();
  });

  test("an edit goes on from its checkpoint", async (t) => {
    const asked = [];
    const getCheckpointId = async (id, parents) => (asked.push([id, parents.map((message) => message.id)]), "cp-1");
    const page = await conversation(t, { getCheckpointId });
    assert.equal(page.at().canEdit, true);
    page.edit(2, "two, edited");
    const { messages, config, give, end } = await page.run(0);
    assert.deepEqual(asked, [["t1", ["h1", "a1"]]]);
    assert.equal(config.checkpointId, "cp-1");
    assert.deepEqual(messages.map(({ type, content }) => [type, content]), [["human", "two, edited"]]);
    give("messages/complete", [ai("a3", "second again")]);
    end();
    await page.idle();
    assert.deepEqual(page.texts(), ["user: one", "assistant: first", "user: two, edited", "assistant: second again"]);
  });

  test("an answer is given again from its checkpoint", async (t) => {
    const asked = [];
    const getCheckpointId = async (_, parents) => (asked.push(parents.map((message) => message.id)), "cp-2");
    const page = await conversation(t, { getCheckpointId });
    page.message(3).reload();
    const { messages, config, give, end } = await page.run(0);
    assert.deepEqual([messages, config.checkpointId, asked], [[], "cp-2", [["h1", "a1", "h2"]]]);
    give("messages/complete", [ai("a3", "other")]);
    end();
    await page.idle();
    assert.deepEqual(page.texts().slice(2), ["user: two", "assistant: other"]);
    assert.equal(page.last().id, "a3");
  });

  test("a lookup that rejects changes nothing and is a visible error", (t) => lookup(t, () => Promise.reject(new Error("no network")), "checkpoint_lookup_failed"));
  test("a lookup that finds nothing changes nothing and is a visible error", (t) => lookup(t, async () => null, "checkpoint_not_found"));

  test("while a checkpoint is looked up nothing that is shown changes", async (t) => {
    const found = deferred();
    const page = await conversation(t, { getCheckpointId: () => found.promise });
    const before = page.at().thread.messages;
    page.edit(0, "one, edited");
    await until(() => page.at().editing === "h1", "the lookup");
    await pause(30);
    assert.deepEqual(page.at().thread.messages, before);
    found.resolve("cp-0");
    const run = await page.run(0);
    await until(() => page.texts().length === 1, "the edit");
    assert.deepEqual([page.texts(), page.at().editing], [["user: one, edited"], null]);
    run.end();
    await page.idle();
  });

  test("an edit during a run stops that run first", async (t) => {
    const page = await conversation(t, { getCheckpointId: async () => "cp-1" });
    page.say("three");
    const first = await page.run(0);
    first.give("messages/partial", [ai("a3", "thi")]);
    await until(() => page.texts().length === 6, "some of the answer");
    page.edit(2, "two, edited");
    const second = await page.run(1);
    assert.equal(first.config.abortSignal.aborted, true);
    first.give("messages/partial", [ai("a3", "third")]);
    second.give("messages/complete", [ai("a4", "second again")]);
    second.end();
    await page.idle();
    assert.deepEqual(page.texts(), ["user: one", "assistant: first", "user: two, edited", "assistant: second again"]);
    assert.equal(page.runs.length, 2);
  });

  test("of two edits the later wins", async (t) => {
    const found = { h1: deferred(), h2: deferred() };
    const page = await conversation(t, { getCheckpointId: (_, parents) => found[parents.length === 0 ? "h1" : "h2"].promise });
    page.edit(2, "two, edited");
    await until(() => page.at().editing === "h2", "the first edit");
    page.edit(0, "one, edited");
    await until(() => page.at().editing === "h1", "the second edit");
    found.h1.resolve("cp-0");
    const run = await page.run(0);
    found.h2.resolve("cp-1");
    await pause(30);
    run.give("messages/complete", [ai("a9", "first again")]);
    run.end();
    await page.idle();
    assert.equal(page.runs.length, 1);
    assert.equal(run.config.checkpointId, "cp-0");
    assert.deepEqual(page.texts(), ["user: one, edited", "assistant: first again"]);
  });

  test("a question is gone as soon as it is answered, and when a new turn begins", async (t) => {
    const page = await conversation(t);
    const ask = async (at) => {
      const run = await page.run(at);
      run.give("updates", { __interrupt__: [{ id: `i${at}`, value: "sure?" }] });
      run.end();
      await until(() => page.at().interrupt && !page.at().thread.isRunning, "the question");
    };
    page.say("three");
    await ask(0);
    void page.at().command({ resume: "yes" });
    const resumed = await page.run(1);
    assert.deepEqual([resumed.config.command, resumed.messages], [{ resume: "yes" }, []]);
    await until(() => page.at().interrupt === undefined && page.at().thread.isRunning, "the answer");
    // A run without `updates` events does not bring it back.
    resumed.give("messages/complete", [ai("a3", "done")]);
    resumed.end();
    await page.idle();
    assert.equal(page.at().interrupt, undefined);
    page.say("four");
    await ask(2);
    page.say("five");
    await until(() => page.at().interrupt === undefined, "the new turn");
    (await page.run(3)).end();
    await page.idle();
  });

  test("questions in a state are seen, and are no part of it", async (t) => {
    const page = await conversation(t);
    page.say("three");
    const run = await page.run(0);
    run.give("values", { count: 1, messages: [human("h3", "three")] });
    run.give("values", { __interrupt__: [{ id: "i1", value: "sure?" }] });
    run.end();
    await until(() => page.at().interrupt && !page.at().thread.isRunning, "the question");
    assert.deepEqual(page.at().interrupt, { id: "i1", value: "sure?" });
    assert.deepEqual(page.at().state, { count: 1, messages: [human("h3", "three")] });
  });

  test("all questions are there, answered one by one or by a map; one answer for several is refused", async (t) => {
    const page = await conversation(t);
    page.say("three");
    const run = await page.run(0);
    // Parallel nodes ask one after the other, and others go on between them.
    run.give("updates", { __interrupt__: [{ id: "i1", value: "a?" }] });
    run.give("updates", { other: { done: true } });
    run.give("updates", { __interrupt__: [{ id: "i2", value: "b?" }] });
    run.end();
    await until(() => page.at().interrupts.length === 2 && !page.at().thread.isRunning, "both questions");
    assert.equal(page.at().interrupt.id, "i1");
    await assert.rejects(page.at().respond("yes"), { code: "ambiguous_resume" });
    await assert.rejects(page.at().command({ resume: "yes" }), { code: "ambiguous_resume" });
    await until(() => page.at().failure.error?.code === "ambiguous_resume", "the error");
    assert.equal(page.runs.length, 1);
    void page.at().respond("yes", { interruptId: "i1" });
    const one = await page.run(1);
    assert.deepEqual(one.config.command, { resume: { i1: "yes" } });
    await until(() => page.at().interrupts.length === 1, "one question");
    assert.equal(page.at().interrupt.id, "i2");
    one.give("updates", { __interrupt__: [{ id: "i2", value: "b?" }, { id: "i3", value: "c?" }] });
    one.end();
    await until(() => page.at().interrupts.length === 2 && !page.at().thread.isRunning, "two questions");
    void page.at().respondAll({ i2: 1, i3: 2 });
    const both = await page.run(2);
    assert.deepEqual(both.config.command, { resume: { i2: 1, i3: 2 } });
    await until(() => page.at().interrupts.length === 0, "no question");
    both.end();
    await page.idle();
  });

  test("an error before the first token marks the new turn, not the one before", async (t) => {
    const page = await conversation(t);
    page.say("three");
    const run = await page.run(0);
    run.give("error", { error: "ValueError", message: "boom" });
    run.end();
    await page.idle();
    await until(() => page.last().status?.type === "incomplete", "the mark");
    assert.deepEqual(page.last().status, { type: "incomplete", reason: "error", error: "boom" });
    assert.equal(page.at().thread.messages.length, 6);
    assert.equal(page.at().thread.messages[3].status.type, "complete");
    assert.equal(page.at().failure.error.code, "run_failed");
    // A new turn leaves no branch of the failure behind.
    page.say("four");
    (await page.run(1)).end();
    await page.idle();
    await until(() => page.last().role === "user" || page.last().content.length === 0, "the new turn");
    assert.equal(page.seen.runtime.thread.getMessageByIndex(5).getState().branchCount, 1);
  });

  test("an error after some tokens marks the answer that was being written", async (t) => {
    const page = await conversation(t);
    page.say("three");
    const run = await page.run(0);
    run.give("messages", [{ type: "AIMessageChunk", id: "a3", content: "thi" }, {}]);
    run.give("error", { error: "ValueError", message: "boom" });
    run.end();
    await page.idle();
    assert.deepEqual(page.last().status, { type: "incomplete", reason: "error", error: { error: "ValueError", message: "boom" } });
    assert.equal(page.texts()[5], "assistant: thi");
    assert.equal(page.at().thread.messages[3].status.type, "complete");
  });

  test("a stream that throws is a visible error, told and tried again", async (t) => {
    const told = [];
    let fails = true;
    const { stream, run, runs } = agent();
    const page = mount(t, {
      stream: (...args) => {
        if (fails) throw new Error("HTTP 500");
        return stream(...args);
      },
      eventHandlers: { onError: (error) => void told.push(error.message) },
      unstable_threadListAdapter: listOf(),
    });
    await page.ready();
    page.say("hello");
    await until(() => page.at().failure.error && !page.at().thread.isRunning, "the error");
    const { error, canRetry, retry } = page.at().failure;
    assert.deepEqual([error.code, error.message, canRetry, told], ["stream_failed", "HTTP 500", true, ["HTTP 500"]]);
    assert.deepEqual(page.last().status, { type: "incomplete", reason: "error", error: "HTTP 500" });
    fails = false;
    void retry();
    const again = await run(0);
    assert.deepEqual(again.messages.map(({ content }) => content), ["hello"]);
    again.give("messages/complete", [ai("a1", "hi")]);
    again.end();
    await until(() => page.texts().join() === "user: hello,assistant: hi" && !page.at().thread.isRunning, "the answer");
    assert.equal(page.at().failure.error, undefined);
    assert.equal(runs.length, 1);
  });

  test("a promise of send rejects with what the stream threw, and bothers nobody who does not wait", async (t) => {
    const page = mount(t, { stream: () => Promise.reject(new Error("HTTP 500")), unstable_threadListAdapter: listOf() });
    await page.ready();
    await assert.rejects(page.at().send([human("h1", "hello")], {}), /HTTP 500/);
    void page.at().send([human("h2", "hello")], {});
    await pause(30);
  });

  test("switching back reads the thread again, and leaves a run alone", async (t) => {
    const page = await conversation(t);
    await page.open("t2");
    await until(() => page.loads.includes("t2"), "the other thread");
    await page.open("t1");
    await until(() => page.loads.join() === "t1,t2,t1", "reading again");
    await until(() => page.texts().length === 4, "the thread");
    page.say("three");
    const run = await page.run(0);
    await page.open("t2");
    await until(() => page.loads.filter((id) => id === "t2").length === 2, "the other thread again");
    run.give("messages/complete", [ai("a3", "third")]);
    await page.open("t1");
    await until(() => page.texts().includes("assistant: third"), "what came meanwhile");
    assert.equal(run.config.abortSignal.aborted, false);
    assert.equal(page.loads.filter((id) => id === "t1").length, 2);
    run.end();
    await page.idle();
  });

  test("resume is asked after a reload and on return, and its events are followed", async (t) => {
    const asked = [];
    const gate = deferred();
    const resume = async (id, { signal }) => {
      asked.push([id, signal instanceof AbortSignal]);
      if (asked.length > 1) return null;
      return (async function* () {
        yield { event: "messages/partial", data: [human("h3", "three"), ai("a3", "thi")] };
        await gate.promise;
        yield { event: "messages/complete", data: [ai("a3", "third")] };
      })();
    };
    const page = await conversation(t, { resume });
    await until(() => page.texts()[5] === "assistant: thi", "the run that went on");
    assert.equal(page.at().thread.isRunning, true);
    gate.resolve();
    await page.idle();
    assert.equal(page.texts()[5], "assistant: third");
    await page.open("t2");
    await until(() => asked.length === 2, "the other thread");
    await page.open("t1");
    await until(() => asked.length === 3, "the return");
    assert.deepEqual(asked.map(([id]) => id), ["t1", "t2", "t1"]);
    assert.equal(page.at().thread.isRunning, false);
  });

  test("cancelling ends the run and marks the answer as cancelled", async (t) => {
    const page = await conversation(t);
    page.say("three");
    const run = await page.run(0);
    run.give("messages", [{ type: "AIMessageChunk", id: "a3", content: "thi" }, {}]);
    await until(() => page.texts().length === 6, "some of the answer");
    page.seen.runtime.thread.cancelRun();
    await page.idle();
    assert.equal(run.config.abortSignal.aborted, true);
    assert.deepEqual(page.last().status.type, "incomplete");
    assert.deepEqual(page.last().status.reason, "cancelled");
    await pause(20);
    assert.deepEqual(page.texts().slice(4), ["user: three", "assistant: thi"]);
    assert.equal(page.seen.runtime.thread.composer.getState().text, "");
  });

  test("branches can be switched, and the next message goes on from the branch that is shown", async (t) => {
    const asked = [];
    const getCheckpointId = async (_, parents) => (asked.push(parents.map((message) => message.id).join()), `cp-${asked.length}`);
    const page = await conversation(t, { getCheckpointId });
    page.edit(2, "two, edited");
    const run = await page.run(0);
    run.give("messages/complete", [ai("a3", "second again")]);
    run.end();
    await page.idle();
    const edited = page.message(2);
    assert.deepEqual([edited.getState().branchNumber, edited.getState().branchCount], [2, 2]);
    edited.switchToBranch({ position: "previous" });
    await until(() => page.texts()[2] === "user: two", "the other branch");
    assert.deepEqual(page.texts().slice(2), ["user: two", "assistant: second"]);
    page.say("three");
    const next = await page.run(1);
    assert.deepEqual([asked.at(-1), next.config.checkpointId], ["h1,a1,h2,a2", "cp-2"]);
    next.give("messages/complete", [ai("a4", "third")]);
    next.end();
    await page.idle();
    assert.deepEqual(page.texts().slice(2), ["user: two", "assistant: second", "user: three", "assistant: third"]);
    // This is the newest one now: what follows needs no checkpoint.
    page.say("four");
    const last = await page.run(2);
    assert.equal(last.config.checkpointId, undefined);
    last.end();
    await page.idle();
  });

  test("a thread that does not load is a visible error, and is loaded again", async (t) => {
    let fails = true;
    const { stream } = agent();
    const load = async () => {
      if (fails) throw new Error("HTTP 503");
      return { messages: [human("h1", "one")] };
    };
    const page = mount(t, { stream, load, unstable_threadListAdapter: listOf("t1") });
    await page.runtime();
    await page.open("t1");
    const { error, canRetry, retry } = await until(() => page.at().failure.error && page.at().failure, "the error");
    assert.deepEqual([error.code, canRetry, page.at().thread.isLoading], ["history_unavailable", true, false]);
    fails = false;
    void retry();
    await until(() => page.texts().length === 1, "the thread");
    assert.equal(page.at().failure.error, undefined);
  });

  test("under StrictMode a thread is read once it is there, and a run is sent once", async (t) => {
    const page = await conversation(t, { strict: true });
    page.say("three");
    const run = await page.run(0);
    run.give("messages/complete", [ai("a3", "third")]);
    run.end();
    await page.idle();
    assert.deepEqual(page.texts().slice(4), ["user: three", "assistant: third"]);
    assert.equal(page.runs.length, 1);
  });

  test("without getCheckpointId nothing can be edited, given again or switched", async (t) => {
    const page = await conversation(t);
    const { edit, reload, switchToBranch } = page.at().thread.capabilities;
    assert.deepEqual([edit, reload, switchToBranch, page.at().canEdit], [false, false, false, false]);
  });
  more(test);
}

/** Options and hooks that behave as @assistant-ui/react-langgraph's. */
function more(test) {
  test("state that is set is shown, rides the next run and gives way to the server's", async (t) => {
    const page = await conversation(t);
    page.at().setState({ mood: "good" });
    page.at().setState((now) => ({ ...now, level: 2 }));
    await until(() => page.at().state?.level === 2, "the state");
    page.say("three");
    const run = await page.run(0);
    assert.deepEqual(run.config.state, { mood: "good", level: 2 });
    run.give("values", { mood: "better" });
    run.end();
    await page.idle();
    assert.deepEqual(page.at().state, { mood: "better" });
  });

  test("UI messages come from custom events and from the state's key", async (t) => {
    const page = await conversation(t, { uiStateKey: "panels" });
    page.say("three");
    const run = await page.run(0);
    const panel = { type: "ui", id: "u1", name: "chart", props: { n: 1 }, metadata: { message_id: "a3" } };
    run.give("messages/complete", [ai("a3", "third")]);
    run.give("custom", panel);
    await until(() => page.at().ui.length === 1, "the panel");
    assert.ok(page.last().content.some((part) => part.type === "data" && part.name === "chart"));
    run.give("custom", { type: "remove-ui", id: "u1" });
    await until(() => page.at().ui.length === 0, "its end");
    run.give("values", { panels: [panel] });
    run.end();
    await until(() => page.at().ui.length === 1 && !page.at().thread.isRunning, "the state's");
  });

  test("a new turn answers tool calls that wait, unless it is told not to", async (t) => {
    for (const autoCancelPendingToolCalls of [undefined, false]) {
      const called = ai("a3", "", { tool_calls: [{ id: "c1", name: "ask", args: {} }] });
      const page = await conversation(t, { autoCancelPendingToolCalls });
      page.say("three");
      const run = await page.run(0);
      run.give("messages/complete", [called]);
      run.end();
      await page.idle();
      page.say("never mind");
      const { messages, end } = await page.run(1);
      const types = messages.map(({ type }) => type);
      assert.deepEqual(types, autoCancelPendingToolCalls === false ? ["human"] : ["tool", "human"]);
      end();
      await page.idle();
    }
  });

  test("events reach their handlers", async (t) => {
    const told = [];
    const names = ["onMessageChunk", "onValues", "onUpdates", "onSubgraphValues", "onSubgraphUpdates", "onMetadata", "onInfo", "onError", "onSubgraphError", "onCustomEvent"];
    const eventHandlers = Object.fromEntries(names.map((name) => [name, () => void told.push(name)]));
    const page = await conversation(t, { eventHandlers });
    page.say("three");
    const run = await page.run(0);
    run.give("metadata", { run_id: "r1" });
    run.give("info", {});
    run.give("messages", [{ type: "AIMessageChunk", id: "a3", content: "x" }, {}]);
    run.give("updates", { model: {} });
    run.give("updates|tools:1", { model: {} });
    run.give("values", { n: 1 });
    run.give("values|tools:1", { n: 1 });
    run.give("custom", { progress: 1 });
    run.give("error|tools:1", { message: "inner" });
    run.end();
    await page.idle();
    assert.deepEqual(told, ["onMetadata", "onInfo", "onMessageChunk", "onUpdates", "onSubgraphUpdates", "onValues", "onSubgraphValues", "onCustomEvent", "onError", "onSubgraphError"]);
  });

  test("messages wait in the composer's queue during a run, where it is on", async (t) => {
    const page = await conversation(t, { unstable_enableMessageQueue: true });
    assert.equal(page.at().thread.capabilities.queue, true);
    page.say("three");
    const first = await page.run(0);
    page.say("four");
    await pause(30);
    assert.equal(page.runs.length, 1);
    first.end();
    const second = await page.run(1);
    assert.deepEqual(second.messages.map(({ content }) => content), ["four"]);
    second.end();
    await page.idle();
  });

  test("with a stream callback nothing waits in the outbox: only the callback knows what the server has", async (t) => {
    const page = await conversation(t, { unstable_enableMessageQueue: true });
    page.say("three");
    const first = await page.run(0);
    page.say("four");
    await until(() => page.at().aui.composer.getState().queue.length === 1, "the message in the composer's queue");
    const { waiting, isUnsent, takeBack, sendNow, replaceWaiting } = page.at().waits;
    assert.deepEqual([waiting, isUnsent, takeBack("w1"), sendNow("w1")], [[], false, undefined, undefined]);
    await assert.rejects(replaceWaiting("w1", [human("h5", "five")]), { name: "RejoinError", code: "dropped" });
    first.end();
    const second = await page.run(1);
    assert.deepEqual(second.messages.map(({ content }) => content), ["four"]);
    second.end();
    await page.idle();
  });

  test("create, threadId and onThreadIdChange name the thread", async (t) => {
    const told = [];
    const { stream, run } = agent();
    const page = mount(t, { stream, create: async () => ({ externalId: "made-1" }), onThreadIdChange: (id) => void told.push(id) });
    await page.ready();
    page.say("hello");
    const { config, end } = await run(0);
    assert.equal((await config.initialize()).externalId, "made-1");
    end();
    await page.idle();
    assert.ok(told.length > 0 && typeof told.at(-1) === "string");

    const opened = mount(t, { stream, load: async (id) => ({ messages: [human("h1", id)] }), threadId: "t2", unstable_threadListAdapter: listOf("t1", "t2") });
    await until(() => opened.at() && opened.texts()[0] === "user: t2", "the thread that was asked for");
    opened.setOptions({ threadId: "t1" });
    await until(() => opened.texts()[0] === "user: t1", "the other one");
  });

  test("loaded questions and UI messages are shown", async (t) => {
    const { stream } = agent();
    const load = async () => ({
      messages: [human("h1", "one"), ai("a1", "first")],
      interrupts: [{ id: "i1", value: "a?" }, { id: "i2", value: "b?" }],
      uiMessages: [{ type: "ui", id: "u1", name: "chart", props: {}, metadata: { message_id: "a1" } }],
    });
    const page = mount(t, { stream, load, unstable_threadListAdapter: listOf("t1") });
    await page.runtime();
    await page.open("t1");
    await until(() => page.at().interrupts.length === 2, "the questions");
    assert.deepEqual([page.at().interrupt.id, page.at().ui.length], ["i1", 1]);
  });

  test("a wrapped stream of unstable_createLangGraphStream sends as @assistant-ui/react-langgraph's does", async (t) => {
    const sent = [];
    const client = { runs: { stream: (...args) => (sent.push(args), (async function* () {})()) } };
    const stream = unstable_createLangGraphStream({ client, assistantId: "chat" });
    const page = mount(t, { stream, unstable_threadListAdapter: listOf() });
    await page.ready();
    page.say("hello");
    await until(() => sent.length === 1, "the run");
    const [threadId, assistantId, { input, streamMode, onDisconnect, signal }] = sent[0];
    assert.deepEqual([threadId, assistantId, streamMode, onDisconnect], ["new-1", "chat", ["messages", "updates", "custom"], "cancel"]);
    assert.equal(input.messages[0].content, "hello");
    assert.ok(signal instanceof AbortSignal);
    await page.idle();
  });

  test("hooks that read give nothing under another runtime, and hooks that act say so", async (t) => {
    const { ExternalStoreProbe } = await otherRuntime(t);
    const seen = await until(() => ExternalStoreProbe.now, "the other runtime");
    assert.deepEqual([seen.interrupt, seen.interrupts, seen.state, seen.failure.error, seen.canEdit], [undefined, [], undefined, undefined, false]);
    assert.throws(() => seen.setState({}), /useLangGraphRuntime/);
    assert.deepEqual([seen.waits.waiting, seen.waits.isUnsent], [[], false]);
    for (const act of ["takeBack", "sendNow", "replaceWaiting"]) assert.throws(() => seen.waits[act]("w1"), /useLangGraphRuntime/, act);
  });

  test("useLangGraphMessages streams without a runtime", async (t) => {
    const { stream, run } = agent();
    let now;
    function Probe() {
      now = useLangGraphMessages({ stream: (messages, config) => stream(messages, { ...config, initialize: async () => ({}) }) });
      return null;
    }
    const root = createRoot(document.createElement("div"));
    root.render(<Probe />);
    t.after(() => root.unmount());
    await until(() => now, "the hook");
    const done = now.sendMessage([human("h1", "hello")], {});
    const { give, end } = await run(0);
    give("messages/complete", [ai("a1", "hi")]);
    end();
    await done;
    await until(() => now.messages.length === 2, "the answer");
    assert.equal(now.messages[1].content, "hi");
  });
}

/** A thread of assistant-ui's own external store, with our hooks in it. */
async function otherRuntime(t) {
  const { useExternalStoreRuntime } = await import("@assistant-ui/core/react");
  function ExternalStoreProbe() {
    ExternalStoreProbe.now = {
      interrupt: useLangGraphInterruptState(),
      interrupts: useLangGraphInterrupts(),
      state: useLangGraphState(),
      failure: useLangGraphError(),
      canEdit: useLangGraphCanEdit("h1"),
      setState: useLangGraphSetState(),
      waits: useLangGraphWaiting(),
    };
    return null;
  }
  function Host() {
    const runtime = useExternalStoreRuntime({ messages: [], onNew: async () => {} });
    return (
      <AssistantRuntimeProvider runtime={runtime}>
        <ExternalStoreProbe />
      </AssistantRuntimeProvider>
    );
  }
  const root = createRoot(document.createElement("div"));
  root.render(<Host />);
  t.after(() => root.unmount());
  return { ExternalStoreProbe };
}
