/** The second module, loaded on first use. Requests to it wait meanwhile, in their order. */
import type { Engine, EngineLoader } from "../engine.js";
import { loadError, type RejoinError } from "../errors.js";
import type { RunResult } from "../types/stream.js";
import { ask } from "./commands.js";
import { cacheOf, sharesOf } from "./options.js";
import { setPart } from "./publish.js";
import type { State } from "./state.js";
import { call } from "./tell.js";

/** How long it is left alone after a failure, unless a command needs it: doubled each time, up to the latter. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

/** The interface of a store to the second module. */
export interface Extras {
  /** It is wanted, whenever it can be had. */
  want(): void;
  /** It is wanted now. */
  loadNow(): void;
  /** It is there, for this engine. */
  extend(engine: Engine): void;
  /** Called if the tabs that share connections may have changed. */
  share(): void;
  /** Sends what waits, up to the first that needs what is not there. */
  drain(): void;
}

/** `conclude` ends a command that will not be sent. */
export function extrasOf(state: State, load: EngineLoader, conclude: (id: number, result: RunResult) => void): Extras {
  const { waiting } = state;
  let coming = false;
  let retryMs = RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let error: RejoinError | undefined;
  let warned = false;
  let shared: string | undefined;

  const extend = (engine: Engine): void => {
    state.extended = true;
    engine.extend((shared = sharesOf(state.options)), cacheOf(state.options));
    if (state.pageSize > 0) ask(engine, "view", { limit: state.pageSize });
  };
  const drain = (): void => {
    for (let next = waiting[0]; state.engine && next; next = waiting[0]) {
      if (next.extras && !state.extended) return loadNow();
      waiting.shift();
      next.send(state.engine);
    }
  };
  const came = (): void => {
    coming = false;
    retryMs = RETRY_MS;
    warned = false;
    if (state.error === error) state.error = undefined;
    if (state.engine && !state.extended) extend(state.engine);
    drain();
  };
  const failed = (cause: unknown): void => {
    coming = false;
    error = loadError(cause);
    const { onError, onWarning } = state.options;
    const refused = waiting.filter(({ extras }) => extras);
    const others = waiting.filter(({ extras }) => !extras);
    waiting.splice(0, waiting.length, ...others);
    // Where no command has asked for it, something is missing and nothing has failed.
    if (refused.length > 0) state.error = error;
    if (refused.length > 0) call(onError, error, undefined);
    else if (!warned) call(onWarning, error);
    warned = true;
    for (const { id } of refused) if (id) conclude(id, { outcome: "failed", error });
    if (state.pageSize > 0) setPart(state, "feed", { connection: { state: "failed" }, hasOlder: false, ready: false, generation: 0, error });
    clearTimeout(timer);
    timer = setTimeout(loadNow, retryMs);
    retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
    drain();
  };
  const loadNow = (): void => {
    if (coming || state.extended || !state.engine) return;
    coming = true;
    load.extras().then(came, failed);
  };
  return {
    want() {
      if (state.wanted) return;
      state.wanted = true;
      loadNow();
    },
    loadNow() {
      state.wanted = true;
      loadNow();
    },
    extend,
    share() {
      const now = sharesOf(state.options);
      if (state.extended && state.engine && now !== shared) state.engine.extend((shared = now));
      else if (now && !state.extended) this.want();
    },
    drain,
  };
}
