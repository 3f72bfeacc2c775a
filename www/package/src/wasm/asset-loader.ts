/** The wasm as a file of its own beside the code, compiled while it streams in. */

import { type Wasm, loader } from "./load.js";

/** Loads the `.wasm` file that bundlers copy for this very expression. */
export const loadEngine = loader(() => {
  const url = new URL("../rejoin_bg.wasm", import.meta.url);
  return url.protocol === "file:" ? fromFile(url) : url;
});

/** Node's `fetch` does not read files. Bundlers must not see the module's name: there is none in a browser. */
async function fromFile(url: URL): Promise<Wasm> {
  const name = "node:fs/promises";
  const { readFile } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ /* turbopackIgnore: true */ name)) as {
    readFile: (url: URL) => Promise<Uint8Array<ArrayBuffer>>;
  };
  return readFile(url);
}
