// Child processes in groups of their own, ended by their own pid, also when this process is interrupted.
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

// Systems give outgoing connections higher ports: Linux from 32768, the others from 49152.
const PORT_MIN = 10_000;
const PORT_END = 32_000;

const running = new Set();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => process.exit(1));
}
process.on("exit", () => {
  for (const child of running) signalGroup(child, "SIGKILL");
});

/** Remembers a detached child, so that it ends when this process does. */
export function endWithUs(child) {
  running.add(child);
  child.once("exit", () => running.delete(child));
}

/** Signals the child's whole process group and waits for the child's end. */
export async function killGroup(child, signal = "SIGKILL") {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  signalGroup(child, signal);
  await ended;
}

/**
 * A TCP port on 127.0.0.1 that nobody listens on, and that no outgoing connection gets before a server has started on it,
 * or while the server is down between two starts.
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(PORT_MIN, PORT_END);
    if (await canListen(port)) return port;
  }
}

async function canListen(port) {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if (error.code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}

/** Signals the child's whole process group, if it is still there. */
export function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
