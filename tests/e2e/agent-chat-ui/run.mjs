// node run.mjs CHECKOUT [--as-it-is] [--keep] [--built]
//
// Builds a copy of langchain-ai/agent-chat-ui with nothing changed but its imports of `@langchain/langgraph-sdk/react`, starts it against the
// real Python Agent Server, and uses it in Chromium as a person does. Prints a table; ends with 1 if a line of it fails. `--as-it-is` changes no
// import, to compare. `--keep` leaves the built copy, and `--built` uses the one that was left. CASES names the cases to run, with commas. Needs `cargo xtask package`, and
// `cargo xtask agent-server python` once.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startBrowser } from "../harness/browser.mjs";
import { endWithUs, freePort, killGroup } from "../harness/processes.mjs";
import { startServer } from "../harness/servers.mjs";
import { cases, differs } from "./cases.mjs";

const CASE_TIMEOUT_MS = 90_000;
const START_TIMEOUT_MS = 60_000;
const THEIRS = "@langchain/langgraph-sdk/react";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../..", import.meta.url));
const [checkout] = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const [asItIs, isBuilt, keeps] = ["--as-it-is", "--built", "--keep"].map((flag) => process.argv.includes(flag));
const keep = keeps || isBuilt;
const wanted = process.env.CASES?.split(",");
assert.ok(checkout && existsSync(join(checkout, "src/providers/Stream.tsx")), "usage: node run.mjs CHECKOUT [--as-it-is] [--keep]; CHECKOUT is of langchain-ai/agent-chat-ui");

for (const name of wanted ?? []) assert.ok(name in cases, `no case is called ${JSON.stringify(name)}`);

const run = (program, args, cwd, env = {}) => execFileSync(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] }).toString();

/** Changes the imports in that folder; gives how many. */
function changeImports(folder) {
  const files = readdirSync(folder, { recursive: true }).map(String).filter((name) => /\.tsx?$/.test(name));
  let changed = 0;
  for (const file of files.map((name) => join(folder, name))) {
    const before = readFileSync(file, "utf8");
    const after = before.replaceAll(`from "${THEIRS}"`, 'from "rejoin/react"');
    if (after === before) continue;
    writeFileSync(file, after);
    changed += before.split(`from "${THEIRS}"`).length - 1;
  }
  assert.ok(changed > 0, `nothing in ${folder} imports ${THEIRS}`);
  return changed;
}

/** A copy of the checkout, built; gives its folder. */
function buildApp() {
  const app = keep ? join(tmpdir(), `rejoin-agent-chat-ui${asItIs ? "-as-it-is" : ""}`) : mkdtempSync(join(tmpdir(), "rejoin-agent-chat-ui-"));
  if (isBuilt) return app;
  const isOurs = (from) => ![".git", "node_modules", ".next"].includes(basename(from));
  mkdirSync(app, { recursive: true });
  rmSync(join(app, "src"), { recursive: true, force: true });
  cpSync(resolve(checkout), app, { recursive: true, filter: isOurs });
  const packages = [];
  if (!asItIs) {
    console.log(`${changeImports(join(app, "src"))} imports changed`);
    const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", app], join(root, "www/package")));
    packages.push(`file:${join(app, filename)}`);
  }
  // The checkout's lock file is pnpm's. Its peers are as it has them, and npm would refuse one of its linter's.
  run("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--legacy-peer-deps", ...packages], app);
  // Its font would be read from the network. Next's own tests give another one by this.
  const fonts = join(app, "fonts.cjs");
  writeFileSync(fonts, `module.exports = new Proxy({}, { get: () => "@font-face { font-family: Inter; src: url(https://fonts.example/inter.woff2) format('woff2'); }" });`);
  // With the types and the linter, as `next build` runs them.
  console.log(run("npx", ["next", "build"], app, { NEXT_TELEMETRY_DISABLED: "1", NEXT_FONT_GOOGLE_MOCKED_RESPONSES: fonts }));
  return app;
}

/** The real Python server with our graphs and those of this folder. It bundles `card.tsx` with a tool that it takes from npm by itself. */
async function startAgentServer() {
  const made = join(root, "target/agent-servers/python");
  const folder = mkdtempSync(join(tmpdir(), "rejoin-agent-chat-ui-server-"));
  for (const file of ["graphs.py", "requirements.txt", "start.sh"]) cpSync(join(made, file), join(folder, file));
  symlinkSync(join(made, ".venv"), join(folder, ".venv"));
  cpSync(join(here, "graphs.py"), join(folder, "shown.py"));
  cpSync(join(here, "card.tsx"), join(folder, "card.tsx"));
  const config = JSON.parse(readFileSync(join(made, "langgraph.json"), "utf8"));
  Object.assign(config.graphs, { review: "./shown.py:reviewed", card: "./shown.py:card" });
  writeFileSync(join(folder, "langgraph.json"), JSON.stringify({ ...config, ui: { card: "./card.tsx" } }));
  process.env.REJOIN_AGENT_SERVER_DIR = folder;
  const server = await startServer("python");
  return { url: server.url, stop: async () => (await server.stop(), rmSync(folder, { recursive: true, force: true })) };
}

/** The built app. */
async function startApp(app) {
  const port = await freePort();
  const child = spawn(join(app, "node_modules/.bin/next"), ["start", "-p", String(port), "-H", "127.0.0.1"], { cwd: app, stdio: "ignore", detached: true });
  endWithUs(child);
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await fetch(url).then(({ ok }) => ok, () => false))) assert.ok(Date.now() < deadline, "the app did not start");
  return { url, stop: () => killGroup(child) };
}

/** Runs one case in a page of its own; gives the reason if it fails. */
async function failureOf(work, world) {
  const [pages, thrown] = [[], []];
  const forgive = (pattern) => thrown.splice(0, Infinity, ...thrown.filter((message) => !pattern.test(message)));
  const open = async () => {
    const page = await world.browser.context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("pageerror", (error) => thrown.push(error.message));
    await page.setViewportSize({ width: 1300, height: 900 });
    pages.push(page);
    return page;
  };
  let timer;
  try {
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not done after ${CASE_TIMEOUT_MS} ms`)), CASE_TIMEOUT_MS)));
    await Promise.race([work({ ...world, open, forgive }), late]);
    assert.deepEqual(thrown, [], "errors that nothing in the page caught");
  } catch (error) {
    const seen = await pages.at(-1)?.evaluate(() => document.body.innerText).catch(() => "");
    return `${error.message}\nThe page shows: ${JSON.stringify(seen?.slice(-600))}`;
  } finally {
    clearTimeout(timer);
    for (const page of pages) await page.close().catch(() => {});
  }
}

const app = buildApp();
const server = await startAgentServer();
const next = await startApp(app);
const browser = await startBrowser();
const rows = [];
try {
  for (const [name, work] of Object.entries(cases).filter(([name]) => wanted?.includes(name) ?? true)) {
    const failure = await failureOf(work, { app: next.url, api: server.url, browser });
    const why = asItIs ? undefined : differs[name];
    rows.push(`| ${name} | ${failure ? (why ? `differs: ${why}` : `no: ${failure.split("\n")[0]}`) : "works"} |`);
    console.log(failure ? `not ${name}: ${failure}\n` : `${name}: works`);
    // A difference that is none any more is to be taken from the list.
    if (Boolean(failure) !== Boolean(why)) process.exitCode = 1;
  }
} finally {
  await browser.close();
  await next.stop();
  await server.stop();
  if (!keep) rmSync(app, { recursive: true, force: true });
}
console.log(["", `| agent-chat-ui ${asItIs ? "as it is" : "on rejoin/react"} | |`, "| --- | --- |", ...rows].join("\n"));
