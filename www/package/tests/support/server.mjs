// The real `rejoin-server` with its scripted agents, one per test file, on a free port of 127.0.0.1 and in memory.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const root = new URL("../../../../", import.meta.url);
const binary = process.env.REJOIN_SERVER ?? fileURLToPath(new URL("target/debug/rejoin-server", root));

/** Starts the server; it ends with the file's tests. Gives its URL. */
export async function startServer(...flags) {
  if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p rejoin-server --features faults`);
  const child = spawn(binary, ["--memory", "--port", "0", "--faults", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  // Both: `after` is not called where a test file throws while it loads.
  after(() => child.kill());
  process.once("exit", () => child.kill());
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
    child.stdout.on("data", (bytes) => {
      said += bytes;
      const url = /http:\/\/[\d.]+:\d+/.exec(said);
      if (url) resolve(url[0]);
    });
  });
}

/** Replaces the server's fault rules. */
export async function setFaults(url, ...rules) {
  const answer = await fetch(`${url}/faults`, { method: "POST", body: JSON.stringify({ rules }), headers: { "content-type": "application/json" } });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Waits until `test` gives something. Fails with what `describe` says. */
export async function until(test, what = String(test), ms = 8000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A configuration of the scripted agents. */
export const configured = (configurable) => ({ config: { configurable } });

/** A message of a person. */
export const human = (content, id) => ({ type: "human", content, ...(id ? { id } : {}) });

/** A storage in memory, as `reconnectOnMount` and `storage` take it. */
export function memoryStorage() {
  const items = new Map();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}
