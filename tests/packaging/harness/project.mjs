// Fresh consumer projects below target/packaging, each with the packed tarball as npm would install it from the registry.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { endWithUs, killGroup } from "../../e2e/harness/processes.mjs";

const HERE = new URL("..", import.meta.url).pathname;
const ROOT = new URL("../../..", import.meta.url).pathname;
export const WORK = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "packaging");
/** The package's sources. */
export const PACKAGE = join(ROOT, "www/package");
/** Made by `node harness/pack.mjs`. */
export const TARBALL = join(WORK, "rejoin.tgz");
const COMMAND_TIMEOUT_MS = 400_000;
/** Long enough that nothing else in an output is equal to it by chance. */
const SAMPLE_CHARS = 80;
const NO_NETWORK_TALK = { NEXT_TELEMETRY_DISABLED: "1", NPM_CONFIG_UPDATE_NOTIFIER: "false", CI: "1", NO_COLOR: "1", FORCE_COLOR: undefined, NODE_ENV: undefined };

/** Makes a project anew from the template `name`, with `from` as its `shared`, and installs it by its lockfile. Its folder, named `as`, is returned. */
export async function fresh(name, { shared, from = "_shared", as = name } = {}) {
  const template = join(HERE, "consumers", name);
  const dir = join(WORK, as);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  cpSync(template, dir, { recursive: true, filter: (path) => !path.includes("node_modules") });
  if (shared) cpSync(join(HERE, "consumers", from), join(dir, shared), { recursive: true });
  await command(dir, "npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]);
  return dir;
}

/** Runs a program to its end; returns what it printed, an error with all of it when it failed. */
export async function command(cwd, program, args, { env } = {}) {
  const child = start(cwd, program, args, { env });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void killGroup(child);
  }, COMMAND_TIMEOUT_MS);
  const status = await child.ended;
  clearTimeout(timer);
  if (status !== 0) throw new Error(`${[program, ...args].join(" ")} in ${cwd} ${timedOut ? "took too long" : `failed (${status})`}:\n${child.said()}`);
  return child.said();
}

/** Starts a program in a group of its own. `ended` resolves to its status, `said()` is what it printed. */
export function start(cwd, program, args, { env } = {}) {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...NO_NETWORK_TALK, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  endWithUs(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (said += bytes));
  child.said = () => said;
  child.ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  return child;
}

/** The program of a package that the project has installed. */
export const bin = (dir, name) => join(dir, "node_modules/.bin", name);

/** How often each of the two modules is in the files below `dir`: as a file of its own, and inlined as text. */
export function wasmIn(dir) {
  const wanted = wasmOfTheTarball();
  const found = { bytes: 0, first: { files: 0, inlined: 0 }, extras: { files: 0, inlined: 0 } };
  for (const path of files(dir)) {
    const bytes = readFileSync(path);
    found.bytes += bytes.length;
    if (extname(path) === ".wasm") {
      const same = wanted.find(({ binary }) => bytes.equals(binary));
      if (!same) throw new Error(`${path} is not the package's wasm`);
      found[same.name].files += 1;
    } else {
      const text = bytes.toString("latin1");
      for (const { name, sample } of wanted) found[name].inlined += text.split(sample).length - 1;
    }
  }
  return found;
}

/** Every file below `dir`. */
export function files(dir) {
  if (!existsSync(dir)) throw new Error(`${dir} is not there`);
  if (statSync(dir).isFile()) return [dir];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

let known;

function wasmOfTheTarball() {
  if (known) return known;
  const content = readTarball();
  const blobs = [...content].flatMap(([path, bytes]) => (/\/inline(-extras)?\.js$/.test(path) ? (bytes.toString("latin1").match(/"[A-Za-z0-9+/=]+"/g) ?? []) : []));
  const texts = blobs.map((blob) => blob.slice(1, -1));
  if (texts.length !== 2) throw new Error(`the tarball has ${texts.length} inlined modules instead of two`);
  known = Object.entries({ first: "rejoin_bg.wasm", extras: "rejoin_extras_bg.wasm" }).map(([name, file]) => {
    const binary = content.get(`dist/${file}`);
    if (!binary) throw new Error(`the tarball has no ${file}`);
    const text = texts.find((one) => gunzipSync(Buffer.from(one, "base64")).equals(binary));
    if (!text) throw new Error(`${file} is not inlined`);
    const middle = Math.max(0, Math.floor((text.length - SAMPLE_CHARS) / 2));
    return { name, binary, sample: text.slice(middle, middle + SAMPLE_CHARS) };
  });
  return known;
}

/** The tarball's files: path inside the package to bytes. */
export function readTarball(path = TARBALL) {
  const tar = gunzipSync(readFileSync(path));
  const content = new Map();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const text = (from, length) => tar.toString("utf8", at + from, at + from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12), 8);
    const prefix = text(345, 155);
    const name = prefix ? `${prefix}/${text(0, 100)}` : text(0, 100);
    if (["0", ""].includes(text(156, 1))) content.set(name.replace(/^package\//, ""), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return content;
}
