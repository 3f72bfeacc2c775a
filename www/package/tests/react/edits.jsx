// Edits, answers again, interrupts, tool results: what goes beyond the legacy hook. docs/use-stream.md names these tests.
import assert from "node:assert/strict";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { useStream, useStreamSelector } from "../../dist/react/index.js";
import { chunk, gate, startFake } from "../support/fake-server.mjs";
import { configured, human, setFaults, until } from "../support/server.mjs";
import { mount } from "./suite.jsx";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const read = (s) => [s.messages, s.values, s.isLoading, s.error, s.interrupts, s.editing, s.canEdit, s.canRegenerate, s.canRetry, s.branch];
const said = (messages) => messages.filter(({ type }) => type === "human").map(({ content }) => (typeof content === "string" ? content : content[0].text));

export function edits(test, apiUrl) {
  const real = { apiUrl, assistantId: "chat", storage: "none" };
  const quick = configured({ n_tokens: 6, delay_ms: 2 });
  const ask = async (path, body) => (await fetch(`${apiUrl}${path}`, body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {})).json();
  /** What the server has is what is shown. */
  const agrees = async (at) => {
    await until(() => !at().isLoading);
    const { values } = await ask(`/threads/${at().threadId}/state`);
    const plain = (messages) => messages.map(({ id, type, content }) => ({ id, type, content }));
    await until(() => at().messages.length === values.messages.length, "as many messages as the server has");
    assert.deepEqual(plain(at().messages), plain(values.messages));
  };
  /** Mounts on the real server, and says each of `lines`. */
  const talk = async (t, options, ...lines) => {
    const host = mount(t, { ...real, ...options }, { read });
    await host.ready();
    for (const line of lines) assert.equal((await host.at().submit({ messages: [human(line)] }, quick)).outcome, "finished");
    await until(() => !host.at().isLoading && host.at().messages.length === 2 * lines.length);
    return host;
  };
  const against = async (t, script, options = {}) => {
    const fake = await startFake(script);
    const host = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", ...options }, { read });
    await host.ready();
    return { fake, ...host };
  };

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

  test("respond answers the one interrupt, which is gone at once", async (t) => {
    const host = mount(t, { ...real, assistantId: "approval" }, { read });
    const { at } = host;
    await host.ready();
    await at().submit({ messages: [human("go")] }, quick);
    await until(() => at().interrupts.length === 1 && !at().isLoading);
    const answer = at().respond("yes", quick);
    await until(() => at().interrupts.length === 0);
    assert.equal(at().isLoading, true, "gone before the run is over");
    assert.equal((await answer).outcome, "finished");
    await agrees(at);
    assert.match(at().messages.at(-1).content, /approved=.*yes/);
    assert.deepEqual([at().interrupts, at().interrupt], [[], undefined]);
  });

  test("several interrupts: respond needs an id and sends nothing without; respondAll answers them together", async (t) => {
    let posts = 0;
    const told = [];
    const callerOptions = { fetch: (url, init) => (url.endsWith("/runs/stream") && posts++, fetch(url, init)) };
    const host = mount(t, { ...real, assistantId: "multi", callerOptions, onError: ({ code }) => told.push(code) }, { read });
    const { at } = host;
    await host.ready();
    const begin = async () => {
      at().switchThread(null);
      await at().submit({ messages: [human("go")] }, quick);
      await until(() => at().interrupts.length === 2 && !at().isLoading);
      return at().interrupts.map(({ id }) => id);
    };
    const answers = async () => (await ask(`/threads/${at().threadId}/state`)).values.answers;
    const [a, b] = await begin();
    const before = posts;
    const { outcome, error } = await at().respond("which?", quick);
    assert.deepEqual([outcome, error.code, posts, told], ["failed", "ambiguous_resume", before, ["ambiguous_resume"]]);
    await until(() => at().error?.code === "ambiguous_resume");
    assert.equal(at().interrupts.length, 2);
    const run = at().respond("one", { interruptId: a, ...quick });
    await until(() => at().interrupts.length === 1);
    assert.equal(at().interrupts[0].id, b);
    await run;
    await until(() => !at().isLoading);
    assert.deepEqual(at().interrupts.map(({ id }) => id), [b]);
    // The one that is left needs no id.
    await at().respond("two", quick);
    await until(() => !at().isLoading && at().interrupts.length === 0);
    assert.equal((await answers()).length, 2);
    const [c, d] = await begin();
    const all = at().respondAll({ [c]: "three", [d]: "four" }, quick);
    await until(() => at().interrupts.length === 0);
    assert.equal((await all).outcome, "finished");
    assert.equal((await answers()).length, 2);
  });

  test("respond answers the one interrupt that is shown, where another waits for a headless tool", async (t) => {
    const tool = { type: "tool", toolCall: { id: "c1", name: "locate", args: {} } };
    const { fake, at } = await against(t, () => [["values", { messages: [], __interrupt__: [{ id: "i1", value: tool }, { id: "i2", value: "sure?" }] }]]);
    await at().submit({ messages: [] });
    await until(() => at().interrupts.length === 1 && !at().isLoading);
    await at().respond("yes");
    assert.deepEqual(fake.bodies[1].command, { resume: { i2: "yes" } });
  });

  test("interrupts come back with their thread, after a switch and after a reload", async (t) => {
    const first = mount(t, { ...real, assistantId: "approval" }, { read });
    await first.ready();
    await first.at().submit({ messages: [human("go")] }, quick);
    await until(() => first.at().interrupts.length === 1);
    const { threadId, interrupts } = first.at();
    first.at().switchThread(null);
    await until(() => first.at().interrupts.length === 0);
    first.at().switchThread(threadId);
    await until(() => first.at().interrupts.length === 1);
    assert.equal(first.at().interrupts[0].id, interrupts[0].id);
    first.unmount();
    const { at } = mount(t, { ...real, assistantId: "approval", threadId }, { read });
    await until(() => at()?.interrupts.length === 1 && !at().isLoading);
    assert.deepEqual(at().interrupts, interrupts);
    assert.equal((await at().respond(true, quick)).outcome, "finished");
    assert.match(at().messages.at(-1).content, /approved=True/);
  });

  test("an interrupt is given whole, as the server sent it", async (t) => {
    const whole = { id: "i1", value: { q: 1 }, ns: ["ask:1"], resumable: true, when: "during", response_schema: { type: "boolean" } };
    const { at } = await against(t, () => [["values", { messages: [], __interrupt__: [whole] }]]);
    await at().submit({ messages: [] });
    await until(() => at().interrupts.length === 1);
    assert.deepEqual(at().interrupts, [whole]);
    assert.deepEqual(at().values.__interrupt__, [whole]);
  });

  const call = (id, name = "weather") => ({ id, name, args: {}, type: "tool_call" });
  const calls = { type: "ai", id: "a1", content: "", tool_calls: [call("c1"), call("c2", "map")] };
  const answered = (body) => [["values", { messages: [human("hi", "h1"), calls, ...(body.input?.messages ?? []), { type: "ai", id: "a2", content: "done" }] }]];

  test("addToolResult: sent together when every call of the message has a result", async (t) => {
    const { fake, at } = await against(t, (body) => (fake.bodies.length > 1 ? answered(body) : [["values", { messages: [human("hi", "h1"), calls] }]]));
    await at().submit({ messages: [human("hi", "h1")] });
    await until(() => at().toolCalls.length === 2 && !at().isLoading);
    const first = at().addToolResult({ toolCallId: "c1", result: { celsius: 22 }, artifact: { source: "probe" } });
    await pause(30);
    assert.deepEqual([fake.bodies.length, at().isLoading], [1, false]);
    const second = at().addToolResult({ toolCallId: "c2", result: "no map", isError: true });
    assert.deepEqual([(await first).outcome, (await second).outcome], ["finished", "finished"]);
    const sent = fake.bodies[1].input.messages.map(({ type, tool_call_id, content, status }) => [type, tool_call_id, content, status ?? "success"]);
    assert.deepEqual(sent, [["tool", "c1", '{"celsius":22}', "success"], ["tool", "c2", "no map", "error"]]);
    assert.deepEqual(fake.bodies[1].input.messages[0].artifact, { source: "probe" });
    assert.deepEqual(fake.bodies[1].stream_mode.toSorted(), ["messages-tuple", "values"]);
    await until(() => at().toolCalls.every(({ state }) => state !== "pending"));
    assert.equal((await at().addToolResult({ toolCallId: "c1", result: "late" })).outcome, "dropped");
    assert.equal(fake.bodies.length, 2);
  });

  test("through a transport tool results are sent, and nothing can be edited", async (t) => {
    const payloads = [];
    const transport = {
      stream: async ({ input, context }) => {
        payloads.push({ input, context });
        return (async function* () {
          const [event, data] = payloads.length > 1 ? answered({ input })[0] : ["values", { messages: [human("hi", "h1"), calls] }];
          yield { event, data };
        })();
      },
    };
    const host = mount(t, { transport }, { read });
    const { at } = host;
    await host.ready();
    await at().submit({ messages: [human("hi", "h1")] });
    await until(() => at().toolCalls.length === 2 && !at().isLoading);
    const results = [at().addToolResult({ toolCallId: "c1", result: "a" }), at().addToolResult({ toolCallId: "c2", result: "b" })];
    for (const result of results) assert.equal((await result).outcome, "finished");
    assert.deepEqual(payloads[1].input.messages.map(({ tool_call_id, content }) => [tool_call_id, content]), [["c1", "a"], ["c2", "b"]]);
    assert.equal(at().messages.at(-1).content, "done");
    assert.equal(at().canEdit("h1"), false);
    assert.equal((await at().edit("h1", "new")).error.code, "edit_unavailable");
    assert.equal(payloads.length, 2);
  });

  test("option cancelPendingToolCalls: a new turn answers open calls as cancelled; without it nothing is added", async (t) => {
    for (const cancelPendingToolCalls of [true, false]) {
      const { fake, at } = await against(t, (body) => (fake.bodies.length > 1 ? answered(body) : [["values", { messages: [human("hi", "h1"), calls] }]]), { cancelPendingToolCalls });
      await at().submit({ messages: [human("hi", "h1")] });
      await until(() => at().toolCalls.length === 2 && !at().isLoading);
      await at().submit({ messages: [human("never mind", "h2")] });
      const sent = fake.bodies[1].input.messages.map(({ type, tool_call_id, content }) => (type === "tool" ? tool_call_id : content));
      assert.deepEqual(sent, cancelPendingToolCalls ? ["c1", "c2", "never mind"] : ["never mind"]);
    }
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
