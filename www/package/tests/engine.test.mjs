// The wasm's edge by itself: a `fetch` of the test's own plays the server, so nothing here depends on time.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Part } from "../dist/engine.js";
import { engineText } from "../dist/store/options.js";
import { loadEngine } from "../dist/wasm/asset-loader.js";
import { decode } from "../dist/wasm/decode.js";

const Engine = await loadEngine();
await loadEngine.extras();
const encoder = new TextEncoder();

/** A server whose run streams are the test's to write; everything else is told by `answers`. */
function fakeServer(answers = {}) {
  const server = { requests: [], bodies: [], writers: [] };
  server.fetch = async (url, { method, headers, signal, body }) => {
    const path = new URL(url).pathname;
    server.requests.push(`${method} ${path}`);
    server.headers = headers;
    server.signal = signal;
    if (path.endsWith("/stream")) {
      server.bodies.push(JSON.parse(body ?? "null"));
      const { readable, writable } = new TransformStream();
      server.writers.push(writable.getWriter());
      return new Response(readable, { headers: { "content-type": "text/event-stream" } });
    }
    const found = Object.entries(answers).find(([end]) => path.endsWith(end));
    return Response.json(found ? found[1] : {}, { status: found ? 200 : 404 });
  };
  let id = 0;
  server.send = async (event, data) => {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${id++}\n\n`;
    await server.writers.at(-1).write(encoder.encode(text));
  };
  server.token = (content) => server.send("messages", [{ type: "AIMessageChunk", id: "ai-1", content }, { langgraph_node: "chat" }]);
  return server;
}

/** A host that keeps what the page would show, and every call. */
function makeHost(more = {}) {
  const host = {
    calls: [],
    lists: new Map(),
    messages: new Map(),
    status_now: undefined,
    status(json) {
      host.status_now = { ...host.status_now, ...JSON.parse(json) };
    },
    order(ns, ids) {
      host.lists.set(ns, ids);
    },
    message(ns, id, json, origin) {
      host.calls.push(["message", id]);
      host.messages.set(id, { ...JSON.parse(json), origin });
    },
    append(ns, id, text) {
      host.calls.push(["append", text]);
      host.messages.get(id).content += text;
    },
    changed(what) {
      host.calls.push(["changed", what]);
    },
    commit() {
      host.calls.push(["commit"]);
    },
    event(...args) {
      host.calls.push(["event", ...args]);
    },
    notice(kind, json) {
      host.calls.push(["notice", kind, JSON.parse(json)]);
    },
    concluded(...args) {
      host.calls.push(["concluded", ...args]);
    },
    ...more,
  };
  return host;
}

const until = async (what, holds) => {
  for (let at = 0; at < 1000; at++) {
    if (await holds()) return;
    await sleep(5);
  }
  assert.fail(`did not come: ${what}`);
};

const made = [];
const make = (host, options = {}) => {
  const engine = new Engine(engineText({ apiUrl: "http://server.test", assistantId: "chat", ...options }), host);
  engine.extend();
  made.push(engine);
  return engine;
};
test.afterEach(() => made.splice(0).forEach((engine) => engine.dispose()));

const say = (text) => JSON.stringify({ input: { messages: [{ type: "human", content: text }] } });
const answer = (host) => host.messages.get("ai-1")?.content ?? "";

async function live(options = {}, more = {}) {
  const server = fakeServer();
  const host = makeHost({ fetch: server.fetch, storage: null, ...more });
  const engine = make(host, options);
  engine.send("submission", say("hi"), 1);
  await until("the request", () => server.writers.length === 1);
  await server.send("metadata", { run_id: "run-1", attempt: 1 });
  await until("the run", () => host.status_now?.runId === "run-1");
  return { server, host, engine };
}

test("text that grows is appended, in whole characters, and is in the end what was sent", async () => {
  const { server, host } = await live();
  const words = ["Grü", "ß", "e, 🦀", " 漢字", ' "q" \\ \n', "\u0000\u2028", "👩‍👩‍👧", "."];
  const bytes = encoder.encode(
    words.map((content, at) => `event: messages\ndata: ${JSON.stringify([{ type: "AIMessageChunk", id: "ai-1", content }, {}])}\nid: ${at + 1}\n\n`).join(""),
  );
  // In pieces of seven bytes: through characters, events and line ends.
  for (let at = 0; at < bytes.length; at += 7) {
    await server.writers[0].write(bytes.subarray(at, at + 7));
    if (at % 70 === 0) await sleep(20);
  }
  await until("the text", () => answer(host) === words.join(""));
  const appended = host.calls.filter(([name]) => name === "append");
  assert.ok(appended.length >= 2, "it came in several frames");
  assert.equal(host.calls.filter(([name, id]) => name === "message" && id === "ai-1").length, 1);
  assert.ok(appended.every(([, text]) => !text.includes("\ufffd")));
});

test("a message that changes in another way is sent whole, and grows on from there", async () => {
  const { server, host } = await live();
  await server.token("one");
  await until("one", () => answer(host) === "one");
  await server.send("values", { messages: [{ type: "human", id: "h", content: "hi" }, { type: "ai", id: "ai-1", content: "One, corrected" }] });
  await until("the correction", () => answer(host) === "One, corrected");
  await server.send("messages", [{ type: "AIMessageChunk", id: "ai-1", content: [{ type: "text", text: "blocks" }] }, {}]);
  await server.send("messages", [{ type: "AIMessageChunk", id: "ai-2", content: "two" }, {}]);
  await until("the next", () => host.messages.get("ai-2")?.content === "two");
  await server.send("messages", [{ type: "AIMessageChunk", id: "ai-2", content: " more" }, {}]);
  await until("it grows", () => host.messages.get("ai-2")?.content === "two more");
  assert.deepEqual(host.calls.filter(([name]) => name === "append"), [["append", " more"]]);
});

test("the status says for how long the server was not heard, and an object in it only when it is another one", async () => {
  const told = [];
  const host = makeHost({ storage: null, status: (json) => told.push(JSON.parse(json)) });
  const server = fakeServer();
  let reachable = true;
  host.fetch = (...args) => (reachable ? server.fetch(...args) : Promise.reject(new TypeError("no network")));
  const engine = make(host);
  engine.send("submission", say("hi"), 1);
  await until("the stream", () => told.at(-1)?.connection?.state === "live");
  await server.send("metadata", { run_id: "run-1", attempt: 1 });
  await until("the run", () => told.at(-1)?.runId === "run-1");
  assert.ok(!("connection" in told.at(-1)) && !("error" in told.at(-1)), "neither is another one");
  assert.ok(told.every(({ connection }) => connection?.lostForMs === undefined), "it was heard all the time");
  await sleep(30);
  reachable = false;
  await server.writers[0].abort(new Error("cut"));
  await until("a second attempt", () => told.filter(({ connection }) => connection?.state === "reconnecting").length > 1);
  const lost = told.map(({ connection }) => connection?.lostForMs).filter((ms) => ms !== undefined);
  assert.ok(lost[0] >= 30 && lost.at(-1) >= lost[0], lost.join());
  reachable = true;
  await until("contact", () => server.writers.length === 2);
  await until("contact is told", () => told.findLast(({ connection }) => connection).connection.lostForMs === undefined);
});

test("functions of the host may call the engine", async () => {
  let engine;
  let depth = 0;
  const server = fakeServer({ "/state": { values: { messages: [] }, next: [], tasks: [] } });
  const seen = [];
  const host = makeHost({
    fetch: server.fetch,
    storage: null,
    status(json) {
      seen.push(JSON.parse(json));
      engine.read(Part.values);
      engine.send("modes", '{"modes":["values","custom"]}', 0);
    },
    message() {
      if (depth++ === 0) engine.send("stop", "{}", 0);
      engine.read(Part.interrupts);
    },
    notice(kind) {
      if (kind === "ended") engine.send("submission", say("again"), 2);
    },
  });
  engine = make(host);
  engine.send("submission", say("hi"), 1);
  await until("the second submission, with the modes set meanwhile", () => server.bodies.length === 2);
  assert.deepEqual(server.bodies[1].stream_mode, ["values", "custom"]);
  assert.ok(seen.length > 0);
});

test("what a function of the host throws is thrown again later, and the engine goes on", async () => {
  const thrown = [];
  // The test runner takes every uncaught exception for its own, so what would become one is caught a step earlier.
  const real = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (callback) =>
    real(() => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
  try {
    const mistake = new Error("the application's own");
    const { server, host, engine } = await live({}, {
      commit() {
        throw mistake;
      },
      notice() {
        throw "a text";
      },
    });
    await server.token("on");
    await until("it goes on", () => answer(host) === "on");
    await until("both are heard of", () => thrown.includes(mistake) && thrown.includes("a text"));
    engine.dispose();
  } finally {
    globalThis.queueMicrotask = real;
  }
});

test("wrong options are errors that name them", () => {
  const host = makeHost();
  const cases = [
    [{ apiUrl: "" }, "apiUrl"],
    [{ assistantId: undefined }, "assistantId"],
    [{ assistantId: 7 }, "assistantId"],
    [{ messagesKey: {} }, "messagesKey"],
    [{ streamModes: "values" }, "streamModes"],
    [{ streamModes: ["values", "nonsense"] }, "streamModes"],
    [{ rejoinOnMount: "yes" }, "rejoinOnMount"],
    [{ compareOnWake: "yes" }, "compareOnWake"],
    [{ outbox: true }, "outbox"],
    [{ outbox: { askAfter: "soon" } }, "outbox.askAfter"],
    [{ onDisconnect: "explode" }, "onDisconnect"],
    [{ multitaskStrategy: "later" }, "multitaskStrategy"],
    [{ endpoint: "other" }, "endpoint"],
    [{ historyLimit: -1 }, "historyLimit"],
    [{ throttleMs: NaN }, "throttleMs"],
    [{ initialValues: "{" }, "initialValues"],
    [{ credentials: "always" }, "credentials"],
    [{ retry: 3 }, "retry"],
    [{ retry: { attemptsMax: "3" } }, "retry.attemptsMax"],
    [{ retry: { giveUpAfter: -1 } }, "retry.giveUpAfter"],
    [{ timeouts: { join: -1 } }, "timeouts.join"],
    [{ limits: { lineBytesMax: true } }, "limits.lineBytesMax"],
    [{ checkpoints: "sometimes" }, "checkpoints"],
    [{ cancelDanglingToolCalls: 1 }, "cancelDanglingToolCalls"],
  ];
  for (const [options, option] of cases) {
    assert.throws(
      () => make(host, options),
      (error) => error instanceof Error && error.code === "invalid_option" && error.option === option && error.message.includes(`"${option}"`),
      option,
    );
  }
  assert.throws(() => make({ ...host, storage: "local" }), { code: "invalid_option", option: "storage" });
  // Null is as good as absent, infinity as much as can be.
  make(host, { messagesKey: null, historyLimit: Infinity, limits: { lineBytesMax: Infinity } });
});

test("wrong submissions are errors that name what is wrong, and nothing is sent", async () => {
  const server = fakeServer();
  const engine = make(makeHost({ fetch: server.fetch, storage: null }));
  const cases = [
    ["{", "submission"],
    ["[]", "submission"],
    ['{"inptu":{}}', "inptu"],
    ['{"command":{"resumed":1}}', "command.resumed"],
    ['{"command":"go"}', "command"],
    ['{"stream_mode":"values"}', "stream_mode"],
    ['{"stream_mode":["nonsense"]}', "stream_mode"],
    ['{"multitask_strategy":"later"}', "multitask_strategy"],
    ['{"on_disconnect":1}', "on_disconnect"],
    ['{"stream_resumable":"yes"}', "stream_resumable"],
    ['{"thread_id":{}}', "thread_id"],
  ];
  for (const [text, option] of cases) {
    assert.throws(() => engine.send("submission", text, 1), { code: "invalid_option", option }, text);
  }
  assert.throws(() => engine.send("join", '{"runId":"r"}', 1), { code: "invalid_option", option: "runId" });
  for (const [text, option] of [["{", "edit"], ['{"kind":"message"}', "messageId"], ['{"kind":"answer","message_id":7}', "messageId"], ['{"kind":"failed","inptu":1}', "inptu"]]) {
    assert.throws(() => engine.send("edit", text, 1), { code: "invalid_option", option }, text);
  }
  for (const [text, option] of [["[]", "result"], ['{"tool_call_id":1}', "tool_call_id"], ['{"is_error":1}', "is_error"], ['{"tool":"c1"}', "tool"]]) {
    assert.throws(() => engine.send("result", text, 1), { code: "invalid_option", option }, text);
  }
  assert.throws(() => engine.send("values", "{", 0), { code: "invalid_option", option: "values" });
  assert.throws(() => engine.send("modes", '{"modes":["nonsense"]}', 0), { code: "invalid_option", option: "modes" });
  await sleep(20);
  assert.deepEqual(server.requests, []);
});

test("a submission's fields go out as they came", async () => {
  const server = fakeServer();
  const engine = make(makeHost({ fetch: server.fetch, storage: null }));
  const submission = {
    input: { messages: [{ type: "human", id: "h", content: "hi" }], n: 1.5 },
    command: { resume: { a: [1, null] }, goto: "node" },
    config: { configurable: { x: "ü" } },
    context: { user: 1 },
    metadata: { mine: true },
    checkpoint: { checkpoint_id: "c", checkpoint_ns: "" },
    interrupt_before: ["a"],
    interrupt_after: "*",
    on_disconnect: "cancel",
    stream_resumable: false,
    stream_subgraphs: true,
    durability: "sync",
    multitask_strategy: "reject",
    stream_mode: ["values", "updates"],
    thread_id: "11111111-1111-4111-8111-111111111111",
  };
  engine.send("submission", JSON.stringify({ ...submission, thread_is_made: true }), 1);
  await until("the request", () => server.bodies.length === 1);
  const { thread_id, input, metadata, ...rest } = submission;
  const [body] = server.bodies;
  for (const [name, value] of Object.entries(rest)) assert.deepEqual(body[name], value, name);
  assert.equal(body.metadata.mine, true);
  assert.deepEqual(body.input, input);
  assert.deepEqual(server.requests, [`POST /threads/${thread_id}/runs/stream`]);
});

test("headers are the application's, awaited, and asked for anew when they were refused", async () => {
  const asked = [];
  const server = fakeServer();
  let refuse = true;
  const host = makeHost({
    storage: null,
    headers: async (refresh) => {
      asked.push(refresh);
      await sleep(1);
      return { "x-token": `token-${asked.length}`, "x-absent": undefined };
    },
    fetch: async (...request) => {
      if (refuse) {
        refuse = false;
        return new Response("no", { status: 401 });
      }
      return server.fetch(...request);
    },
  });
  make(host).send("submission", say("hi"), 1);
  await until("the request", () => server.writers.length === 1);
  assert.deepEqual(asked, [false, true]);
  assert.equal(server.headers["x-token"], "token-2");
  assert.equal("x-absent" in server.headers, false);
});

test("headers that fail are an error that says so, and are shown nowhere", async () => {
  for (const headers of [() => Promise.reject(new Error("signed out")), () => { throw new Error("signed out"); }, () => ({ "x-token": 7 })]) {
    const host = makeHost({ storage: null, headers, fetch: () => assert.fail("no request") });
    make(host).send("submission", say("hi"), 1);
    await until("the end", () => host.calls.some(([name]) => name === "concluded"));
    const [, command, outcome, error] = host.calls.find(([name]) => name === "concluded");
    assert.deepEqual([command, outcome, JSON.parse(error).code], [1, "failed", "headers_failed"]);
  }
});

test("records go to the storage that was given, and one that throws is told once", async () => {
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  const { server, engine, host } = await live({ timeouts: { record: 1 } }, { storage });
  await server.token("kept");
  await until("a record", () => [...kept.values()].some((text) => text.includes("kept")));
  engine.dispose();
  const next = makeHost({ fetch: fakeServer().fetch, storage });
  make(next).send("thread", JSON.stringify({ thread_id: host.status_now.threadId }), 0);
  await until("the text is painted from the record", () => answer(next) === "kept");

  const full = { ...storage, setItem: () => { throw Object.assign(new Error("full"), { name: "QuotaExceededError" }); } };
  const other = await live({ timeouts: { record: 1 } }, { storage: full });
  for (const word of ["a", "b", "c"]) {
    await other.server.token(word);
    await sleep(20);
  }
  assert.deepEqual(other.host.calls.filter(([name, kind]) => name === "notice" && kind === "storage_failed"), [["notice", "storage_failed", { code: "storage_full" }]]);
});

test("events are told that are listened to, and no others", async () => {
  const { server, host, engine } = await live();
  await server.send("custom", { n: 1 });
  engine.send("events", '{"names":["custom","updates"]}', 0);
  await server.send("custom|tools:abc", { n: 2 });
  await server.send("debug", {});
  await server.send("updates", { node: null });
  await until("both", () => host.calls.filter(([name]) => name === "event").length === 2);
  assert.deepEqual(host.calls.filter(([name]) => name === "event"), [
    ["event", "2", "custom", ["tools:abc"], '{"n":2}'],
    ["event", "4", "updates", [], '{"node":null}'],
  ]);
});

test("after dispose nothing is called and nothing is asked", async () => {
  const { server, host, engine } = await live();
  engine.dispose();
  assert.equal(server.signal.aborted, true);
  const [calls, requests] = [host.calls.length, server.requests.length];
  engine.send("submission", say("more"), 2);
  engine.send("join", "{}", 3);
  engine.send("cancel", "{}", 0);
  engine.send("thread", "{}", 0);
  engine.dispose();
  await sleep(50);
  assert.equal(host.calls.length, calls);
  assert.equal(server.requests.length, requests);
  assert.equal(typeof engine.read(Part.values), "string");
});

const stored = (messages) => ({ "/threads/t": { thread_id: "t", status: "idle" }, "/state": { values: { messages }, next: [], tasks: [], checkpoint: { checkpoint_id: "c2", checkpoint_ns: "" } } });
const told = (host) => host.calls.filter(([name, what]) => name === "changed" && what & 16).length;

test("an edit asks the host for its checkpoint, from inside of whose function it may be answered", async () => {
  const server = fakeServer(stored([{ type: "human", id: "h1", content: "one" }, { type: "ai", id: "a1", content: "first" }, { type: "human", id: "h2", content: "two" }]));
  let engine;
  const asked = [];
  const host = makeHost({
    fetch: server.fetch,
    storage: null,
    resolveCheckpoint(command, parents) {
      asked.push([command, parents]);
      if (command === 7) engine.send("checkpoint", '{"checkpoint_id":"c1"}', 7);
    },
  });
  engine = make(host, { checkpoints: "asked" });
  engine.send("thread", '{"thread_id":"t"}', 0);
  await until("the thread", () => host.messages.size === 3 && told(host) > 0);
  assert.deepEqual(JSON.parse(engine.read(Part.editable)), { edit: ["h1", "h2"], regenerate: ["a1"], retry: false });
  engine.send("edit", JSON.stringify({ kind: "message", message_id: "h2", input: {} }), 5);
  await until("what is edited", () => host.status_now.editing === "h2");
  engine.send("checkpoint", "{}", 5);
  engine.send("edit", JSON.stringify({ kind: "answer", message_id: "a1" }), 6);
  engine.send("checkpoint", '{"error":""}', 6);
  engine.send("checkpoint", '{"checkpoint_id":"c9"}', 99);
  assert.equal(server.writers.length, 0);
  engine.send("edit", JSON.stringify({ kind: "message", message_id: "h2", input: { messages: [{ type: "human", content: "two!" }] } }), 7);
  await until("the run", () => server.writers.length === 1);
  assert.deepEqual(asked, [[5, ["h1", "a1"]], [6, ["h1"]], [7, ["h1", "a1"]]]);
  assert.deepEqual(server.bodies[0].checkpoint, { checkpoint_id: "c1", checkpoint_ns: "" });
  const ends = host.calls.filter(([name]) => name === "concluded").map(([, command, outcome, error]) => [command, outcome, error && JSON.parse(error).code]);
  assert.deepEqual(ends, [[5, "failed", "checkpoint_not_found"], [6, "failed", "checkpoint_lookup_failed"]]);
  await until("the frame", () => host.messages.get(host.lists.get("")[2])?.content === "two!");
  assert.deepEqual([host.lists.get("").length, host.status_now.editing], [3, null]);
});

test("what can be edited is told when it differs, and not while text grows", async () => {
  const { server, host } = await live();
  await server.token("one");
  await until("the answer", () => answer(host) === "one");
  const before = told(host);
  for (let at = 0; at < 5; at++) {
    await server.token("+");
    await until("more", () => answer(host).length === 4 + at);
  }
  assert.equal(told(host), before);
  const [human] = host.lists.get("");
  await server.send("values", { messages: [{ type: "human", id: human, content: "hi" }, { type: "ai", id: "ai-1", content: "one+++++" }] });
  await until("it is the server's", () => told(host) > before);
});

test("a least time lies between two commits, and the last is not lost", async () => {
  const times = [];
  const { server, host } = await live({ throttleMs: 200 }, { commit: () => times.push(performance.now()) });
  for (let at = 0; at < 20; at++) {
    await server.token("x");
    await sleep(30);
  }
  await until("all of it", () => answer(host) === "x".repeat(20));
  // Timers are coarse, and a busy machine tells late.
  for (let at = 1; at < times.length; at++) assert.ok(times[at] - times[at - 1] > 150, `${times.map(Math.round)}`);
  assert.ok(times.length >= 3);
});

test("a body whose chunks are not bytes is a broken connection, not the end of the page", async () => {
  const server = fakeServer();
  let first = true;
  const host = makeHost({
    storage: null,
    fetch: async (...request) => {
      if (!first) return server.fetch(...request);
      first = false;
      const body = { getReader: () => ({ read: async () => ({ done: false, value: "text" }), cancel: async () => {} }) };
      return { status: 200, headers: new Headers({ "content-type": "text/event-stream" }), body };
    },
  });
  make(host, { retry: { backoffBase: 1, backoffMax: 2 } }).send("submission", say("hi"), 1);
  await until("it is tried again", () => server.requests.length > 0);
});

test("loading is one load, is tried again after a failure, and takes a source", async () => {
  const { loader } = await import("../dist/wasm/load.js");
  assert.equal(await loadEngine(), Engine);
  let own = 0;
  const wasm = new URL("../dist/rejoin_bg.wasm", import.meta.url);
  // A loader that has loaded nothing yet, for each.
  const fresh = async () => (await import(`../dist/wasm/load.js?fresh=${own++}`)).loader;
  assert.equal(typeof loader, "function");
  const load = (await fresh())(() => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(load(), { name: "RejoinError", code: "load_failed" });
  assert.equal(await load(await readFile(wasm)), await load());
  const blocked = (await fresh())(() => {
    throw new WebAssembly.CompileError("WebAssembly.instantiate(): Refused to compile: 'unsafe-eval' is not an allowed source of script");
  });
  await assert.rejects(blocked(), (error) => error.code === "wasm_blocked" && error.message.includes("wasm-unsafe-eval"));
});

test("the inlined wasm is the files' bytes", async () => {
  for (const [inlined, file] of [["inline", "rejoin_bg"], ["inline-extras", "rejoin_extras_bg"]]) {
    const { wasm } = await import(`../dist/wasm/${inlined}.js`);
    const bytes = await readFile(new URL(`../dist/${file}.wasm`, import.meta.url));
    assert.ok(bytes.equals(decode(wasm)), file);
  }
});
