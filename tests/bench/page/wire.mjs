// The bytes of an Agent Server: events, states, threads and runs as `langgraph dev` writes them (tests/fixtures/wire/*.py.http).
import { earlier, text, token } from "./script.mjs";

const ASSISTANT = "eb6db400-e3c8-5d06-a834-015cb89efe69";
const MESSAGE = "lc_run--01a1fbbc-54f1-73d3-88ab-77535331916f";
/** Stands where each run has its own. */
const RUN = "00000000-0000-4000-8000-00000000000a";
const THREAD = "00000000-0000-4000-8000-00000000000b";
const FIRST_ID = 1795224786154;
/** A model of 200 tokens a second: each event has an id of its own. */
const STEP_MS = 5;
const STARTED = "2026-11-21T01:33:04.000000+00:00";

const SERVER = {
  run_attempt: 1, langgraph_version: "1.2.22", langgraph_api_version: "0.16.7", langgraph_plan: "enterprise", langgraph_host: "self-hosted",
  langgraph_api_url: "http://127.0.0.1:8123",
};
const META = JSON.stringify({
  created_by: "system", graph_id: "chat", assistant_id: ASSISTANT, ...SERVER, run_id: RUN, thread_id: THREAD, ls_integration: "langchain_chat_model",
  langgraph_step: 1, langgraph_node: "model", langgraph_triggers: ["branch:to:model"], langgraph_path: ["__pregel_pull", "model"],
  langgraph_checkpoint_ns: "model:91d5c1e0-4db0-b981-ba05-9950f170814f", checkpoint_ns: "model:91d5c1e0-4db0-b981-ba05-9950f170814f",
  ls_provider: "fake", ls_model_type: "chat", lc_versions: { "langchain-core": "1.7.2" },
});

const chunk = (content, { finish, usage = null, last = null } = {}) => JSON.stringify({
  content, additional_kwargs: {}, response_metadata: finish ? { finish_reason: finish } : {}, type: "AIMessageChunk", name: null, id: MESSAGE,
  tool_calls: [], invalid_tool_calls: [], usage_metadata: usage, tool_call_chunks: [], chunk_position: last,
});

const usageOf = (tokens) => ({ input_tokens: 5, output_tokens: tokens, total_tokens: tokens + 5 });

export const human = (content, id) => ({ content, additional_kwargs: {}, response_metadata: {}, type: "human", name: null, id });
const ai = (content, id, tokens) => ({
  content, additional_kwargs: {}, response_metadata: { finish_reason: "stop" }, type: "ai", name: null, id, tool_calls: [], invalid_tool_calls: [],
  usage_metadata: usageOf(tokens),
});

/** The answer as it is in the state at the end. */
export const answer = (tokens) => ai(text(tokens), MESSAGE, tokens);

/** The messages of a thread that was used before. */
export const conversation = (count) => Array.from({ length: count }, (_, at) => {
  const id = `00000000-0000-4000-9000-${String(at).padStart(12, "0")}`;
  return at % 2 === 0 ? human(earlier(at), id) : ai(earlier(at), `lc_run--${id}`, 74);
});

/** Where the ids are, counted from an event's end: they are the same in each. */
const TAIL = `}]\r\nid: ${FIRST_ID}-0\r\n\r\n`;
const fromEnd = (id) => META.length - 1 - META.indexOf(id) + TAIL.length;

const frame = (name, data, id) => `event: ${name}\r\ndata: ${data}\r\n${id === undefined ? "" : `id: ${id}-0\r\n`}\r\n`;

const templates = new Map();

/** The events of that many tokens and of the answer's end, with ids of nobody. */
function template(tokens, resumable) {
  const key = `${tokens} ${resumable}`;
  if (!templates.has(key)) {
    const datas = Array.from({ length: tokens }, (_, at) => chunk(token(at)));
    datas.push(chunk("", { finish: "stop", usage: usageOf(tokens) }), chunk("", { last: "last" }));
    const events = datas.map((data, at) => frame("messages", `[${data},${META}]`, resumable ? FIRST_ID + STEP_MS * (at + 2) : undefined));
    templates.set(key, { bytes: Buffer.from(events.join(""), "latin1"), lengths: events.map((event) => event.length) });
  }
  return templates.get(key);
}

/** A run's events: `bytes`, where each one ends in them, and the number of events that come before the first token. */
export function eventsOf({ thread, run, tokens, modes, resumable, before, after }) {
  let at = -1;
  const parts = [];
  const ends = [];
  let length = 0;
  const push = (name, data) => {
    at += 1;
    const bytes = Buffer.from(frame(name, JSON.stringify(data), resumable ? FIRST_ID + STEP_MS * at : undefined));
    parts.push(bytes);
    ends.push((length += bytes.length));
  };
  push("metadata", { run_id: run, attempt: 1 });
  if (modes.has("values")) push("values", { messages: before });
  const head = ends.length;
  if (modes.has("messages-tuple")) {
    const { bytes, lengths } = template(tokens, resumable);
    const own = Buffer.from(bytes);
    const skip = resumable ? 0 : `id: ${FIRST_ID}-0\r\n`.length;
    let end = 0;
    for (const one of lengths) {
      end += one;
      own.write(run, end - fromEnd(RUN) + skip, "latin1");
      own.write(thread, end - fromEnd(THREAD) + skip, "latin1");
      ends.push((length += one));
    }
    parts.push(own);
    at = tokens + 3;
  }
  if (modes.has("updates")) push("updates", { model: { messages: [answer(tokens)] } });
  if (modes.has("values")) push("values", { messages: after });
  return { bytes: Buffer.concat(parts), ends, head };
}

/** The number of the first event behind the one with that id: ids are compared as texts. -1: none, only what comes from now on. */
export function eventBehind(lastId, { ends, head }, modes) {
  if (lastId === undefined) return -1;
  const tokens = ends.length - head - (modes.has("values") ? 1 : 0) - (modes.has("updates") ? 1 : 0);
  const idOf = (at) => (at < head ? at : at < head + tokens ? at - head + 2 : tokens + 2 + (at - head - tokens));
  let first = 0;
  while (first < ends.length && `${FIRST_ID + STEP_MS * idOf(first)}-0` <= lastId) first += 1;
  return first;
}

export const threadOf = (id, status) => ({
  thread_id: id, created_at: STARTED, updated_at: STARTED, state_updated_at: STARTED, metadata: { graph_id: "chat", assistant_id: ASSISTANT }, status, config: {}, values: null,
});

export const runOf = ({ id, thread, status, metadata }) => ({
  run_id: id, thread_id: thread, assistant_id: ASSISTANT, metadata: { created_by: "system", graph_id: "chat", assistant_id: ASSISTANT, ...metadata }, status,
  kwargs: {}, multitask_strategy: "enqueue", created_at: STARTED, updated_at: STARTED,
});

export const stateOf = (thread, messages, next) => ({
  values: messages.length > 0 ? { messages } : {}, next, tasks: [], metadata: { graph_id: "chat", assistant_id: ASSISTANT, ...SERVER, thread_id: thread, source: "loop", step: 1, parents: {} },
  created_at: STARTED, checkpoint: { checkpoint_id: "1f1e54ca-515c-6e5b-8001-467a9c028c05", thread_id: thread, checkpoint_ns: "" },
  parent_checkpoint: null, interrupts: [], checkpoint_id: "1f1e54ca-515c-6e5b-8001-467a9c028c05", parent_checkpoint_id: null,
});

/** The same answer in the protocol of the AI SDK. */
export function aiSdkEvents(tokens) {
  const line = (part) => `data: ${JSON.stringify(part)}\n\n`;
  const head = line({ type: "start", messageId: MESSAGE }) + line({ type: "start-step" }) + line({ type: "text-start", id: "0" });
  const lines = [head, ...Array.from({ length: tokens }, (_, at) => line({ type: "text-delta", id: "0", delta: token(at) }))];
  lines.push(`${line({ type: "text-end", id: "0" })}${line({ type: "finish-step" })}${line({ type: "finish" })}data: [DONE]\n\n`);
  const ends = [];
  let length = 0;
  for (const one of lines) ends.push((length += one.length));
  return { bytes: Buffer.from(lines.join(""), "latin1"), ends, head: 1 };
}

/** Messages in the AI SDK's form. */
export const aiSdkMessages = (messages) => messages.map(({ id, type, content }) => ({ id, role: type === "human" ? "user" : "assistant", parts: [{ type: "text", text: content }] }));
