/** The common part of both loaders. */

import { bindings, name, type Bindings } from "./rejoin.js";
import { decodeText, encodeText } from "./text.js";
import { RejoinError, loadError } from "../errors.js";
import type { EngineConstructor, EngineHost, EngineLoader, WasmSource } from "../engine.js";

/** The sources of the wasm, after all promises have resolved. */
export type Wasm = Awaited<WasmSource>;

/** Gives the package's own wasm. */
type Own = () => Wasm | Promise<Wasm>;

/** One instance of the first module, and whoever has an engine of it. */
interface Loaded extends Bindings {
  exports: WebAssembly.Exports;
  hosts: Set<EngineHost>;
  /** It has failed, and nothing of it is called any more. */
  dead: boolean;
}

// Of all loaders: a page needs one instance.
let loading: Promise<EngineConstructor> | undefined;
let extending: Promise<void> | undefined;
let given: { first: WasmSource | undefined; extras: WasmSource | undefined } | undefined;
let loaded: Loaded | undefined;

/** The result of a call to a dead instance: as much of it as is read of any answer. */
const NOTHING = [0, 0, 0, 0];

/** Whether it is the engine's own failure: no memory, a stack too deep, a mistake of ours. Anything else was thrown on purpose. */
const isTrap = (cause: unknown): boolean => cause instanceof WebAssembly.RuntimeError || cause instanceof RangeError || (cause as Error | undefined)?.name === "InternalError";

/**
 * The functions of an instance, watched. One that traps has left everything in it half done: nothing of it is called again, and each
 * engine's host is told.
 */
function watched(exports: WebAssembly.Exports, of: Loaded): WebAssembly.Exports {
  const watch =
    (call: (...args: unknown[]) => unknown) =>
    (...args: unknown[]): unknown => {
      if (of.dead) return NOTHING;
      try {
        return call(...args);
      } catch (cause) {
        if (!isTrap(cause)) throw cause;
        trapped(of, cause);
        return NOTHING;
      }
    };
  return Object.fromEntries(Object.entries(exports).map(([key, value]) => [key, typeof value === "function" ? watch(value as (...args: unknown[]) => unknown) : value]));
}

function trapped(of: Loaded, cause: unknown): void {
  of.dead = true;
  // The next command loads another one.
  if (loaded === of) loaded = loading = extending = undefined;
  const words = cause instanceof Error ? cause.message : String(cause);
  const error = new RejoinError("engine_failed", "The engine has failed, most likely for want of memory. What was received stays; the next command starts another one.", { detail: words, cause });
  for (const host of of.hosts) host.trapped(error);
  of.hosts.clear();
}

/** The engines of an instance, each known while it lives. */
function engineOf(of: Loaded): EngineConstructor {
  return class extends of.Engine {
    readonly #host: EngineHost;
    constructor(options: string, host: EngineHost) {
      super(options, host);
      this.#host = host;
      of.hosts.add(host);
    }
    override dispose(): void {
      of.hosts.delete(this.#host);
      super.dispose();
    }
  };
}

/**
 * A loader: one load for all calls, tried again after a failure.
 *
 * @param own - The first module's wasm, for calls that name no source.
 * @param ownExtras - The second's.
 */
export function loader(own: Own, ownExtras: Own): EngineLoader {
  const load = async (source: WasmSource | undefined): Promise<EngineConstructor> => {
    try {
      const made = { ...bindings({ decodeText, encodeText }), hosts: new Set<EngineHost>(), dead: false };
      const { exports } = await instantiate(await (source ?? own()), made.imports());
      const of: Loaded = (loaded = Object.assign(made, { exports }));
      of.start({ exports: watched(exports, of) });
      if (of.dead) throw new Error("the wasm cannot be started");
      return engineOf(of);
    } catch (cause) {
      loading = undefined;
      throw loadError(cause);
    }
  };
  const loadExtras = async (): Promise<void> => {
    try {
      // It goes into the first one; meanwhile it can come.
      const [wasm] = await Promise.all([given?.extras ?? ownExtras(), engine()]);
      const of = loaded as Loaded;
      of.extend(watched((await instantiate(wasm, { ...of.imports(), [name]: of.exports })).exports, of));
    } catch (cause) {
      extending = undefined;
      throw loadError(cause);
    }
  };
  const engine = (source?: WasmSource, extras?: WasmSource): Promise<EngineConstructor> => {
    // What was given once is good for the next instance too, unless it can be read only once.
    given = { first: reusable(source) ?? given?.first, extras: extras ?? given?.extras };
    return (loading ??= load(source ?? given.first));
  };
  return Object.assign(engine, { extras: () => (extending ??= loadExtras()) });
}

const isResponse = (source: unknown): source is Response => typeof Response !== "undefined" && source instanceof Response;

/** A source that can be read again. */
const reusable = (source: WasmSource | undefined): WasmSource | undefined => (isResponse(source) || source instanceof Promise ? undefined : source);

async function instantiate(source: Wasm, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  const given = typeof source === "string" || source instanceof URL ? await fetch(source) : source;
  if (!isResponse(given)) {
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
