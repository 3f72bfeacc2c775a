// Options in the forms that people write them in, and the values that functions are given.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStream } from "../../dist/index.js";
import { startFake } from "../support/fake-server.mjs";
import { until } from "../support/server.mjs";

const fake = await startFake(() => [["values", { messages: [{ type: "ai", id: "a", content: "done" }] }]]);
const make = (t, options = {}) => {
  const stream = createStream({ apiUrl: fake.url, assistantId: "chat", storage: "none", ...options });
  t.after(() => stream.dispose());
  return stream;
};
const say = { messages: [{ type: "human", content: "Hi" }] };

/** The headers of the run that these options make. */
async function sentWith(t, options) {
  const from = fake.requests.length;
  await make(t, options).submit(say);
  return fake.requests.slice(from).find(({ path }) => path.endsWith("/runs/stream")).headers;
}

const FORMS = {
  "an object": () => ({ "X-Mine": "1" }),
  "a Headers": () => new Headers({ "X-Mine": "1" }),
  "pairs": () => [["X-Mine", "1"]],
  "a Map": () => new Map([["X-Mine", "1"]]),
  "a generator": () => (function* () { yield ["X-Mine", "1"]; })(),
};

for (const [form, made] of Object.entries(FORMS)) {
  test(`headers and defaultHeaders: ${form}`, async (t) => {
    assert.equal((await sentWith(t, { headers: made() }))["x-mine"], "1");
    assert.equal((await sentWith(t, { headers: made })) ["x-mine"], "1");
    assert.equal((await sentWith(t, { headers: async () => made() }))["x-mine"], "1");
    if (form !== "a generator") assert.equal((await sentWith(t, { defaultHeaders: made() }))["x-mine"], "1");
  });
}

test("headers: of two of one name the later counts, however it is written, and null takes one away", async (t) => {
  const sent = await sentWith(t, { defaultHeaders: { "x-mine": "1", "x-other": "2", "x-third": "3" }, headers: new Map([["X-MINE", "new"], ["X-Other", null]]) });
  assert.deepEqual([sent["x-mine"], sent["x-other"], sent["x-third"]], ["new", undefined, "3"]);
});

test("headers: what they are not is said, and nothing is sent", async (t) => {
  const from = fake.requests.length;
  const { error } = await make(t, { headers: () => ["x-mine: 1"] }).submit(say);
  assert.equal(error.code, "headers_failed");
  assert.match(error.message, /pairs/);
  assert.equal(fake.requests.length, from);
});

test("the small client sends the same headers", async (t) => {
  const from = fake.requests.length;
  await make(t, { headers: async () => new Headers({ "X-Mine": "1" }) }).client.threads.get("t");
  assert.equal(fake.requests.at(from).headers["x-mine"], "1");
});

test("transport: undefined and \"sse\" are the server's own stream", async (t) => {
  for (const transport of [undefined, "sse", null]) {
    assert.equal((await make(t, { transport }).submit(say)).outcome, "finished", String(transport));
  }
  assert.throws(() => createStream({ apiUrl: fake.url, assistantId: "chat", transport: "websocket" }), { code: "invalid_option" });
});

test("what has no id cannot be edited, and that is an error like any other", async (t) => {
  const told = [];
  const stream = make(t, { onError: (error) => told.push(error.code) });
  assert.equal(stream.canEdit(undefined), false);
  assert.equal(stream.canRegenerate(undefined), false);
  const shown = stream.getSnapshot();
  assert.deepEqual([shown.getMessage(undefined), shown.getMessageOrigin(undefined), shown.getSubagent(undefined)], [undefined, undefined, undefined]);
  assert.equal((await stream.edit(undefined, "other")).error.code, "edit_unavailable");
  assert.equal(stream.getSnapshot().error.code, "edit_unavailable");
  await assert.rejects(stream.regenerate(undefined, { throwOnError: true }), { code: "edit_unavailable" });
  assert.deepEqual(told, ["edit_unavailable", "edit_unavailable"]);
});

test("prev is what is shown over the initial values", async (t) => {
  const stream = make(t, { initialValues: { counter: 1, messages: [], title: "new" } });
  await stream.submit(say);
  // The server's values have no `counter`.
  assert.equal("counter" in stream.getSnapshot().values, false);
  stream.mutate((prev) => ({ counter: prev.counter + 1 }));
  await until(() => stream.getSnapshot().values.counter === 2);
  let given;
  fake.script = () => [30, ["values", { messages: [] }]];
  const done = stream.submit(say, { optimisticValues: (prev) => ({ counter: (given = prev).counter + 1 }) });
  await until(() => stream.getSnapshot().values.counter === 3);
  assert.deepEqual([given.counter, given.title, given.messages.length], [2, "new", 1]);
  await done;
});

test("prev: a spread of it brings the initial values back, as the SDK's does", async (t) => {
  const stream = make(t, { initialValues: { counter: 1, list: ["a"] } });
  fake.script = () => [["values", { messages: [] }]];
  await stream.submit(say);
  stream.mutate((prev) => ({ ...prev, seen: true }));
  await until(() => stream.getSnapshot().values.seen);
  assert.deepEqual([stream.getSnapshot().values.counter, stream.getSnapshot().values.list], [1, ["a"]]);
});

test("prev: callbacks' mutate is given the same", async (t) => {
  let given;
  fake.script = () => [["custom", { step: 1 }], 20, ["values", { messages: [] }]];
  const stream = make(t, { initialValues: { counter: 4 }, onCustomEvent: (_, { mutate }) => mutate((prev) => ((given = prev), { counter: prev.counter + 1 })) });
  await stream.submit(say);
  assert.equal(given.counter, 4);
});
