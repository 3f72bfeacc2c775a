// Bundles a page for each contender, as an application would: minified, for production, compressed as a host serves it.
import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = fileURLToPath(new URL("../../../www/package/dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".wasm": "application/wasm" };
const QUALITY = 11;

/** The page in Leptos, as xtask has bound it. */
const leptos = process.env.REJOIN_BENCH_LEPTOS ?? fileURLToPath(new URL("../../../target/rejoin-bench-leptos/", import.meta.url));
const LEPTOS = "rejoin-bench-leptos";

/** Each page: its script, the hook in it, which build of Rejoin, and what it is. */
export const CONTENDERS = {
  R: { entry: "react-page.jsx", tested: "rejoin.js", rejoin: "react/asset.js", what: "`useStream` of `rejoin/asset/react`" },
  "R'": { entry: "react-page.jsx", tested: "rejoin-rows.jsx", rejoin: "react/asset.js", what: "the same, rows by `useMessage`" },
  "R''": { entry: "rejoin-store.js", rejoin: "asset.js", what: "`createStream` of `rejoin/asset`, without React" },
  I: { entry: "react-page.jsx", tested: "rejoin.js", rejoin: "react/index.js", what: "`useStream` of `rejoin/react`, the wasm inlined" },
  L: { entry: "leptos.js", leptos: true, what: "`rejoin-leptos`, a page in Leptos" },
  A: { entry: "react-page.jsx", tested: "langgraph.js", what: "`useStream` of `@langchain/langgraph-sdk/react`" },
  D: { entry: "react-page.jsx", tested: "ai-sdk.js", what: "`useChat` of the AI SDK, throttled to 50 ms, on its own protocol" },
  E: { entry: "react-page.jsx", tested: "by-hand-read.js", what: "by hand: `setState` for each read" },
  "E'": { entry: "react-page.jsx", tested: "by-hand-frame.js", what: "by hand: `setState` for each frame" },
  F: { entry: "bytes.js", what: "the bytes are read and thrown away" },
};

/** The folder of a contender's page on the server. */
export const folderOf = (name) => `/${name.replaceAll("'", "-")}`;

/** Builds the pages of these contenders; gives the server's files. */
export async function buildPages(names) {
  const files = new Map();
  const put = (path, bytes) => {
    const body = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } });
    files.set(path, { type: TYPES[extname(path)] ?? "application/octet-stream", encoding: "br", body });
  };
  const bundle = async (folder, entry, alias) => {
    const { outputFiles } = await build({
      absWorkingDir: here, entryPoints: { main: join("pages", entry) }, outdir: join(here, "out", folder), write: false,
      bundle: true, splitting: true, format: "esm", target: "es2022", jsx: "automatic", minify: true,
      // One React for all, also for the package, which has one of its own for its tests.
      alias: { react: join(here, "node_modules/react"), "react-dom": join(here, "node_modules/react-dom"), ...alias }, define: { "process.env.NODE_ENV": '"production"' }, logLevel: "error",
    });
    for (const { path, contents } of outputFiles) put(join(folder, basename(path)), contents);
  };
  await bundle("/watch", "watch.js", {});
  const watch = files.get("/watch/main.js");
  for (const name of names) {
    const { entry, tested, rejoin, leptos: isLeptos } = CONTENDERS[name];
    const folder = folderOf(name);
    await bundle(folder, entry, { ...(tested && { "under-test": join(here, "pages", tested) }), ...(rejoin && { "under-test-rejoin": join(dist, rejoin) }), "under-test-leptos": join(leptos, `${LEPTOS}.js`) });
    if (isLeptos) put(`${folder}/${LEPTOS}_bg.wasm`, await readFile(join(leptos, `${LEPTOS}_bg.wasm`)));
    files.set(`${folder}/watch.js`, watch);
    put(`${folder}/index.html`, Buffer.from('<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,"><div id="chat"></div><script type="module" src="watch.js"></script><script type="module" src="main.js"></script>'));
  }
  // `new URL("../rejoin_bg.wasm", import.meta.url)` is beside the pages' folders.
  for (const wasm of ["rejoin_bg.wasm", "rejoin_extras_bg.wasm"]) put(`/${wasm}`, await readFile(join(dist, wasm)));
  return files;
}
