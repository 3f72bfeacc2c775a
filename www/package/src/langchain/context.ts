/** One stream for a whole subtree. */
import { createContext, createElement, useContext, type ReactNode } from "react";
import type { EngineLoader } from "../engine.js";
import type { AnyOptions } from "../store/options.js";
import { useClassStream } from "./use-stream.js";

const Context = /* @__PURE__ */ createContext<object | null>(null);

/** The provider for one way of loading the wasm. */
export const providerOf =
  (load: EngineLoader) =>
  ({ children, ...options }: AnyOptions & { children?: ReactNode }): ReactNode =>
    createElement(Context.Provider, { value: useClassStream(load, options) }, children);

/** The stream of the nearest provider. */
export function useProvided(): object {
  const stream = useContext(Context);
  if (!stream) throw new Error("useStreamContext must be used within a <StreamProvider>: render one above this component.");
  return stream;
}
