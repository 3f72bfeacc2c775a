/** What both loaders share. */

import init, { Engine } from "./rejoin.js";
import { loadError } from "../errors.js";
import type { EngineConstructor, EngineLoader, WasmSource } from "../engine.js";

/** What the bindings take. */
export type Wasm = Exclude<Parameters<typeof init>[0], { module_or_path: unknown }>;

/**
 * A loader: one load for all calls, tried again after a failure.
 *
 * @param own - Gives the package's own wasm, for calls that name no source.
 */
export function loader(own: () => Wasm | Promise<Wasm>): EngineLoader {
  let loading: Promise<EngineConstructor> | undefined;
  const load = async (source: WasmSource | undefined): Promise<EngineConstructor> => {
    try {
      await init({ module_or_path: source ?? (await own()) });
      return Engine;
    } catch (cause) {
      loading = undefined;
      throw loadError(cause);
    }
  };
  return (source) => (loading ??= load(source));
}
