// Streamed answers put together: what the peer's main branch does, and what neither of its versions does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { appendLangChainChunk as theirs } from "@assistant-ui/react-langgraph";
import { appendLangChainChunk } from "../../dist/assistant-ui/messages/append-chunk.js";
import { anyObject, dice, frozen, pieces } from "./random.mjs";

const chunk = (content, more = {}) => ({ type: "AIMessageChunk", id: "a1", content, ...more });
const whole = (...chunks) => chunks.map(frozen).reduce((message, next) => frozen(appendLangChainChunk(message, next)), undefined);
const contentOf = (...blocks) => whole(...blocks.map((block) => chunk([block].flat()))).content;

test("thinking is put together, with its signature", () => {
  assert.deepEqual(
    contentOf(
      { type: "thinking", thinking: "Let ", index: 0 },
      { type: "thinking", thinking: "me see", index: 0 },
      { type: "thinking", signature: "abc", index: 0 },
      { type: "text", text: "It is", index: 1 },
      { type: "text", text: " 4.", index: 1 },
    ),
    [
      { type: "thinking", thinking: "Let me see", signature: "abc", index: 0 },
      { type: "text", text: "It is 4.", index: 1 },
    ],
  );
  assert.deepEqual(contentOf({ type: "thinking", thinking: "a" }, { type: "thinking", thinking: "b" }), [{ type: "thinking", thinking: "ab" }]);
  assert.deepEqual(contentOf({ type: "thinking", signature: "s1", index: 0 }, { type: "thinking", thinking: "a", index: 0 }, { type: "thinking", signature: "s2", index: 0 }), [
    { type: "thinking", thinking: "a", signature: "s1s2", index: 0 },
  ]);
  assert.deepEqual(contentOf([{ type: "thinking", thinking: "a" }, { type: "text", text: "b" }], { type: "thinking", thinking: "c" }), [
    { type: "thinking", thinking: "a" },
    { type: "text", text: "b" },
    { type: "thinking", thinking: "c" },
  ]);
});

test("reasoning is put together: text, and the paragraphs of its summary", () => {
  assert.deepEqual(
    contentOf(
      { type: "reasoning", summary: [{ type: "summary_text", text: "First", index: 0 }], index: 0 },
      { type: "reasoning", summary: [{ type: "summary_text", text: " thought", index: 0 }], index: 0 },
      { type: "reasoning", summary: [{ type: "summary_text", text: "Second", index: 1 }], index: 0 },
    ),
    [
      {
        type: "reasoning",
        summary: [
          { type: "summary_text", text: "First thought", index: 0 },
          { type: "summary_text", text: "Second", index: 1 },
        ],
        index: 0,
      },
    ],
  );
  assert.deepEqual(contentOf({ type: "reasoning", reasoning: "be" }, { type: "reasoning", reasoning: "cause" }), [{ type: "reasoning", reasoning: "because" }]);
});

test("blocks with an index are told apart, however they are mixed", () => {
  assert.deepEqual(
    contentOf({ type: "text", text: "a", index: 0 }, { type: "text", text: "x", index: 1 }, { type: "text", text: "b", index: 0 }, { type: "text_delta", text: "y", index: 1 }),
    [
      { type: "text", text: "ab", index: 0 },
      { type: "text", text: "xy", index: 1 },
    ],
  );
});

test("text_delta is text, in the first chunk and in later ones", () => {
  assert.deepEqual(contentOf({ type: "text_delta", text: "He" }, { type: "text_delta", text: "llo" }), [{ type: "text", text: "Hello" }]);
});

test("citations are gathered, and those that come without text are kept", () => {
  assert.deepEqual(
    contentOf({ type: "text", text: "", index: 0 }, { type: "text", text: "Sky", index: 0, citations: [1] }, { type: "text", index: 0, citations: [2] }),
    [{ type: "text", text: "Sky", index: 0, citations: [1, 2] }],
  );
  assert.deepEqual(contentOf({ type: "text", index: 3, citations: [1] }), [{ type: "text", text: "", index: 3, citations: [1] }]);
});

test("blocks of other types are kept and not erased by empty fields; tool calls are not kept twice", () => {
  assert.deepEqual(
    contentOf(
      { type: "tool_use", index: 0 },
      { type: "web_search", index: 1, query: "sky", state: "begun" },
      { type: "web_search", index: 1, query: "", state: "done", hits: null },
      { type: "input_json_delta", index: 0 },
      { type: "image_url", image_url: "https://a/1.png" },
      { type: "image_url", image_url: "https://a/2.png" },
    ),
    [
      { type: "web_search", index: 1, query: "sky", state: "done" },
      { type: "image_url", image_url: "https://a/1.png" },
      { type: "image_url", image_url: "https://a/2.png" },
    ],
  );
});

test("content that is neither text nor a list is no content", () => {
  assert.deepEqual(whole(chunk({ text: "no list" })).content, []);
  assert.deepEqual(whole(chunk({ text: "no list" }), chunk("hello")).content, [{ type: "text", text: "hello" }]);
});

test("JSON that was streamed before a call had its id stays with it", () => {
  const streamed = whole(chunk("", { tool_call_chunks: [{ index: 0, id: "", name: "f", args: '{ "a": 1 }' }] }));
  const { tool_calls: calls } = appendLangChainChunk(streamed, { type: "ai", id: "a1", content: "", tool_calls: [{ id: "c1", name: "f", args: { a: 1 } }] });
  assert.deepEqual(calls[0], { id: "c1", name: "f", args: { a: 1 }, partial_json: '{ "a": 1 }' });
});

test("strings among the blocks are text, and what is no block is left out", () => {
  assert.deepEqual(whole(chunk(["He", null, {}]), chunk(["llo"])).content, [{ type: "text", text: "Hello" }]);
});

test("the name and id of a tool call may come after its first piece", () => {
  const call = (fields) => chunk("", { tool_call_chunks: [{ index: 0, id: "", name: "", ...fields }] });
  const { tool_calls: calls } = whole(call({ args: '{"a"' }), call({ name: "add", id: "c1", args: ":1" }), call({ args: "}" }));
  assert.equal(calls.length, 1);
  assert.deepEqual({ ...calls[0] }, { index: 0, id: "c1", name: "add", args: { a: 1 }, partial_json: '{"a":1}' });
});

test("what is said beside the content is put together too", () => {
  const message = whole(
    chunk("a", { usage_metadata: { input_tokens: 9, output_tokens: 1, output_token_details: { reasoning: 1 } }, additional_kwargs: { reasoning_content: "be" } }),
    chunk("b", { usage_metadata: { input_tokens: 0, output_tokens: 4, output_token_details: { reasoning: 2 } }, response_metadata: { model_name: "m" } }),
    chunk("", { response_metadata: { model_name: "m", finish_reason: "stop" }, additional_kwargs: { reasoning_content: "cause", audio: { transcript: "hi" } } }),
    chunk("", { additional_kwargs: { audio: { id: "s1", transcript: " there" } } }),
  );
  assert.deepEqual(message.usage_metadata, { input_tokens: 9, output_tokens: 5, output_token_details: { reasoning: 3 } });
  assert.deepEqual(message.response_metadata, { model_name: "m", finish_reason: "stop" });
  assert.deepEqual(message.additional_kwargs, { reasoning_content: "because", audio: { id: "s1", transcript: "hi there" } });
});

test("a message that was shown is not changed by what comes later", () => {
  const seen = [];
  let message;
  for (const next of [chunk([{ type: "text", text: "a" }]), chunk("b"), chunk([{ type: "text", text: "c" }], { tool_call_chunks: [{ index: 0, id: "c1", name: "f", args: '{"x":[1' }] }), chunk("", { tool_call_chunks: [{ index: 0, id: "", name: "", args: ",2]}" }] })]) {
    // Frozen: changing it would throw.
    message = frozen(appendLangChainChunk(message, frozen(next)));
    seen.push(JSON.stringify(message));
  }
  assert.deepEqual(seen.map((json) => JSON.parse(json).content.at(-1).text), ["a", "ab", "abc", "abc"]);
  assert.deepEqual(JSON.parse(seen[2]).tool_calls[0].args, { x: [1] });
  assert.deepEqual(message.tool_calls[0].args, { x: [1, 2] });
});

test("a message can go on in two ways from the same point", () => {
  const call = (args) => chunk("", { tool_call_chunks: [{ index: 0, id: "c1", name: "f", args }] });
  const begun = whole(call('{"a":"x'));
  const [one, two] = [appendLangChainChunk(begun, call('1"}')), appendLangChainChunk(begun, call('2"}'))];
  assert.deepEqual([one, two, begun].map(({ tool_calls: [{ args }] }) => args.a), ["x1", "x2", "x"]);
});

test("arguments that the server changed after they were streamed are shown", () => {
  const streamed = whole(chunk("", { tool_call_chunks: [{ index: 0, id: "c1", name: "mail", args: '{"to": "a", "cc": []}' }] }));
  const final = (args) => ({ type: "ai", id: "a1", content: "", tool_calls: [{ id: "c1", name: "mail", args }] });
  assert.equal(appendLangChainChunk(streamed, final({ cc: [], to: "a" })).tool_calls[0].partial_json, '{"to": "a", "cc": []}');
  const changed = final({ to: "b", cc: [] });
  assert.equal(appendLangChainChunk(streamed, changed), changed);
});

test("a message is the same however it is split", () => {
  for (let seed = 1; seed <= 80; seed++) {
    const chance = dice(seed);
    const [thinking, text, args] = [JSON.stringify(anyObject(chance)), "Answer ".repeat(1 + chance.upTo(9)), anyObject(chance)];
    const split = (longest) => [
      ...pieces(thinking, chance, longest).map((piece) => chunk([{ type: "thinking", thinking: piece, index: 0 }])),
      ...pieces(text, chance, longest).map((piece) => chunk([{ type: chance.pick(["text", "text_delta"]), text: piece, index: 1 }])),
      ...pieces(JSON.stringify(args), chance, longest).map((piece, at) =>
        chunk([{ type: "input_json_delta", index: 2 }], { tool_call_chunks: [{ index: 2, id: at ? "" : "c1", name: at ? "" : "f", args: piece }] }),
      ),
    ];
    const message = whole(...split(7));
    assert.deepEqual(message, whole(...split(100_000)));
    assert.deepEqual(message.tool_calls[0].args, args);
    assert.deepEqual(message.content, [
      { type: "thinking", thinking, index: 0 },
      { type: "text", text, index: 1 },
    ]);
  }
});

test("text, images and tool calls come out as the peer's do", () => {
  for (let seed = 1; seed <= 80; seed++) {
    const chance = dice(seed);
    const content = () => chance.pick(["word ", "", [{ type: "text", text: "block " }], [{ type: "image_url", image_url: { url: "https://a/b.png" } }], undefined]);
    const calls = () => (chance.chance(0.5) ? [{ index: chance.upTo(1), id: "", name: chance.pick(["f", "g"]), [chance.pick(["args", "args_json"])]: chance.pick(['{"a":', '"x"', "}", "[1,", ""]) }] : undefined);
    let [own, other] = [undefined, undefined];
    for (let at = 0; at < 12; at++) {
      const next = chunk(content(), { tool_call_chunks: calls() });
      own = appendLangChainChunk(own, next);
      other = theirs(other, structuredClone(next));
      const shown = ({ content: blocks, tool_calls: made = [] }) => ({ blocks, calls: made.map(({ id, name, index, partial_json: json }) => ({ id, name, index, json })) });
      assert.deepEqual(shown(own), shown(other), `seed ${seed}, chunk ${at}`);
    }
  }
});
