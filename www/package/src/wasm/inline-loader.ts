/** The wasm inside a module of its own, so that it works wherever modules work; loaded when it is first needed. */

import { type Wasm, loader } from "./load.js";

/** Loads the inlined wasm: base64 of its gzip. */
export const loadEngine = loader(async (): Promise<Wasm> => {
  const { wasmGzipBase64 } = await import("./inline.js");
  const text = atob(wasmGzipBase64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unzipped).arrayBuffer();
});
