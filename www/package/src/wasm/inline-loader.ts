/** The wasm inside modules of their own, so that it works wherever modules work; each loaded when it is first needed. */

import { type Wasm, loader } from "./load.js";

/** Loads the inlined wasm: base64 of its gzip. */
export const loadEngine = /* @__PURE__ */ loader(
  async () => unzipped((await import("./inline.js")).wasmGzipBase64),
  async () => unzipped((await import("./inline-extras.js")).wasmGzipBase64),
);

/** What Node, Deno and Bun have besides; test runners' pages have it too. */
interface Builtin {
  process?: { getBuiltinModule?: (name: "node:zlib") => { gunzipSync: (bytes: Uint8Array) => Uint8Array<ArrayBuffer> } | undefined };
}

async function unzipped(base64: string): Promise<Wasm> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  // A test runner's page may lack either, or have one of its own that does not fit the other.
  const zlib = (globalThis as Builtin).process?.getBuiltinModule?.("node:zlib");
  if (zlib) return zlib.gunzipSync(bytes);
  const { body } = new Response(bytes);
  return new Response((body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
