// Texts that are kept beside the tests: a change fails, shows itself, and is accepted by one command.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const STORED = new URL("../surface/", import.meta.url).pathname;
const CONTEXT_LINES = 2;
/** Set by `cargo xtask packaging --accept`. */
export const accepting = process.env.REJOIN_ACCEPT === "1";

/** Fails with the difference when `text` is not what tests/packaging/surface holds under `name`. */
export function sameAsStored(name, text) {
  sameAsFile(join(STORED, name), text);
}

/** The same for a file anywhere. Two texts with the same `meaning` are the same. */
export function sameAsFile(path, text, meaning = (same) => same) {
  if (accepting) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  const stored = readIfThere(path);
  if (meaning(stored) === meaning(text)) return;
  throw new Error(`${path} is not what the package is now. If that is meant: cargo xtask packaging --accept\n${difference(stored, text)}`);
}

function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}

/** The lines that differ, with `-` and `+`, and a few around them. */
export function difference(before, after) {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const marked = merge(old, now);
  const near = (at) => marked.slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1).some(([mark]) => mark !== " ");
  return marked.filter((_, at) => near(at)).map(([mark, line]) => mark + line).join("\n");
}

/** Both texts in one list, by their longest common sequence of lines. */
function merge(old, now) {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      lengths[i][j] = old[i] === now[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const marked = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) marked.push([" ", old[i++], j++]);
    else if (j < now.length && (i === old.length || lengths[i][j + 1] > lengths[i + 1][j])) marked.push(["+", now[j++]]);
    else marked.push(["-", old[i++]]);
  }
  return marked;
}
