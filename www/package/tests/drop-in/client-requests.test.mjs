// Our small client beside the SDK's: what each method of the SDK's sends, ours sends too, and what ours does not have says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@langchain/langgraph-sdk";
import { createStream } from "../../dist/index.js";

const URL_GIVEN = "http://agent.example/api";
const checkpoint = { checkpoint_id: "c1", checkpoint_ns: "" };
const payload = { input: { topic: "a" }, config: { tags: ["x"] }, metadata: { of: "me" }, multitaskStrategy: "enqueue", interruptBefore: ["node"], webhook: "http://hook.example" };
const schedule = { schedule: "0 8 * * *", timezone: "Europe/Berlin", enabled: true, onRunCompleted: "keep", ...payload };
const page = { limit: 3, offset: 6 };

/** Each method of the SDK's parts, with what it is called with here: forms with and without options. */
const CALLS = {
  threads: {
    create: [[], [{ threadId: "t", metadata: { of: "me" }, graphId: "g", ifExists: "do_nothing", ttl: 5, supersteps: [{ updates: [{ values: { a: 1 }, asNode: "n" }] }] }]],
    get: [["t"], ["t", { include: ["ttl"] }]],
    update: [["t", { metadata: { of: "you" }, ttl: 7 }]],
    delete: [["t"]],
    copy: [["t"]],
    prune: [[["t", "u"]], [["t"], { strategy: "keep_latest" }]],
    search: [[], [{ metadata: { of: "me" }, status: "idle", sortBy: "created_at", sortOrder: "asc", select: ["thread_id"], ids: ["t"], ...page }]],
    count: [[], [{ status: "busy" }]],
    getState: [["t"], ["t", undefined, { subgraphs: true }], ["t", "c1"], ["t", checkpoint, { subgraphs: true }]],
    updateState: [["t", { values: { a: 1 }, checkpoint, asNode: "n" }]],
    patchState: [["t", { of: "me" }], [{ configurable: { thread_id: "t" } }, { of: "me" }]],
    getHistory: [["t"], ["t", { limit: 2, before: { configurable: { checkpoint_id: "c1" } }, metadata: { of: "me" } }]],
  },
  runs: {
    create: [["t", "a", payload], [null, "a"]],
    createBatch: [[[{ assistantId: "a" }, { assistantId: "b" }]]],
    wait: [["t", "a", { raiseError: false, ...payload }], [null, "a"]],
    list: [["t"], ["t", { status: "running", select: ["run_id", "status"], ...page }]],
    get: [["t", "r"]],
    cancel: [["t", "r"], ["t", "r", true, "rollback", { reason: "old" }]],
    cancelMany: [[{ threadId: "t", runIds: ["r"], action: "rollback" }], [{ status: "pending" }]],
    join: [["t", "r"], ["t", "r", { cancelOnDisconnect: true }]],
    delete: [["t", "r"]],
  },
  assistants: {
    get: [["a"]],
    getGraph: [["a"], ["a", { xray: true }], ["a", { xray: 2 }]],
    getSchemas: [["a"]],
    getSubgraphs: [["a"], ["a", { namespace: "sub", recurse: true }]],
    create: [[{ graphId: "g", name: "n", description: "d", config: { tags: ["x"] }, ifExists: "raise" }]],
    update: [["a", { graphId: "g", metadata: { of: "me" } }]],
    delete: [["a"], ["a", { deleteThreads: true }]],
    search: [[], [{ graphId: "g", name: "n", sortBy: "name", sortOrder: "desc", select: ["name"], ...page }]],
    count: [[], [{ graphId: "g" }]],
    getVersions: [["a"], ["a", { metadata: { of: "me" }, ...page }]],
    setLatest: [["a", 3]],
  },
  crons: {
    create: [["a", schedule]],
    createForThread: [["t", "a", schedule]],
    update: [["k", { schedule: "0 9 * * *", endTime: null }]],
    delete: [["k"]],
    search: [[], [{ assistantId: "a", enabled: true, sortBy: "next_run_date", sortOrder: "asc", ...page }]],
    count: [[], [{ assistantId: "a" }]],
  },
  store: {
    putItem: [[["a", "b"], "k", { v: 1 }, { index: ["v"], ttl: 5 }]],
    getItem: [[["a", "b"], "k"], [["a"], "k", { refreshTtl: true }]],
    deleteItem: [[["a"], "k"]],
    searchItems: [[["a"]], [["a"], { filter: { v: 1 }, query: "q", ...page }]],
    listNamespaces: [[], [{ prefix: ["a"], maxDepth: 2 }]],
  },
  "~ui": { getComponent: [["a", "card"]] },
};

/** What these stream would be lost with the connection. */
const STREAMING = { threads: ["stream", "joinStream"], runs: ["stream", "joinStream"] };

const answer = { items: [{ namespace: ["a"], key: "k", value: {}, created_at: "1", updated_at: "2" }], run_id: "r", created_at: "1", updated_at: "2" };

/** A fetch that keeps what is sent, as a server reads it. */
function recorder() {
  const sent = [];
  const fetch = async (url, { method = "GET", body }) => {
    const { pathname, searchParams } = new URL(url);
    const read = body && JSON.parse(body);
    // The SDK leaves the name in its own spelling in a batch, which no server reads.
    for (const run of Array.isArray(read) ? read : []) delete run.assistantId;
    sent.push({ method, path: pathname, query: [...searchParams].sort(), body: read });
    return new Response(JSON.stringify(answer), { headers: { "content-type": "application/json", "content-location": "/threads/t/runs/r" } });
  };
  return { sent, fetch };
}

/** Both clients, with what each has sent and what each was answered. */
function clients(t) {
  const [theirs, ours] = [recorder(), recorder()];
  const sdk = new Client({ apiUrl: URL_GIVEN, apiKey: null, callerOptions: { fetch: theirs.fetch } });
  const stream = createStream({ assistantId: "a", apiUrl: URL_GIVEN, apiKey: null, storage: "none", callerOptions: { fetch: ours.fetch } });
  t.after(() => stream.dispose());
  return { sdk, ours: stream.client, sent: { theirs: theirs.sent, ours: ours.sent } };
}

const methodsOf = (part) => Object.getOwnPropertyNames(Object.getPrototypeOf(part)).filter((name) => name !== "constructor");

test("each request of the SDK's client is ours too: its method, path, query, body and result", async (t) => {
  const { sdk, ours, sent } = clients(t);
  let calls = 0;
  for (const [part, methods] of Object.entries(CALLS)) {
    for (const [name, forms] of Object.entries(methods)) {
      for (const args of forms) {
        const [theirAnswer, ourAnswer] = [await sdk[part][name](...args), await ours[part][name](...args)];
        // What has no result by its type may resolve to whatever the server said.
        if (name !== "delete") assert.deepEqual(ourAnswer, theirAnswer, `${part}.${name}(${JSON.stringify(args)})`);
        assert.deepEqual(sent.ours, sent.theirs, `${part}.${name}(${JSON.stringify(args)})`);
        calls += 1;
      }
    }
  }
  assert.equal(sent.ours.length, calls);
});

test("the SDK's client has no method that ours does not have or refuse", async (t) => {
  const { sdk, ours } = clients(t);
  for (const part of Object.keys(CALLS)) {
    assert.deepEqual(methodsOf(sdk[part]).sort(), [...Object.keys(CALLS[part]), ...(STREAMING[part] ?? [])].sort(), part);
  }
  for (const [part, names] of Object.entries(STREAMING)) {
    for (const name of names) {
      assert.throws(() => ours[part][name]("t", "r"), (error) => error.code === "not_in_client" && error.message.includes(`client.${part}.${name}`) && error.message.includes("option `client`"));
    }
  }
  assert.equal(ours["~configHash"], clients(t).ours["~configHash"]);
});

test("onRunCreated of a request beside the stream is told the run, and wait rejects with the run's failure", async (t) => {
  const told = [];
  const stream = createStream({
    assistantId: "a",
    apiUrl: URL_GIVEN,
    storage: "none",
    callerOptions: { fetch: async () => new Response('{"__error__":{"error":"ValueError","message":"no such city"}}', { headers: { "content-location": "/threads/t/runs/r" } }) },
  });
  t.after(() => stream.dispose());
  await assert.rejects(stream.client.runs.wait("t", "a", { onRunCreated: (run) => told.push(run) }), { name: "ValueError", message: "no such city", code: "run_failed" });
  await stream.client.runs.create("t", "a", { onRunCreated: (run) => told.push(run) });
  assert.deepEqual(told, [{ run_id: "r", thread_id: "t" }, { run_id: "r", thread_id: "t" }]);
  await assert.rejects(stream.client.store.getItem(["a.b"], "k"), { code: "invalid_id" });
});
