// Options that the runtime hands on to the stream as they are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { streamOptions } from "../../dist/assistant-ui/threads/engine-options.js";

test("without stream, outbox is createStream's", () => {
  for (const outbox of [false, { askAfter: 20 }]) assert.deepEqual(streamOptions({}, () => ({ assistantId: "chat", outbox }), () => {}).outbox, outbox);
  assert.ok(!("outbox" in streamOptions({}, () => ({ assistantId: "chat" }), () => {})));
});

test("without stream, cache and shareConnections are createStream's", () => {
  const given = { assistantId: "chat", cache: { identity: "ann" }, shareConnections: "ann" };
  const made = streamOptions({}, () => given, () => {});
  assert.deepEqual([made.cache, made.shareConnections], [given.cache, "ann"]);
  const without = streamOptions({}, () => ({ assistantId: "chat" }), () => {});
  assert.ok(!("cache" in without) && !("shareConnections" in without));
});
