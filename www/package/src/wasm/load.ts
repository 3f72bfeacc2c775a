/** What both loaders share. */

import { Engine, imports, start } from "./rejoin.js";
import { loadError } from "../errors.js";
import type { EngineConstructor, EngineLoader, WasmSource } from "../engine.js";

/** Where wasm can come from, once whatever had to be waited for has come. */
export type Wasm = Awaited<WasmSource>;

// Of all loaders: the bindings know one module.
let loading: Promise<EngineConstructor> | undefined;

/**
 * A loader: one load for all calls, tried again after a failure.
 *
 * @param own - Gives the package's own wasm, for calls that name no source.
 */
export function loader(own: () => Wasm | Promise<Wasm>): EngineLoader {
  const load = async (source: WasmSource | undefined): Promise<EngineConstructor> => {
    try {
      start(await instantiate(await (source ?? own())));
      return Engine;
    } catch (cause) {
      loading = undefined;
      throw loadError(cause);
    }
  };
  return (source) => (loading ??= load(source));
}

async function instantiate(source: Wasm): Promise<WebAssembly.Instance> {
  const given = typeof source === "string" || source instanceof URL ? await fetch(source) : source;
  if (!(given instanceof Response)) {
    // Bytes give both, a module gives the instance alone.
    const made: object = await WebAssembly.instantiate(given, imports());
    return made instanceof WebAssembly.Instance ? made : (made as WebAssembly.WebAssemblyInstantiatedSource).instance;
  }
  if (!given.ok) throw new Error(`${given.url} was answered with ${given.status}`);
  // Only what is served as wasm can be compiled while it comes.
  const streams = given.headers.get("content-type")?.startsWith("application/wasm");
  const { instance } = streams
    ? await WebAssembly.instantiateStreaming(given, imports())
    : await WebAssembly.instantiate(await given.arrayBuffer(), imports());
  return instance;
}
