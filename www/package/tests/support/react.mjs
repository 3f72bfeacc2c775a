// Bundles a suite with one version of React and the built package, as an application would, and gives it a page.
import { build } from "esbuild";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Window } from "happy-dom";

const here = new URL("..", import.meta.url);

/** A page without its own network: the tests use Node's. */
export function makePage(url = "http://127.0.0.1/") {
  const window = new Window({ url });
  Object.assign(globalThis, { window, document: window.document, HTMLElement: window.HTMLElement, HTMLIFrameElement: window.HTMLIFrameElement });
  if (!globalThis.navigator) Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
  return window;
}

/** Bundles `entry` for React 18 or 19 and imports it. */
export async function withReact(version, entry) {
  const outfile = fileURLToPath(new URL(`../node_modules/.tests/${entry.replace(/\W/g, "-")}-${version}.mjs`, here));
  mkdirSync(fileURLToPath(new URL("../node_modules/.tests/", here)), { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL(entry, here))],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    jsx: "automatic",
    alias: { react: `react-${version}`, "react-dom": `react-dom-${version}` },
    external: ["node:*", "@langchain/core/*"],
    define: { "process.env.NODE_ENV": '"development"' },
    banner: { js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);' },
    logLevel: "error",
  });
  return import(outfile);
}
