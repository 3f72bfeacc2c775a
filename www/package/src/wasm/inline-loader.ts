/** The wasm inside modules of their own, so that it works wherever modules work; each loaded when it is first needed. */

import { decode } from "./decode.js";
import { loader } from "./load.js";

/** Loads the inlined wasm. */
export const loadEngine = /* @__PURE__ */ loader(
  async () => decode((await import("./inline.js")).wasm),
  async () => decode((await import("./inline-extras.js")).wasm),
);
