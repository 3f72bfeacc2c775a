/** What both loaders share. */

import init, { Engine } from "./rejoin.js";
import { RejoinError } from "../errors.js";
import type { EngineConstructor, EngineLoader, WasmSource } from "../engine.js";

/** What the bindings take. */
export type Input = Parameters<typeof init>[0];

/**
 * A loader: one load for all calls, tried again after a failure.
 *
 * @param own - Gives the package's own wasm, for calls that name no source.
 */
export function loader(own: () => Input | Promise<Input>): EngineLoader {
  let loading: Promise<EngineConstructor> | undefined;
  return (source?: WasmSource) =>
    (loading ??= load(source, own).catch((cause: unknown) => {
      loading = undefined;
      throw failure(cause);
    }));
}

async function load(source: WasmSource | undefined, own: () => Input | Promise<Input>): Promise<EngineConstructor> {
  const input = source === undefined ? await own() : source;
  await init({ module_or_path: input });
  return Engine;
}

function failure(cause: unknown): RejoinError {
  const words = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  // Engines name the policy in their words; all name WebAssembly or eval too.
  const blocked = /content.security|unsafe-eval|CSP/i.test(words);
  const advice = blocked
    ? "The page's Content-Security-Policy does not allow WebAssembly: add 'wasm-unsafe-eval' to its script-src."
    : "Check that the .wasm file is served with the page, or pass loadRejoin where it is.";
  return new RejoinError("wasm_load_failed", `Rejoin's WebAssembly could not be loaded. ${advice} (${words})`, { cause });
}
