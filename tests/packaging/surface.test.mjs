// The public surface, entry by entry: a change is seen in a review, or it is a mistake.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKAGE } from "./harness/project.mjs";
import { sameAsStored } from "./harness/stored.mjs";
import { readSurfaces } from "./harness/surface.mjs";

const TWINS = { "./asset": ".", "./asset/react": "./react", "./asset/langchain": "./langchain" };
const FILES = { ".": "rejoin.txt", "./react": "rejoin-react.txt", "./langchain": "rejoin-langchain.txt", "./assistant-ui": "rejoin-assistant-ui.txt", "./assistant-ui/internal": "rejoin-assistant-ui-internal.txt" };
/** Entries that add to another. */
const BASES = { "./react": ".", "./asset/react": "./asset", "./langchain": ".", "./asset/langchain": "./asset", "./assistant-ui": ".", "./assistant-ui/internal": "./assistant-ui" };
const surfaces = readSurfaces(PACKAGE);

test("every entry is known here", () => {
  assert.deepEqual(surfaces.entries.sort(), [...Object.keys(TWINS), ...Object.keys(FILES)].sort());
});

for (const [entry, file] of Object.entries(FILES)) {
  test(`${entry} exports what is stored in ${file}`, () => {
    const text = surfaces.of(entry, BASES[entry]);
    assert.ok(text.length > 500, "there is hardly anything");
    sameAsStored(file, text);
  });
}

for (const [asset, inline] of Object.entries(TWINS)) {
  test(`${asset} exports the same as ${inline}`, () => {
    assert.equal(surfaces.of(asset, BASES[asset]), surfaces.of(inline, BASES[inline]));
  });
}
