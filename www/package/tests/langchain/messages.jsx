// Class messages out: what they are, and that they stay the same objects.
import assert from "node:assert/strict";
import { AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { chunk, gate, stateOf } from "../support/fake-server.mjs";
import { human, until } from "../support/server.mjs";
import { against } from "./mount.jsx";

const ai = (content, id, more = {}) => ({ type: "ai", content, id, ...more });
const done = (messages, more = {}) => ["values", { messages, ...more }];
const ask = { messages: [human("hi", "h1")] };

export function messages(test) {
  test("messages of every type are instances of their class", async (t) => {
    const call = { id: "c1", name: "weather", args: { city: "Ulm" }, type: "tool_call" };
    const all = [
      human("hi", "h1"),
      { type: "system", content: "be kind", id: "s1" },
      ai("", "a1", { tool_calls: [call], usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } }),
      { type: "tool", content: "sunny", id: "t1", tool_call_id: "c1", status: "success", name: "weather" },
      ai([{ type: "text", text: "It is sunny." }], "a2", { response_metadata: { model: "m" } }),
    ];
    const { at } = await against(t, [done(all)]);
    await at().submit(ask);
    await until(() => at().messages.length === 5 && !at().isLoading);
    const { messages: shown } = at();
    assert.deepEqual(shown.map((one) => one.getType()), ["human", "system", "ai", "tool", "ai"]);
    for (const [at, kind] of [HumanMessage, SystemMessage, AIMessage, ToolMessage, AIMessage].entries()) assert.ok(kind.isInstance(shown[at]) && shown[at] instanceof kind, kind.name);
    assert.deepEqual(shown.map((one) => one.id), ["h1", "s1", "a1", "t1", "a2"]);
    assert.equal(shown[4].text, "It is sunny.");
    assert.deepEqual(shown[2].tool_calls, [call]);
    assert.equal(shown[2].usage_metadata.total_tokens, 3);
    assert.equal(shown[3].tool_call_id, "c1");
    assert.deepEqual([shown[4].toDict().type, shown[4].toDict().data.id], ["ai", "a2"]);
    assert.equal(shown[4].response_metadata.model, "m");
  });

  test("what is no message of these classes is shown too: another type, a null for a content, content blocks", async (t) => {
    const blocks = [{ type: "text", text: "v1" }];
    const odd = [{ type: "generic", role: "narrator", content: "Once", id: "x1" }, { type: "chat", content: "upon", id: "x2" }, ai(null, "a1"), ai(blocks, "a2", { tool_calls: [{ id: "c", name: "n", args: {} }], response_metadata: { output_version: "v1" } })];
    const { at } = await against(t, [done(odd)]);
    await at().submit(ask);
    await until(() => at().messages.length === 4 && !at().isLoading);
    const [first, second, empty, v1] = at().messages;
    assert.ok(first instanceof ChatMessage && second instanceof ChatMessage);
    assert.deepEqual([first.text, second.text, second.role], ["Once", "upon", "chat"]);
    assert.equal(empty.text, "");
    assert.equal(v1.text, "v1");
    assert.deepEqual(at().store.getSnapshot().messages[3].content, blocks, "the constructor changes the content that it is given");
  });

  test("a token makes exactly one new object; everything else keeps its identity", async (t) => {
    const [first, second] = [gate(), gate()];
    const before = [human("old", "h0"), ai("old answer", "a0")];
    const events = [done([...before, human("hi", "h1")]), chunk("a1", "one "), first, chunk("a1", "two "), second, chunk("a1", "three"), done([...before, human("hi", "h1"), ai("one two three", "a1")])];
    const { at } = await against(t, events);
    const run = at().submit(ask);
    const text = (wanted) => until(() => at().messages.at(-1)?.text === wanted && at().messages);
    const one = await text("one ");
    first.open();
    const two = await text("one two ");
    second.open();
    await run;
    await until(() => !at().isLoading);
    const three = at().messages;
    assert.equal(three.at(-1).text, "one two three");
    for (const [a, b] of [[one, two], [two, three]]) {
      assert.deepEqual(b.map((message, at) => message === a[at]), [true, true, true, false]);
    }
    assert.equal(at().values.messages, at().messages, "one list for both");
    assert.equal(at().messages, at().messages);
    assert.equal(at().getMessage("a0"), three[1]);
  });

  test("values and history hold instances, each the same while nothing changes", async (t) => {
    const list = [human("hi", "h1"), ai("yes", "a1")];
    const script = () => [done(list, { title: "T" })];
    const { at, fake } = await against(t, script, { fetchStateHistory: true }, (s) => [s.messages, s.values, s.history, s.isLoading]);
    await at().submit(ask);
    await until(() => !at().isLoading && at().history.length > 0);
    assert.ok(fake.requests.some(({ path }) => path.endsWith("/history")));
    assert.equal(at().values.title, "T");
    assert.ok(at().values.messages.every(BaseMessage.isInstance));
    assert.ok(at().history.every(({ values }) => values.messages.every(BaseMessage.isInstance)));
    assert.equal(at().history, at().history);
    assert.equal(at().values, at().values);
    const metadata = at().getMessagesMetadata(at().messages[1], 1);
    assert.equal(metadata.messageId, "a1");
    assert.ok(AIMessage.isInstance(metadata.firstSeenState.values.messages[1]));
    assert.equal(at().getMessagesMetadata(at().messages[1]), metadata);
  });

  test("option messagesKey: the messages under that key are instances, another list is left alone", async (t) => {
    const { at } = await against(t, [["values", { chat: [ai("yes", "a1")], messages: [ai("plain", "p1")] }]], { messagesKey: "chat" });
    await at().submit({ chat: [] });
    await until(() => at().values.chat?.length === 1 && !at().isLoading);
    assert.ok(AIMessage.isInstance(at().values.chat[0]));
    assert.ok(!AIMessage.isInstance(at().values.messages[0]));
  });

  test("tool calls: call, result and message, the same objects while other messages stream", async (t) => {
    const call = { id: "c1", name: "weather", args: { city: "Ulm" }, type: "tool_call" };
    const start = [human("hi", "h1"), ai("", "a1", { tool_calls: [call] }), { type: "tool", id: "t1", tool_call_id: "c1", content: "sunny" }];
    const [asked, go] = [gate(), gate()];
    const read = (s) => [s.toolCalls, s.messages];
    const { at } = await against(t, [done(start.slice(0, 2)), asked, done(start), chunk("a2", "It "), go, chunk("a2", "is"), done([...start, ai("It is", "a2")])], {}, read);
    const run = at().submit(ask);
    await until(() => at().toolCalls.length === 1);
    const [pending] = at().toolCalls;
    assert.deepEqual([pending.state, pending.result], ["pending", undefined]);
    asked.open();
    await until(() => at().messages.at(-1)?.text === "It ");
    const [before] = at().toolCalls;
    go.open();
    await run;
    const [after] = at().toolCalls;
    assert.equal(after, before);
    assert.notEqual(after, pending);
    assert.deepEqual([after.state, after.call], ["completed", call]);
    assert.ok(ToolMessage.isInstance(after.result) && AIMessage.isInstance(after.aiMessage));
    assert.equal(after.aiMessage, at().messages[1]);
    assert.deepEqual(at().getToolCalls(at().messages[1]), [after]);
    assert.deepEqual(at().getToolCalls(at().messages[3]), []);
  });

  test("subagents: messages are instances, and one that has not changed is the same object", async (t) => {
    const task = (id, description) => ({ id, name: "task", args: { description, subagent_type: "researcher" }, type: "tool_call" });
    const calls = ai("", "a1", { tool_calls: [task("c1", "find birds"), task("c2", "find fish")] });
    const inside = (ns, id, content) => [`messages|tools:${ns}`, [{ type: "AIMessageChunk", id, content }, { langgraph_checkpoint_ns: `tools:${ns}|model:1` }]];
    const [first, second] = [gate(), gate()];
    const events = [
      done([human("go", "h1"), calls]),
      [`values|tools:n1`, { messages: [human("find birds", "s0")] }], [`values|tools:n2`, { messages: [human("find fish", "u0")] }],
      inside("n1", "s1", "bird"), first, inside("n2", "u1", "fish"), second,
      done([human("go", "h1"), calls, { type: "tool", id: "t1", tool_call_id: "c1", content: "birds" }]),
    ];
    const { at } = await against(t, events, { filterSubagentMessages: true }, (s) => [s.messages, s.subagents, s.isLoading]);
    const run = at().submit(ask, { streamSubgraphs: true });
    await until(() => at().subagents.get("c1")?.messages.at(-1)?.text === "bird" && at().subagents.get("c2")?.status === "running");
    const birds = at().subagents.get("c1");
    first.open();
    await until(() => at().subagents.get("c2").messages.at(-1)?.text === "fish");
    assert.equal(at().subagents.get("c1"), birds);
    assert.equal(at().getSubagent("c1"), birds);
    assert.equal(at().subagents, at().subagents);
    assert.ok(birds.messages.every(BaseMessage.isInstance) && birds.values.messages.every(BaseMessage.isInstance));
    assert.deepEqual(at().activeSubagents.map(({ id }) => id), ["c1", "c2"]);
    assert.deepEqual(at().getSubagentsByType("researcher").map(({ id }) => id), ["c1", "c2"]);
    assert.deepEqual(at().getSubagentsByMessage("a1").map(({ id }) => id), ["c1", "c2"]);
    assert.equal(at().getSubagent("none"), undefined);
    second.open();
    await run;
    await until(() => at().subagents.get("c1").status === "complete");
    assert.notEqual(at().subagents.get("c1"), birds);
    assert.equal(at().subagents.get("c1").messages[1], birds.messages[1]);
  });

  test("mutate and optimisticValues are given instances; lists that they leave alone are not laid over the server's", async (t) => {
    const [go, hold] = [gate(), gate()];
    const before = [ai("yes", "a1")];
    const { at } = await against(t, [done(before, { title: "T" }), go, chunk("a2", "more"), hold, done([...before, ai("more", "a2")], { title: "T" })]);
    const types = [];
    const run = at().submit({ messages: [] }, { optimisticValues: (prev) => ((types.push(...(prev.messages ?? []).map((one) => one.getType())), { ...prev, title: "soon" })) });
    assert.deepEqual(types, []);
    await until(() => at().values.title === "T");
    at().mutate((prev) => ((types.push(...prev.messages.map((one) => one.getType())), { ...prev, title: "mine" })));
    assert.deepEqual(types, ["ai"]);
    await until(() => at().values.title === "mine");
    go.open();
    await until(() => at().messages.at(-1)?.text === "more", "the list that mutate gave back unchanged does not hide what comes");
    hold.open();
    await run;
  });

  test("instances are taken wherever messages are: submitted, queued, optimistic, initial", async (t) => {
    const hold = gate();
    const initialValues = { messages: [new HumanMessage({ content: "kept", id: "k" })], other: [new AIMessage("aside")] };
    const { at, fake } = await against(t, [hold], { initialValues });
    assert.deepEqual(at().messages.map((one) => [one.getType(), one.text]), [["human", "kept"]]);
    const run = at().submit({ messages: new HumanMessage({ content: "hi", id: "h1" }), notes: [new SystemMessage("n")] }, { optimisticValues: (prev) => ({ draft: [...(prev.other ?? []), new AIMessage("soon")] }) });
    await until(() => fake.bodies.length === 1);
    const sent = [fake.bodies[0].input.messages].flat();
    assert.deepEqual(sent.map(({ type, content, id }) => [type, content, id]), [["human", "hi", "h1"]]);
    assert.deepEqual([fake.bodies[0].input.notes[0].type, fake.bodies[0].input.notes[0].content], ["system", "n"]);
    await until(() => at().values.draft?.length > 0);
    assert.deepEqual(at().values.draft.map(({ type, content }) => [type, content]).at(-1), ["ai", "soon"]);
    await at().submit({ messages: [new HumanMessage("two"), new ToolMessage({ content: "r", tool_call_id: "c" })] });
    assert.deepEqual(fake.queued[0].input.messages.map(({ type, content, tool_call_id }) => [type, content, tool_call_id]), [["human", "two", undefined], ["tool", "r", "c"]]);
    hold.open();
    await run;
  });

  test("callbacks' mutate is given instances, and onFinish the state as the server sends it", async (t) => {
    const told = [];
    const onStop = ({ mutate }) => mutate((prev) => ((told.push(prev.messages.map((one) => one.getType())), { ...prev, stopped: true })));
    const onCustomEvent = (data, { mutate, namespace }) => (told.push([data, namespace]), mutate((prev) => ({ ...prev, custom: data })));
    const onFinish = (state) => told.push(state.values.messages.map(({ type }) => type));
    const { at } = await against(t, [done([ai("yes", "a1")]), ["custom", "news"], done([ai("yes", "a1")])], { onStop, onCustomEvent, onFinish });
    await at().submit(ask);
    await until(() => !at().isLoading && told.length === 2);
    await at().stop();
    assert.deepEqual(told, [["news", undefined], ["ai"], ["ai"]]);
    await until(() => at().values.stopped);
  });

  test("commands are the same functions in every render, and what is not converted is rejoin/react's", async (t) => {
    const { at, seen } = await against(t, [done([ai("yes", "a1")])]);
    const [first] = seen;
    await at().submit(ask);
    await until(() => !at().isLoading && at().messages.length === 1);
    for (const name of ["submit", "stop", "cancel", "switchThread", "setBranch", "joinStream", "mutate", "edit", "respond"]) assert.equal(at()[name], first[name], name);
    assert.deepEqual([at().connection.state, at().assistantId, typeof at().store.subscribe], ["finished", "agent", "function"]);
    const spread = { ...at() };
    for (const name of ["messages", "values", "submit", "queue", "isLoading"]) assert.ok(name in spread, name);
  });

  test("a thread that is opened shows instances, and a state without messages is no failure", async (t) => {
    const { at, fake, setOptions } = await against(t, [], { threadId: null });
    fake.hold("full", stateOf({ messages: [human("old", "h0"), ai("answer", "a0")] }));
    fake.hold("bare", stateOf({ other: 1 }));
    setOptions({ threadId: "full" });
    await until(() => at().messages.length === 2);
    assert.ok(at().messages.every(BaseMessage.isInstance));
    setOptions({ threadId: "bare" });
    await until(() => at().values.other === 1);
    assert.deepEqual(at().messages, []);
  });
}
