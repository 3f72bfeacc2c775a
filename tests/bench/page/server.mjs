// One server on loopback for pages and API. It answers as an Agent Server does, from memory: the bench measures pages.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import * as wire from "./wire.mjs";

/** So many bytes are written at once, as a busy connection delivers them. */
const SLICE = 64 * 1024;
const STREAM = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" };
/** With these a page's clock is exact to 5 µs. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Starts the server. `files` are the pages: `path` to `{ type, body, encoding }`. */
export async function startServer(files) {
  const server = new MockServer(files);
  await server.listen();
  return server;
}

class MockServer {
  #http;
  #files;
  #threads = new Map();
  #open = new Set();
  #plan = { tokens: 0, rate: 0, hold: Infinity };

  constructor(files) {
    this.#files = files;
    this.mark();
  }

  get origin() {
    return `http://127.0.0.1:${this.#http.address().port}`;
  }

  async listen() {
    this.#http = http.createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        if (!response.destroyed) console.error(`the bench's server: ${request.method} ${request.url}: ${error.stack}`);
        response.destroy();
      });
    });
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
  }

  async close() {
    this.forget();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  /** Begins anew: no thread, no open stream. */
  forget() {
    for (const response of this.#open) response.destroy();
    this.#threads.clear();
    this.mark();
  }

  /** Counts the API's bytes, the pages' and the calls from here. */
  mark() {
    this.bytes = 0;
    this.pageBytes = 0;
    this.calls = [];
  }

  /**
   * The next run streams `tokens`, `rate` of them a second (0: as fast as they are read), and holds before token number `hold` until
   * somebody joins it. Returns the id of a thread with `before` messages.
   */
  prepare({ tokens, rate = 0, hold = Infinity, before = 0 }) {
    this.#plan = { tokens, rate, hold };
    return this.#thread(randomUUID(), wire.conversation(before)).id;
  }

  /** Ends each open stream without its end, as a lost connection does. */
  cut() {
    for (const response of this.#open) response.socket?.destroy();
  }

  #thread(id, messages = []) {
    const thread = { id, messages, runs: [], state: undefined };
    this.#threads.set(id, thread);
    return thread;
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.origin);
    const { pathname: path } = url;
    if (!path.startsWith("/api/") && !path.startsWith("/chat")) return this.#file(path, response);
    this.calls.push({ at: performance.timeOrigin + performance.now(), method: request.method, path: request.url });
    const sent = await read(request);
    const body = sent.length > 0 ? JSON.parse(sent) : undefined;
    if (path.startsWith("/chat")) return this.#aiSdk(request.method, path.split("/").slice(2), body, response);
    return this.#agent(request, path.split("/").slice(2), body, response);
  }

  #file(path, response) {
    const file = this.#files.get(path.endsWith("/") ? `${path}index.html` : path);
    if (!file) return void response.writeHead(404).end();
    this.pageBytes += file.body.length;
    response.writeHead(200, { "content-type": file.type, "content-encoding": file.encoding, "cache-control": "no-store", ...ISOLATED });
    response.end(file.body);
  }

  async #agent(request, [root, id, what, run, last], body, response) {
    const { method, headers } = request;
    const json = (value) => this.#json(response, 200, JSON.stringify(value));
    const missing = (detail) => this.#json(response, 404, JSON.stringify({ detail }));
    if (root === "threads" && id === undefined && method === "POST") {
      const thread = this.#threads.get(body.thread_id) ?? this.#thread(body.thread_id ?? randomUUID());
      return json(wire.threadOf(thread.id, "idle"));
    }
    if (root !== "threads" || id === undefined) return missing("Not Found");
    let thread = this.#threads.get(id);
    if (what === "runs" && run === "stream" && method === "POST") {
      if (!thread && body.if_not_exists !== "create") return missing("Thread or assistant not found.");
      thread ??= this.#thread(id);
      const made = this.#start(thread, body);
      const path = `/threads/${id}/runs/${made.id}`;
      response.writeHead(200, { ...STREAM, location: `${path}/stream`, "content-location": path });
      return this.#stream(response, made.events, made, 0);
    }
    if (!thread) return missing(`Thread with ID ${id} not found`);
    const isBusy = thread.runs.some(({ status }) => status === "running");
    if (what === undefined) return json(wire.threadOf(id, isBusy ? "busy" : "idle"));
    if (what === "state" || what === "history") {
      if (what === "state" || (body?.limit ?? 1) >= 1) {
        thread.state ??= Buffer.from(JSON.stringify(wire.stateOf(id, thread.messages, isBusy ? ["model"] : [])));
      }
      return this.#json(response, 200, what === "state" ? thread.state : Buffer.concat([Buffer.from("["), thread.state, Buffer.from("]")]));
    }
    if (what !== "runs") return missing("Not Found");
    if (run === undefined) return json(thread.runs.map((one) => wire.runOf(one)).reverse());
    const found = thread.runs.find((one) => one.id === run);
    if (!found) return missing("Run not found");
    if (last === undefined) return json(wire.runOf(found));
    if (last === "cancel") return this.#json(response, 202, "{}");
    if (last !== "stream") return missing("Not Found");
    const path = `/threads/${id}/runs/${run}`;
    response.writeHead(200, { ...STREAM, location: `${path}/stream`, "content-location": path });
    const from = found.resumable ? wire.eventBehind(headers["last-event-id"], found.events, found.modes) : -1;
    const at = from === -1 ? found.ready : from;
    this.#joined(found);
    return this.#stream(response, found.events, found, at);
  }

  /** A run of the next plan. */
  #start(thread, { input, stream_mode: asked = ["values"], stream_resumable: resumable = false, metadata }) {
    const { tokens } = this.#plan;
    const modes = new Set([asked].flat());
    const said = (input?.messages ?? []).map(({ content, id = randomUUID() }) => wire.human(content, id));
    const before = [...thread.messages, ...said];
    const after = [...before, wire.answer(tokens)];
    const id = randomUUID();
    const events = wire.eventsOf({ thread: thread.id, run: id, tokens, modes, resumable, before, after });
    thread.messages = before;
    thread.state = undefined;
    const run = { id, thread: thread.id, of: thread, events, modes, resumable, metadata, after, status: "running", ready: 0, waiting: new Set() };
    thread.runs.push(run);
    this.#pace(run);
    return run;
  }

  /** Lets a run's events come at the plan's pace. */
  #pace(run) {
    const { rate, hold } = this.#plan;
    const { events } = run;
    if (hold !== Infinity) return this.#offer(run, events.head + hold);
    if (rate === 0) return this.#offer(run, events.ends.length);
    const began = performance.now();
    this.#offer(run, events.head);
    const tick = () => {
      const due = events.head + Math.floor(((performance.now() - began) * rate) / 1000);
      const end = due >= events.head + this.#plan.tokens;
      this.#offer(run, end ? events.ends.length : due);
      if (!end && this.#threads.has(run.thread)) setTimeout(tick, 1000 / rate);
    };
    tick();
  }

  /** What was held is ready, and on its way. */
  #joined(run) {
    if (this.#plan.hold !== Infinity) this.#offer(run, run.events.ends.length);
  }

  #offer(run, ready) {
    if (ready <= run.ready) return;
    run.ready = ready;
    if (ready === run.events.ends.length && run.status === "running") {
      run.status = "success";
      if (run.of) Object.assign(run.of, { messages: run.after, state: undefined });
    }
    for (const wake of run.waiting) wake();
    run.waiting.clear();
  }

  /** Writes a run's events from number `from` on, until there are no more. */
  async #stream(response, { bytes, ends }, run, from) {
    this.#open.add(response);
    let wake = () => {};
    const woken = () => new Promise((resolve) => (wake = resolve));
    response.on("drain", () => wake()).once("close", () => {
      this.#open.delete(response);
      wake();
    });
    response.flushHeaders();
    const offset = (event) => (event === 0 ? 0 : ends[event - 1]);
    let at = offset(from);
    while (!response.destroyed) {
      const ready = offset(run.ready);
      while (at < ready && !response.destroyed) {
        const slice = bytes.subarray(at, Math.min(at + SLICE, ready));
        at += slice.length;
        this.bytes += slice.length;
        if (!response.write(slice)) await woken();
      }
      if (run.ready === ends.length) {
        response.end();
        return;
      }
      if (offset(run.ready) > at) continue;
      const more = woken();
      run.waiting.add(() => wake());
      await more;
    }
  }

  #json(response, status, body) {
    this.bytes += Buffer.byteLength(body);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  }

  /** The AI SDK's own protocol: POST starts, GET of `:id/stream` plays the active stream again. */
  async #aiSdk(method, [id, what], body, response) {
    const key = id ?? body?.id;
    if (method === "GET" && what === undefined) {
      return this.#json(response, 200, JSON.stringify(wire.aiSdkMessages(this.#threads.get(key)?.messages ?? [])));
    }
    const thread = this.#threads.get(key) ?? this.#thread(key);
    let run = thread.runs.at(-1);
    if (method === "POST") {
      thread.messages = body.messages.map(({ id: own, parts }) => wire.human(parts[0].text, own));
      run = { thread: key, events: wire.aiSdkEvents(this.#plan.tokens), status: "running", ready: 0, waiting: new Set() };
      thread.runs.push(run);
      this.#pace(run);
    } else if (!run) {
      return void response.writeHead(204).end();
    } else {
      this.#joined(run);
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", "x-vercel-ai-ui-message-stream": "v1" });
    return this.#stream(response, run.events, run, 0);
  }
}

async function read(request) {
  const chunks = [];
  for await (const one of request) chunks.push(one);
  return Buffer.concat(chunks).toString();
}

