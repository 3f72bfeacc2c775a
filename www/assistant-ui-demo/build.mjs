// Bundles the demo: `node build.mjs [--mode production|development] [--out dir]`.
//
// `rejoin` is a folder beside this one with packages of its own installed for its tests, and React, assistant-ui's core and
// its store keep contexts and symbols in their modules: of each there may be one only, which is this folder's.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values: options } = parseArgs({
  options: { mode: { type: "string", default: "production" }, out: { type: "string" } },
});
const { mode } = options;
if (!["production", "development"].includes(mode)) throw new Error(`--mode is production or development, not ${mode}`);

const here = new URL(".", import.meta.url).pathname;
const out = options.out ?? `${here}dist`;
const SINGLE = /^(react|react-dom|assistant-stream|@assistant-ui\/(core|react|store|tap))($|\/)/;

/** Looks these packages up from here, whoever asks. */
const single = {
  name: "single",
  setup(bundle) {
    bundle.onResolve({ filter: SINGLE }, ({ path, kind, resolveDir, pluginData }) => {
      if (pluginData === "from here" || !resolveDir.includes("/www/package")) return undefined;
      return bundle.resolve(path, { kind, resolveDir: here, pluginData: "from here" });
    });
  },
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/main.tsx"],
  outdir: out,
  bundle: true,
  // The wasm is a module of its own that is fetched when it is first needed, and so is LangGraph's SDK in callback mode.
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxDev: mode === "development",
  minify: mode === "production",
  define: { "process.env.NODE_ENV": JSON.stringify(mode) },
  plugins: [single],
  logLevel: "warning",
});
await cp(`${here}index.html`, `${out}/index.html`);
const styles = await Promise.all(["../demo-base.css", "style.css"].map((file) => readFile(`${here}${file}`, "utf8")));
await writeFile(`${out}/style.css`, styles.join("\n"));
