// docs/api is made from the sources. Something that is exported without a word about it, a link that leads nowhere, or a
// page that is older than the sources: each fails.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { WORK, command, files } from "./harness/project.mjs";
import { accepting, sameAsFile } from "./harness/stored.mjs";

const HERE = new URL(".", import.meta.url).pathname;
const STORED = join(HERE, "../../docs/api");
const FRESH = join(WORK, "api");

test("docs/api, as stored, says what the sources say about everything that is exported", { timeout: 120_000 }, async () => {
  rmSync(FRESH, { recursive: true, force: true });
  await command(HERE, join(HERE, "node_modules/.bin/typedoc"), ["--options", "api-docs/typedoc.json", "--out", FRESH]);
  const made = files(FRESH).map((path) => path.slice(FRESH.length + 1));
  assert.ok(made.length >= 3, `only ${made} were made`);
  if (accepting) rmSync(STORED, { recursive: true, force: true });
  for (const path of made) sameAsFile(join(STORED, path), withoutNumbers(readFileSync(join(FRESH, path), "utf8")), unionsUnordered);
  assert.deepEqual(readdirSync(STORED, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length, made.length, "docs/api holds pages of things that are gone");
});

/** Nothing links to a type parameter, and its anchor's number changes with each type that is added before it. */
function withoutNumbers(text) {
  assert.ok(!text.includes("(#type-parameter-"));
  return text.replaceAll(/<a id="type-parameter-[^"]*"><\/a> /g, "");
}

/** TypeScript prints a union in the order in which it met its members, which depends on what else it has read. */
function unionsUnordered(text) {
  return text.split("\n").map((line) => (line.includes("| ") ? line.split(/[\s|\\]+/).sort().join(" ") : line)).join("\n");
}
