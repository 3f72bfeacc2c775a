// Streams through a transport of the application's own: which ids it is sent, and what is shown where the endpoint has others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStream, FetchStreamTransport } from "../dist/index.js";
import { gate, startFake } from "./support/fake-server.mjs";
import { human, until } from "./support/server.mjs";

const token = (id, content) => ({ event: "messages", data: [{ type: "AIMessageChunk", id, content }, {}] });
const values = (...messages) => ({ event: "values", data: { messages } });
const ai = (id, content) => ({ type: "ai", id, content });

/** A stream through `script(payload)`, what its transport was given, and every list of texts that was shown. */
function through(t, script, options = {}) {
  const given = [];
  const transport = {
    async stream(payload) {
      given.push(payload);
      return script(payload);
    },
  };
  const stream = createStream({ transport, ...options });
  const shown = [];
  const names = [];
  stream.subscribe(() => {
    const { messages, messageIds } = stream.getSnapshot();
    const line = messages.map(({ content }) => content).join(" | ");
    if (line !== shown.at(-1)) shown.push(line);
    names.push(messageIds);
  });
  t.after(() => stream.dispose());
  return { stream, given, shown, names };
}

/** Waits until a frame shows this. */
const shows = (shown, line) => until(() => shown.at(-1) === line, line);

for (const [own, question, answer] of [
  ["ids of its own", { id: "srv-1" }, { id: "srv-2" }],
  ["no ids", {}, {}],
]) {
  test(`an endpoint with ${own} shows each message once`, async (t) => {
    const steps = [gate(), gate(), gate(), gate()];
    const all = [{ ...human("hi"), ...question }, { ...ai(undefined, "Hello"), ...answer }];
    const { stream, shown, names } = through(t, async function* () {
      await steps[0];
      yield token("run-a", "Hel");
      await steps[1];
      yield values(all[0]);
      await steps[2];
      yield token("run-a", "lo");
      await steps[3];
      yield values(...all);
    });
    const done = stream.submit({ messages: [human("hi")] });
    await shows(shown, "hi");
    for (const [at, line] of ["hi | Hel", "hi | Hel", "hi | Hello", "hi | Hello"].entries()) {
      steps[at].open();
      await shows(shown, line);
    }
    assert.equal((await done).outcome, "finished");
    assert.deepEqual(shown.filter(Boolean), ["hi", "hi | Hel", "hi | Hello"]);
    const { messages, messageIds, getMessage, getMessageOrigin } = stream.getSnapshot();
    assert.deepEqual(messages.map(({ id }) => id), [question.id, answer.id]);
    assert.ok(names.every((ids) => ids.every((id, at) => id === messageIds[at])), "keys stay");
    for (const [at, message] of messages.entries()) {
      assert.equal(getMessage(messageIds[at]), message);
      if (message.id) assert.equal(getMessage(message.id), message);
      assert.equal(getMessageOrigin(messageIds[at]), "server");
    }
  });
}

test("a transport is sent the ids under which messages are shown, and all else as it was given", async (t) => {
  class Said {
    type = "human";
    content = "three";
  }
  const said = new Said();
  const made = new Date(0);
  const tagged = { ...human("two"), made };
  const messages = ["one", tagged, said, human("four", "own")];
  const { stream, given, shown } = through(t, async function* ({ input }) {
    yield values(...input.messages, ai("a1", "yes"));
  });
  await stream.submit({ messages, made });
  const sent = given[0].input;
  const ids = stream.getSnapshot().messages.map(({ id }) => id);
  assert.equal(sent.made, made);
  assert.deepEqual([sent.messages[0].id, sent.messages[1].id, sent.messages[3].id], [ids[0], ids[1], "own"]);
  assert.deepEqual([sent.messages[0].content, sent.messages[1].made], ["one", made]);
  assert.equal(sent.messages[2], said, "an instance is the application's");
  assert.equal("id" in tagged, false, "what was given is not changed");
  assert.equal(shown.at(-1), "one | two | three | four | yes");
  assert.equal(new Set(ids).size, 5);
  await stream.submit({ messages: "five" });
  assert.equal(given[1].input.messages[0].content, "five");
  await stream.submit({ text: "six" });
  assert.deepEqual(given[2].input, { text: "six" });
});

test("messages under another key are sent with their ids too", async (t) => {
  const { stream, given } = through(t, async function* () {}, { messagesKey: "chat" });
  await stream.submit({ chat: [human("hi")] });
  assert.equal(given[0].input.chat[0].id, stream.getSnapshot().messageIds[0]);
});

test("a question that the endpoint's values tell in other words is shown once, and stays where they tell answers only", async (t) => {
  for (const [told, texts] of [
    [[{ ...human("Hi, tidied"), id: "srv-1" }, ai("srv-2", "Hello")], ["Hello", "Hi, tidied"]],
    [[ai("srv-2", "Hello")], ["Hello", "hi"]],
  ]) {
    const { stream } = through(t, async function* () {
      yield values(...told);
    });
    await stream.submit({ messages: [human("hi")] });
    const shown = () => stream.getSnapshot().messages.map(({ content }) => content).sort();
    await until(() => shown().includes("Hello"), "the values");
    assert.deepEqual(shown(), texts);
  }
});

test("equal questions, one after the other, are as many as were asked", async (t) => {
  const told = [];
  const { stream, shown } = through(t, async function* () {
    told.push({ ...human("hi"), id: `q${told.length}` });
    yield values(...told);
    yield token(`run-${told.length}`, "yes");
    told.push(ai(`stored-${told.length}`, "yes"));
    yield values(...told);
  });
  await stream.submit({ messages: [human("hi")] });
  await stream.submit({ messages: [human("hi")] });
  await shows(shown, "hi | yes | hi | yes");
  const wanted = ["hi", "hi | yes", "hi | yes | hi", "hi | yes | hi | yes"];
  assert.deepEqual(shown.filter((line) => line && !wanted.includes(line)), []);
});

test("FetchStreamTransport sends the ids, and reads what is not JSON as a text", async (t) => {
  const bodies = [];
  const answer = async (url, init) => {
    const { input } = JSON.parse(init.body);
    bodies.push(input);
    const events = [values({ ...input.messages[0], id: "srv-1" }), token("a1", "Hello")];
    const text = events.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    return new Response(`: beat\n\nevent: ping\ndata: 2026-11-29 04:00:00\n\n${text.join("")}`);
  };
  const stream = createStream({ transport: new FetchStreamTransport({ apiUrl: "http://own/run", fetch: answer }) });
  t.after(() => stream.dispose());
  const ids = new Set();
  stream.subscribe(() => stream.getSnapshot().messageIds.slice(0, 1).forEach((id) => ids.add(id)));
  assert.deepEqual(await stream.submit({ messages: [human("hi")] }), { outcome: "finished" });
  assert.deepEqual([...ids], [bodies[0].messages[0].id]);
  assert.deepEqual(stream.getSnapshot().messages.map(({ content }) => content), ["hi", "Hello"]);
});

test("a transport's event over the limit is refused as one that is read here", async (t) => {
  const { stream } = through(t, async function* () {
    yield token("a1", "x".repeat(3000));
  }, { limits: { frameBytesMax: 2000 } });
  const { outcome, error } = await stream.submit({ messages: [human("hi")] });
  assert.deepEqual([outcome, error.code], ["failed", "sse_frame_too_large"]);
});

test("a transport's event that cannot be written is its error", async (t) => {
  const circular = {};
  circular.self = circular;
  let left = false;
  const { stream } = through(t, async function* () {
    try {
      yield { event: "custom", data: circular };
    } finally {
      left = true;
    }
  });
  const { outcome, error } = await stream.submit({ messages: [human("hi")] });
  assert.deepEqual([outcome, error instanceof TypeError], ["failed", true]);
  await until(() => left);
});

test("what a join's filter leaves out is not missing", async (t) => {
  const held = gate();
  const events = [token("a1", "hel"), { event: "custom", data: "drop" }, { event: "custom", data: "keep" }, held, token("a1", "lo"), values(ai("a1", "hello"))];
  const fake = await startFake(() => events.map((one) => (one.event ? [one.event, one.data] : one)));
  const options = { apiUrl: fake.url, assistantId: "agent", storage: "none" };
  const first = createStream(options);
  t.after(() => first.dispose());
  first.submit({ messages: [] });
  await until(() => first.getSnapshot().messages.at(-1)?.content === "hel");
  const { runId, threadId } = first.getSnapshot();
  const [told, warned] = [[], []];
  const second = createStream({ ...options, threadId, reconnectOnMount: false, onCustomEvent: (data) => told.push(data), onWarning: ({ code }) => warned.push(code) });
  t.after(() => second.dispose());
  const joined = second.joinStream(runId, undefined, { filter: ({ data }) => data !== "drop" });
  await until(() => told.length > 0);
  held.open();
  const { outcome } = await joined;
  assert.deepEqual([outcome, told, warned], ["replayed", ["keep"], []]);
  const joins = fake.requests.filter(({ path }) => path.endsWith(`${runId}/stream`));
  assert.equal(joins.length, 1, "nothing was asked for again");
  assert.equal(second.getSnapshot().messages.at(-1).content, "hello");
});
