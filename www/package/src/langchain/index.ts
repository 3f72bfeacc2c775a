/**
 * The drop-in for `@langchain/react` 0.3: the React hook with class messages of `@langchain/core`. The wasm is inside, as text, in a module
 * of its own that is loaded on demand.
 *
 * @module rejoin/langchain
 */
"use client";
import type { AnyOptions } from "../store/options.js";
import type { ReactNode } from "react";
import { loadEngine } from "../wasm/inline-loader.js";
import type { BagTemplate } from "../types/bag.js";
import { providerOf, type StreamProviderCustomProps, type StreamProviderProps } from "./context.js";
import { useSuspenseStreamWith, type SuspenseCache } from "./suspense.js";
import type { ResolveStreamCustomOptions, ResolveStreamOptions, StreamOf, WithSuspense } from "./types/hooks.js";
import { useClassStream } from "./use-stream.js";

export * from "./common.js";
export { createStream, loadRejoin } from "../index.js";

/**
 * A thread on an Agent Server, with class messages. Renders when something changes that was read.
 *
 * @typeParam T the state's type, an agent's (`typeof agent`), or a compiled graph's
 * @typeParam Bag types of updates, interrupts, custom events and the configurable
 */
export function useStream<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(options: ResolveStreamOptions<T, Bag>): StreamOf<T, Bag>;
/** A thread behind an endpoint of your own. */
export function useStream<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  options: ResolveStreamCustomOptions<T, Bag>,
): StreamOf<T, Bag>;
export function useStream(options: AnyOptions): unknown {
  return useClassStream(loadEngine, options);
}

/**
 * The same for components below `<Suspense>` and an error boundary. It suspends while the thread is loaded, throws the failure of a run or
 * of the loading, and shows everything else as it comes.
 *
 * @typeParam T the state's type, an agent's (`typeof agent`), or a compiled graph's
 * @typeParam Bag types of updates, interrupts, custom events and the configurable
 */
export function useSuspenseStream<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  options: ResolveStreamOptions<T, Bag> & {
    /** A cache of its own, for tests. */
    suspenseCache?: SuspenseCache;
  },
): WithSuspense<StreamOf<T, Bag>>;
export function useSuspenseStream(options: AnyOptions): unknown {
  return useSuspenseStreamWith(loadEngine, options);
}

const Provider = /* @__PURE__ */ providerOf(loadEngine);

/** Makes one stream, with `useStream`'s options as props, for everything below it. */
export function StreamProvider<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  props: StreamProviderProps<T, Bag> | StreamProviderCustomProps<T, Bag>,
): ReactNode;
export function StreamProvider(props: object): ReactNode {
  return Provider(props);
}
