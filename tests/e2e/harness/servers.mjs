// The three servers behind one face: start with a clean state, kill, start again on the same port and state.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs, freePort, killGroup, signalGroup } from "./processes.mjs";

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const LOG_CHARS_MAX = 20_000;

/** Which server this process tests: "rejoin", "python" or "js". */
export const serverKind = process.env.REJOIN_E2E_SERVER ?? "rejoin";

/** Starts the server under test with an empty state. `options` are more arguments for our own server. */
export async function startServer(kind = serverKind, options = []) {
  const server = new Server(kind, await freePort(), options);
  server.clearState();
  await server.start();
  return server;
}

class Server {
  #child;
  #log = "";
  #state;

  constructor(kind, port, options) {
    this.kind = kind;
    this.port = port;
    this.options = options;
    if (kind === "rejoin") this.#state = mkdtempSync(join(tmpdir(), "rejoin-e2e-server-"));
  }

  /** Where its API is, without a trailing slash. */
  get url() {
    const prefix = this.options.indexOf("--api-prefix");
    return `http://127.0.0.1:${this.port}${prefix < 0 ? "" : this.options[prefix + 1]}`;
  }

  /** Where the demo is, when the server serves that as well. */
  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The end of what it printed, for a failure's message. */
  get log() {
    return this.#log;
  }

  clearState() {
    if (this.kind === "rejoin") return;
    rmSync(join(agentServerDir(), ".langgraph_api"), { recursive: true, force: true });
  }

  async start() {
    const [program, args, cwd] = this.#command();
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    endWithUs(child);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes) => (this.#log = (this.#log + bytes).slice(-LOG_CHARS_MAX)));
    }
    await this.#waitUntilOk();
  }

  /** SIGKILL by default: the server gets no chance to tidy up. */
  async kill(signal = "SIGKILL") {
    await killGroup(this.#child, signal);
    // What was started may end before what that has started: a server still there would answer for the next one, and take its port.
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (await isListening(this.port)) {
      if (Date.now() > deadline) throw new Error(`the ${this.kind} server goes on after ${signal}:\n${this.#log}`);
      await sleep(POLL_MS);
    }
  }

  /** Does something while the server stands still: it takes connections and answers nothing, and its runs wait. */
  async suspended(work) {
    signalGroup(this.#child, "SIGSTOP");
    try {
      return await work();
    } finally {
      signalGroup(this.#child, "SIGCONT");
    }
  }

  /** Starts it again if a test has left it dead. */
  async revive() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) await this.start();
  }

  async stop() {
    await this.kill();
    if (this.#state) rmSync(this.#state, { recursive: true, force: true });
  }

  #command() {
    if (this.kind === "rejoin") {
      const program = process.env.REJOIN_SERVER_BINARY ?? new URL("../../../target/debug/rejoin-server", import.meta.url).pathname;
      return [program, ["--listen", `127.0.0.1:${this.port}`, "--data", join(this.#state, "data"), ...this.options], this.#state];
    }
    return [join(agentServerDir(), "start.sh"), [String(this.port)], agentServerDir()];
  }

  async #waitUntilOk() {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (this.#child.exitCode !== null) throw new Error(`the ${this.kind} server ended at once:\n${this.#log}`);
      try {
        const response = await fetch(`${this.url}/ok`, { signal: AbortSignal.timeout(1000) });
        if (response.ok) return;
      } catch {
        // Not listening yet.
      }
      await sleep(POLL_MS);
    }
    throw new Error(`the ${this.kind} server did not answer /ok:\n${this.#log}`);
  }
}

/** Whether anybody accepts connections there. */
function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function agentServerDir() {
  return process.env.REJOIN_AGENT_SERVER_DIR ?? new URL(`../../../target/agent-servers/${serverKind}`, import.meta.url).pathname;
}
