// docs/use-stream.md and docs/use-view.md: no row without a test, no name of the SDK, or of a view, without a row.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const here = new URL(".", import.meta.url);
const read = (path, base = here) => readFileSync(new URL(path, base), "utf8");
const docs = [process.env.REJOIN_DOCS, new URL("../../../docs/", here)].filter(Boolean).map((base) => new URL(base, "file://")).find((base) => existsSync(base));
const page = read("use-stream.md", docs);
const sources = readdirSync(here, { recursive: true }).map(String).filter((name) => /\.test\.mjs$|react\/.*\.jsx$/.test(name)).map((name) => read(name)).join("\n");
const titles = new Set([...sources.matchAll(/\btest\(\s*"([^"]+)"/g)].map(([, title]) => title));
const rowsOf = (text) => text.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---")).map((line) => line.slice(2, -2).split(" | "));
const rows = rowsOf(page);
const HEADS = ["option", "member", "promise", "fault"];
/** Fails on a row whose last column is no test's name. */
const prove = (all) => {
  for (const row of all) {
    const title = /^`(.+)`$/.exec(row.at(-1).trim())?.[1];
    assert.ok(title && titles.has(title), `no test for: ${row.join(" | ")}`);
  }
};
/** What is between backticks in the first column. */
const namesIn = (all) => new Set(all.flatMap(([first]) => [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name)));

test("each row of docs/use-stream.md names a test that exists", () => {
  const proven = rows.filter(([first]) => !HEADS.includes(first));
  assert.ok(proven.length > 90, `${proven.length} rows`);
  prove(proven);
  const prose = page.split("\n").filter((line) => !line.startsWith("|")).join(" ");
  // Every second part is code; a name of a test has spaces.
  const named = prose.split("`").filter((part, at) => at % 2 === 1 && part.split(" ").length > 4);
  assert.ok(named.length > 8);
  for (const title of named) assert.ok(titles.has(title), `no test: ${title}`);
});

test("each name of the SDK's types has a row", () => {
  const types = read("../node_modules/@langchain/langgraph-sdk/dist/ui/types.d.ts");
  const members = (text, name) => {
    const body = new RegExp(`interface ${name}\\b[^{]*\\{`).exec(text);
    let depth = 0;
    const found = [];
    for (const line of text.slice(body.index + body[0].length).split("\n")) {
      const member = depth === 0 && /^ {2}(\w+)\??:/.exec(line);
      if (member) found.push(member[1]);
      depth += (line.match(/[{(]/g)?.length ?? 0) - (line.match(/[})]/g)?.length ?? 0);
      if (depth < 0) break;
    }
    return found;
  };
  const wanted = [
    ...members(types, "UseStreamOptions"),
    ...members(types, "SubmitOptions"),
    ...members(types, "StreamBase"),
    ...members(read("../node_modules/@langchain/langgraph-sdk/dist/react/types.d.ts"), "UseStream"),
  ];
  assert.ok(wanted.length > 60, `${wanted.length} names: ${wanted}`);
  const named = namesIn(rows);
  for (const name of wanted) assert.ok(named.has(name), `no row for ${name}`);
});

test("each row of docs/use-view.md names a test that exists, and each name of a view's types has a row", () => {
  const view = rowsOf(read("use-view.md", docs)).filter(([first]) => !HEADS.includes(first));
  assert.ok(view.length > 40, `${view.length} rows`);
  prove(view);
  const types = read("../src/types/view.ts");
  const wanted = [...types.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, name]) => name);
  assert.ok(wanted.length > 15, `${wanted}`);
  const named = namesIn(view);
  for (const name of wanted) assert.ok(named.has(name), `no row for ${name}`);
});
