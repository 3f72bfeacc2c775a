// Bundles the demo: `node build.mjs [--react 18|19] [--mode production|development] [--out dir]`.
//
// Both React versions are installed under aliases, and "react" is pointed at one of them for the whole bundle. The tests
// take the development mode: only there does <StrictMode> mount everything twice.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values: options } = parseArgs({
  options: {
    react: { type: "string", default: "19" },
    mode: { type: "string", default: "production" },
    out: { type: "string" },
  },
});
const { react, mode } = options;
if (!["18", "19"].includes(react)) throw new Error(`--react is 18 or 19, not ${react}`);
if (!["production", "development"].includes(mode)) throw new Error(`--mode is production or development, not ${mode}`);

const here = new URL(".", import.meta.url).pathname;
const out = options.out ?? `${here}dist/react${react}`;

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/main.tsx"],
  outdir: out,
  bundle: true,
  // The wasm is a module of its own that is fetched when it is first needed.
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxDev: mode === "development",
  minify: mode === "production",
  define: { "process.env.NODE_ENV": JSON.stringify(mode) },
  alias: { react: `react-${react}`, "react-dom": `react-dom-${react}` },
  logLevel: "warning",
});
await cp(`${here}index.html`, `${out}/index.html`);
const styles = await Promise.all(["../demo-base.css", "style.css"].map((file) => readFile(`${here}${file}`, "utf8")));
await writeFile(`${out}/style.css`, styles.join("\n"));
