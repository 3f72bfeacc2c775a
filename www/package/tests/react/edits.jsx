// Edits, answers again, tries again: what goes beyond the legacy hook. docs/use-stream.md names these tests.
import assert from "node:assert/strict";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { useStream, useStreamSelector } from "../../dist/react/index.js";
import { chunk, gate } from "../support/fake-server.mjs";
import { configured, human, setFaults, until } from "../support/server.mjs";
import { mount } from "./suite.jsx";
import { pause, read, said, threadsOn } from "./threads.jsx";

export function edits(test, apiUrl) {
  const { real, quick, ask, agrees, talk, against } = threadsOn(apiUrl);

  test("edit puts a text, content parts, a message or an update in a message's place, and the server agrees", async (t) => {
    const { at } = await talk(t, {}, "one", "two", "three");
    const kept = at().messages.slice(0, 4);
    assert.equal((await at().edit(at().messages[4].id, "three!", quick)).outcome, "finished");
    await agrees(at);
    assert.deepEqual(said(at().messages), ["one", "two", "three!"]);
    at().messages.slice(0, 4).forEach((message, index) => assert.equal(message, kept[index], "what is kept is the same object"));
    await at().edit(at().messages[2].id, [{ type: "text", text: "two!" }], quick);
    await agrees(at);
    assert.deepEqual(said(at().messages), ["one", "two!"]);
    await at().edit(at().messages[0].id, { type: "human", content: "one!", id: "mine" }, quick);
    await agrees(at);
    assert.deepEqual([said(at().messages), at().messages[0].id], [["one!"], "mine"]);
    await at().edit("mine", { messages: [human("one?"), human("and two?")] }, quick);
    await agrees(at);
    assert.deepEqual(said(at().messages), ["one?", "and two?"]);
    assert.equal(at().error, undefined);
  });

  test("an edited message may keep its id", async (t) => {
    const { at } = await talk(t, {}, "one", "two");
    const [, , two] = at().messages;
    await at().edit(two.id, { ...two, content: "two!" }, quick);
    await agrees(at);
    assert.deepEqual([said(at().messages), at().messages[2].id], [["one", "two!"], two.id]);
  });

  test("an edit cuts the screen and shows the new message in one step", async (t) => {
    const { at, seen } = await talk(t, {}, "one", "two");
    const shown = new Set();
    const stop = at().store.subscribe(() => shown.add(said(at().store.getSnapshot().messages).join()));
    await at().edit(at().messages[0].id, "one!", quick);
    stop();
    await agrees(at);
    assert.deepEqual([...shown].toSorted(), ["one!", "one,two"].filter((line) => shown.has(line)), "never a thread without its first message");
    assert.ok(shown.has("one!") && seen.now);
  });

  test("regenerate answers again, and both answers are branches of the thread", async (t) => {
    const { at } = await talk(t, { fetchStateHistory: { limit: 50 } }, "one", "two");
    const [, first] = at().messages;
    assert.equal((await at().regenerate(first.id, quick)).outcome, "finished");
    await agrees(at);
    assert.deepEqual(said(at().messages), ["one"]);
    const [, second] = at().messages;
    assert.notEqual(second.id, first.id);
    const known = await until(() => at().getMessagesMetadata(second)?.branchOptions?.length === 2 && at().getMessagesMetadata(second));
    at().setBranch(known.branchOptions.find((branch) => branch !== known.branch));
    await until(() => at().messages.length === 4);
    assert.equal(at().messages[1].id, first.id);
    assert.deepEqual(said(at().messages), ["one", "two"]);
    // From a branch that is not the newest, too.
    assert.equal((await at().regenerate(at().messages[3].id, quick)).outcome, "finished");
    await agrees(at);
    assert.deepEqual(said(at().messages), ["one", "two"]);
    assert.equal(at().messages[1].id, first.id);
  });

  test("canEdit and canRegenerate are the same functions in every render, and true where the server has what comes before", async (t) => {
    const { at, seen } = await talk(t, {});
    const { canEdit, canRegenerate } = at();
    assert.equal(canEdit("unknown"), false);
    const { renders } = seen;
    await at().submit({ messages: [human("one", "h1")] }, quick);
    await until(() => canEdit("h1") && !at().isLoading);
    assert.ok(seen.renders > renders);
    const [asked, answered] = at().messages;
    assert.deepEqual([asked, answered].map(({ id }) => [canEdit(id), canRegenerate(id)]), [[true, false], [false, true]]);
    assert.equal(at().canEdit, canEdit);
    assert.equal(at().canRegenerate, canRegenerate);
    const now = at().store.getSnapshot();
    assert.deepEqual([now.canEdit("h1"), now.canRegenerate(answered.id), at().store.canEdit("h1")], [true, true, true]);
  });

  test("a component that asks only whether it can be edited renders when that changes", async (t) => {
    const { at } = await talk(t, {}, "one");
    const [{ id }] = at().messages;
    let [renders, can] = [0, undefined];
    function Button({ stream }) {
      can = useStreamSelector(stream, (now) => now.canEdit(id));
      renders++;
      return null;
    }
    const root = createRoot(document.createElement("div"));
    t.after(() => root.unmount());
    root.render(<Button stream={at().store} />);
    await until(() => can === true);
    await at().submit({ messages: [human("two")] }, configured({ n_tokens: 40, delay_ms: 3 }));
    assert.equal(renders, 1);
    at().switchThread(null);
    await until(() => can === false);
  });

  test("option getCheckpointId: null, a rejection and what it throws change nothing on the screen", async (t) => {
    let answer;
    const asked = [];
    const told = [];
    const getCheckpointId = (threadId, parents) => {
      asked.push([threadId, parents]);
      return answer();
    };
    const { at } = await talk(t, { getCheckpointId, onError: ({ code }) => told.push(code) }, "one", "two");
    const { messages: shown, threadId } = at();
    const cases = [
      [async () => null, "checkpoint_not_found"],
      [async () => undefined, "checkpoint_not_found"],
      [() => Promise.reject(new Error("the lookup is down")), "checkpoint_lookup_failed"],
      [() => { throw new Error("the lookup is down"); }, "checkpoint_lookup_failed"],
    ];
    for (const [make, code] of cases) {
      answer = make;
      const { outcome, error } = await at().edit(shown[2].id, "new", quick);
      assert.deepEqual([outcome, error.code], ["failed", code]);
      if (code === "checkpoint_lookup_failed") assert.match(error.detail, /the lookup is down/);
      await until(() => at().error?.code === code);
      assert.deepEqual([at().messages === shown, at().isLoading, at().editing], [true, false, null]);
      assert.equal((await ask(`/threads/${threadId}/state`)).values.messages.length, 4);
      assert.equal(at().canEdit(shown[2].id), true, "and it can be tried again");
    }
    assert.deepEqual(told, cases.map(([, code]) => code));
    for (const [thread, parents] of asked) {
      assert.equal(thread, threadId);
      assert.deepEqual(parents, shown.slice(0, 2));
    }
    const states = await ask(`/threads/${threadId}/history`, { limit: 100 });
    answer = async () => states.find(({ values }) => values.messages?.length === 2).checkpoint.checkpoint_id;
    assert.equal((await at().edit(shown[2].id, "new", quick)).outcome, "finished");
    await agrees(at);
    assert.deepEqual([said(at().messages), at().error], [["one", "new"], undefined]);
    await assert.rejects(at().edit("unknown", "new", { throwOnError: true }), { code: "edit_unavailable" });
  });

  test("option getCheckpointId is given nothing for an edit of the first message", async (t) => {
    const asked = [];
    const { at } = await talk(t, { getCheckpointId: async (_, parents) => void asked.push(parents) }, "one");
    assert.equal((await at().edit(at().messages[0].id, "new", quick)).error.code, "checkpoint_not_found");
    assert.equal((await at().regenerate(at().messages[1].id, quick)).error.code, "checkpoint_not_found");
    assert.deepEqual(asked.map((parents) => parents.length), [0, 1]);
  });

  test("option checkpoints: off offers no edit, and one is edit_unavailable", async (t) => {
    const { at } = await talk(t, { checkpoints: "off" }, "one");
    const { messages } = at();
    assert.deepEqual(messages.map(({ id }) => at().canEdit(id) || at().canRegenerate(id)), [false, false]);
    const { outcome, error } = await at().edit(messages[0].id, "new");
    assert.deepEqual([outcome, error.code, at().messages === messages], ["failed", "edit_unavailable", true]);
    assert.equal((await at().regenerate(messages[1].id)).error.code, "edit_unavailable");
  });

  test("of two edits the later wins, and the other resolves as superseded", async (t) => {
    const gates = [gate(), gate()];
    let count = 0;
    let right;
    const getCheckpointId = async () => {
      await gates[count++];
      return right;
    };
    const { at } = await talk(t, { getCheckpointId }, "one", "two");
    const { messages, threadId } = at();
    right = (await ask(`/threads/${threadId}/history`, { limit: 100 })).find(({ values }) => values.messages?.length === 2).checkpoint.checkpoint_id;
    const first = at().edit(messages[2].id, "a", quick);
    await until(() => at().editing === messages[2].id);
    assert.deepEqual([at().isLoading, at().messages === messages], [false, true]);
    const second = at().edit(messages[2].id, "b", quick);
    const { outcome, error } = await first;
    assert.deepEqual([outcome, error], ["superseded", undefined]);
    gates[1].open();
    assert.equal((await second).outcome, "finished");
    gates[0].open();
    await pause(20);
    await agrees(at);
    assert.deepEqual([said(at().messages), at().editing], [["one", "b"], null]);
  });

  test("a switch of threads supersedes an edit, and its late checkpoint changes nothing", async (t) => {
    const held = gate();
    const { at } = await talk(t, { getCheckpointId: async () => (await held, "c1") }, "one");
    const { threadId, messages } = at();
    const edit = at().edit(messages[0].id, "new", quick);
    await until(() => at().editing !== null);
    at().switchThread(null);
    assert.equal((await edit).outcome, "superseded");
    held.open();
    await pause(20);
    assert.deepEqual([at().messages.length, at().isLoading, at().editing], [0, false, null]);
    at().switchThread(threadId);
    await until(() => at().messages.length === 2);
    assert.deepEqual(said(at().messages), ["one"]);
  });

  test("unmounting ends an edit, and its late checkpoint changes nothing", async (t) => {
    const held = gate();
    const { at, unmount } = await talk(t, { getCheckpointId: async () => (await held, "c1") }, "one");
    const edit = at().edit(at().messages[0].id, "new", quick);
    await until(() => at().editing !== null);
    unmount();
    assert.equal((await edit).outcome, "disconnected");
    held.open();
    await pause(20);
    assert.equal((await ask(`/threads/${at().threadId}/state`)).values.messages.length, 2);
  });

  test("an edit during a run replaces it: nothing changes before the checkpoint is there, and the server agrees", async (t) => {
    const { at } = await talk(t, {}, "one");
    const [one] = at().messages;
    const running = at().submit({ messages: [human("two")] }, configured({ n_tokens: 400, delay_ms: 10 }));
    await until(() => at().messages.length === 4);
    assert.equal((await at().edit(one.id, "one!", quick)).outcome, "finished");
    assert.notEqual((await running).outcome, "finished");
    await agrees(at);
    assert.deepEqual(said(at().messages), ["one!"]);
    await pause(100);
    await agrees(at);
  });

  test("an edit leaves tool progress alone until its run is there", async (t) => {
    const held = gate();
    const start = ["tools", { event: "on_tool_start", toolCallId: "c1", name: "search", input: 1 }];
    const script = (body) => (body.checkpoint ? [["values", { messages: [human("new", "h2")] }]] : [start, ["values", { messages: [human("hi", "h1")] }]]);
    const { at, fake } = await against(t, script, { getCheckpointId: async () => (await held, "c0") }, (s) => [...read(s), s.toolProgress]);
    await at().submit({ messages: [human("hi", "h1")] });
    await until(() => at().toolProgress.length === 1 && at().canEdit("h1"));
    const edit = at().edit("h1", "new");
    await until(() => at().editing === "h1");
    await pause(30);
    assert.equal(at().toolProgress.length, 1);
    held.open();
    assert.equal((await edit).outcome, "finished");
    await until(() => at().toolProgress.length === 0);
    assert.equal(fake.bodies[1].checkpoint.checkpoint_id, "c0");
  });

  test("retry begins the run that failed again", async (t) => {
    const { at } = await talk(t, {});
    await setFaults(apiUrl, { match: "stream", fault: { kind: "html" } });
    const { error } = await at().submit({ messages: [human("one")] }, quick);
    await setFaults(apiUrl);
    assert.equal(error.code, "not_an_event_stream");
    await until(() => at().canRetry && at().error);
    assert.equal((await at().retry()).outcome, "finished");
    await agrees(at);
    assert.deepEqual([said(at().messages), at().messages.length, at().error, at().canRetry], [["one"], 2, undefined, false]);
    assert.equal((await at().retry()).error.code, "edit_unavailable");
  });

  test("retry of an agent that failed keeps what the server stored", async (t) => {
    const { at } = await talk(t, { assistantId: "boom" });
    assert.equal((await at().submit({ messages: [human("one")] }, quick)).error.code, "run_failed");
    await until(() => at().canRetry && !at().isLoading);
    assert.equal((await at().retry()).error.code, "run_failed");
    await until(() => !at().isLoading);
    assert.deepEqual(said(at().messages), ["one"]);
    assert.deepEqual(said((await ask(`/threads/${at().threadId}/state`)).values.messages), ["one"]);
  });

  test("what waits for a run that fails is dropped", async (t) => {
    let count = 0;
    const { fake, at } = await against(t, () => (count++ === 0 ? [chunk("a1", "half"), 50, ["error", { error: "E", message: "m" }]] : [["values", { messages: [] }]]));
    const first = at().submit({ messages: [human("one", "h1")] });
    const second = at().submit({ messages: [human("two", "h2")] });
    assert.equal((await first).outcome, "failed");
    const { outcome, error } = await second;
    assert.deepEqual([outcome, error], ["dropped", undefined]);
    await pause(50);
    assert.equal(fake.bodies.length, 1);
    assert.deepEqual(said(at().messages), ["one"]);
  });

  test("changing getCheckpointId is no new stream; giving one, or switching checkpoints off, is", async (t) => {
    const stores = new Set();
    let set;
    function Host() {
      const [options, setOptions] = useState({ ...real, getCheckpointId: async () => "a" });
      set = setOptions;
      stores.add(useStream(options).store);
      return null;
    }
    const root = createRoot(document.createElement("div"));
    t.after(() => root.unmount());
    root.render(<Host />);
    await until(() => stores.size === 1);
    set((old) => ({ ...old, getCheckpointId: async () => "b" }));
    await pause(20);
    assert.equal(stores.size, 1);
    set(() => ({ ...real, checkpoints: "off" }));
    await until(() => stores.size === 2);
  });

  test("an option for checkpoints of the wrong type is named", async (t) => {
    for (const wrong of [{ getCheckpointId: "c1" }, { checkpoints: 3 }, { checkpoints: "sometimes" }, { cancelPendingToolCalls: "yes" }]) {
      const { at } = mount(t, { ...real, ...wrong }, { read });
      await until(() => at()?.error);
      assert.equal(at().error.code, "invalid_option");
      assert.ok(at().error.message.includes(Object.keys(wrong)[0]), at().error.message);
    }
  });
}
