// Arguments of tool calls while they are written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { getPartialJsonObjectMeta, parsePartialJsonObject } from "assistant-stream/utils";
import { partialJsonReader, readPartialJson } from "../../dist/assistant-ui/messages/partial-json.js";
import { anyObject, dice, frozen, pieces } from "./random.mjs";

const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

test("what is read of unfinished JSON is what assistant-ui reads of it", () => {
  let compared = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const text = JSON.stringify(anyObject(dice(seed)), null, seed % 3 ? 0 : 1);
    for (let end = 1; end <= text.length; end++) {
      const begun = text.slice(0, end);
      const wanted = parsePartialJsonObject(begun);
      const read = readPartialJson(begun);
      assert.deepEqual(plain(read.value), plain(wanted), begun);
      assert.equal(read.complete, getPartialJsonObjectMeta(wanted).state === "complete", begun);
      compared++;
    }
  }
  assert.ok(compared > 2000, `${compared} beginnings`);
});

test("JSON in pieces reads the same as JSON at once, wherever it is split", () => {
  for (let seed = 1; seed <= 120; seed++) {
    const chance = dice(seed);
    const text = JSON.stringify(anyObject(chance));
    const reader = partialJsonReader();
    let read;
    let given = "";
    for (const piece of pieces(text, chance)) {
      given += piece;
      // Frozen: what was handed out is never changed by what comes later.
      read = frozen(reader.feed(piece));
      assert.deepEqual(read, readPartialJson(given), given);
    }
    assert.deepEqual(read, { value: JSON.parse(text), complete: true, path: [] });
  }
});

test("broken JSON throws nothing and keeps what was right before it", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const chance = dice(seed);
    const text = JSON.stringify(anyObject(chance));
    const at = chance.upTo(text.length - 1);
    const broken = text.slice(0, at) + chance.pick(["}", "]", ",", ":", '"', "\\", "x", "-", "\u0000", "🤖"]) + text.slice(at + chance.upTo(2));
    const whole = readPartialJson(broken);
    const reader = partialJsonReader();
    let read;
    for (const piece of pieces(broken, chance)) read = reader.feed(piece);
    assert.deepEqual(read, whole, broken);
  }
  assert.deepEqual(readPartialJson('{"a":1,"b":01').value, { a: 1, b: 0 });
  assert.deepEqual(readPartialJson('{"a":1,"b":tru}').value, { a: 1, b: true });
  assert.deepEqual(readPartialJson('{"a":"x\\qy"}').value, { a: "x" });
  assert.deepEqual(readPartialJson('{"a":1} and more'), { value: { a: 1 }, complete: false, path: [] });
  for (const none of ["", "   ", "nonsense", "12", '"text"', "null"]) assert.equal(readPartialJson(none).value, undefined, none);
});

test("JSON names what is still being written", () => {
  const path = (text) => readPartialJson(text).path.join(".");
  assert.equal(path('{"city":"Par'), "city");
  assert.equal(path('{"city":"Paris","days":[{"no":1},{"no":2'), "days.1.no");
  assert.equal(path('{"city":"Paris","days":[1,'), "days");
  assert.equal(path('{"city":"Paris","day'), "");
});

test("a key of tool arguments cannot reach a prototype", () => {
  const { value } = readPartialJson('{"__proto__":{"polluted":true},"constructor":1,"a":{"__proto__":[1],"b":2}}');
  assert.deepEqual(Object.keys(value), ["constructor", "a"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(Object.getPrototypeOf(value.a), Object.prototype);
  assert.equal({}.polluted, undefined);
});

test("long tool arguments cost what their pieces cost, not their whole length each time", () => {
  // Read anew with each piece these would be 8 GB to read; piece by piece they are 512 KB.
  const text = JSON.stringify({ file: "0123456789abcdef".repeat(32_768), done: true });
  const reader = partialJsonReader();
  const begun = performance.now();
  let read;
  for (let at = 0; at < text.length; at += 16) read = reader.feed(text.slice(at, at + 16));
  const took = performance.now() - begun;
  assert.equal(read.value.file.length, 524_288);
  assert.equal(read.value.done, true);
  assert.ok(took < 3000, `${took} ms`);
});
