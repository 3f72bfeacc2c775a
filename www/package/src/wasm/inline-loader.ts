/** The wasm inside modules of their own, so that it works wherever modules work; each loaded when it is first needed. */

import { type Wasm, loader } from "./load.js";

/** Loads the inlined wasm: base64 of its gzip. */
export const loadEngine = /* @__PURE__ */ loader(
  async () => unzipped((await import("./inline.js")).wasmGzipBase64),
  async () => unzipped((await import("./inline-extras.js")).wasmGzipBase64),
);

async function unzipped(base64: string): Promise<Wasm> {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}
