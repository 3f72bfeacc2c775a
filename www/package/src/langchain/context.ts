/** One stream for a whole subtree. */
import { createContext, createElement, useContext, type ReactNode } from "react";
import type { EngineLoader } from "../engine.js";
import type { AnyOptions } from "../store/options.js";
import type { BagTemplate } from "../types/bag.js";
import type { ResolveStreamCustomOptions, ResolveStreamOptions, StreamOf } from "./types/hooks.js";
import { useClassStream } from "./use-stream.js";

const Context = /* @__PURE__ */ createContext<object | null>(null);

/** The provider for one way of loading the wasm. */
export const providerOf =
  (load: EngineLoader) =>
  ({ children, ...options }: AnyOptions & { children?: ReactNode }): ReactNode =>
    createElement(Context.Provider, { value: useClassStream(load, options) }, children);

/** Props of `StreamProvider`. */
export type StreamProviderProps<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = ResolveStreamOptions<T, Bag> & {
  /** The components that use the stream. */
  children: ReactNode;
};

/** Props of `StreamProvider` with a transport of your own. */
export type StreamProviderCustomProps<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = ResolveStreamCustomOptions<T, Bag> & {
  /** The components that use the stream. */
  children: ReactNode;
};

/** The stream of the nearest `StreamProvider`. Throws if there is none. */
export function useStreamContext<T = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(): StreamOf<T, Bag>;
export function useStreamContext(): unknown {
  const stream = useContext(Context);
  if (!stream) throw new Error("useStreamContext must be used within a <StreamProvider>: render one above this component.");
  return stream;
}
