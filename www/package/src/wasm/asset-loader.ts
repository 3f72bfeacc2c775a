/** The wasm as files of their own beside the code, compiled while they stream in. */

import { type Wasm, loader } from "./load.js";

/** Loads the `.wasm` files that bundlers copy for these very expressions. */
export const loadEngine = /* @__PURE__ */ loader(
  () => at(new URL("../rejoin_bg.wasm", import.meta.url)),
  () => at(new URL("../rejoin_extras_bg.wasm", import.meta.url)),
);

const at = (url: URL): Wasm | Promise<Wasm> => (url.protocol === "file:" ? fromFile(url) : url);

/** Node's `fetch` does not read files. Bundlers must not see the module's name: there is none in a browser. */
async function fromFile(url: URL): Promise<Wasm> {
  const name = "node:fs/promises";
  const { readFile } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ /* turbopackIgnore: true */ name)) as {
    readFile: (url: URL) => Promise<Uint8Array<ArrayBuffer>>;
  };
  return readFile(url);
}
