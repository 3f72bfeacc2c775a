// What a page downloads that imports `useStream` and streams, React aside: for the entry with the wasm inside modules, and for the one with
// the wasm in files. Prints sizes as JSON, by entry and part, for `cargo xtask size`.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const ENTRIES = {
  "rejoin/react": { code: "./dist/react/index.js", wasm: "dist/wasm/inline.js", extras: "dist/wasm/inline-extras.js" },
  "rejoin/asset/react": { code: "./dist/react/asset.js", wasm: "dist/rejoin_bg.wasm", extras: "dist/rejoin_extras_bg.wasm" },
};
const UNITS = ["raw_bytes", "gzip_bytes", "brotli_bytes"];

const sizes = (bytes) => ({
  raw_bytes: bytes.length,
  gzip_bytes: gzipSync(bytes, { level: 9 }).length,
  brotli_bytes: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
});

const sum = (...parts) => Object.fromEntries(UNITS.map((unit) => [unit, parts.reduce((all, part) => all + part[unit], 0)]));

/** The files that a bundler makes of a page with this code: their sizes, what they are made of, and whether they are loaded with the page. */
async function bundle(code) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: process.cwd(),
    bundle: true,
    stdin: { contents: code, resolveDir: "." },
    external: ["react", "react/*", "react-dom"],
    format: "esm",
    legalComments: "none",
    metafile: true,
    minify: true,
    outdir: "unused",
    splitting: true,
    target: "es2022",
    write: false,
  });
  const outputs = Object.entries(metafile.outputs);
  const first = new Set(outputs.filter(([, { entryPoint }]) => entryPoint === "<stdin>").map(([name]) => name));
  for (const name of first) {
    for (const { path, kind } of metafile.outputs[name].imports) if (kind === "import-statement" && path in metafile.outputs) first.add(path);
  }
  return outputs.map(([name, { inputs }]) => ({
    inputs,
    is_first: first.has(name),
    sizes: sizes(outputFiles.find(({ path }) => path.endsWith(name)).contents),
  }));
}

/** The sizes of one entry's parts. */
async function measure({ code, wasm, extras }) {
  const streaming = await bundle(`export { useStream } from "${code}";`);
  const whole = await bundle(`export * from "${code}";`);
  const sum_of = (files, wanted) => sum(...files.filter(wanted).map(({ sizes }) => sizes));
  // A module of the bundle, or a file that is only served.
  const sizes_of = (path) => streaming.find(({ inputs }) => path in inputs)?.sizes ?? sizes(readFileSync(path));
  const is_first = (file) => file.is_first;
  const is_later = ({ is_first, inputs }) => !is_first && !(wasm in inputs) && !(extras in inputs);

  const parts = { wasm: sizes_of(wasm), javascript: sum_of(streaming, is_first) };
  return {
    // What the budget is for.
    total: sum(parts.wasm, parts.javascript),
    ...parts,
    // The client's requests, headless tools, subagents' histories, transports and filters: downloaded by pages that use them, so not in the sum.
    on_demand: sum_of(streaming, is_later),
    // The second module: views, edits, results of tools, the history. Downloaded by pages that use them.
    extras: sizes_of(extras),
    // With every export of the entry in use, and all that is loaded later: as much as it can be.
    most: sum(parts.wasm, sum_of(whole, is_first), sum_of(whole, is_later), sizes_of(extras)),
    ...by_folder(streaming.filter(is_first)),
  };
}

/** What the JavaScript is made of. It is compressed together, so for its parts there is only what each has before that. */
function by_folder(files) {
  const folders = {};
  for (const [path, { bytesInOutput }] of files.flatMap(({ inputs }) => Object.entries(inputs))) {
    const [, folder, file] = /dist\/(?:(\w+)\/)?([^/]+)$/.exec(path) ?? [, "other", path];
    const part = folder === "wasm" && file === "rejoin.js" ? "bindings" : (folder ?? file.replace(/\.js$/, ""));
    folders[part] = (folders[part] ?? 0) + bytesInOutput;
  }
  const rows = Object.entries(folders).filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
  return Object.fromEntries(rows.map(([part, raw_bytes]) => [`  ${part}`, { raw_bytes }]));
}

const measured = {};
for (const [entry, files] of Object.entries(ENTRIES)) measured[entry] = await measure(files);
console.log(JSON.stringify(measured));
