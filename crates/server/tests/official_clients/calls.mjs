// Every call of the official JavaScript client, once: `node calls.mjs SDK_DIRECTORY SERVER_URL`. Says one JSON line for each.

import { pathToFileURL } from "node:url";

const [directory, apiUrl] = process.argv.slice(2);
const { Client } = await import(pathToFileURL(`${directory}/dist/index.js`));
// Without tries of its own: it would try a 501 again.
const client = new Client({ apiUrl, apiKey: null, callerOptions: { maxRetries: 0 } });

async function call(name, run) {
  let outcome;
  try {
    outcome = (await run()) ?? "works";
  } catch (error) {
    const body = error.text ?? (await error.response?.text?.());
    const code = /"code":\s*"(\w+)"/.exec(`${body} ${error.message}`)?.[1];
    outcome = code ? `${error.status ?? error.response?.status} ${code}` : `${error}`;
  }
  console.log(JSON.stringify({ call: name, outcome }));
}

function expect(holds, what) {
  return holds ? "works" : `wrong: ${JSON.stringify(what)}`;
}

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

const input = { messages: [{ role: "user", content: "hi" }] };
const quick = { input, config: { configurable: { n_tokens: 2, delay_ms: 0 } } };
const slow = { input, config: { configurable: { n_tokens: 1000, delay_ms: 50 } } };
const brief = { input, context: { n_tokens: 2, delay_ms: 0 } };
const { assistants, crons, runs, store, threads } = client;
const newThread = async () => (await threads.create()).thread_id;
const thread = await newThread();
const words = (values) => values.messages.at(-1).content.split(" ").length - 1;

await call("assistants.get", async () => expect((await assistants.get("chat")).graph_id === "chat"));
await call("assistants.getSchemas", async () => expect("input_schema" in (await assistants.getSchemas("chat"))));
await call("assistants.search", async () => {
  const found = await assistants.search({ graphId: "chat", metadata: { created_by: "system" }, sortBy: "name", select: ["name"] });
  return expect(JSON.stringify(found) === '[{"name":"chat"}]', found);
});
await call("assistants.count", async () => expect((await assistants.count({ graphId: "chat" })) === 1));
await call("assistants.getGraph", () => assistants.getGraph("chat"));
await call("assistants.getSubgraphs", () => assistants.getSubgraphs("chat"));
await call("assistants.create", () => assistants.create({ graphId: "chat" }));
await call("assistants.update", () => assistants.update("chat", { name: "x" }));
await call("assistants.delete", () => assistants.delete("chat"));
await call("assistants.getVersions", () => assistants.getVersions("chat"));
await call("assistants.setLatest", () => assistants.setLatest("chat", 1));

await call("threads.create", async () => {
  const made = await threads.create({ metadata: { a: 1 }, ifExists: "do_nothing" });
  return expect(made.metadata.a === 1, made);
});
await call("threads.create, ttl", () => threads.create({ ttl: 5 }));
await call("threads.create, supersteps", () => threads.create({ supersteps: [{ updates: [{ values: input, asNode: "model" }] }] }));
await call("threads.update", async () => expect((await threads.update(thread, { metadata: { mine: "yes" } })).metadata.mine === "yes"));
await call("threads.update, returnMinimal", async () => {
  const said = await threads.update(thread, { metadata: { mine: "yes" }, returnMinimal: true });
  return expect(said === undefined, said);
});
await call("threads.update, ttl", () => threads.update(thread, { metadata: {}, ttl: 5 }));
await call("threads.get", async () => expect((await threads.get(thread)).thread_id === thread));
await call("threads.get, include", () => threads.get(thread, { include: ["ttl"] }));

await call("runs.stream", async () => {
  const parts = await all(runs.stream(thread, "chat", { ...quick, streamMode: ["values", "messages-tuple"] }));
  const values = parts.filter((part) => part.event === "values").at(-1);
  return expect(words(values.data) === 2 && parts.some((part) => part.event === "messages"), parts);
});
await call("runs.stream, context", async () => {
  const parts = await all(runs.stream(thread, "chat", { ...brief, streamMode: "values" }));
  return expect(words(parts.at(-1).data) === 2, parts);
});
await call("runs.stream, streamResumable, onDisconnect, durability", async () => {
  const parts = await all(
    runs.stream(thread, "chat", { ...quick, streamResumable: true, onDisconnect: "continue", durability: "async", streamSubgraphs: true }),
  );
  return expect(parts.every((part) => part.id !== undefined), parts);
});
await call("runs.stream, streamMode events", () => all(runs.stream(thread, "chat", { ...quick, streamMode: ["values", "events"] })));
await call("runs.stream, streamMode tools", () => all(runs.stream(thread, "chat", { ...quick, streamMode: ["values", "tools"] })));
await call("runs.stream, streamNamespaces", () => all(runs.stream(thread, "chat", { ...quick, streamNamespaces: ["a"] })));
await call("runs.stream, feedbackKeys", () => all(runs.stream(thread, "chat", { ...quick, feedbackKeys: ["a"] })));
await call("runs.stream, webhook", () => all(runs.stream(thread, "chat", { ...quick, webhook: "http://localhost/x" })));
await call("runs.stream, durability exit", async () => {
  const parts = await all(runs.stream(thread, "chat", { ...quick, streamMode: "values", durability: "exit" }));
  return expect(words(parts.at(-1).data) === 2, parts);
});
await call("runs.stream, without a thread", async () => {
  const parts = await all(runs.stream(null, "chat", { ...quick, streamMode: "values" }));
  return expect(words(parts.at(-1).data) === 2, parts);
});
await call("runs.create", async () => expect((await runs.create(thread, "chat", quick)).status === "pending"));
await call("runs.create, afterSeconds", async () => {
  const begun = Date.now();
  const run = await runs.create(thread, "chat", { ...quick, afterSeconds: 0.5 });
  await runs.join(thread, run.run_id);
  return expect(Date.now() - begun >= 500, Date.now() - begun);
});
await call("runs.create, strictResume", () => runs.create(thread, "chat", { ...quick, strictResume: true }));
await call("runs.create, without a thread", async () => expect((await runs.create(null, "chat", quick)).thread_id !== thread));
await call("runs.wait", async () => expect(words(await runs.wait(thread, "chat", quick)) === 2));
await call("runs.wait, a message in class form", async () => {
  const message = { lc: 1, type: "constructor", id: ["langchain_core", "messages", "HumanMessage"], kwargs: { content: "hello" } };
  const values = await runs.wait(await newThread(), "chat", { ...quick, input: { messages: [message] } });
  return expect(values.messages[0].type === "human" && values.messages[0].content === "hello", values);
});
await call("runs.wait, command", async () => {
  const asked = await newThread();
  await runs.wait(asked, "approval", quick);
  const values = await runs.wait(asked, "approval", { command: { resume: "yes" } });
  return expect(values.__interrupt__ === undefined && values.messages.length > 1, values);
});
await call("runs.wait, onDisconnect cancel", async () => expect(words(await runs.wait(thread, "chat", { ...quick, onDisconnect: "cancel" })) === 2));
await call("runs.wait, interruptBefore", async () => {
  const asked = await newThread();
  const values = await runs.wait(asked, "chat", { ...quick, interruptBefore: "*" });
  return expect(values.messages.length === 1, values);
});
await call("runs.wait, without a thread", async () => expect(words(await runs.wait(null, "chat", quick)) === 2));
await call("runs.list", async () => expect((await runs.list(thread, { limit: 2, status: "success" })).length === 2));
await call("runs.list, select", () => runs.list(thread, { select: ["run_id"] }));
const long = await runs.create(thread, "chat", { ...slow, streamResumable: true });
await call("runs.get", async () => expect((await runs.get(thread, long.run_id)).run_id === long.run_id));
await call("runs.joinStream", async () => {
  for await (const part of runs.joinStream(thread, long.run_id, { lastEventId: "-1", streamMode: ["values"] })) {
    if (part.event === "values") return "works";
  }
  return "no values";
});
await call("runs.cancel", async () => {
  await runs.cancel(thread, long.run_id, true, "interrupt");
  return expect((await runs.get(thread, long.run_id)).status === "interrupted");
});
await call("runs.cancel, reason", () => runs.cancel(thread, long.run_id, false, "interrupt", { reason: "taken" }));
await call("runs.join", async () => expect(Array.isArray((await runs.join(thread, long.run_id)).messages)));
await call("runs.join, cancelOnDisconnect", () => runs.join(thread, long.run_id, { cancelOnDisconnect: true }));
await call("runs.delete", () => runs.delete(thread, long.run_id));
await call("runs.createBatch", () => runs.createBatch([{ assistantId: "chat", ...quick }]));
await call("runs.cancelMany", () => runs.cancelMany({ threadId: thread }));

let state;
await call("threads.getState", async () => {
  state = await threads.getState(thread, undefined, { subgraphs: true });
  return expect(state.values.messages.length > 2, state);
});
await call("threads.getState, of a checkpoint's id", async () => {
  const found = await threads.getState(thread, state.checkpoint.checkpoint_id);
  return expect(found.created_at === state.created_at, found);
});
await call("threads.getState, of a checkpoint", async () => {
  const found = await threads.getState(thread, state.checkpoint, { subgraphs: true });
  return expect(found.created_at === state.created_at, found);
});
await call("threads.getState, select", () => threads.getState(thread, undefined, { select: ["values"] }));
await call("threads.updateState", async () => {
  const written = await threads.updateState(thread, { values: { messages: [{ role: "user", content: "more" }] } });
  return expect(written.checkpoint.thread_id === thread, written);
});
await call("threads.patchState", () => threads.patchState(thread, { a: 1 }));
await call("threads.getHistory", async () => {
  const found = await threads.getHistory(thread, { limit: 3, before: { configurable: { checkpoint_id: state.checkpoint.checkpoint_id } } });
  return expect(found.length === 3, found);
});
await call("threads.getHistory, metadata", async () => {
  const found = await threads.getHistory(thread, { metadata: { source: "update" } });
  return expect(found.length === 1, found);
});
await call("threads.search", async () => {
  const found = await threads.search({ metadata: { mine: "yes" }, status: (await threads.get(thread)).status, sortBy: "updated_at", sortOrder: "desc", select: ["thread_id"] });
  return expect(JSON.stringify(found) === JSON.stringify([{ thread_id: thread }]), found);
});
await call("threads.search, values", async () => {
  const found = await threads.search({ values: { messages: [{ content: "more" }] } });
  const none = await threads.search({ values: { messages: [{ content: "never said" }] } });
  return expect(found.length === 1 && none.length === 0, [found, none]);
});
await call("threads.search, extract", () => threads.search({ extract: { a: "values.messages[-1]" } }));
await call("threads.count", async () => expect((await threads.count({ metadata: { mine: "yes" } })) === 1));
await call("threads.copy", async () => {
  const copy = await threads.copy(thread);
  const copied = await threads.getState(copy.thread_id);
  return expect(copy.thread_id !== thread && copied.values.messages.at(-1).content === "more", copied);
});
await call("threads.joinStream", () => all(threads.joinStream(thread)));
await call("threads.prune", () => threads.prune([thread]));
await call("threads.delete", () => threads.delete(thread));

await call("crons.create", () => crons.create("chat", { schedule: "* * * * *" }));
await call("crons.search", () => crons.search());
await call("store.putItem", () => store.putItem(["a"], "k", { v: 1 }));
await call("store.getItem", () => store.getItem(["a"], "k"));
await call("store.deleteItem", () => store.deleteItem(["a"], "k"));
await call("store.searchItems", () => store.searchItems(["a"]));
await call("store.listNamespaces", () => store.listNamespaces());
process.exit(0);
