/** The types that are generated from `crates/js` and the contract that is written by hand say the same. Only compiled. */

import type { Engine as Generated } from "../../generated/wasm/rejoin.js";
import type { Engine as Written, EngineHost, EngineOptions } from "../../src/engine.js";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Fails to compile unless it is given `true`. */
type Holds<T extends true> = T;

/** The bindings' own: what `using` calls. */
type Own = typeof Symbol.dispose;

export type Checks = [
  Holds<Same<Exclude<keyof Generated, Own>, keyof Written>>,
  Holds<Same<{ [K in keyof Written]: ReturnType<Generated[K]> }, { [K in keyof Written]: ReturnType<Written[K]> }>>,
  // A thread id may also be left out or null; everything else takes the very same.
  Holds<Same<Parameters<Generated["submit"]>, Parameters<Written["submit"]>>>,
  Holds<Same<Parameters<Generated["join"]>, Parameters<Written["join"]>>>,
  Holds<Same<Parameters<Generated["edit"]>, Parameters<Written["edit"]>>>,
  Holds<Same<Parameters<Generated["addToolResult"]>, Parameters<Written["addToolResult"]>>>,
  Holds<Same<Parameters<Generated["openView"]>, Parameters<Written["openView"]>>>,
  Holds<Same<Parameters<Generated["loadOlder"]>, Parameters<Written["loadOlder"]>>>,
  // What is left out by hand may be null in the generated one.
  Holds<Parameters<Written["resolveCheckpoint"]> extends Parameters<Generated["resolveCheckpoint"]> ? true : false>,
  Holds<Same<Parameters<Generated["listen"]>, Parameters<Written["listen"]>>>,
  Holds<Same<Parameters<Generated["setStreamModes"]>, Parameters<Written["setStreamModes"]>>>,
  Holds<Same<Parameters<Generated["setBranch"]>, Parameters<Written["setBranch"]>>>,
  Holds<Same<Parameters<Generated["mutate"]>, Parameters<Written["mutate"]>>>,
  Holds<Same<Parameters<Generated["provideHistory"]>, Parameters<Written["provideHistory"]>>>,
  Holds<Same<Parameters<Generated["messageMetadata"]>, Parameters<Written["messageMetadata"]>>>,
  Holds<Parameters<Written["switchThread"]> extends Parameters<Generated["switchThread"]> ? true : false>,
  Holds<Same<ConstructorParameters<typeof import("../../generated/wasm/rejoin.js").Engine>, [EngineOptions, EngineHost]>>,
];
