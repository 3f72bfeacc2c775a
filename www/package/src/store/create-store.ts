/** The store: one engine, loaded when it is first needed, and what it shows. */
import type { Engine, EngineConstructor, EngineHost, EngineLoader } from "../engine.js";
import { invalidOption, later, loadError, RejoinError } from "../errors.js";
import { EMPTY } from "../messages.js";
import { newMemory } from "../subagents.js";
import type { JoinOptions, SubmitOptions, ToolResultInput } from "../types/options.js";
import type { StreamMode } from "../types/schema.js";
import type { RunPromise, RunResult, StreamStore } from "../types/stream.js";
import { ask, disposed, promised, replacementOf, resultOf, settle, submissionOf, type EditAt, type InPlaceOf, type Pending } from "./commands.js";
import { extrasOf } from "./extras.js";
import { blank, firstFrame } from "./frame.js";
import { resolveCheckpoint } from "./checkpoints.js";
import { fetchFor, headersOf, prepareFetch } from "./network.js";
import { orderNodes } from "./nodes.js";
import { callbackModes, engineOptions, eventsToHear, needsExtras, problemOf, storageOf, type AnyOptions } from "./options.js";
import { newState, type Snapshot, type StoreKind, type Values } from "./state.js";
import { call, eventOf, layer, noticeOf, restore, runTools, tellStatus } from "./tell.js";
import { sources } from "../view/source.js";
import { frameHost, publish, setPart, valuesNow } from "./publish.js";

/** The store with what the React hook needs beside it. */
export interface InnerStore extends StreamStore<any, any> {
  getSnapshot: () => Snapshot;
  getServerSnapshot: () => Snapshot;
  /** The thread that is shown, at once also where the snapshot is a frame behind. */
  threadId: () => string | null;
}

/** Makes a store. Touches nothing: the wasm is loaded by the first command, listener (in a page), or thread. */
export function makeStore(first: AnyOptions, load: EngineLoader, kind: StoreKind): InnerStore {
  const track = (...modes: StreamMode[]): void => {
    const before = state.tracked.size;
    for (const mode of modes) state.tracked.add(mode);
    if (state.tracked.size > before) hear();
  };
  const state = newState(first, kind, track, () => extras.want());
  const { commands, waiting, listeners } = state;
  let starting = false;
  let revived = false;
  let toldProblem = false;
  let nextCommand = 1;
  let heard = "";

  const hear = (): void => {
    const names = eventsToHear(state.options, state.tracked);
    if (!state.engine || names.join() === heard) return;
    heard = names.join();
    ask(state.engine, "events", { names });
  };
  const modesNow = (): StreamMode[] => {
    const { options, tracked } = state;
    const modes = new Set([...(options.streamMode ?? []), ...tracked, ...callbackModes(options)]);
    if (modes.size === 0) modes.add("values").add("messages-tuple");
    // Of a state that is not read, none is streamed either: what the agent asks comes with the updates.
    if (options.loadState === false && modes.delete("values")) modes.add("updates");
    return [...modes];
  };

  const mutate = (update: Values | ((prev: Values) => Values)): void => {
    const shown = valuesNow(state);
    const laid = layer(shown, typeof update === "function" ? update(shown) : update);
    if (Object.keys(laid).length === 0) return;
    state.overlay = { ...state.overlay, ...laid };
    withEngine((to) => ask(to, "values", { values: laid }));
  };

  // --- the engine ---

  const conclude = (id: number, result: RunResult): void => {
    const command = commands.get(id);
    if (!command) return;
    commands.delete(id);
    if (result.error !== undefined) call(command.onError, result.error, command.run);
    publish(state);
    settle(command, result);
  };
  /** The oldest command with that: submissions through a transport run one after another. */
  const oldest = (what: "payload" | "filter"): Pending | undefined => [...commands.values()].find((command) => command[what] !== undefined);

  const host: EngineHost = {
    ...frameHost(state, (before, now) => tellStatus(state, before, now)),
    fetch: fetchFor({ options: () => state.options, payload: () => oldest("payload")?.payload, failed: (error) => (state.thrown = error), filter: () => oldest("filter")?.filter }),
    headers: (refresh) => headersOf(state.options, refresh),
    resolveCheckpoint: (command, parents) => resolveCheckpoint(state, command, parents),
    commit() {
      publish(state);
      runTools(state, (resume) => void submit(null, { command: { resume }, multitaskStrategy: "interrupt" })).catch(later);
      restore(state).catch(later);
    },
    event: eventOf(state, mutate as (update: any) => void),
    notice: noticeOf(state),
    concluded(id, outcome, error) {
      const result = resultOf(outcome, error, state.status?.error, state.failure);
      // What failed before there was a run is told by nothing else. A page that could not be read is its view's to tell.
      if (outcome === "failed" && result.error?.code !== state.ended && commands.get(id)?.kind !== "older") call(state.options.onError, result.error, undefined);
      if (state.thrown !== undefined && result.error) result.error = state.thrown as RejoinError;
      // With the application's own thread data its state comes later, and is told before the command is done.
      if (state.options.thread) void state.telling.finally(() => conclude(id, result));
      else conclude(id, result);
    },
  };

  /** The application's own thread data. */
  const provideHistory = (): void => {
    const { engine, options } = state;
    const states = options.thread?.data;
    if (engine && states) withEngine((to) => ask(to, "history", { states }), { extras: true });
  };

  const begun = (Engine: EngineConstructor, isWhole: boolean): void => {
    starting = false;
    const { options, thread } = state;
    if (state.over || state.gone) return;
    // What was shown before it went away is shown again until the server has answered.
    const shown = revived ? state.snapshot.peek() : options.initialValues;
    const engine = new Engine(engineOptions(options, modesNow(), shown as object | null), { ...host, storage: storageOf(options) });
    state.engine = engine;
    state.error = undefined;
    if (isWhole) extras.extend(engine);
    else if (state.wanted) extras.bring();
    hear();
    if (thread !== null) ask(engine, "thread", { thread_id: thread });
    provideHistory();
    extras.drain();
  };

  const notBegun = (cause: unknown): void => {
    starting = false;
    const { code } = (cause ?? {}) as { code?: string };
    const error = code === "invalid_option" ? invalidOption((cause as Error).message) : loadError(cause);
    waiting.length = 0;
    state.error = error;
    state.status = undefined;
    call(state.options.onError, error, undefined);
    for (const id of [...commands.keys()]) conclude(id, { outcome: "failed", error });
    publish(state);
  };

  const start = (): void => {
    if (state.engine || starting || state.over || state.gone) return;
    starting = true;
    prepareFetch(state.options);
    // Without what an option needs nothing begins; what somebody only looks at may come later.
    const needed = needsExtras(state.options);
    const whole = state.wanted && load.extras().then(() => true, (cause) => (needed ? Promise.reject(cause) : false));
    Promise.all([load(), whole])
      .then(([Engine, isWhole]) => begun(Engine, isWhole))
      .catch(notBegun);
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
    engine?.dispose();
    // What the engine has not concluded by itself ends here; runs go on.
    for (const id of [...commands.keys()]) conclude(id, { outcome: "disconnected" });
    // The engine may be below us on the stack.
    if (engine) queueMicrotask(() => engine.free());
  };

  // --- commands ---

  const refusal = (throwOnError: boolean | undefined, result: RunResult): RunPromise =>
    (throwOnError ? Promise.reject(result.error) : Promise.resolve(result)) as RunPromise;
  const isClosed = (): boolean => state.over || state.gone;
  const closed = (throwOnError: boolean | undefined): RunPromise =>
    refusal(throwOnError, kind.problem ? { outcome: "failed", error: kind.problem } : { outcome: "disposed", error: disposed() });

  const begin = (command: Omit<Pending, "resolve" | "reject">, send: (engine: Engine, id: number) => void, ofExtras = false): RunPromise => {
    const made = promised(command);
    const id = nextCommand++;
    commands.set(id, made.command);
    if (command.kind !== "older") state.ended = undefined;
    // What is shown stays as it is until there is more than a wish.
    if (!command.quiet) {
      state.error = state.failure = state.thrown = undefined;
      if (state.frame.tools.length > 0) setPart(state, "tools", []);
    }
    withEngine((to) => {
      try {
        send(to, id);
      } catch (cause) {
        const { code = "invalid_input", message } = cause as RejoinError;
        const error = new RejoinError(code, message, { cause });
        call(state.options.onError, error, undefined);
        conclude(id, { outcome: "failed", error });
      }
    }, { id, extras: ofExtras });
    publish(state);
    return made.promise;
  };

  /** JSON of what an application gave, or the promise of an error. */
  const written = (make: () => string, throwOnError: boolean | undefined): string | RunPromise => {
    try {
      return make();
    } catch (cause) {
      const error = new RejoinError("invalid_input", "What was submitted cannot be written as JSON.", { cause });
      call(state.options.onError, error, undefined);
      return refusal(throwOnError, { outcome: "failed", error });
    }
  };

  const submit = (values: unknown, given?: SubmitOptions<any, any>, edit?: EditAt | InPlaceOf): RunPromise => {
    const asked = given ?? {};
    const { throwOnError = false, optimisticValues, onError, config, context, command, streamSubgraphs } = asked;
    if (isClosed()) return closed(throwOnError);
    const submission = written(() => {
      const now = valuesNow(state);
      const laid = optimisticValues && layer(now, typeof optimisticValues === "function" ? optimisticValues(now) : optimisticValues);
      return submissionOf(values, asked, [...new Set([...(asked.streamMode ?? []), ...modesNow()])], laid, edit);
    }, throwOnError);
    if (typeof submission !== "string") return submission;
    const made: Omit<Pending, "resolve" | "reject"> = { kind: "submit", quiet: !!edit, run: undefined, throwOnError, onError };
    if (state.options.transport) {
      made.payload = { input: values, context, command, config: config as Values | undefined };
      if (streamSubgraphs !== undefined) made.payload.streamSubgraphs = streamSubgraphs;
    }
    return begin(made, (to, id) => to.send(!edit ? "submission" : "id" in edit ? "replace" : "edit", submission, id), !!edit);
  };

  const resume = (answer: unknown, given?: SubmitOptions<any, any>): RunPromise => submit(null, { ...given, command: { ...given?.command, resume: answer } });

  const addToolResult = ({ toolCallId, result, isError, artifact }: ToolResultInput): RunPromise => {
    if (isClosed()) return closed(false);
    const sent = written(() => JSON.stringify({ tool_call_id: toolCallId, content: result ?? null, is_error: isError, artifact }), false);
    if (typeof sent !== "string") return sent;
    return begin({ kind: "result", quiet: true, run: undefined, throwOnError: false, payload: null }, (to, id) => {
      ask(to, "modes", { modes: modesNow() });
      to.send("result", sent, id);
    }, true);
  };

  const join = (runId: string | undefined, lastEventId: string | undefined, given: JoinOptions = {}): RunPromise => {
    const { streamMode, filter, throwOnError = false } = given;
    if (isClosed()) return closed(throwOnError);
    const asked = { run_id: runId, last_event_id: lastEventId, stream_mode: typeof streamMode === "string" ? [streamMode] : streamMode };
    const run = runId && state.thread ? { run_id: runId, thread_id: state.thread } : undefined;
    if (run) state.run = run;
    const made: Omit<Pending, "resolve" | "reject"> = { kind: "join", run, throwOnError };
    if (filter && runId) made.filter = { runId, keep: filter };
    return begin(made, (to, id) => ask(to, "join", asked, id));
  };

  const leave = async (cancels: boolean): Promise<void> => {
    const { engine, options } = state;
    if (isClosed()) return;
    call(options.onStop, { mutate: mutate as (update: any) => void });
    // Nothing of it was sent yet, and nothing will be.
    for (const { id = 0 } of waiting.splice(0)) conclude(id, { outcome: "disconnected" });
    ask(engine, cancels ? "cancel" : "stop", {});
  };

  const switchThread = (threadId: string | null): void => {
    if (isClosed() || threadId === state.thread) return;
    const { source } = state;
    source.memo.clear();
    source.subagentMemory = newMemory();
    state.handled.clear();
    state.dirty.clear();
    for (const list of state.open.values()) list.ids = EMPTY.ids;
    orderNodes(state.nodes, []);
    state.nodesChanged = false;
    state.thread = threadId;
    state.run = state.error = state.status = undefined;
    state.cancelled = false;
    state.overlay = {};
    state.changes = blank({});
    state.frame = { ...state.frame, status: firstFrame(threadId, threadId !== null, {}, "").status };
    // An engine that is still to be made begins on this thread.
    if (state.engine) ask(state.engine, "thread", { thread_id: threadId });
    else start();
    call(state.options.onThreadId, threadId as string);
    publish(state);
  };

  const older = (): RunPromise =>
    isClosed() ? closed(false) : begin({ kind: "older", quiet: true, run: undefined, throwOnError: false }, (to, id) => ask(to, "older", {}, id), true);

  const setPageSize = (limit: number): void => {
    state.pageSize = limit;
    if (state.extended) ask(state.engine, "view", { limit });
    else if (limit > 0) extras.bring();
  };

  const store: InnerStore = {
    subscribe(listener) {
      // The same function may listen twice, and each ends by itself.
      const own = (): void => listener();
      listeners.add(own);
      revived ||= state.gone;
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
      hear();
      const { thread } = state.options;
      if (!thread || thread === before) return;
      if (thread.data !== before?.data) provideHistory();
      publish(state);
    },
    submit: (values, asked) => submit(values, asked),
    edit: (message_id, replacement, asked) => submit(replacementOf(replacement, state.source.messagesKey), asked, { kind: "message", message_id }),
    regenerate: (message_id, asked) => submit(null, asked, { kind: "answer", message_id }),
    takeBack: (id) => void (isClosed() || withEngine((to) => ask(to, "take_back", { id }), { extras: true })),
    sendNow: (id) => void (isClosed() || withEngine((to) => ask(to, "send_now", { id }), { extras: true })),
    replaceWaiting: (id, values, asked) => submit(values, asked, { id }),
    retry: (asked) => submit(null, asked, { kind: "failed" }),
    respond(value, { interruptId, ...asked } = {}) {
      // Of several the one that is shown: the others wait for tools.
      const [only, more] = state.snapshot.interrupts;
      const id = interruptId ?? (more || state.frame.interrupts().length < 2 ? undefined : only?.id);
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

/** Checks the options and makes a store of the application's own. Throws where they are wrong. */
export function makePublicStore(options: AnyOptions, load: EngineLoader): StreamStore<any, any> {
  const problem = problemOf(options);
  if (problem) throw problem;
  return makeStore(options, load, { modes: ["values", "messages-tuple"], untended: false });
}
