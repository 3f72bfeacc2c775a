// Every sample of the READMEs and of the pages in docs that teach compiles as it stands, in a strict TypeScript project.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = new URL("../", import.meta.url);
/** Pages, by the name that their samples' files begin with. */
const PAGES = { project: "../../README.md", package: "README.md", migrate: "../../docs/migrate.md", view: "../../docs/use-view.md" };
// A copy of the package alone has its own README only.
const pages = Object.entries(PAGES).map(([name, path]) => [name, new URL(path, here)]).filter(([, url]) => existsSync(url));
// Inside the package, so that a sample's `rejoin/react` is the package itself.
const project = new URL("generated/samples/", here);

/** What samples import of the reader's own project, or from a bundler. */
const SURROUNDINGS = `
declare module "*.wasm" { const url: string; export default url; }
`;
const THREAD = `export function Thread() { return null; }`;
const CONFIG = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023", "DOM", "DOM.Iterable"],
    module: "ESNext",
    moduleResolution: "Bundler",
    jsx: "react-jsx",
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  },
};

/** Writes each sample to a file named after its page and line. */
function writeProject() {
  rmSync(project, { recursive: true, force: true });
  mkdirSync(project, { recursive: true });
  const write = (name, text) => writeFileSync(new URL(name, project), text);
  write("surroundings.d.ts", SURROUNDINGS);
  write("thread.tsx", THREAD);
  write("tsconfig.json", JSON.stringify(CONFIG));
  let count = 0;
  for (const [name, url] of pages) {
    const text = readFileSync(url, "utf8");
    for (const { index, 1: kind, 2: code } of text.matchAll(/^```(tsx?)\n([\s\S]*?)^```/gm)) {
      const line = text.slice(0, index).split("\n").length;
      write(`${name}-line-${line}.${kind}`, code);
      count += 1;
    }
  }
  return count;
}

test("each sample of the READMEs and of docs compiles in a strict project", () => {
  assert.ok(writeProject() > 8);
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", here));
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", fileURLToPath(project), "--pretty", "false"], { encoding: "utf8" });
  assert.equal(stdout, "");
  assert.equal(status, 0);
});
