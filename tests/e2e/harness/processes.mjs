// Child processes in groups of their own, ended by their own pid, also when this process is interrupted.
import { once } from "node:events";
import { createServer } from "node:net";

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

/** A TCP port on 127.0.0.1 that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
