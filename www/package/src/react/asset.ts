/**
 * Agent streams that survive reloads, sleep and bad networks: the React hook. The wasm is a file beside it, compiled while it
 * downloads.
 *
 * @module rejoin/asset/react
 */
"use client";
import { loadEngine } from "../wasm/asset-loader.js";
import type { AnyOptions } from "../store/options.js";
import type { BagTemplate, ShownState } from "../types/bag.js";
import type { ResolveStreamCustomOptions, ResolveStreamOptions, UseStream, UseStreamCustom } from "../types/stream.js";
import { useStreamWith } from "./use-stream.js";

export * from "./common.js";
export { createStream, loadRejoin } from "../asset.js";

/** A thread behind an endpoint of your own. */
export function useStream<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  options: ResolveStreamCustomOptions<T, Bag>,
): UseStreamCustom<ShownState<T>, Bag>;
/**
 * A thread on an Agent Server. Renders when something changes that was read.
 *
 * @typeParam T the state's type, or a compiled graph's
 * @typeParam Bag types of updates, interrupts, custom events and the configurable
 */
export function useStream<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  options: ResolveStreamOptions<T, Bag>,
): UseStream<ShownState<T>, Bag>;
export function useStream(options: AnyOptions): unknown {
  return useStreamWith(loadEngine, options);
}
