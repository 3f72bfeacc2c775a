// What is refused before anything is sent, and what a server's odd words do: redirects, ids, names of objects, payloads, options, errors.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { createStream } from "../../dist/index.js";
import { mergeFields } from "../../dist/assistant-ui/messages/merge-fields.js";
import { startFake, stateOf } from "../support/fake-server.mjs";
import { until } from "../support/server.mjs";

const fake = await startFake(() => []);
const say = { messages: [{ type: "human", id: "h", content: "Hi" }] };
const answer = [["values", { messages: [...say.messages, { type: "ai", id: "a", content: "done" }] }]];
function make(t, options = {}, script = () => answer) {
  const told = [];
  fake.script = script;
  const note = (kind) => (error) => told.push(`${kind} ${error.code}`);
  const stream = createStream({ apiUrl: fake.url, assistantId: "chat", storage: "none", onError: note("error"), onWarning: note("warning"), retry: { backoffBase: 1, backoffMax: 5 }, ...options });
  t.after(() => stream.dispose());
  return { stream, told };
}

/** A server that answers as `reply` does. */
async function startServer(reply) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    asked.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
    reply(request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close() && server.closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect (${status}) to another origin is refused, with where it leads`, async (t) => {
    const other = await startServer((_, response) => response.end());
    const api = await startServer((request, response) => response.writeHead(status, { location: other.url + request.url }).end());
    const { stream, told } = make(t, { apiUrl: api.url, apiKey: "secret" });
    const { outcome, error } = await stream.submit(say);
    assert.deepEqual([outcome, error.code, error.detail], ["failed", "redirected", other.url]);
    assert.deepEqual(other.asked, []);
    assert.deepEqual(told, ["error redirected"]);
    await assert.rejects(stream.client.threads.get("t"), { code: "redirected" });
    assert.deepEqual(other.asked, []);
  });
}

test("a redirect within the origin is followed, with the body", async (t) => {
  const api = await startServer((request, response) => {
    if (!request.url.startsWith("/v2/")) return response.writeHead(307, { location: `/v2${request.url}` }).end();
    response.writeHead(302, { location: `${fake.url}/` }).end();
  });
  const { stream } = make(t, { apiUrl: api.url });
  assert.equal((await stream.submit(say)).error.code, "redirected");
  assert.match(api.asked[1].line, /^POST \/v2\/threads\//);
  assert.match(api.asked[1].body, /"Hi"/);
});

for (const id of ["..", ".", "", "%2e%2e", "a/b", "a\\b", "a%2fb"]) {
  test(`the id ${JSON.stringify(id)} is refused, and nothing is sent`, async (t) => {
    const from = fake.requests.length;
    const { stream, told } = make(t);
    const refused = { code: "invalid_id" };
    assert.equal((await stream.joinStream(id)).error.code, "invalid_id");
    assert.equal((await stream.submit(say, { threadId: id })).error.code, "invalid_id");
    stream.switchThread(id);
    assert.equal(stream.getSnapshot().error.code, "invalid_id");
    assert.equal(stream.getSnapshot().threadId, null);
    assert.deepEqual(told, ["error invalid_id", "error invalid_id", "error invalid_id"]);
    assert.throws(() => createStream({ apiUrl: fake.url, assistantId: "chat", threadId: id }), refused);
    await assert.rejects(stream.client.runs.delete("t", id), refused);
    await assert.rejects(stream.client.threads.getState(id), refused);
    await assert.rejects(stream.client.assistants.get(id), refused);
    assert.equal(fake.requests.length, from);
  });
}

test("a run id of the server's that climbs is no run id", async (t) => {
  for (const location of ["/threads/t/runs/..", "/threads/t/runs/%2e%2e"]) {
    const api = await startServer((request, response) => {
      if (request.method === "POST") {
        response.writeHead(200, { "content-type": "text/event-stream", "content-location": location });
        response.end(`event: metadata\ndata: {"run_id":".."}\n\nevent: values\ndata: ${JSON.stringify(answer[0][1])}\n\n`);
      } else response.writeHead(200, { "content-type": "application/json" }).end(request.url.includes("/runs") ? "[]" : JSON.stringify(stateOf(answer[0][1])));
    });
    const { stream } = make(t, { apiUrl: api.url });
    await stream.submit(say);
    for (const { line } of api.asked) assert.doesNotMatch(line, /\.\.|%2e/i);
    assert.equal(stream.getSnapshot().messages.at(-1).content, "done");
  }
});

for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
  test(`a subagent's namespace tools:${name} is a name like any other`, async (t) => {
    const { stream, told } = make(t, { filterSubagentMessages: true }, () => [
      [`values|tools:${name}`, { messages: [{ type: "human", id: "s", content: "task" }] }],
      [`updates|tools:${name}`, { [name]: null }],
      ...answer,
    ]);
    stream.getSnapshot().subagents;
    await stream.submit(say);
    assert.equal(stream.getSnapshot().subagents.size, 0);
    assert.deepEqual(stream.getSnapshot().activeSubagents, []);
    assert.deepEqual(told, []);
  });
}

test("assistant-ui's merge takes __proto__ and constructor for names", () => {
  const merged = mergeFields({ type: "ai", id: "a", content: "", additional_kwargs: { kept: 1 } }, JSON.parse('{"additional_kwargs": {"__proto__": {"isAdmin": true}, "constructor": {"x": 1}}}'));
  assert.equal(merged.additional_kwargs.isAdmin, undefined);
  assert.equal(Object.getPrototypeOf(merged.additional_kwargs), Object.prototype);
  assert.deepEqual([merged.additional_kwargs.kept, Object.hasOwn(merged.additional_kwargs, "constructor")], [1, true]);
  assert.equal({}.isAdmin, undefined);
});

const CALLBACKS = { tools: "onToolEvent", updates: "onUpdateEvent", debug: "onDebugEvent", checkpoints: "onCheckpointEvent", tasks: "onTaskEvent", events: "onLangChainEvent" };
const PAYLOADS = [null, 7, "text", true, [], [null]];

for (const [event, callback] of Object.entries(CALLBACKS)) {
  test(`${event}: a payload that is no object is a warning, and ${callback} is not called`, async (t) => {
    const heard = [];
    const { stream, told } = make(t, { [callback]: (data) => heard.push(data) }, () => [...PAYLOADS.map((data) => [event, data]), [event, { event: "on_tool_start", name: "n" }], ...answer]);
    stream.getSnapshot().toolProgress;
    assert.equal((await stream.submit(say)).outcome, "finished");
    assert.deepEqual(heard, [{ event: "on_tool_start", name: "n" }]);
    assert.ok(told.length > 0 && told.every((line) => line === "warning event_data_invalid"), told.join());
  });
}

test("custom events may hold any JSON", async (t) => {
  const heard = [];
  const { stream, told } = make(t, { onCustomEvent: (data) => heard.push(data) }, () => [...PAYLOADS.map((data) => ["custom", data]), ...answer]);
  await stream.submit(say);
  assert.deepEqual(heard, PAYLOADS);
  assert.deepEqual(told, []);
});

test("an option that is not known is told once, with what may be meant", async (t) => {
  const warned = [];
  const given = { apiURL: "http://x", retry: { backoffBaseMs: 1, backoffBase: 1 }, nonsenseOption: 1, timeouts: { header: 5 }, onWarning: ({ code, message }) => warned.push([code, message]) };
  make(t, given);
  await until(() => warned.length === 4);
  make(t, given);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(warned, [
    ["unknown_option", "There is no option `apiURL`; `apiUrl` may be meant."],
    ["unknown_option", "There is no option `nonsenseOption`."],
    ["unknown_option", "There is no option `retry.backoffBaseMs`; `retry.backoffBase` may be meant."],
    ["unknown_option", "There is no option `timeouts.header`; `timeouts.headers` may be meant."],
  ]);
});

test("errors name options as they are called here", async (t) => {
  const named = async (options, name, asked) => {
    const { error } = await make(t, options).stream.submit(say, asked);
    assert.equal(error.code, "invalid_option");
    assert.ok(error.message.includes(`\`${name}\``), error.message);
  };
  await named({ streamMode: ["valuez"] }, "streamMode");
  await named({ throttle: -1 }, "throttle");
  await named({}, "streamMode", { streamMode: ["valuez"] });
  await named({}, "multitaskStrategy", { multitaskStrategy: "later" });
  await named({}, "onDisconnect", { onDisconnect: "no" });
  const { stream } = make(t, { limits: { lineBytesMax: 1000 } }, () => [["values", { text: "x".repeat(5000) }]]);
  const { error } = await stream.submit(say);
  assert.match(error?.message ?? "Raise `limits.lineBytesMax`", /`limits\.lineBytesMax`/);
});

test("a password in the URL, and a header's value, are repeated nowhere", async (t) => {
  for (const options of [{ apiUrl: "http://me:sesame@127.0.0.1:9" }, { headers: { "x-key": "sesame\nmore" } }, { headers: { "x key": "sesame" } }]) {
    const errors = [];
    const { stream } = make(t, { ...options, onError: (error) => errors.push(error) });
    const { error } = await stream.submit(say);
    assert.equal(error.code, "invalid_request");
    const clientError = await stream.client.threads.get("t").catch((thrown) => thrown);
    for (const one of [error, ...errors, clientError]) assert.doesNotMatch(`${one.message} ${one.detail} ${one.stack} ${one.cause?.stack}`, /sesame/);
  }
});

test("headers and a transport that never come are given up", async (t) => {
  const never = () => new Promise(() => {});
  const { stream } = make(t, { headers: never, timeouts: { headers: 40 } });
  const { error } = await stream.submit(say);
  assert.equal(error.code, "headers_failed");
  assert.match(error.message, /40 ms/);
  const custom = createStream({ transport: { stream: never }, timeouts: { headers: 40 } });
  t.after(() => custom.dispose());
  const { outcome, error: late } = await custom.submit(say);
  assert.deepEqual([outcome, late.code], ["failed", "unreachable"]);
});

test("413 says so", async (t) => {
  const api = await startServer((_, response) => response.writeHead(413).end("<html>nginx</html>"));
  const { stream } = make(t, { apiUrl: api.url });
  const { error } = await stream.submit(say);
  assert.deepEqual([error.code, error.status], ["body_too_large", 413]);
  assert.match(error.message, /larger.*413/);
  await assert.rejects(stream.client.threads.get("t"), { code: "body_too_large" });
});

test("respond without an answer sends nothing", async (t) => {
  const from = fake.requests.length;
  const { stream, told } = make(t);
  assert.equal((await stream.respond(undefined)).error.code, "invalid_input");
  assert.equal((await stream.respond(undefined, { interruptId: "i" })).error.code, "invalid_input");
  assert.deepEqual(told, ["error invalid_input", "error invalid_input"]);
  assert.equal(fake.requests.length, from);
});

test("stop in the tick of a submit keeps what was typed", async (t) => {
  const { stream } = make(t);
  const done = stream.submit({ messages: [{ type: "human", content: "typed" }] });
  await stream.stop();
  assert.equal((await done).outcome, "disconnected");
  assert.deepEqual(stream.getSnapshot().messages.map(({ content }) => content), ["typed"]);
  assert.equal(stream.getSnapshot().getMessageOrigin(stream.getSnapshot().messageIds[0]), "optimistic");
  // With an engine that is there already.
  assert.equal((await stream.submit(say)).outcome, "finished");
  const again = stream.submit({ messages: [{ type: "human", content: "typed again" }] });
  await stream.stop();
  assert.equal((await again).outcome, "disconnected");
  assert.ok(stream.getSnapshot().messages.some(({ content }) => content === "typed again"));
});

test("without WebAssembly what was typed is shown, beside the error", async (t) => {
  const { makeStore } = await import("../../dist/store/create-store.js");
  const load = Object.assign(() => Promise.reject(new ReferenceError("WebAssembly is not defined")), { extras: () => Promise.reject(new Error("none")) });
  const store = makeStore({ apiUrl: fake.url, assistantId: "chat", storage: "none" }, load, { modes: [], untended: false });
  t.after(() => store.dispose());
  const { error } = await store.submit({ messages: [{ type: "human", content: "typed" }] });
  assert.equal(error.code, "load_failed");
  assert.match(error.message, /WebAssembly/);
  assert.deepEqual(store.getSnapshot().messages.map(({ content }) => content), ["typed"]);
});

for (const [name, said, shown] of [
  ["a text that is no JSON", "ValueError('model blew up')", "ValueError('model blew up')"],
  ["a JSON text", '"too long"', "too long"],
  ["an object without a message", { kind: "limit" }, { kind: "limit" }],
]) {
  test(`a run that failed before its thread was opened: \`error\` is what its task says (${name}), so that no page tells it as news`, async (t) => {
    const state = { ...stateOf({ messages: say.messages }), tasks: [{ id: "task", name: "node", error: said, interrupts: [], checkpoint: null, state: null }] };
    const api = await startServer((request, response) => {
      const body = request.url.endsWith("/history") ? [state] : request.url.endsWith("/state") ? state : request.url.includes("/runs") ? [] : { thread_id: "t", status: "error", metadata: {}, values: state.values, error: { error: "ValueError", message: "model blew up" } };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    for (const fetchStateHistory of [false, true]) {
      const { stream, told } = make(t, { apiUrl: api.url, threadId: "t", fetchStateHistory });
      const seen = [];
      stream.subscribe(() => seen.push(stream.getSnapshot().error));
      await until(() => !stream.getSnapshot().isThreadLoading && stream.getSnapshot().error !== undefined);
      assert.deepEqual(stream.getSnapshot().error, shown);
      assert.deepEqual(seen.filter((error) => error?.message !== undefined), []);
      assert.deepEqual(told, []);
    }
  });
}

test("a run that fails while it is followed is an error with its message, also when its state is read", async (t) => {
  const { stream } = make(t, {}, () => [["error", { error: "ValueError", message: "model blew up" }]]);
  await stream.submit(say);
  assert.match(stream.getSnapshot().error.message, /model blew up/);
  assert.equal(stream.getSnapshot().error.code, "run_failed");
});
