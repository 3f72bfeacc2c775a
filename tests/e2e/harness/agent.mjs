// The server asked directly, past the proxy and the demo: what is true.
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 50;
const WAIT_MS = 20_000;

/** A thin client of the server's REST API. */
export class Agent {
  constructor(url) {
    this.url = url;
  }

  async call(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  }

  async runs(thread) {
    return (await this.call("GET", `/threads/${thread}/runs?limit=100`)).body;
  }

  async state(thread) {
    return (await this.call("GET", `/threads/${thread}/state`)).body;
  }

  /** The thread's states, newest first. */
  async history(thread) {
    return (await this.call("GET", `/threads/${thread}/history?limit=1000`)).body;
  }

  /** Makes a thread that these questions were asked in, each answered with so many words. Returns its id. */
  async conversation(questions, options) {
    const { body: { thread_id: thread } } = await this.call("POST", "/threads", {});
    for (const content of questions) await this.ask(thread, content, options);
    return thread;
  }

  /** Asks in a thread and waits for the answer, as another device would. */
  async ask(thread, content, options) {
    await this.#run(`/threads/${thread}/runs/wait`, content, options);
  }

  /** Starts a run that can be joined from its beginning, as another device would. */
  async start(thread, content, options) {
    await this.#run(`/threads/${thread}/runs`, content, options, { stream_mode: ["values", "messages-tuple", "custom"], stream_resumable: true });
  }

  async #run(path, content, { assistant = "chat", n_tokens = 3, delay_ms = 0 } = {}, more = {}) {
    const input = { messages: [{ type: "human", content }] };
    const { status, body } = await this.call("POST", path, { assistant_id: assistant, input, config: { configurable: { n_tokens, delay_ms } }, ...more });
    if (status !== 200) throw new Error(`no run: ${status} ${JSON.stringify(body)}`);
  }

  /** The contents of the thread's AI messages, in order. */
  async answers(thread) {
    const state = await this.state(thread);
    return (state.values?.messages ?? []).filter((message) => message.type === "ai").map((message) => message.content);
  }

  /** The answers that the graph `multi` holds by now, of all its questions. */
  async given(thread) {
    await this.idle(thread);
    const { values } = await this.state(thread);
    return Object.assign({}, ...(values.answers ?? []));
  }

  /**
   * Waits until no run of the thread is pending or running; returns all runs. A run that the page has only begun to ask for is not there yet:
   * `count` says how many there must be.
   */
  async idle(thread, count = 1) {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const runs = await this.runs(thread);
      if (Array.isArray(runs) && runs.length >= count && runs.every((run) => !["pending", "running"].includes(run.status))) return runs;
      if (Date.now() > deadline) throw new Error(`thread ${thread} is never idle: ${JSON.stringify(runs).slice(0, 500)}`);
      await sleep(POLL_MS);
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
