/**
 * Agent streams that survive reloads, sleep and bad networks: the framework-free store. The wasm is inside, as text, in a module of its own
 * that is loaded on demand.
 *
 * @module rejoin
 */
import { loadEngine } from "./wasm/inline-loader.js";
import type { WasmSource } from "./engine.js";
import { makePublicStore } from "./store/create-store.js";
import type { BagTemplate } from "./types/bag.js";
import type { ResolveStreamCustomOptions, ResolveStreamOptions, StreamStore } from "./types/stream.js";
import type { ShownState } from "./types/bag.js";

export * from "./common.js";

/**
 * Makes a stream. Nothing is loaded, sent or read until the first command, or the first listener in a page.
 *
 * @typeParam T the state's type, or a compiled graph's
 * @throws RejoinError `invalid_option`, naming the option
 */
export function createStream<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  options: ResolveStreamOptions<T, Bag> | ResolveStreamCustomOptions<T, Bag>,
): StreamStore<ShownState<T>, Bag> {
  return makePublicStore(options, loadEngine) as StreamStore<ShownState<T>, Bag>;
}

/**
 * Loads the wasm now. This is optional, because the first stream does it. `source` is another place to load it from, for pages that
 * cannot load it the usual way. A second call loads nothing more; after a failure it tries again.
 *
 * There are two modules. The second, `rejoin_extras_bg.wasm`, has features that many pages never use: edits and regeneration, views of a
 * session, results of tools that run in the page, the history with its branches. It is loaded at its first use, from `extras` if given.
 *
 * @throws RejoinError `wasm_blocked` if the page's content security policy forbids it, `load_failed` otherwise
 */
export async function loadRejoin(source?: WasmSource, extras?: WasmSource): Promise<void> {
  await loadEngine(source, extras);
}
