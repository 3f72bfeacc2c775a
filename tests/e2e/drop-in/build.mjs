// Bundles the chat for one package with the npm package's own tools: nothing is installed for this.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const npm = fileURLToPath(new URL("../../../www/package/", import.meta.url));
const { build } = createRequire(join(npm, "package.json"))("esbuild");
const here = fileURLToPath(new URL(".", import.meta.url));
const instances = join(npm, "tests/langchain/read-instances.js");
const dicts = join(here, "read-dicts.js");

/** Each package under test: what is imported, how its messages are read, and the page that does so. */
export const PACKAGES = {
  "@langchain/react": { from: "@langchain/react", read: instances },
  "rejoin/langchain": { from: join(npm, "dist/langchain/index.js"), read: instances },
  "@langchain/langgraph-sdk/react": { from: "@langchain/langgraph-sdk/react", read: dicts },
  "rejoin/react": { from: join(npm, "dist/react/index.js"), read: dicts },
  "@assistant-ui/react-langgraph": { from: "@assistant-ui/react-langgraph", page: "assistant-ui.jsx" },
  "rejoin/assistant-ui": { from: join(npm, "dist/assistant-ui/index.js"), page: "assistant-ui.jsx" },
};

/** Builds the page for that package; gives its folder. */
export async function buildPage(name) {
  const { from, read = dicts, page = "page.jsx" } = PACKAGES[name];
  const out = mkdtempSync(join(tmpdir(), "rejoin-drop-in-"));
  mkdirSync(out, { recursive: true });
  await build({
    entryPoints: { page: join(here, page) },
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    nodePaths: [join(npm, "node_modules")],
    alias: { "under-test": from, "under-test-read": read },
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  writeFileSync(join(out, "index.html"), '<!doctype html><meta charset="utf-8"><title>chat</title><div id="chat"></div><script type="module" src="page.js"></script>');
  return out;
}
