/** The one error class of this package. */
import type { EngineError } from "./engine.js";
import { camelName } from "./names.js";

/**
 * Something that went wrong, with a stable code.
 *
 * `docs/errors.md` lists the codes of runs, threads and connections. This package adds:
 *
 * * `invalid_option`: an option is missing or has the wrong type; the message names it.
 * * `wasm_blocked`: the page's content security policy forbids wasm; allow `'wasm-unsafe-eval'`.
 * * `load_failed`: the wasm could not be fetched or compiled; the next command tries again.
 * * `clear_failed`: the saved threads could not be removed.
 * * `engine_failed`: the wasm failed while it ran, most likely for want of memory. The received messages stay, and the next command
 *   begins with another engine.
 * * `disposed`: the stream was disposed.
 * * `not_in_client`: Rejoin's own client does not have this method; the message names the alternative.
 */
export class RejoinError extends Error {
  /** Stable; compare this, not the message. */
  readonly code: string;
  /** The HTTP status, if there is one. */
  readonly status?: number;
  /** The server's own words, at most 500 characters. */
  readonly detail?: string;

  /** `more.name` replaces the name `RejoinError`. */
  constructor(code: string, message: string, more: { status?: number; detail?: string; name?: string; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    // The name is the server's own (`ValueError`) where the agent failed, as code written for LangGraph's SDK expects.
    this.name = more.name ?? "RejoinError";
    this.code = code;
    if (more.status !== undefined) this.status = more.status;
    if (more.detail !== undefined) this.detail = more.detail;
  }
}

/** The engine's names of options that are called otherwise here. */
const RENAMED: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ["streamModes", "streamMode"],
  ["throttleMs", "throttle"],
  ["historyLimit", "fetchStateHistory"],
  ["rejoinOnMount", "reconnectOnMount"],
  ["readsState", "loadState"],
  ["splitSubgraphs", "filterSubagentMessages"],
  ["cancelDanglingToolCalls", "cancelPendingToolCalls"],
]);

/** The error of what the engine could not read, with the option under its name here. */
export function requestError(cause: unknown): RejoinError {
  const { code = "invalid_input", message, option } = cause as { code?: string; message: string; option?: string };
  const words = option === undefined ? message : message.replace(`"${option}"`, `\`${RENAMED.get(option) ?? camelName(option)}\``);
  return new RejoinError(code, words, { cause });
}

/** The error of an option. `what` is a sentence that names it. */
export const invalidOption = (what: string): RejoinError => new RejoinError("invalid_option", what);

/** The engine's error as an `Error`. `failure` is the data of the run's last `error` event. */
export function fromEngine(error: EngineError, failure?: unknown): RejoinError {
  const { code, message, status, detail } = error;
  const more = { ...(status === undefined ? {} : { status }), ...(detail === undefined ? {} : { detail }) };
  if (code !== "run_failed") return new RejoinError(code, message.replace(/`limits\.\w+`/g, camelName), more);
  const said = (typeof failure === "object" && failure !== null ? failure : {}) as { name?: string; error?: string; message?: string };
  const words = said.message || detail || (typeof failure === "string" && failure) || message;
  return new RejoinError(code, words, { ...more, name: said.name ?? said.error ?? "StreamError" });
}

const NO_WASM = "This browser has no WebAssembly, or it is switched off, so nothing can be sent or followed here.";

/** The error of loading the wasm, by its remedy. */
export function loadError(cause: unknown): RejoinError {
  if (cause instanceof RejoinError) return cause;
  const words = cause instanceof Error ? cause.message : String(cause);
  return /unsafe-eval|content security policy|code generation disallowed/i.test(words)
    ? new RejoinError("wasm_blocked", "The page's content security policy forbids wasm; add 'wasm-unsafe-eval' to script-src.", { detail: words, cause })
    : new RejoinError("load_failed", /WebAssembly\b.*\bdefined|variable: WebAssembly/.test(words) ? NO_WASM : "The wasm of `rejoin` could not be loaded.", { detail: words, cause });
}

/** Throws outside of the current call, so that an application's mistake is seen and breaks nothing of ours. */
export function later(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
