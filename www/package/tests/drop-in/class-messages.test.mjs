// Class messages of `@langchain/core` as input, in every place that takes messages: plain messages leave, and are shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AIMessage, AIMessageChunk, ChatMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { withPlainMessages } from "../../dist/class-messages.js";
import { createStream } from "../../dist/index.js";
import { startFake } from "../support/fake-server.mjs";
import { until } from "../support/server.mjs";

const fake = await startFake(() => []);
/** A stream, and the bodies of its runs. */
function make(t, options = {}, script = ({ input }) => (input ? [["values", input]] : [])) {
  const from = fake.bodies.length;
  fake.script = script;
  const stream = createStream({ apiUrl: fake.url, assistantId: "chat", storage: "none", ...options });
  t.after(() => stream.dispose());
  return { stream, body: () => fake.bodies.at(from), shown: () => stream.getSnapshot().messages.map(({ type, content }) => [type, content]) };
}
const told = ({ type, content }) => ({ type, content });

test("an instance is a plain message of its own account, whatever its class", () => {
  const plain = (message) => withPlainMessages(message);
  assert.deepEqual(told(plain(new HumanMessage("Hi"))), { type: "human", content: "Hi" });
  assert.deepEqual(told(plain(new SystemMessage({ content: [{ type: "text", text: "be kind" }] }))), { type: "system", content: [{ type: "text", text: "be kind" }] });
  const asked = plain(new AIMessage({ id: "a", content: "", tool_calls: [{ id: "c", name: "f", args: { x: 1 } }] }));
  assert.deepEqual([asked.type, asked.id, asked.tool_calls[0].args], ["ai", "a", { x: 1 }]);
  assert.equal(plain(new AIMessageChunk({ content: "half", id: "b" })).type, "ai");
  const result = plain(new ToolMessage({ content: "42", tool_call_id: "c", status: "error", artifact: { by: new HumanMessage("me") } }));
  assert.deepEqual([result.type, result.tool_call_id, result.status, told(result.artifact.by)], ["tool", "c", "error", { type: "human", content: "me" }]);
  assert.deepEqual([plain(new RemoveMessage({ id: "x" })).type, plain(new RemoveMessage({ id: "x" })).id], ["remove", "x"]);
  assert.deepEqual([plain(new ChatMessage("hm", "critic")).role, "type" in plain(new ChatMessage("hm", "critic"))], ["critic", false]);
});

test("an instance that is not to be serialised, and one of another package's class, are read by their fields", () => {
  class Secret extends HumanMessage {
    lc_serializable = false;
  }
  assert.deepEqual(told(withPlainMessages(new Secret("Hi"))), { type: "human", content: "Hi" });
  class Old {
    constructor(content) {
      this.content = content;
    }
    _getType() {
      return "human";
    }
  }
  assert.deepEqual(withPlainMessages(new Old("Hi")), { type: "human", content: "Hi" });
});

test("JSON of an instance, and what toDict gives, are the same message", () => {
  const message = new HumanMessage({ content: "Hi", id: "h" });
  for (const given of [message, JSON.parse(JSON.stringify(message)), message.toDict(), JSON.parse(JSON.stringify(message.toDict()))]) {
    const { type, content, id } = withPlainMessages(given);
    assert.deepEqual({ type, content, id }, { type: "human", content: "Hi", id: "h" });
  }
  const python = { lc: 1, type: "constructor", id: ["langchain", "schema", "messages", "AIMessageChunk"], kwargs: { content: "Hi" } };
  assert.deepEqual(withPlainMessages(python), { type: "ai", content: "Hi" });
});

test("what is no message stays the object that it was", () => {
  const kept = {
    when: new Date(),
    map: new Map([["a", 1]]),
    prompt: { lc: 1, type: "constructor", id: ["langchain_core", "prompts", "PromptTemplate"], kwargs: { template: "" } },
    card: { type: "card", data: { content: "x" } },
    plain: { type: "human", content: "Hi" },
    pair: { role: "user", content: "Hi" },
    named: JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'),
  };
  assert.equal(withPlainMessages(kept), kept);
  const round = { messages: [new HumanMessage("Hi")] };
  round.self = round;
  assert.equal(withPlainMessages(round).messages[0].type, "human");
  assert.equal(withPlainMessages(null), null);
  assert.equal(withPlainMessages(undefined), undefined);
});

test("submit: under the messages' key, under any other, and deep within", async (t) => {
  const { stream, body, shown } = make(t);
  const done = stream.submit({ messages: [new HumanMessage("Hi")], draft: new AIMessage("no"), teams: { a: [{ log: [new SystemMessage("deep")] }] } });
  assert.deepEqual(await until(() => shown().length > 0 && shown()), [["human", "Hi"]]);
  await done;
  const { input } = body();
  assert.deepEqual(told(input.messages[0]), { type: "human", content: "Hi" });
  assert.equal(input.messages[0].id, stream.getSnapshot().messageIds[0]);
  assert.deepEqual(told(input.draft), { type: "ai", content: "no" });
  assert.deepEqual(told(input.teams.a[0].log[0]), { type: "system", content: "deep" });
});

test("submit: a role and its content go out as they are, and are shown", async (t) => {
  const { stream, body, shown } = make(t);
  await stream.submit({ messages: [{ role: "user", content: "Hi" }] });
  assert.equal(body().input.messages[0].content, "Hi");
  assert.deepEqual(shown(), [["human", "Hi"]]);
});

test("optimisticValues, as an object and from a function", async (t) => {
  for (const optimisticValues of [{ messages: [new HumanMessage("Hi")] }, () => ({ messages: [new HumanMessage("Hi")] })]) {
    const { stream, shown } = make(t, {}, () => [30, ["values", { messages: [] }]]);
    const done = stream.submit(null, { optimisticValues });
    await until(() => shown().length === 1);
    assert.deepEqual(shown(), [["human", "Hi"]]);
    await done;
  }
});

test("mutate, with an object and in a function, and what a later function is given", async (t) => {
  const { stream, shown } = make(t);
  stream.mutate({ messages: [new HumanMessage("one")] });
  let given;
  stream.mutate((prev) => {
    given = prev.messages;
    return { messages: [...prev.messages, new AIMessage("two")] };
  });
  await until(() => shown().length === 2);
  assert.deepEqual(given.map(told), [{ type: "human", content: "one" }]);
  assert.deepEqual(shown(), [["human", "one"], ["ai", "two"]]);
});

test("command.update, an answer to an interrupt, and the update beside it", async (t) => {
  const { stream, body } = make(t);
  await stream.submit(null, { command: { update: { messages: [new HumanMessage("Hi")], note: { by: new SystemMessage("s") } } } });
  assert.deepEqual(told(body().command.update.messages[0]), { type: "human", content: "Hi" });
  assert.deepEqual(told(body().command.update.note.by), { type: "system", content: "s" });
  const other = make(t);
  await other.stream.respond({ reply: new HumanMessage("yes") }, { command: { update: { messages: [new AIMessage("ok")] } } });
  const { resume, update } = other.body().command;
  assert.deepEqual([told(resume.reply), told(update.messages[0])], [{ type: "human", content: "yes" }, { type: "ai", content: "ok" }]);
});

test("initial values, and a transport's input", async (t) => {
  const { stream, shown } = make(t, { initialValues: { messages: [new HumanMessage("before")] } });
  assert.deepEqual(shown(), [["human", "before"]]);
  stream.dispose();
  let input;
  const custom = createStream({
    transport: {
      async *stream(payload) {
        input = payload.input;
        yield { event: "values", data: { messages: payload.input.messages } };
      },
    },
  });
  t.after(() => custom.dispose());
  const when = new Date();
  await custom.submit({ messages: [new HumanMessage("Hi")], when });
  assert.deepEqual(told(input.messages[0]), { type: "human", content: "Hi" });
  assert.equal(input.when, when, "an instance of another class is the application's to name");
  assert.deepEqual(custom.getSnapshot().messages.map(told), [{ type: "human", content: "Hi" }]);
  assert.equal(input.messages[0].id, custom.getSnapshot().messages[0].id);
});
