/** What both loaders share. */

import { Engine, extend, imports, name, start } from "./rejoin.js";
import { loadError } from "../errors.js";
import type { EngineConstructor, EngineLoader, WasmSource } from "../engine.js";

/** Where wasm can come from, once whatever had to be waited for has come. */
export type Wasm = Awaited<WasmSource>;

/** Gives the package's own wasm. */
type Own = () => Wasm | Promise<Wasm>;

// Of all loaders: the bindings know one module, and what it was extended by.
let loading: Promise<EngineConstructor> | undefined;
let extending: Promise<void> | undefined;
let given: WasmSource | undefined;
let first: WebAssembly.Exports;

/**
 * A loader: one load for all calls, tried again after a failure.
 *
 * @param own - The first module's wasm, for calls that name no source.
 * @param ownExtras - The second's.
 */
export function loader(own: Own, ownExtras: Own): EngineLoader {
  const load = async (source: WasmSource | undefined): Promise<EngineConstructor> => {
    try {
      first = start(await instantiate(await (source ?? own()), imports()));
      return Engine;
    } catch (cause) {
      loading = undefined;
      throw loadError(cause);
    }
  };
  const loadExtras = async (): Promise<void> => {
    try {
      // It goes into the first one; meanwhile it can come.
      const [wasm] = await Promise.all([given ?? ownExtras(), engine()]);
      extend(await instantiate(wasm, { ...imports(), [name]: first }));
    } catch (cause) {
      extending = undefined;
      throw loadError(cause);
    }
  };
  const engine = (source?: WasmSource, extras = given): Promise<EngineConstructor> => {
    given = extras;
    return (loading ??= load(source));
  };
  return Object.assign(engine, { extras: () => (extending ??= loadExtras()) });
}

async function instantiate(source: Wasm, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  const given = typeof source === "string" || source instanceof URL ? await fetch(source) : source;
  if (!(given instanceof Response)) {
    // Bytes give both, a module gives the instance alone.
    const made: object = await WebAssembly.instantiate(given, imports);
    return made instanceof WebAssembly.Instance ? made : (made as WebAssembly.WebAssemblyInstantiatedSource).instance;
  }
  if (!given.ok) throw new Error(`${given.url} was answered with ${given.status}`);
  // Only what is served as wasm can be compiled while it comes.
  const streams = given.headers.get("content-type")?.startsWith("application/wasm");
  const { instance } = streams
    ? await WebAssembly.instantiateStreaming(given, imports)
    : await WebAssembly.instantiate(await given.arrayBuffer(), imports);
  return instance;
}
