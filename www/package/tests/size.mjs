// What a page that uses `rejoin/asset/react` downloads, React aside. Prints sizes by part as JSON, for `cargo xtask size`.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const sizes = (bytes) => ({
  raw_bytes: bytes.length,
  gzip_bytes: gzipSync(bytes, { level: 9 }).length,
  brotli_bytes: brotli(bytes),
});

async function bundle(entryPoints) {
  const result = await build({
    absWorkingDir: process.cwd(),
    bundle: true,
    entryPoints,
    external: ["react", "react/*", "react-dom"],
    format: "esm",
    legalComments: "none",
    metafile: true,
    minify: true,
    outdir: "unused",
    target: "es2022",
    write: false,
  });
  return { bytes: Buffer.from(result.outputFiles[0].contents), inputs: Object.values(result.metafile.outputs)[0].inputs };
}

const { bytes: js, inputs } = await bundle(["dist/react/asset.js"]);
const wasm = readFileSync("dist/rejoin_bg.wasm");
const [js_sizes, wasm_sizes] = [sizes(js), sizes(wasm)];
const sum = (unit) => js_sizes[unit] + wasm_sizes[unit];
const parts = {
  everything: { raw_bytes: sum("raw_bytes"), gzip_bytes: sum("gzip_bytes"), brotli_bytes: sum("brotli_bytes") },
  wasm: wasm_sizes,
  javascript: js_sizes,
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
