/** The types that are generated from `crates/js` and the contract that is written by hand say the same. Only compiled. */

import type { Engine as Generated } from "../../generated/wasm/rejoin.js";
import type { Engine as Written, EngineHost } from "../../src/engine.js";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Fails to compile unless it is given `true`. */
type Holds<T extends true> = T;

/** The bindings' own: what `using` calls. */
type Own = typeof Symbol.dispose;

export type Checks = [
  Holds<Same<Exclude<keyof Generated, Own>, keyof Written>>,
  Holds<Same<{ [K in keyof Written]: ReturnType<Generated[K]> }, { [K in keyof Written]: ReturnType<Written[K]> }>>,
  Holds<Same<Parameters<Generated["send"]>, Parameters<Written["send"]>>>,
  Holds<Same<Parameters<Generated["read"]>, Parameters<Written["read"]>>>,
  Holds<Same<Parameters<Generated["messageMetadata"]>, Parameters<Written["messageMetadata"]>>>,
  Holds<Same<ConstructorParameters<typeof import("../../generated/wasm/rejoin.js").Engine>, [string, EngineHost]>>,
];
