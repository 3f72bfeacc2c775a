// Servers and proxies that do what the measured ones do not: odd entries, ids of their own, connections that are cut, answers that say nothing.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createStream } from "../dist/index.js";
import { chunk, gate, startFake, stateOf } from "./support/fake-server.mjs";
import { human, until } from "./support/server.mjs";

/** A stream whose every snapshot's messages are kept, as texts. */
function open(t, fake, options = {}) {
  const warnings = [];
  const stream = createStream({ apiUrl: fake.url, assistantId: "agent", storage: "none", onWarning: (warning) => warnings.push(warning), ...options });
  t.after(() => stream.dispose());
  const texts = () => stream.getSnapshot().messages.map(({ content }) => content);
  const seen = [];
  stream.subscribe(() => {
    if (JSON.stringify(seen.at(-1)) !== JSON.stringify(texts())) seen.push(texts());
  });
  return { stream, warnings, texts, seen };
}
const posts = (fake) => fake.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/runs/stream")).length;

const odd = [
  { name: "a tool's number as content", entry: { type: "tool", id: "o", tool_call_id: "t", content: 42 }, shows: "42" },
  { name: "an object as content", entry: { type: "ai", id: "o", content: { answer: 42 } } },
  { name: "a number as id", entry: { type: "ai", id: 17, content: "odd id" }, shows: "odd id" },
  { name: "null", entry: null },
];
for (const { name, entry, shows } of odd) {
  const messages = [{ type: "human", id: "h", content: "hi" }, entry, { type: "ai", id: "g", content: "good one" }];
  const isShown = (texts) => texts.includes("hi") && texts.includes("good one") && (shows === undefined || texts.includes(shows));
  const names = (warnings) => warnings.filter(({ message }) => message.includes("messages[1]")).length;

  test(`one odd entry (${name}) hides nothing else while it streams`, async (t) => {
    const fake = await startFake(() => [["values", { messages }]]);
    const { stream, warnings, texts } = open(t, fake);
    assert.deepEqual(await stream.submit({ messages: [human("hi", "h")] }), { outcome: "finished" });
    assert.ok(isShown(texts()), JSON.stringify(texts()));
    // `null` is no message, so only the warning tells of it.
    assert.equal(stream.getSnapshot().values.messages.length, entry === null ? 2 : 3);
    assert.equal(names(warnings), 1, JSON.stringify(warnings.map(({ message }) => message)));
  });

  test(`one odd entry (${name}) hides nothing else of a thread that is entered`, async (t) => {
    const fake = await startFake(() => []);
    const threadId = randomUUID();
    fake.hold(threadId, stateOf({ messages }));
    const { stream, warnings, texts } = open(t, fake, { threadId });
    await until(() => !stream.getSnapshot().isThreadLoading);
    assert.ok(isShown(texts()), JSON.stringify(texts()));
    assert.equal(stream.getSnapshot().error, undefined);
    assert.equal(names(warnings), 1, JSON.stringify(warnings.map(({ message }) => message)));
  });
}

const keeping = [
  { name: "under its own id", question: { id: "srv-1" }, stored: { id: "a1" } },
  { name: "without ids", question: {}, stored: {} },
  { name: "under numbers", question: { id: 1 }, stored: { id: 2 } },
  { name: "with the answer under another id than it streams", question: { id: "srv-1" }, stored: { id: "lc-9" } },
];
for (const { name, question, stored } of keeping) {
  test(`a server that keeps messages ${name} shows each once, at every moment`, async (t) => {
    const asked = { type: "human", content: "hi", ...question };
    const hold = gate();
    const fake = await startFake(() => [
      ["values", { messages: [asked] }],
      chunk("a1", "Hel"),
      hold,
      chunk("a1", "lo"),
      ["values", { messages: [asked, { type: "ai", content: "Hello", ...stored }] }],
    ]);
    const { stream, texts, seen } = open(t, fake);
    const done = stream.submit({ messages: [human("hi")] });
    await until(() => texts().at(-1) === "Hel");
    assert.deepEqual(texts(), ["hi", "Hel"]);
    hold.open();
    assert.deepEqual(await done, { outcome: "finished" });
    for (const shown of [...seen, texts()]) {
      assert.ok(["", "hi", "hi|Hel", "hi|Hello"].includes(shown.join("|")), JSON.stringify(seen));
    }
    assert.deepEqual(texts(), ["hi", "Hello"]);
  });
}

test("a healthy run behind a proxy that ends each connection is followed to its end", async (t) => {
  const hold = gate();
  const fake = await startFake(() => [
    ["values", { messages: [{ type: "human", id: "h", content: "hi" }] }],
    chunk("a", "Hel"),
    hold,
    chunk("a", "lo"),
    ["values", { messages: [{ type: "human", id: "h", content: "hi" }, { type: "ai", id: "a", content: "Hello" }] }],
  ]);
  let connections = 0;
  fake.answers = (request, response, url) => {
    if (url.pathname.endsWith("/stream")) {
      connections++;
      // As the agent says nothing the proxy sees only what keeps the connection alive, and ends it.
      const beat = setInterval(() => response.headersSent && response.write(": heartbeat\n\n"), 20);
      setTimeout(() => response.end(), 80);
      response.on("close", () => clearInterval(beat));
    }
    return false;
  };
  const { stream, texts } = open(t, fake, { retry: { backoffBase: 5, backoffMax: 20 } });
  const done = stream.submit({ messages: [human("hi", "h")] });
  // More connections than attempts may fail.
  await until(() => connections > 12, "a dozen connections");
  assert.equal(stream.getSnapshot().isLoading, true);
  assert.equal(stream.getSnapshot().error, undefined);
  hold.open();
  const { outcome } = await done;
  assert.ok(["replayed", "finished"].includes(outcome), outcome);
  assert.deepEqual(texts(), ["hi", "Hello"]);
  assert.equal(posts(fake), 1);
});

const nothing = [
  { name: "values that say nothing", body: 'event: values\ndata: {"messages":[]}\n\n' },
  { name: "a piece of a message", body: `event: messages\ndata: ${JSON.stringify(chunk("a", "hello")[1])}\n\n` },
  { name: "only a heartbeat", body: ": heartbeat\n\n" },
];
for (const { name, body } of nothing) {
  test(`a submission that is answered with ${name}, and never becomes a run, is posted once`, async (t) => {
    const fake = await startFake(() => []);
    fake.answers = (request, response, url) => {
      if (request.method === "POST" && url.pathname.endsWith("/runs/stream")) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(body);
        return true;
      }
      if (url.pathname.endsWith("/runs")) {
        response.writeHead(200, { "content-type": "application/json" });
        response.end("[]");
        return true;
      }
      return false;
    };
    const { stream, texts } = open(t, fake, { retry: { backoffBase: 5, backoffMax: 20 } });
    const { outcome } = await stream.submit({ messages: [human("hi")] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(posts(fake), 1);
    assert.equal(stream.getSnapshot().isLoading, false);
    assert.ok(["finished", "failed", "replayed", "snapshot_then_tail", "expired"].includes(outcome), outcome);
    assert.ok(texts().every((text) => !text.includes("hellohello")), JSON.stringify(texts()));
  });
}

test("a submission of which nothing is ever received is posted a bounded number of times, and says so", async (t) => {
  const fake = await startFake(() => []);
  fake.answers = (request, response, url) => {
    if (request.method === "POST" && url.pathname.endsWith("/runs/stream")) {
      request.socket.destroy();
      return true;
    }
    if (url.pathname.endsWith("/runs")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end("[]");
      return true;
    }
    return false;
  };
  const { stream } = open(t, fake, { retry: { backoffBase: 5, backoffMax: 20, postsMax: 3 } });
  const { outcome, error } = await stream.submit({ messages: [human("hi")] });
  assert.equal(outcome, "failed");
  assert.ok(error.code, "why");
  assert.equal(posts(fake), 3);
});
