// The one origin a test's browser sees: the demo's static files under a strict security policy, and under /api the
// server, through faults. Each test has its own proxy, hence its own port, hence its own origin and empty storage.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { extname, join, normalize } from "node:path";

const PREFIX = "/api";
const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm",
  ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json",
};
const POLICY = [
  "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "img-src 'self' data:",
  "connect-src 'self' http://127.0.0.1:*", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join("; ");
/** A page of the same origin, and so with the same storage, that runs nothing. */
export const BLANK = "/__blank";
/** A service worker that answers for the page where the network does not. */
const WORKER = "/__worker.js";
const WORKER_FILE = new URL("service-worker.js", import.meta.url);
/** Where an event of a stream begins. */
const EVENT = /^event:/gm;
const EVENT_WAIT_MS = 20_000;

/** The request headers that a common kind of proxy before an Agent Server passes on. It drops all others, also `last-event-id`. */
const NARROW = /^(x-.*|authorization|content-type|accept)$/;

/** What lets pages of every origin ask. */
const ACROSS = {
  "access-control-allow-origin": "*", "access-control-allow-methods": "*", "access-control-allow-headers": "*", "access-control-expose-headers": "*",
};

/** The demo's built files. */
export const distDir = process.env.REJOIN_DIST ?? new URL("../../../dist", import.meta.url).pathname;

/** @typedef {"stream"|"join"|"events"|"history"|"any"|((call: {method: string, path: string}) => boolean)} Match */

/** Starts a proxy in front of `upstream` (a URL). */
export async function startProxy(upstream, { dist } = {}) {
  const proxy = new Proxy(upstream, dist ?? distDir);
  await proxy.listen();
  return proxy;
}

class Proxy extends EventEmitter {
  /** Every API call so far: method, path, headers, what was sent (`sent`, text), status, body bytes and events answered, how it ended. */
  calls = [];
  /** When true every API connection is dropped at once, as without a network. */
  down = false;
  /** When true its pages may stand in sandboxed frames: their origin is opaque, so all that they ask for is asked for across origins. That is
   *  this proxy's to allow, so the server hears of no origin. */
  framed = false;
  /** When true the server is given only the request headers that such proxies pass on. */
  narrow = false;
  #faults = [];
  #open = new Set();
  #http;

  constructor(upstream, dist) {
    super();
    this.setMaxListeners(0);
    this.upstream = upstream;
    this.dist = dist;
  }

  get origin() {
    return `http://127.0.0.1:${this.#http.address().port}`;
  }

  async listen() {
    this.#http = http.createServer((request, response) => {
      const work = request.url.startsWith(`${PREFIX}/`) ? this.#api(request, response) : this.#static(request, response);
      work.catch(() => response.destroy());
    });
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
  }

  async close() {
    this.#faults = [];
    this.#http.close();
    this.#http.closeAllConnections();
  }

  /** The next `times` calls that match meet `fault`; rules are used first come, first served. */
  fault(match, fault, times = 1) {
    this.#faults.push({ matches: matcher(match), fault, left: times });
    return this;
  }

  clearFaults() {
    this.#faults = [];
  }

  /** A fault at an offset that the body never reached would prove nothing. */
  assertFaultsHappened() {
    const missed = this.calls.filter((call) => call.faultAfterBytes !== undefined && !call.faulted);
    assert.deepEqual(missed.map((call) => `${call.fault} after ${call.faultAfterBytes} of ${call.bytes} bytes`), [], "faults that never happened");
  }

  /** Drops every open API connection in mid-air. */
  dropAll() {
    for (const response of this.#open) response.destroy();
  }

  /** Resolves with the next call that matches and reaches `stage`: "call", "body" (first byte sent), "end" or "fault". */
  async next(match, stage = "call") {
    const matches = matcher(match);
    const signal = AbortSignal.timeout(EVENT_WAIT_MS);
    for (;;) {
      const [call] = await once(this, stage, { signal }).catch(() => {
        throw new Error(`no "${stage}" of such a call within ${EVENT_WAIT_MS} ms; calls: ${this.describe()}`);
      });
      if (matches(call)) return call;
    }
  }

  /** How many calls so far match. */
  count(match) {
    return this.calls.filter(matcher(match)).length;
  }

  /** The calls, one a line, for a failure's message. */
  describe() {
    return this.calls.map((call) => `\n  ${call.method} ${call.path} -> ${call.status ?? "-"} ${call.bytes} bytes, ${call.ended ?? "open"}`).join("");
  }

  async #static(request, response) {
    if (request.url === BLANK) return void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><link rel=icon href='data:,'>");
    const path = normalize(decodeURIComponent(request.url.split("?")[0]));
    const file = path === WORKER ? WORKER_FILE : join(this.dist, path === "/" ? "index.html" : path);
    try {
      const body = await readFile(file);
      const policy = this.framed ? POLICY.replace("frame-ancestors 'none'", `frame-ancestors ${this.origin}`) : POLICY;
      const type = TYPES[extname(path === "/" ? "index.html" : path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-security-policy": policy, "cache-control": "no-store", ...(this.framed && ACROSS) });
      response.end(body);
    } catch {
      response.writeHead(404, { "content-security-policy": POLICY }).end();
    }
  }

  async #api(request, response) {
    const call = { method: request.method, path: request.url.slice(PREFIX.length), headers: request.headers, bytes: 0, events: 0, at: Date.now() };
    this.calls.push(call);
    this.#open.add(response);
    const upstreamAbort = new AbortController();
    response.once("close", () => {
      this.#open.delete(response);
      upstreamAbort.abort();
      call.ended ??= response.writableFinished ? "ended" : "dropped";
      this.emit("end", call);
    });
    this.emit("call", call);
    const body = await collect(request);
    if (this.framed && request.method === "OPTIONS") return void response.writeHead(204, ACROSS).end();
    call.sent = body.toString();
    if (this.down) return void response.destroy();
    const fault = this.#takeFault(call);
    if (fault) {
      call.fault = fault.kind;
      call.faultAfterBytes = fault.afterBytes;
    }
    if (fault && (await this.#answerInstead(fault, call, response))) return;
    await this.#forward(request, body, call, fault, response, upstreamAbort.signal);
  }

  #takeFault(call) {
    const rule = this.#faults.find((candidate) => candidate.left > 0 && candidate.matches(call));
    if (!rule) return undefined;
    rule.left -= 1;
    return rule.fault;
  }

  /** Faults that need no upstream. True when the call is answered (or never will be). */
  async #answerInstead(fault, call, response) {
    switch (fault.kind) {
      case "status":
        call.status = fault.status;
        response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
        response.end(fault.body ?? JSON.stringify({ detail: `injected ${fault.status}` }));
        break;
      case "html":
        call.status = 200;
        response.writeHead(200, { "content-type": "text/html" });
        response.end("<!doctype html><title>Sign in</title><p>Please sign in to the network.");
        break;
      case "raw":
        call.status = 200;
        response.writeHead(200, { "content-type": "text/event-stream", "content-location": fault.contentLocation ?? "" });
        response.end(fault.body);
        break;
      case "refuse":
        response.destroy();
        break;
      case "hang":
        break;
      default:
        return false;
    }
    this.emit("fault", call);
    return true;
  }

  async #forward(request, body, call, fault, response, signal) {
    if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const target = new URL(call.path, this.upstream);
    const passes = ([name]) => !this.narrow || NARROW.test(name);
    const headers = { ...Object.fromEntries(Object.entries(request.headers).filter(passes)), host: target.host };
    if (this.framed) delete headers.origin;
    const outgoing = http.request(target, { method: request.method, headers, signal, agent: false });
    outgoing.on("error", () => response.destroy());
    outgoing.end(body);
    const [incoming] = await once(outgoing, "response");
    call.status = incoming.statusCode;
    if (fault?.kind === "withhold") {
      // The server has the request; its answer never arrives.
      incoming.resume();
      return void this.emit("fault", call);
    }
    const passed = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !["connection", "keep-alive", "content-length"].includes(name)));
    response.writeHead(incoming.statusCode, { ...passed, ...(this.framed && ACROSS) });
    response.flushHeaders();
    incoming.on("error", () => response.destroy());
    incoming.on("aborted", () => response.destroy());
    incoming.on("data", (bytes) => this.#pass(bytes, call, fault, response));
    incoming.on("end", () => call.silent || response.end());
  }

  /** Sends bytes on, until the fault's offset is reached. */
  #pass(bytes, call, fault, response) {
    if (call.silent || response.destroyed) return;
    const room = fault?.afterBytes === undefined || call.faulted ? Infinity : fault.afterBytes - call.bytes;
    if (call.bytes === 0) queueMicrotask(() => this.emit("body", call));
    call.events += bytes.toString("latin1").match(EVENT)?.length ?? 0;
    if (bytes.length < room) {
      call.bytes += bytes.length;
      response.write(bytes);
      return;
    }
    const [before, after] = fault.kind === "inject" ? splitAtFrame(bytes, room) : [bytes.subarray(0, room), bytes.subarray(room)];
    call.bytes += before.length;
    if (fault.kind === "inject" && !after) return void response.write(before);
    call.faulted = true;
    if (fault.kind === "inject") {
      response.write(before);
      response.write(fault.body);
      response.write(after);
      this.emit("fault", call);
      return;
    }
    // From here on nothing of upstream's is passed on, not even its end.
    call.silent = true;
    const act = () => {
      if (fault.kind === "cut") response.destroy();
      else if (fault.kind === "reset") response.socket?.resetAndDestroy();
      this.emit("fault", call);
    };
    // The bytes before the fault must leave first, so the browser really gets them.
    if (before.length === 0) setImmediate(act);
    else response.write(before, () => setImmediate(act));
  }
}

/** The first frame boundary at or after `offset`: [up to and with it, rest]; without one, [all, undefined]. */
function splitAtFrame(bytes, offset) {
  for (const boundary of ["\r\n\r\n", "\n\n"]) {
    const at = bytes.indexOf(boundary, Math.max(0, offset));
    if (at >= 0) return [bytes.subarray(0, at + boundary.length), bytes.subarray(at + boundary.length)];
  }
  return [bytes, undefined];
}

function matcher(match) {
  if (typeof match === "function") return match;
  const isStream = (call) => call.method === "POST" && /\/runs\/stream$/.test(call.path.split("?")[0]);
  const isJoin = (call) => call.method === "GET" && /\/runs\/[^/]+\/stream$/.test(call.path.split("?")[0]);
  switch (match) {
    case "stream": return isStream;
    case "join": return isJoin;
    case "events": return (call) => isStream(call) || isJoin(call);
    case "history": return (call) => /\/threads\/[^/]+\/history$/.test(call.path.split("?")[0]);
    case "any": return () => true;
    default: throw new Error(`no such match: ${match}`);
  }
}

async function collect(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}
