// What a page downloads that has `import { useStream } from "rejoin/asset/react"`, React aside. Prints sizes by part as JSON, for `cargo xtask size`.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const sizes = (bytes) => ({
  raw_bytes: bytes.length,
  gzip_bytes: gzipSync(bytes, { level: 9 }).length,
  brotli_bytes: brotli(bytes),
});

/** What is loaded with a page of this code, and what only comes when it is asked for. */
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
  const bytesOf = (wanted) => outputFiles.filter(({ path }) => wanted(outputs.find(([name]) => path.endsWith(name))[0])).map(({ contents }) => Buffer.from(contents));
  const inputs = {};
  for (const name of first) Object.assign(inputs, metafile.outputs[name].inputs);
  return { loaded: bytesOf((name) => first.has(name)), later: bytesOf((name) => !first.has(name)), inputs };
}

const all = (files) => files.map(sizes).reduce((sum, one) => Object.fromEntries(Object.entries(one).map(([unit, bytes]) => [unit, (sum[unit] ?? 0) + bytes])), {});
const ENTRY = '"./dist/react/asset.js"';
const { loaded, later, inputs } = await bundle(`export { useStream } from ${ENTRY};`);
const whole = all((await bundle(`export * from ${ENTRY};`)).loaded);
const [wasm_sizes, extras] = ["rejoin_bg", "rejoin_extras_bg"].map((name) => sizes(readFileSync(`dist/${name}.wasm`)));
const js_sizes = all(loaded);
const sum = (...parts) => Object.fromEntries(Object.keys(wasm_sizes).map((unit) => [unit, parts.reduce((all, part) => all + part[unit], 0)]));
const parts = {
  everything: sum(wasm_sizes, js_sizes),
  wasm: wasm_sizes,
  javascript: js_sizes,
  // The client's requests, headless tools, subagents' histories, transports and filters: downloaded by pages that use them, so not in the sum.
  on_demand: all(later),
  // The second module: views, edits, results of tools, the history. Downloaded by pages that use them.
  extras,
  // With every export of the entry in use, and the second module: as much as it can be.
  most: sum(wasm_sizes, whole, all(later), extras),
};
// Compressed together, so for its parts there is only what each has before that.
const folders = {};
for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
  const [, folder, file] = /dist\/(?:(\w+)\/)?([^/]+)$/.exec(path) ?? [, "other", path];
  const part = folder === "wasm" && file === "rejoin.js" ? "bindings" : (folder ?? file.replace(/\.js$/, ""));
  folders[part] = (folders[part] ?? 0) + bytesInOutput;
}
for (const [part, raw_bytes] of Object.entries(folders).sort((a, b) => b[1] - a[1])) {
  parts[`  ${part}`] = { raw_bytes };
}
console.log(JSON.stringify(parts));
