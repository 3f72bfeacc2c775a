// Clients that are given: whose methods are called, and of whom only the URL is asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@langchain/langgraph-sdk";
import { createStream } from "../../dist/index.js";
import { startFake, stateOf } from "../support/fake-server.mjs";
import { until } from "../support/server.mjs";

const values = { messages: [{ type: "human", id: "h", content: "Hi" }, { type: "ai", id: "a", content: "said" }] };
const fake = await startFake(() => [["values", values]]);
const say = { messages: [values.messages[0]] };
const make = (t, options) => {
  const stream = createStream({ assistantId: "chat", storage: "none", ...options });
  t.after(() => stream.dispose());
  return stream;
};
const events = async function* () {
  yield { event: "values", data: values };
};

test("a client of other classes, or with methods replaced, is called", async (t) => {
  class Runs {
    calls = [];
    async *stream(thread, assistant, { input, streamMode, signal, onRunCreated }) {
      this.calls.push([typeof thread, assistant, input.messages[0].content, streamMode.includes("values"), signal.aborted]);
      onRunCreated({ run_id: "r1", thread_id: thread });
      yield* events();
    }
  }
  class Threads {
    async getState() {
      return stateOf(values);
    }
  }
  const client = { runs: new Runs(), threads: new Threads() };
  const created = [];
  const stream = make(t, { client, onCreated: ({ run_id }) => created.push(run_id) });
  assert.equal((await stream.submit(say)).outcome, "finished");
  assert.deepEqual(client.runs.calls, [["string", "chat", "Hi", true, false]]);
  assert.deepEqual(created, ["r1"]);
  assert.equal(stream.getSnapshot().messages.at(-1).content, "said");
  assert.equal(stream.client, client);

  const sdk = new Client({ apiUrl: fake.url });
  const called = [];
  sdk.runs.stream = (...args) => (called.push(args[1]), events());
  const from = fake.bodies.length;
  await make(t, { client: sdk }).submit(say);
  assert.deepEqual(called, ["chat"]);
  assert.equal(fake.bodies.length, from, "it was posted too");
});

test("of the SDK's own client the URL is asked, and no method is called", async (t) => {
  const client = new Client({ apiUrl: fake.url, defaultHeaders: { "x-mine": "1" } });
  const from = fake.requests.length;
  assert.equal((await make(t, { client }).submit(say)).outcome, "finished");
  assert.equal(fake.requests[from].headers["x-mine"], "1");
});

test("a client's error with a status is the server's, any other a broken connection", async (t) => {
  const failing = (error) => ({
    runs: {
      async *stream() {
        throw error;
      },
    },
    threads: { getState: async () => Promise.reject(Object.assign(new Error("gone"), { status: 404 })) },
  });
  const told = [];
  const entered = make(t, { client: failing(new Error("x")), threadId: "t", onError: (error) => told.push(error.code) });
  entered.subscribe(() => {});
  await until(() => told.length > 0);
  assert.deepEqual(told, ["thread_not_found"]);
});

test("a thread is entered by whichever of getState and getHistory there is", async (t) => {
  for (const threads of [{ getState: async () => stateOf(values) }, { getHistory: async () => [stateOf(values)] }]) {
    for (const fetchStateHistory of [false, true]) {
      const stream = make(t, { client: { runs: { stream: events }, threads }, threadId: "t", fetchStateHistory });
      stream.subscribe(() => {});
      await until(() => stream.getSnapshot().messages.length === 2);
    }
  }
});

test("components of generative UI are asked once each", async (t) => {
  const asked = [];
  const callerOptions = { fetch: async (url, init) => (asked.push([new URL(url).pathname, init.body]), new Response("<div></div>")) };
  const { client } = make(t, { apiUrl: fake.url, callerOptions });
  assert.equal(await client["~ui"].getComponent("agent", "card"), "<div></div>");
  await client["~ui"].getComponent("agent", "card");
  assert.deepEqual(asked, [["/ui/agent", '{"name":"card"}']]);
});
