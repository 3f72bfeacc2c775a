// docs/use-langgraph-runtime.md: no row without a test that is run, no name of @assistant-ui/react-langgraph and none of ours without a row.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as internal from "../../dist/assistant-ui/internal.js";
import * as ours from "../../dist/assistant-ui/index.js";

const here = new URL(".", import.meta.url);
const read = (path, base = here) => readFileSync(new URL(path, base), "utf8");
const docs = [process.env.REJOIN_DOCS, new URL("../../../../docs/", here)].filter(Boolean).map((base) => new URL(base, "file://")).find((base) => existsSync(base));
const page = read("use-langgraph-runtime.md", docs);
const peer = new URL("../../node_modules/@assistant-ui/react-langgraph/src/", here);

const HEADS = ["option", "hook", "export", "handler", "fault"];
const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---")).map((line) => line.slice(2, -2).split(" | ")).filter(([first]) => !HEADS.includes(first));
const named = new Set(rows.flatMap(([first]) => [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name)));

const sources = readdirSync(here).filter((name) => name.endsWith(".test.mjs") || name.endsWith(".jsx") || name.endsWith(".tsx")).map((name) => read(name)).join("\n");
const titles = new Set([...sources.matchAll(/\b(?:test|it)\(\s*"((?:[^"\\]|\\.)+)"/g)].map(([, title]) => title));
// The peer's files that are run, and what of them proves nothing.
const files = [...sources.matchAll(/"(\w+\.test\.tsx?)"/g)].map(([, name]) => name);
const differing = ["differs", "races"].flatMap((list) => Object.keys(JSON.parse(read(`peer/${list}.json`))));
const peerTitles = new Set(
  files
    .flatMap((file) => [...read(file, peer).matchAll(/\bit\(\s*"((?:[^"\\]|\\.)+)"/g)].map(([, title]) => title))
    .filter((title) => !differing.some((name) => name.endsWith(` > ${title}`))),
);

test("each row of docs/use-langgraph-runtime.md names a test that is run", () => {
  assert.ok(rows.length > 45, `${rows.length} rows`);
  assert.ok(peerTitles.size > 200, `${peerTitles.size} tests of the peer`);
  for (const row of rows) {
    const title = /^`(.+)`$/.exec(row.at(-1).trim())?.[1] ?? "";
    const known = title.startsWith("peer: ") ? peerTitles.has(title.slice(6)) : titles.has(title);
    assert.ok(known, `no test for: ${row.join(" | ")}`);
  }
});

test("each export, option and event handler of @assistant-ui/react-langgraph has a row", () => {
  const exported = read("index.ts", peer);
  const names = [...exported.matchAll(/export \{([^}]+)\}/g)].flatMap(([, list]) => list.split(",").map((name) => name.trim())).filter((name) => name && !name.startsWith("type "));
  assert.ok(names.length >= 14, `${names}`);
  const types = read("types.ts", peer);
  const body = types.slice(types.indexOf("export type UseLangGraphRuntimeOptions"));
  const options = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name);
  const handlers = [...body.matchAll(/^ {8}(on\w+)\??:/gm)].map(([, name]) => name);
  assert.ok(options.length >= 17, `${options}`);
  assert.equal(handlers.length, 10, `${handlers}`);
  for (const name of [...names, ...options, ...handlers]) assert.ok(named.has(name), `no row for ${name}`);
  for (const name of names) assert.equal(typeof ours[name], "function", name);
});

test("each of our own options has a row", () => {
  const types = read("../../src/assistant-ui/types-options.ts");
  const body = types.slice(types.indexOf("export type LangGraphSource"));
  const members = [...body.matchAll(/^ {2}(?: {2})?(\w+)\??:/gm)].map(([, name]) => name);
  const picked = [...(/Pick<UseStreamOptions, ([^>]+)>/.exec(body)?.[1] ?? "").matchAll(/"(\w+)"/g)].map(([, name]) => name);
  assert.ok(members.length > 25 && picked.length > 4, `${members}; ${picked}`);
  for (const name of [...members, ...picked]) assert.ok(named.has(name), `no row for ${name}`);
});

test("each of our own exports has a row", () => {
  const exported = [...Object.keys(ours), ...Object.keys(internal)];
  assert.ok(exported.length > 35, `${exported}`);
  for (const name of exported) assert.ok(named.has(name), `no row for ${name}`);
});
