// Interrupts and the results of tools: what goes beyond the legacy hook. docs/use-stream.md names these tests.
import assert from "node:assert/strict";
import { human, until } from "../support/server.mjs";
import { mount } from "./suite.jsx";
import { pause, read, threadsOn } from "./threads.jsx";

export function answers(test, apiUrl) {
  const { real, quick, ask, agrees, against } = threadsOn(apiUrl);

  test("respond answers the one interrupt, which is gone at once", async (t) => {
    let posts = 0;
    let release;
    const held = new Promise((resolve) => (release = resolve));
    // The answer waits on its way until the page was looked at: its run is over in no time.
    const callerOptions = {
      fetch: async (url, init) => {
        if (url.endsWith("/runs/stream") && posts++ === 1) await held;
        return fetch(url, init);
      },
    };
    const host = mount(t, { ...real, assistantId: "approval", callerOptions }, { read });
    const { at } = host;
    await host.ready();
    await at().submit({ messages: [human("go")] }, quick);
    await until(() => at().interrupts.length === 1 && !at().isLoading);
    const answer = at().respond("yes", quick);
    await until(() => at().interrupts.length === 0);
    assert.equal(at().isLoading, true, "gone before the run is over");
    assert.equal(posts, 2);
    release();
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
    assert.match(at().messages.at(-1).content, /approved=true/i);
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
}
