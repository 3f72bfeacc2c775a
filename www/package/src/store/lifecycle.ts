/** An engine's life: loaded when it is first needed, told what waited for it, let go, and another one in its place when it fails. */
import { withPlainMessages } from "../class-messages.js";
import type { Engine, EngineConstructor, EngineHost, EngineLoader } from "../engine.js";
import { loadError, requestError, type RejoinError } from "../errors.js";
import type { RunResult } from "../types/stream.js";
import type { Ahead } from "./ahead.js";
import { ask, settle } from "./commands.js";
import { extrasOf, type Extras } from "./extras.js";
import { modesOf } from "./modes.js";
import { prepareFetch } from "./network.js";
import { engineOptions, eventsToHear, needsExtras, storageOf } from "./options.js";
import { publish, showTyped } from "./publish.js";
import type { State } from "./state.js";
import { call } from "./tell.js";

/** So long nothing begins for want of a module that it can do without, in milliseconds. */
const WITHOUT_MS = 1_000;

/** The interface of a store to its engine's life. */
export interface Lifecycle {
  readonly extras: Extras;
  /** Makes an engine, if there is none and there is to be one. */
  start(): void;
  /** Asks for something now, or when what it needs is there; after what was asked before. */
  withEngine(send: (engine: Engine) => void, needs?: { id?: number; extras?: boolean }): void;
  /** Drops the engine. Unfinished commands end; runs go on. */
  close(): void;
  /** The engine has failed. */
  trapped(error: RejoinError): void;
  /** The next engine shows what is shown now until the server has answered. */
  revive(): void;
  /** A command is done. */
  conclude(id: number, result: RunResult): void;
  /** Tells the engine which events are wanted by now. */
  hear(): void;
  /** Gives the engine the application's own thread data. */
  provideHistory(): void;
}

/** The life of a store's engines. `host` is asked for each. */
export function lifecycleOf(state: State, load: EngineLoader, host: () => EngineHost, ahead: Ahead): Lifecycle {
  const { commands, waiting } = state;
  let starting = false;
  let began = false;
  let revived = false;
  let heard = "";

  const hear = (): void => {
    const names = eventsToHear(state.options, state.tracked);
    if (!state.engine || names.join() === heard) return;
    heard = names.join();
    ask(state.engine, "events", { names });
  };
  const conclude = (id: number, result: RunResult): void => {
    const command = commands.get(id);
    if (!command) return;
    commands.delete(id);
    if (result.error !== undefined) call(command.onError, result.error, command.run);
    publish(state);
    settle(command, result);
  };
  /** Everything that waits ends as failed; what was received stays, and the next command makes another engine. */
  const trapped = (error: RejoinError): void => {
    state.engine = state.status = undefined;
    state.extended = false;
    waiting.length = 0;
    heard = "";
    revived = true;
    state.error = error;
    call(state.options.onError, error, state.run);
    for (const id of [...commands.keys()]) conclude(id, { outcome: "failed", error });
    publish(state);
  };

  /** The application's own thread data. */
  const provideHistory = (): void => {
    const { engine, options } = state;
    const states = options.thread?.data;
    if (engine && states) withEngine((to) => ask(to, "history", { states: withPlainMessages(states) }), { extras: true });
  };

  const begun = (Engine: EngineConstructor, isWhole: boolean): void => {
    starting = false;
    const { options, thread } = state;
    if (state.over || state.gone) return;
    // What was shown before it went away is shown again until the server has answered.
    const shown = revived ? state.snapshot.peek() : withPlainMessages(options.initialValues);
    const engine = new Engine(engineOptions(options, modesOf(state), shown as object | null), { ...host(), storage: storageOf(options) });
    state.engine = engine;
    state.error = undefined;
    if (isWhole) extras.extend(engine);
    else if (state.wanted) extras.loadNow();
    hear();
    ahead.begins(thread);
    if (thread !== null) ask(engine, "thread", { thread_id: thread });
    provideHistory();
    extras.drain();
  };

  const startFailed = (cause: unknown): void => {
    starting = false;
    const { code } = (cause ?? {}) as { code?: string };
    const error = code === "invalid_option" ? requestError(cause) : loadError(cause);
    waiting.length = 0;
    ahead.drop();
    state.error = error;
    state.status = undefined;
    call(state.options.onError, error, undefined);
    for (const [id, { typed }] of [...commands]) {
      showTyped(state, typed);
      conclude(id, { outcome: "failed", error });
    }
    revived = true;
    publish(state);
  };

  const start = (): void => {
    if (state.engine || starting || state.over || state.gone) return;
    starting = true;
    prepareFetch(state.options);
    // What another engine has changed would not be in it.
    if (!began && state.thread !== null) ahead.ask(state.options, state.thread);
    began = true;
    // Without what an option needs nothing begins; what somebody only looks at may come later.
    const needed = needsExtras(state.options);
    const extended = state.wanted && load.extras().then(() => true, (cause) => (needed ? Promise.reject(cause) : false));
    const without = new Promise<false>((resolve) => extended && !needed && setTimeout(resolve, WITHOUT_MS, false));
    Promise.all([load(), extended && Promise.race([extended, without])])
      .then(([Engine, isWhole]) => begun(Engine, isWhole))
      .catch(startFailed);
  };

  /** Now, or when what it needs is there; after what was asked before. */
  const withEngine = (send: (engine: Engine) => void, needs: { id?: number; extras?: boolean } = {}): void => {
    waiting.push({ id: needs.id, extras: needs.extras ?? false, send });
    if (needs.extras) state.wanted = true;
    if (state.engine) extras.drain();
    else start();
  };
  const extras = extrasOf(state, load, conclude);

  const close = (): void => {
    const { engine } = state;
    state.engine = state.status = undefined;
    state.extended = false;
    waiting.length = 0;
    heard = "";
    ahead.drop();
    engine?.dispose();
    // What the engine has not concluded by itself ends here; runs go on.
    for (const id of [...commands.keys()]) conclude(id, { outcome: "disconnected" });
    // The engine may be below us on the stack.
    if (engine) queueMicrotask(() => engine.free());
  };

  return { extras, start, withEngine, close, trapped, revive: () => (revived = true), conclude, hear, provideHistory };
}
