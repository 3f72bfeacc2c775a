// docs/use-langchain-react.md: no row without a test, no name of @langchain/react without a row.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const here = new URL(".", import.meta.url);
const read = (path, base = here) => readFileSync(new URL(path, base), "utf8");
const docs = [process.env.REJOIN_DOCS, new URL("../../../../docs/", here)].filter(Boolean).map((base) => new URL(base, "file://")).find((base) => existsSync(base));
const page = read("use-langchain-react.md", docs);

const HEADS = ["promise", "export", "option", "member"];
const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---")).map((line) => line.slice(2, -2).split(" | ")).filter(([first]) => !HEADS.includes(first));
const named = new Set(rows.flatMap(([first]) => [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name)));
const all = new URL("../", here);
const tests = readdirSync(all, { recursive: true }).map(String).filter((name) => /^(react|langchain|drop-in)\/.*\.(jsx|mjs)$|^[^/]+\.test\.mjs$/.test(name)).map((name) => read(name, all)).join("\n");
const titles = new Set([...tests.matchAll(/\btest\(\s*["`]([^"`$]+)/g)].map(([, title]) => title));

const peer = new URL("../../node_modules/@langchain/react/", here);
const sdk = new URL("node_modules/@langchain/langgraph-sdk/dist/ui/", peer);

/** The names of an interface's members. */
function members(text, name) {
  const body = new RegExp(`interface ${name}\\b[^{]*\\{`).exec(text.replace(/<[^<>{]*>/g, ""));
  assert.ok(body, name);
  const found = [];
  let depth = 0;
  for (const line of text.replace(/<[^<>{]*>/g, "").slice(body.index + body[0].length).split("\n")) {
    const member = depth === 0 && /^ {2,4}(\w+)\??:/.exec(line);
    if (member) found.push(member[1]);
    depth += (line.match(/[{(]/g)?.length ?? 0) - (line.match(/[})]/g)?.length ?? 0);
    if (depth < 0) break;
  }
  return found;
}

test("each row of docs/use-langchain-react.md names a test that exists", () => {
  const proven = rows.filter((row) => row.length === 3 || (row.length === 2 && !row[0].includes("`")));
  assert.ok(proven.length > 100, `${proven.length} rows`);
  for (const row of proven) {
    const title = /^`(.+)`$/.exec(row.at(-1).trim())?.[1];
    assert.ok(title && titles.has(title), `no test for: ${row.join(" | ")}`);
  }
  const prose = page.split("\n").filter((line) => !line.startsWith("|")).join(" ");
  // Every second part is code; a name of a test has spaces.
  const inProse = prose.split("`").filter((part, at) => at % 2 === 1 && part.split(" ").length > 4);
  assert.ok(inProse.length > 1);
  for (const title of inProse) assert.ok(titles.has(title), `no test: ${title}`);
});

test("each export of @langchain/react has a row", () => {
  const list = /export \{([^}]+)\};/.exec(read("dist/index.d.ts", peer))[1];
  const names = list.split(",").map((name) => name.trim().replace(/^type /, "").replace(/.* as /, ""));
  assert.ok(names.length > 70, `${names.length}`);
  for (const name of names) assert.ok(named.has(name), `no row for ${name}`);
});

test("each option, submit option and member of @langchain/react has a row", () => {
  const types = read("types.d.ts", sdk);
  const wanted = [
    ...members(types, "UseStreamOptions"),
    ...members(types, "SubmitOptions"),
    ...members(read("stream/base.d.ts", sdk), "BaseStream"),
    ...members(read("stream/agent.d.ts", sdk), "UseAgentStream"),
    ...members(read("stream/deep-agent.d.ts", sdk), "UseDeepAgentStream"),
    ...members(read("stream/deep-agent.d.ts", sdk), "UseDeepAgentStreamOptions"),
    ...members(read("queue.d.ts", sdk), "QueueInterface").filter((name) => name !== "size" && name !== "entries"),
    ...["entries", "size", "transport", "suspenseCache", "isStreaming"],
  ];
  assert.ok(wanted.length > 75, `${wanted.length}: ${wanted}`);
  for (const name of wanted) assert.ok(named.has(name), `no row for ${name}`);
});
