// One thread, two ways to its events: an application's `stream` callback and the core. The same events are shown as the same parts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { convertLangChainMessages } from "../../dist/assistant-ui/messages/convert.js";
import { makeThread } from "../../dist/assistant-ui/runtime/make-thread.js";
import { pageServer } from "../support/page-server.mjs";
import { makePage } from "../support/react.mjs";
import { until } from "../support/server.mjs";
import { anyObject, dice, pieces } from "./random.mjs";

makePage();

/** How many streams are made by chance. */
const SEEDS = Number(process.env.SEEDS ?? 12);

const QUESTION = { type: "human", id: "question", content: "hello" };
const ITEM = { externalId: () => "t", initialize: () => assert.fail("the thread is there") };
const about = { langgraph_node: "agent" };
const chunk = (content, more = {}) => ({ event: "messages", data: [{ type: "AIMessageChunk", id: "a1", content, ...more }, about] });
const call = (piece) => chunk("", { tool_call_chunks: [{ type: "tool_call_chunk", index: 0, ...piece }] });
const message = (given) => ({ event: "messages", data: [given, about] });

/** Events by what they are. */
const STREAMS = {
  "plain text": [chunk("Hel"), chunk("lo "), chunk("you")],
  "text in blocks with an index": [chunk([{ type: "text", text: "Hel", index: 0 }]), chunk([{ type: "text", text: "lo", index: 0 }]), chunk([{ type: "text", text: "second", index: 1 }])],
  "text before blocks": [chunk("Hel"), chunk([{ type: "text", text: "lo" }]), chunk("!")],
  "thinking, then text": [
    chunk([{ type: "thinking", thinking: "Let ", index: 0 }]),
    chunk([{ type: "thinking", thinking: "me see", index: 0 }]),
    chunk([{ type: "thinking", signature: "abc", index: 0 }]),
    chunk([{ type: "text", text: "It is 4.", index: 1 }]),
  ],
  "a summary of reasoning": [
    chunk([{ type: "reasoning", summary: [{ type: "summary_text", text: "First", index: 0 }], index: 0 }]),
    chunk([{ type: "reasoning", summary: [{ type: "summary_text", text: " thought", index: 0 }], index: 0 }]),
    chunk([{ type: "reasoning", summary: [{ type: "summary_text", text: "Second", index: 1 }], index: 0 }]),
    chunk([{ type: "text", text: "Done.", index: 1 }]),
  ],
  "reasoning beside the content": [
    chunk("", { additional_kwargs: { reasoning: { type: "reasoning", summary: [{ type: "summary_text", text: "Why", index: 0 }] } } }),
    chunk("", { additional_kwargs: { reasoning: { summary: [{ type: "summary_text", text: " not", index: 0 }] } } }),
    chunk("Yes."),
  ],
  "a tool call in pieces, its result, an answer": [
    chunk("Let me look. "),
    call({ id: "c1", name: "weather", args: "" }),
    call({ args: '{"ci' }),
    call({ args: 'ty": "Par' }),
    call({ args: 'is"}' }),
    message({ type: "tool", id: "r1", tool_call_id: "c1", name: "weather", content: "22C" }),
    { event: "messages", data: [{ type: "AIMessageChunk", id: "a2", content: "22 degrees" }, about] },
  ],
  "two tool calls at once": [
    call({ id: "c1", name: "weather", args: '{"city":' }),
    call({ id: "c2", name: "time", args: '{"zone":', index: 1 }),
    call({ args: '"Paris"}' }),
    call({ args: '"CET"}', index: 1 }),
  ],
  "Anthropic's blocks of a tool call": [
    chunk([{ type: "text", text: "I look.", index: 0 }]),
    chunk([{ type: "tool_use", id: "c1", name: "weather", input: {}, index: 1 }], { tool_call_chunks: [{ id: "c1", name: "weather", args: "", index: 1 }] }),
    chunk([{ type: "input_json_delta", partial_json: '{"city": "Paris"}', index: 1 }], { tool_call_chunks: [{ args: '{"city": "Paris"}', index: 1 }] }),
  ],
  "a tool call whose arguments never become an object": [call({ id: "c1", name: "weather", args: '{"city": ' }), call({ args: "oops" })],
  "a whole answer": [message({ type: "ai", id: "a1", content: "All at once", tool_calls: [{ id: "c1", name: "weather", args: { city: "Paris" }, type: "tool_call" }] })],
  "chunks of JavaScript's server": ["Hel", "lo"].map((content) => message({ type: "ai", id: "a1", content, tool_call_chunks: [] })),
  "citations": [chunk([{ type: "text", text: "Sky", index: 0 }]), chunk([{ type: "text", index: 0, text: "", citations: [{ url: "https://a.example" }] }])],
  "an image and a block of another type": [chunk([{ type: "image_url", image_url: { url: "https://a.example/1.png" } }]), chunk([{ type: "web_search", index: 1, query: "sky" }])],
  "a message that is taken away": [chunk("Hello"), { event: "messages", data: [{ type: "AIMessageChunk", id: "a2", content: "gone" }, about] }, message({ type: "remove", id: "a2", content: "" })],
  "states alone": [{ event: "values", data: { messages: [QUESTION] } }, { event: "values", data: { messages: [QUESTION, { type: "ai", id: "a1", content: "Hello" }] } }],
  "spoken words": [chunk("", { additional_kwargs: { audio: { id: "s", transcript: "Hel" } } }), chunk("", { additional_kwargs: { audio: { transcript: "lo" } } })],
};

/**
 * Streams that are shown otherwise while they come, each with the reason, and with the message of the state at their end. From then on both
 * show the same.
 */
const DIFFERS = {
  "text before blocks": {
    why: "The core keeps LangChain's pieces, which are the state's. The peer's tests of `appendLangChainChunk` ask for one text.",
    state: { content: ["Hel", { type: "text", text: "lo" }, "!"] },
  },
  "a tool call whose arguments never become an object": {
    why: "The core shows it as LangChain has it, as an invalid call, which is none. The peer's tests ask for a call until the state says otherwise.",
    state: { content: "", tool_calls: [], invalid_tool_calls: [{ id: "c1", name: "weather", args: '{"city": oops', error: "Malformed args.", type: "invalid_tool_call" }] },
  },
};

/** Half of a surrogate pair is shown as U+FFFD by every page; the core says so itself. */
const wellFormed = (_, value) => (typeof value === "string" ? value.toWellFormed() : value);

/** Starts a thread's turn; gives what is shown. */
function begin(t, options) {
  const thread = makeThread(options, ITEM);
  const leave = thread.subscribe(() => {});
  thread.enter();
  t.after(() => (leave(), thread.dispose()));
  void thread.newTurn(QUESTION);
  return () => {
    const shown = thread.getSnapshot().messages.flatMap((one) => convertLangChainMessages(one, {}));
    const parts = shown.map(({ role, id, content, toolCallId, result }) => ({ role, id, content, toolCallId, result }));
    return JSON.parse(JSON.stringify(parts, wellFormed));
  };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Both ways to the same events, a step at a time. */
async function both(t) {
  const waiting = [];
  let next = () => {};
  let isOver = false;
  const callback = begin(t, {
    stream: async function* () {
      while (!isOver || waiting.length > 0) {
        if (waiting.length > 0) yield waiting.shift();
        else await new Promise((told) => (next = told));
      }
    },
  });
  const server = pageServer({ messages: [] });
  const core = begin(t, { apiUrl: "http://agent.example", assistantId: "agent", storage: "none", callerOptions: { fetch: server.fetch } });
  await until(() => server.isOpen, "the run", 60_000);
  server.tell("metadata", { run_id: "r", thread_id: "t" });
  let marks = 0;
  const thread = {
    callback,
    core,
    tell(event) {
      waiting.push(event);
      next();
      server.tell(event.event, event.data);
    },
    end() {
      isOver = true;
      next();
      server.end();
    },
    /** Both show what was told so far: a message that is told after it is on both screens. */
    async arrive() {
      const id = `mark-${++marks}`;
      thread.tell(message({ type: "system", id, content: "" }));
      await until(() => [callback(), core()].every((shown) => shown.some((one) => one.id === id)), id);
    },
  };
  return thread;
}

for (const [name, events] of Object.entries(STREAMS)) {
  test(`a callback's events are shown as the core shows them: ${name}`, async (t) => {
    const thread = await both(t);
    for (const [at, event] of events.entries()) {
      thread.tell(event);
      await thread.arrive();
      if (!DIFFERS[name]) assert.deepEqual(thread.callback(), thread.core(), `after event ${at + 1}`);
    }
    if (!DIFFERS[name]) return;
    assert.notDeepEqual(thread.callback(), thread.core(), "listed as different, and is not");
    thread.tell({ event: "values", data: { messages: [QUESTION, { type: "ai", id: "a1", ...DIFFERS[name].state }] } });
    thread.end();
    await until(() => same(thread.callback(), thread.core()), "the same in the end");
  });
}

/** Events of some answers with texts, thoughts and tool calls, in pieces that are mixed as providers mix them. */
function anyStream(chance) {
  return Array.from({ length: 1 + chance.upTo(2) }, (_, at) => anyAnswer(chance, `a${at}`)).flat();
}

function anyAnswer(chance, id) {
  const inBlocks = chance.chance(0.5);
  const words = () => pieces(chance.pick(["Hello, you", "ünï 😀 text", "a\nb", "**bold** `code`"]), chance);
  const chunkOf = (content, more = {}) => message({ type: "AIMessageChunk", id, content, ...more });
  const parts = Array.from({ length: 1 + chance.upTo(2) }, (_, index) => {
    const kind = chance.pick(inBlocks ? ["text", "thinking", "call"] : ["text", "call"]);
    if (kind === "call") {
      const calls = pieces(JSON.stringify(anyObject(chance, 2)), chance, 12).map((args) => ({ args, index, type: "tool_call_chunk" }));
      Object.assign(calls[0], { id: `${id}-${index}`, name: chance.pick(["weather", "time"]) });
      return calls.map((piece) => chunkOf(inBlocks ? [] : "", { tool_call_chunks: [piece] }));
    }
    return words().map((text) => chunkOf(inBlocks ? [{ type: kind, [kind]: text, index }] : text));
  });
  // Calls at once come mixed; texts one after another.
  const mixed = [];
  while (parts.some((part) => part.length > 0)) {
    const part = chance.chance(0.3) ? chance.pick(parts) : parts.find((one) => one.length > 0);
    if (part.length > 0) mixed.push(part.shift());
  }
  return mixed;
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`a callback's events are shown as the core shows them: seed ${seed}`, async (t) => {
    const events = anyStream(dice(seed));
    const thread = await both(t);
    for (const [at, event] of events.entries()) {
      thread.tell(event);
      if (at % 5 < 4 && at < events.length - 1) continue;
      await thread.arrive();
      assert.deepEqual(thread.callback(), thread.core(), `after ${JSON.stringify(events.slice(0, at + 1))}`);
    }
  });
}
