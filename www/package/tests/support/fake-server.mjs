// An Agent Server that streams what a test tells it to, for events that the scripted agents of the real one do not send.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { after } from "node:test";

/** A message chunk as `messages-tuple` streams it. */
export const chunk = (id, content, more = {}, metadata = {}) => [
  "messages",
  [{ type: "AIMessageChunk", id, content, ...more }, { langgraph_node: "agent", tags: [], ...metadata }],
];

/** Holds a run where it stands among the events, until `open()`. */
export function gate() {
  let open;
  const wait = new Promise((resolve) => (open = resolve));
  return Object.assign(wait, { open });
}

/** A thread state. */
export const stateOf = (values, more = {}) => ({
  values,
  next: [],
  tasks: [],
  metadata: {},
  created_at: "2026-01-01T00:00:00Z",
  checkpoint: { thread_id: "t", checkpoint_ns: "", checkpoint_id: "c1", checkpoint_map: null },
  parent_checkpoint: null,
  ...more,
});

/**
 * Starts it. `script(body, threadId, run)` gives the events of a run, `[name, data]` each; a number among them is a pause in
 * milliseconds, a promise one until it is fulfilled. What `values` events say becomes the thread's state, unless `states` is set to a list (newest first).
 * Where `answers(request, response, url)` is set and returns true, it has answered the request itself.
 */
export async function startFake(script) {
  const fake = { url: "", requests: [], bodies: [], queued: [], states: new Map(), runs: new Map(), script, answers: undefined };
  const json = (response, status, value) => {
    response.writeHead(status, { "content-type": "application/json", "access-control-allow-origin": "*" });
    response.end(JSON.stringify(value));
  };
  const stream = async (response, run, from) => {
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "content-location": `/threads/${run.thread_id}/runs/${run.run_id}`,
    });
    for (let at = from; !response.destroyed; ) {
      const next = run.log[at];
      if (next) {
        at++;
        response.write(`id: ${at - 1}\nevent: ${next[0]}\ndata: ${JSON.stringify(next[1])}\n\n`);
      } else if (!["pending", "running"].includes(run.status)) return response.end();
      else await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const play = async (run, events) => {
    run.log.push(["metadata", { run_id: run.run_id, thread_id: run.thread_id }]);
    let failed = false;
    for await (const event of events) {
      if (run.status !== "running") return;
      // A promise among the events holds the run until it is fulfilled.
      if (event === undefined) continue;
      if (typeof event === "number") {
        await new Promise((resolve) => setTimeout(resolve, event));
        continue;
      }
      run.log.push(event);
      failed ||= event[0] === "error";
      if (event[0] === "values" && !fake.states.get(run.thread_id)?.fixed) {
        const { __interrupt__: interrupts, ...values } = event[1];
        const before = fake.states.get(run.thread_id)?.[0];
        const known = before?.tasks[0]?.interrupts ?? [];
        const tasks = interrupts ? [{ id: "task", name: "node", error: null, interrupts: [...known, ...interrupts], checkpoint: null, state: null }] : [];
        const merged = interrupts && Object.keys(values).length === 0 ? (before?.values ?? {}) : values;
        fake.states.set(run.thread_id, [stateOf(merged, { tasks, next: interrupts ? ["node"] : [] })]);
      }
    }
    run.status = failed ? "error" : "success";
  };
  /** A run that was queued begins when those before it are over. */
  const inTurn = async (run, before, body) => {
    while (before.some(({ status }) => ["pending", "running"].includes(status))) await new Promise((resolve) => setTimeout(resolve, 2));
    if (run.status !== "pending") return;
    run.status = "running";
    await play(run, fake.script(body, run.thread_id, run));
  };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const body = text ? JSON.parse(text) : undefined;
    const url = new URL(request.url, "http://fake");
    fake.requests.push({ method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body });
    if (fake.answers?.(request, response, url)) return;
    const [, , threadId, what, runId, more] = url.pathname.split("/");
    if (request.method === "POST" && url.pathname === "/threads") return json(response, 200, { thread_id: body.thread_id ?? randomUUID(), metadata: body.metadata ?? {}, status: "idle" });
    const states = fake.states.get(threadId);
    if (request.method === "POST" && what === "runs" && runId === "stream") {
      const run = { run_id: randomUUID(), thread_id: threadId, assistant_id: body.assistant_id, status: "running", log: [], metadata: body.metadata ?? {} };
      fake.runs.set(run.run_id, run);
      fake.bodies.push(body);
      void play(run, fake.script(body, threadId, run));
      return stream(response, run, 0);
    }
    if (request.method === "POST" && what === "runs" && !runId) {
      const { refuseQueued } = fake;
      if (refuseQueued) return json(response, refuseQueued, { detail: "not now" });
      const run = { run_id: randomUUID(), thread_id: threadId, assistant_id: body.assistant_id, status: "pending", created_at: new Date().toISOString(), log: [], metadata: body.metadata ?? {} };
      const before = [...fake.runs.values()].filter((one) => one.thread_id === threadId);
      fake.runs.set(run.run_id, run);
      fake.queued.push(body);
      void inTurn(run, before, body);
      const { log: _, ...plain } = run;
      return json(response, 200, plain);
    }
    const run = fake.runs.get(runId);
    if (what === "runs" && runId && !run) return json(response, 404, { detail: "no such run" });
    if (what === "runs" && more === "stream") return stream(response, run, Math.max(0, Number(request.headers["last-event-id"] ?? -1) + 1));
    if (what === "runs" && more === "cancel") {
      run.status = "interrupted";
      return json(response, 200, {});
    }
    const { log: _, ...plain } = run ?? {};
    if (what === "runs" && runId) return json(response, 200, plain);
    if (what === "runs") return json(response, 200, [...fake.runs.values()].filter((one) => one.thread_id === threadId && one.status === "running").map(({ log: __, ...one }) => one));
    if (what === "state" && request.method === "GET") {
      const exists = [...fake.runs.values()].some((one) => one.thread_id === threadId);
      if (!states?.length && !exists) return json(response, 404, { detail: "no such thread" });
      return json(response, 200, states?.[0] ?? stateOf({}, { checkpoint: null }));
    }
    if (what === "history") return json(response, 200, body?.checkpoint?.checkpoint_ns ? (fake.states.get(body.checkpoint.checkpoint_ns) ?? []) : (states ?? []));
    if (!what && request.method === "GET") return json(response, 200, { thread_id: threadId, status: "idle", values: states?.[0]?.values ?? {}, metadata: {} });
    json(response, 404, { detail: `no ${request.method} ${url.pathname}` });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  fake.url = `http://127.0.0.1:${server.address().port}`;
  /** Sets a thread's states, newest first, for good. */
  fake.hold = (threadId, ...list) => fake.states.set(threadId, Object.assign(list, { fixed: true }));
  return fake;
}
