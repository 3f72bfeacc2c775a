/** The store: one engine, loaded when it is first needed, and what it shows. */
import { withPlainMessages } from "../class-messages.js";
import type { EngineHost, EngineLoader } from "../engine.js";
import { later, type RejoinError } from "../errors.js";
import type { StreamStore } from "../types/stream.js";
import { sources } from "../view/source.js";
import { aheadOf } from "./ahead.js";
import { resolveCheckpoint } from "./checkpoints.js";
import { ask, replacementOf, resultOf, type Pending } from "./commands.js";
import { lifecycleOf } from "./lifecycle.js";
import { fetchFor, headersOf } from "./network.js";
import { problemOf, type AnyOptions } from "./options.js";
import { momentHost, publish } from "./publish.js";
import { requestsOf } from "./requests.js";
import { newState, type Snapshot, type StoreKind, type Values } from "./state.js";
import { call, eventOf, noticeOf, restore, runTools, tellStatus } from "./tell.js";

declare const process: { env: { NODE_ENV?: string } };

/** Warns of unknown options in development. Bundlers replace the condition, so production builds do not contain this. */
function checkNames(options: AnyOptions): void {
  try {
    if (process.env.NODE_ENV === "production") return;
    const tell = (error: RejoinError): void => (options.onWarning ? call(options.onWarning, error) : console.warn(`[rejoin] ${error.message}`));
    import("./unknown-options.js").then(({ warnOfUnknownOptions }) => warnOfUnknownOptions(options, tell), later);
  } catch {
    // A page without a bundler.
  }
}

/** The store with what the React hook needs beside it. */
export interface InnerStore extends StreamStore {
  getSnapshot: () => Snapshot;
  getServerSnapshot: () => Snapshot;
  /** The thread that is shown, at once also where the snapshot is a frame behind. */
  threadId: () => string | null;
}

/** Makes a store. Touches nothing: the wasm is loaded by the first command, listener (in a page), or thread. */
export function makeStore(first: AnyOptions, load: EngineLoader, kind: StoreKind): InnerStore {
  const state = newState(
    first,
    kind,
    (...modes) => {
      const before = state.tracked.size;
      for (const mode of modes) state.tracked.add(mode);
      if (state.tracked.size > before) lifecycle.hear();
    },
    () => lifecycle.extras.want(),
  );
  const { commands, listeners } = state;
  const ahead = aheadOf();
  const lifecycle = lifecycleOf(state, load, () => host, ahead);
  const { start, withEngine, close, conclude, extras } = lifecycle;
  const { mutate, isClosed, submit, editAt, resume, addToolResult, join, leave, switchThread, older } = requestsOf(state, lifecycle);
  checkNames(first);
  let toldProblem = false;

  /** The oldest command with that: submissions through a transport run one after another. */
  const oldest = (what: "payload" | "filter"): Pending | undefined => [...commands.values()].find((command) => command[what] !== undefined);

  const host: EngineHost = {
    ...momentHost(state, (before, now) => tellStatus(state, before, now)),
    fetch: fetchFor({ options: () => state.options, payload: () => oldest("payload")?.payload, failed: (error) => (state.thrown = error), early: ahead.take, filter: () => oldest("filter")?.filter }),
    headers: (refresh) => headersOf(state.options, refresh),
    resolveCheckpoint: (command, parents) => resolveCheckpoint(state, command, parents),
    commit() {
      publish(state);
      runTools(state, (resume) => void submit(null, { command: { resume }, multitaskStrategy: "interrupt" })).catch(later);
      restore(state).catch(later);
    },
    event: eventOf(state, mutate as (update: unknown) => void),
    notice: noticeOf(state, () => extras.loadNow()),
    concluded(id, outcome, error) {
      const result = resultOf(outcome, error, state.status?.error, state.failure);
      // What failed before there was a run is told by nothing else. A page that could not be read is its view's to tell.
      if (outcome === "failed" && result.error?.code !== state.ended && commands.get(id)?.kind !== "older") call(state.options.onError, result.error, undefined);
      if (state.thrown !== undefined && result.error) result.error = state.thrown as RejoinError;
      // With the application's own thread data its state comes later, and is told before the command is done.
      if (state.options.thread) void state.telling.finally(() => conclude(id, result));
      else conclude(id, result);
    },
    trapped: lifecycle.trapped,
  };

  const setPageSize = (limit: number): void => {
    state.pageSize = limit;
    if (state.extended) ask(state.engine, "view", { limit });
    else if (limit > 0) extras.loadNow();
  };

  const store: InnerStore = {
    subscribe(listener) {
      // The same function may listen twice, and each ends by itself.
      const own = (): void => listener();
      listeners.add(own);
      if (state.gone) lifecycle.revive();
      state.gone = false;
      // Told where somebody listens, as a listener is what a mounted component has.
      if (kind.problem && !toldProblem) call(state.options.onError, kind.problem, undefined);
      toldProblem = true;
      if (kind.untended || typeof document !== "undefined" || state.thread !== null) start();
      return () => {
        listeners.delete(own);
        // StrictMode and fast refresh listen again at once.
        if (!kind.untended || listeners.size > 0) return;
        queueMicrotask(() => {
          if (listeners.size > 0 || isClosed()) return;
          state.gone = true;
          close();
        });
      };
    },
    getSnapshot: () => state.snapshot,
    getServerSnapshot: () => state.first,
    setOptions(next) {
      const before = state.options.thread;
      state.options = { ...state.options, ...next } as AnyOptions;
      lifecycle.hear();
      extras.share();
      const { thread } = state.options;
      if (!thread || thread === before) return;
      if (thread.data !== before?.data) lifecycle.provideHistory();
      publish(state);
    },
    submit: (values, asked) => submit(values, asked),
    edit: (messageId, replacement, asked) => editAt("message", messageId, replacementOf(withPlainMessages(replacement), state.source.messagesKey), asked),
    regenerate: (messageId, asked) => editAt("answer", messageId, null, asked),
    retry: (asked) => submit(null, asked, { kind: "failed" }),
    takeBack: (id) => void (isClosed() || withEngine((to) => ask(to, "take_back", { id }), { extras: true })),
    sendNow: (id) => void (isClosed() || withEngine((to) => ask(to, "send_now", { id }), { extras: true })),
    replaceWaiting: (id, values, asked) => submit(values, asked, { id }),
    respond(value, { interruptId, ...asked } = {}) {
      if (value === undefined) return resume(undefined, asked);
      // Of several the one that is shown: the others wait for tools.
      const [only, more] = state.snapshot.interrupts;
      const id = interruptId ?? (more || state.moment.interrupts().length < 2 ? undefined : only?.id);
      return resume(id === undefined ? value : { [id]: value }, asked);
    },
    respondAll: resume,
    addToolResult,
    canEdit: (id) => state.snapshot.canEdit(id),
    canRegenerate: (id) => state.snapshot.canRegenerate(id),
    stop: () => leave(state.options.cancelOnStop ?? false),
    cancel: () => leave(true),
    joinStream: (runId, lastEventId, asked) => join(runId, lastEventId ?? "-1", asked),
    rejoin: (asked) => join(undefined, undefined, asked),
    switchThread,
    setBranch: (branch) => void (isClosed() || withEngine((to) => ask(to, "branch", { branch }), { extras: true })),
    mutate: (update) => void (isClosed() || mutate(update as Values)),
    dispose() {
      if (state.over) return;
      state.over = true;
      close();
      listeners.clear();
      for (const { ended } of state.views) ended();
    },
    threadId: () => state.thread,
    client: state.client,
    assistantId: first.assistantId ?? "",
  };
  sources.set(store, { state, older, setPageSize });
  return store;
}

/** Checks the options and makes a store for the application, with the state type of its entry. Throws if they are wrong. */
export function makePublicStore(given: object, load: EngineLoader): object {
  const options = given as AnyOptions;
  const problem = problemOf(options);
  if (problem) throw problem;
  return makeStore(options, load, { modes: ["values", "messages-tuple"], untended: false });
}
