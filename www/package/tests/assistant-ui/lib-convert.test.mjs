// Messages as assistant-ui shows them, and the parts that keep them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bindExternalStoreMessage } from "@assistant-ui/core";
import { convertExternalMessages } from "@assistant-ui/core/react";
import { convertLangChainMessages as theirs, LangGraphMessageAccumulator as Theirs } from "@assistant-ui/react-langgraph";
import { getPartialJsonObjectFieldState } from "assistant-stream/utils";
import { LangGraphMessageAccumulator } from "../../dist/assistant-ui/messages/accumulator.js";
import { appendLangChainChunk } from "../../dist/assistant-ui/messages/append-chunk.js";
import { convertLangChainMessages } from "../../dist/assistant-ui/messages/convert.js";
import * as helpers from "../../dist/assistant-ui/internal.js";
import { anyObject, dice, frozen, pieces } from "./random.mjs";

const BLOCKS = [
  { type: "text", text: "plain" },
  { type: "text_delta", text: "delta" },
  { type: "thinking", thinking: "hm" },
  { type: "reasoning", reasoning: "because" },
  { type: "reasoning", summary: [{ type: "summary_text", text: "one" }, null, { type: "summary_text" }] },
  { type: "image_url", image_url: "https://a/1.png" },
  { type: "image_url", image_url: { url: "data:image/png;base64,aW1n" } },
  { type: "image_url", image_url: {} },
  { type: "file", data: "QUJD", mime_type: "application/pdf", metadata: { filename: "a.pdf" } },
  { type: "file", url: "https://a/b", source_type: "url" },
  { type: "file", id: "f1", mime_type: "text/plain", source_type: "id" },
  { type: "audio", data: "c291", mime_type: "audio/wav", source_type: "base64" },
  { type: "audio", data: "c291" },
  { type: "tool_use" },
  { type: "input_json_delta" },
  { type: "somethingelse", x: 1 },
  { type: "computer_call", call_id: "cc1", id: "x", action: { kind: "click", at: { y: 1, x: 2 } }, pending_safety_checks: [], index: 0 },
];

const OF_PERSONS = BLOCKS.filter(({ type }) => !["thinking", "reasoning", "computer_call"].includes(type));

/** Without the symbol that says how far arguments have come: the peer's takes half a word for a whole one. */
const unmarked = (value) => {
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.map(unmarked) : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unmarked(part)]));
};

function anyMessage(chance, id) {
  const type = chance.pick(["human", "ai", "ai", "ai", "system", "tool", "remove"]);
  const blocks = Array.from({ length: chance.upTo(4) }, () => chance.pick(type === "human" ? OF_PERSONS : BLOCKS));
  const content = chance.pick([blocks, "words", ""]);
  const kwargs = chance.pick([undefined, {}, { metadata: { who: "me" } }, { reasoning: BLOCKS[3], tool_outputs: [BLOCKS[16]], audio: { transcript: "spoken" } }]);
  const more = kwargs && { additional_kwargs: kwargs };
  if (type === "system") return { id, type, content: "be good", ...more };
  if (type === "tool") return { id, type, content: "42", tool_call_id: "c1", name: "f", status: chance.pick(["success", "error"]), artifact: { a: 1 } };
  if (type !== "ai") return { id, type, content, ...more };
  const args = anyObject(chance);
  const json = JSON.stringify(args);
  const calls = [
    { id: "c1", name: "f", args },
    { id: "", name: "g", args: {}, index: 3, partial_json: json.slice(0, chance.upTo(json.length)) },
    { id: "c3", name: "h", args: {} },
  ].slice(0, chance.upTo(3));
  const chunks = chance.pick([undefined, [{ id: "c3", index: 2, name: "h", args: '{"a":' }], [{ id: "c3", index: 2, name: "h" }]]);
  return { id, type, content, ...more, tool_calls: calls, ...(chunks && { tool_call_chunks: chunks }), ...(chance.chance(0.2) && { status: { type: "incomplete", reason: "error" } }) };
}

test("every kind of message is shown as the peer shows it", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const chance = dice(seed);
    const ui = { type: "ui", id: "u1", name: "chart", props: { a: 1 }, metadata: { message_id: "m1" } };
    const metadata = () => ({
      toolArgsKeyOrderCache: new Map(),
      uiMessagesByParent: new Map([["m1", [ui]]]),
      messageTiming: { m1: { ttft: 3 } },
      attachmentsByMessageId: new Map([["m1", seed % 4 ? [] : [{ id: "t", type: "file", name: "a.pdf", status: { type: "complete" }, content: [{ type: "file", data: "QUJD", mimeType: "application/pdf" }] }]]]),
    });
    const message = frozen(anyMessage(chance, "m1"));
    const [own, other] = [convertLangChainMessages(message, metadata()), theirs(structuredClone(message), metadata())];
    assert.deepEqual(unmarked(own), unmarked(other), JSON.stringify(message));
  }
});

test("a whole thread is joined into the same messages as the peer's", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const chance = dice(seed);
    const call = { id: "c1", name: "f", args: { a: 1 } };
    const thread = [
      { id: "h1", type: "human", content: "hi" },
      { id: "a1", type: "ai", content: chance.pick(["", "thinking aloud"]), tool_calls: [call] },
      { id: "t1", type: "tool", content: "42", tool_call_id: "c1", name: "f", status: "success" },
      ...Array.from({ length: chance.upTo(3) }, (_, at) => ({ ...anyMessage(chance, `m${at}`), tool_calls: [] })).filter(({ type }) => type !== "tool"),
    ];
    const shown = (convert) => JSON.stringify(convertExternalMessages(structuredClone(thread), convert, seed % 2 === 0, {}), (key, value) => (key === "createdAt" ? undefined : value));
    assert.equal(shown(convertLangChainMessages), shown(theirs));
  }
});

test("arguments say which of their keys are complete, as useToolArgsStatus asks", () => {
  const shown = (json) => convertLangChainMessages({ id: "a1", type: "ai", content: "", tool_calls: [{ id: "c1", name: "f", args: {}, partial_json: json }] }).content[1].args;
  const states = (args, ...keys) => keys.map((key) => getPartialJsonObjectFieldState(args, [key]));
  assert.deepEqual(states(shown('{"city":"Paris","note":"it is'), "city", "note", "later"), ["complete", "partial", "partial"]);
  assert.deepEqual(states(shown('{"city":"Paris","note":"it is"}'), "city", "note"), ["complete", "complete"]);
});

test("the text of arguments only ever grows while they are streamed", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const chance = dice(seed);
    const args = anyObject(chance);
    const metadata = { toolArgsKeyOrderCache: new Map() };
    const textOf = (message) => convertLangChainMessages(message, metadata).content.find(({ type }) => type === "tool-call").argsText;
    let [message, before] = [undefined, ""];
    for (const piece of pieces(JSON.stringify(args, null, 1), chance)) {
      message = appendLangChainChunk(message, { type: "AIMessageChunk", id: "a1", content: "", tool_call_chunks: [{ index: 0, id: "c1", name: "f", args: piece }] });
      assert.ok(textOf(message).startsWith(before));
      before = textOf(message);
    }
    // The server's copy has its keys in another order.
    const sorted = Object.fromEntries(Object.entries(args).reverse());
    const final = appendLangChainChunk(message, { type: "ai", id: "a1", content: "done", tool_calls: [{ id: "c1", name: "f", args: sorted }] });
    assert.equal(textOf(final), before);
  }
});

test("a person's message that holds what only an answer has does not take the thread down", () => {
  const thread = [{ id: "h1", type: "human", content: BLOCKS }];
  assert.throws(() => convertExternalMessages(structuredClone(thread), theirs, false, {}));
  const [{ content }] = convertExternalMessages(thread, convertLangChainMessages, false, {});
  assert.deepEqual(new Set(content.map(({ type }) => type)), new Set(["text", "image", "file"]));
});

test("what an agent stored wrongly takes nothing else down", () => {
  const { content } = convertLangChainMessages({ id: "a1", type: "ai", content: { text: "no list" }, tool_calls: [null, { id: "c1", name: "f", args: "no object" }, { id: "c2", name: "g", args: [1] }], tool_call_chunks: [null] });
  assert.deepEqual(content.map(({ toolCallId, args, argsText }) => [toolCallId, unmarked(args), argsText]), [["c1", {}, "{}"], ["c2", {}, "{}"]]);
  const loop = {};
  loop.loop = loop;
  assert.equal(convertLangChainMessages({ id: "a1", type: "ai", content: [], tool_calls: [{ id: "c1", name: "f", args: loop }] }).content[0].argsText, "{}");
  assert.deepEqual(convertLangChainMessages({ id: "s1", type: "system", content: ["be ", { type: "text", text: "good" }] }).content, [{ type: "text", text: "be good" }]);
  const calls = [null, { id: "c1", name: "f", args: {} }];
  const thread = [{ id: "a1", type: "ai", content: "", tool_calls: calls }, { id: "t1", type: "tool", content: "42", tool_call_id: "c1", name: null, status: "success" }];
  assert.equal(convertExternalMessages(thread, convertLangChainMessages, false, {})[0].content.at(-1).result, "42");
  assert.deepEqual(helpers.getPendingToolCalls(thread.slice(0, 1)), [calls[1]]);
  assert.equal(appendLangChainChunk({ id: "a1", type: "ai", content: "", tool_calls: [null] }, thread[0]), thread[0]);
});

test("reasoning is shown once it says something, and its summary once that does", () => {
  const shown = (...content) => convertLangChainMessages({ id: "a1", type: "ai", content }).content.map(({ type, text }) => `${type}: ${text}`);
  const blank = { type: "summary_text", index: 0 };
  assert.deepEqual(shown({ type: "thinking", signature: "s" }, { type: "reasoning", signature: "s" }, { type: "reasoning", summary: [blank] }, { type: "thinking", thinking: "" }), []);
  assert.deepEqual(shown({ type: "reasoning", reasoning: "so far", summary: [blank] }), ["reasoning: so far"]);
  assert.deepEqual(shown({ type: "reasoning", reasoning: "so far", summary: [blank, { ...blank, text: "told" }] }), ["reasoning: \n\n\ntold"]);
});

test("strings among the blocks of a stored message are shown", () => {
  assert.deepEqual(convertLangChainMessages({ id: "a1", type: "ai", content: ["one", null, { type: "text", text: "two" }] }).content, [
    { type: "text", text: "one" },
    { type: "text", text: "two" },
  ]);
});

test("an accumulator holds what the peer's holds after the same events", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const chance = dice(seed);
    const appendMessage = (before, next) => ({ ...before, ...next, seen: (before?.seen ?? 0) + 1 });
    const own = new LangGraphMessageAccumulator({ appendMessage });
    const other = new Theirs({ appendMessage });
    const message = () => ({ id: chance.pick(["a", "b", "c", "d"]), type: chance.pick(["ai", "human", "ai", "remove"]), content: `${chance.upTo(99)}` });
    const some = () => Array.from({ length: chance.upTo(3) }, message);
    const component = () => chance.pick([{ type: "remove-ui", id: "u1" }, { type: "ui", id: chance.pick(["u1", "u2"]), name: "x", props: { [chance.pick(["p", "q"])]: chance.upTo(9) }, metadata: { merge: chance.chance(0.5) } }]);
    for (let at = 0; at < 25; at++) {
      const [method, ...args] = chance.pick([
        ["addMessages", some()],
        ["addMessageWithMetadata", message(), { step: chance.upTo(9), [chance.pick(["x", "y"])]: at }],
        ["reconcileMessages", some().filter(({ type }) => type !== "remove")],
        ["replaceMessages", some().filter(({ type }) => type !== "remove")],
        ["addMessages", [{ id: chance.pick(["a", "__remove_all__"]), type: "remove", content: [] }]],
        ["applyUIUpdate", chance.pick([component(), [component(), component()]])],
        ["replaceUIMessages", []],
      ]);
      assert.deepEqual(own[method](...args), other[method](...args), `seed ${seed}: ${method}`);
      assert.deepEqual([...own.getMetadataMap()], [...other.getMetadataMap()]);
      assert.deepEqual(own.getUIMessages(), other.getUIMessages());
    }
  }
});

test("a message without an id gets one, and keeps its metadata by it", () => {
  const held = new LangGraphMessageAccumulator();
  const [{ id }] = held.addMessageWithMetadata({ type: "human", content: "hi" }, { step: 1 });
  assert.match(id, /^[0-9A-Za-z]{7}$/);
  assert.deepEqual([...held.getMetadataMap()], [[id, { step: 1 }]]);
});

test("messages are cut off behind the one that stays", () => {
  const shown = ["m1", "m2", "m3"].map((id) => {
    const message = { id };
    bindExternalStoreMessage(message, [{ id: `${id}-a`, type: "ai" }, { id: `${id}-b`, type: "ai" }]);
    return message;
  });
  const kept = (id) => helpers.truncateLangChainMessages(shown, id).map((message) => message.id);
  assert.deepEqual(kept("m2"), ["m1-a", "m1-b", "m2-a", "m2-b"]);
  assert.deepEqual(kept("elsewhere"), []);
  assert.deepEqual(kept(null), []);
});

test("tool calls wait until their results are there", () => {
  const messages = [
    { id: "a1", type: "ai", content: "", tool_calls: [{ id: "c1", name: "f", args: {} }, { id: "c2", name: "g", args: {} }] },
    { id: "t1", type: "tool", content: "1", tool_call_id: "c1", name: "f", status: "success" },
  ];
  assert.deepEqual(helpers.getPendingToolCalls(messages).map(({ id }) => id), ["c2"]);
  assert.ok(helpers.hasToolResult(messages, "c1"));
  assert.ok(!helpers.hasToolResult(messages, "c2"));
});
