/** The store: one engine, loaded when it is first needed, and what it shows. */
import { Changed, type Engine, type EngineConstructor, type EngineHost, type EngineLoader, type EngineSequence, type EngineStatus } from "../engine.js";
import { fromEngine, invalidOption, later, loadError, RejoinError } from "../errors.js";
import { runHeadlessTools, toolOfInterrupt } from "../headless-tools.js";
import { cellOf, closeList, EMPTY, grown, openCells, type MessageList, type OpenList } from "../messages.js";
import { restoreSubagents } from "../subagent-history.js";
import { newMemory } from "../subagents.js";
import { progressed } from "../tool-progress.js";
import type { ToolsEventData } from "../types/events.js";
import type { JoinOptions, RunCallbackMeta, SubmitOptions } from "../types/options.js";
import type { Interrupt, StreamMode, ThreadState } from "../types/schema.js";
import type { RunPromise, RunResult, StreamStore } from "../types/stream.js";
import { callEvent, factOf, mutation } from "./callbacks.js";
import { disposed, promised, resultOf, settle, submissionOf, type Pending } from "./commands.js";
import { blank, firstFrame, lazy, type Frame } from "./frame.js";
import { clientFor, fetchFor, headersOf } from "./network.js";
import { callbackModes, engineOptions, eventsToHear, historyLimitOf, problemOf, storageOf, type AnyOptions } from "./options.js";
import { snapshotOf, subagentsIn, type SnapshotSource } from "./snapshot.js";

type Values = Record<string, unknown>;
type Snapshot = ReturnType<typeof snapshotOf>;

/** The store with what the React hook needs beside it. */
export interface InnerStore extends StreamStore<any, any> {
  getSnapshot: () => Snapshot;
  getServerSnapshot: () => Snapshot;
  /** The thread that is shown, at once also where the snapshot is a frame behind. */
  threadId: () => string | null;
  track: (...modes: StreamMode[]) => void;
}

/** What differs between a store of the application's own and a hook's. */
export interface StoreKind {
  /** Streamed whatever is read. */
  modes: StreamMode[];
  /** Whether the engine goes when nobody listens, and comes back when somebody does. */
  untended: boolean;
  /** What is wrong with the options: it is shown, and nothing is done. */
  problem?: RejoinError | undefined;
}

/** Makes a store. Touches nothing: the wasm is loaded by the first command, listener (in a page), or thread. */
export function makeStore(first: AnyOptions, load: EngineLoader, kind: StoreKind): InnerStore {
  let options: AnyOptions = first;
  let engine: Engine | undefined;
  let starting = false;
  let over = kind.problem !== undefined;
  let gone = false;
  let toldProblem = false;
  let revived = false;
  let nextCommand = 1;
  let run: RunCallbackMeta | undefined;
  let failure: unknown;
  let transportError: unknown;
  let overlay: Values = {};
  let engineStatus: EngineStatus | undefined;
  let toldThread: string | null = first.threadId ?? null;
  const messagesKey = first.messagesKey ?? "messages";
  const listeners = new Set<() => void>();
  const commands = new Map<number, Pending>();
  const waiting: ((engine: Engine) => void)[] = [];
  const open = new Map<string, OpenList>();
  const dirty = new Set<string>();
  const tracked = new Set<StreamMode>(kind.modes);
  const handled = new Set<string>();
  let changes: Partial<Frame> = {};
  const initial = (): Values => (options.initialValues as Values | null | undefined) ?? {};

  const source: SnapshotSource = {
    messagesKey,
    hasHistory: historyLimitOf(first) > 0,
    track: (...modes) => track(...modes),
    messageMetadata: (id) => {
      const json = engine?.messageMetadata(id);
      return json === undefined ? undefined : JSON.parse(json);
    },
    subagentNames: () => options.subagentToolNames ?? ["task"],
    subagentMemory: newMemory(),
    memo: new Map(),
  };
  const loads = first.thread ? first.thread.isLoading && first.thread.data == null : toldThread !== null;
  let frame = firstFrame(toldThread, loads, initial(), messagesKey);
  if (kind.problem) frame.status.error = kind.problem;
  const serverSnapshot = snapshotOf(frame, source);
  let snapshot = serverSnapshot;

  // --- what is shown ---

  const publish = (): void => {
    if (dirty.size > 0) {
      const lists = new Map<string, MessageList>(frame.lists);
      for (const name of dirty) {
        const list = closeList(open.get(name) as OpenList);
        if (name) lists.set(name, list);
        else {
          changes.list = list;
          changes.ids = list.ids;
        }
      }
      if (dirty.size > 1 || !dirty.has("")) changes.lists = lists;
      dirty.clear();
    }
    const status = statusNow();
    const { error, threadError } = frame.status;
    if (status.error !== error || status.threadError !== threadError || JSON.stringify(status) !== JSON.stringify(frame.status)) changes.status = status;
    if (Object.keys(changes).length === 0) return;
    frame = { ...frame, ...changes };
    changes = {};
    snapshot = snapshotOf(frame, source);
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (error) {
        later(error);
      }
    }
  };

  let shownError: { json: string; error: unknown } = { json: "null", error: undefined };
  let localError: unknown = kind.problem;
  let cancelled = false;
  const statusNow = (): Frame["status"] => {
    const known = engineStatus;
    const json = JSON.stringify(known?.error ?? null);
    if (json !== shownError.json) shownError = { json, error: known?.error ? (transportError ?? fromEngine(known.error, failure)) : undefined };
    const { thread } = options;
    return {
      ...(known ?? frame.status),
      threadId: known ? known.threadId : toldThread,
      error: localError ?? (known ? shownError.error : undefined),
      threadError: thread?.error,
      isLoading: (known?.isLoading ?? false) || commands.size > 0,
      isThreadLoading: thread ? thread.isLoading && thread.data == null : (known?.isThreadLoading ?? (localError === undefined && frame.status.isThreadLoading)),
      cancelled,
    };
  };

  const openList = (name: string): OpenList => {
    let list = open.get(name);
    if (!list) open.set(name, (list = { ids: [], cells: new Map(), shared: false }));
    dirty.add(name);
    return list;
  };

  const changed = (what: number): void => {
    const from = engine;
    if (!from) return;
    // Texts are taken now, so that an old snapshot that is read late does not show what came after it.
    const text = <T>(json: string | undefined, empty: T) => lazy<T>(() => json, empty);
    if (what & Changed.values) {
      overlay = {};
      changes.values = text(from.values(), initial());
    }
    if (what & Changed.interrupts) changes.interrupts = text<Interrupt[]>(from.interrupts(), []);
    if (what & Changed.history) {
      changes.history = text<ThreadState[]>(from.history(), []);
      changes.tree = text<EngineSequence>(from.branchTree(), { type: "sequence", items: [] });
    }
    if (what & Changed.head) changes.head = text<ThreadState | undefined>(from.head(), undefined);
  };

  /** What is shown now, with what has come since the last frame. */
  const valuesNow = (): Values => ({ ...snapshot.values, ...overlay });
  const mutate = mutation(valuesNow, (laid) => {
    overlay = { ...overlay, ...laid };
    withEngine((to) => to.mutate(JSON.stringify(laid)));
  });

  // --- what is told ---

  const call = <A extends unknown[]>(callback: ((...args: A) => unknown) | undefined, ...args: A): void => {
    try {
      callback?.(...args);
    } catch (error) {
      later(error);
    }
  };

  const tellThread = (threadId: string | null): void => {
    if (threadId === toldThread) return;
    toldThread = threadId;
    call(options.onThreadId, threadId as string);
  };

  const notices: Record<string, (data: any) => void> = {
    created: (created: RunCallbackMeta) => {
      tellThread(created.thread_id);
      run = created;
      const command = [...commands.values()].find((one) => one.kind === "submit" && !one.run);
      if (command) command.run = created;
      call(options.onCreated, created);
    },
    thread_created: ({ thread_id }) => tellThread(thread_id),
    warning: (data) => call(options.onWarning, fromEngine(data)),
    storage_failed: (data) => call(options.onWarning, new RejoinError(data.code, data.message ?? "The page's storage cannot be used.")),
    ended: (data) => void ended(data).catch(later),
  };

  /** A run is over: tells it as the incumbent does. */
  const ended = async ({ outcome, error, run_id }: { outcome: string; error?: any; run_id?: string }): Promise<void> => {
    cancelled = outcome === "cancelled";
    const meta = run ?? (run_id && toldThread ? { run_id, thread_id: toldThread } : undefined);
    run = undefined;
    if (outcome === "failed" || outcome === "denied" || outcome === "expired" || outcome === "timed_out") {
      const told = transportError ?? (error ? fromEngine(error, failure) : snapshot.error);
      if (told !== undefined) call(options.onError, told, meta);
      return;
    }
    if (outcome !== "finished" && outcome !== "replayed" && outcome !== "snapshot_then_tail") return;
    const { onFinish, thread } = options;
    let state: ThreadState | undefined;
    if (options.transport) state = customState(valuesNow(), toldThread ?? "");
    else if (thread) state = (await thread.mutate(toldThread ?? undefined).catch(() => undefined))?.[0];
    else if (onFinish?.length || source.hasHistory) state = frame.head();
    call(onFinish, state as ThreadState<any>, options.transport ? undefined : meta);
  };

  const runTools = async (): Promise<void> => {
    const { tools, onTool } = options;
    const waitingTools = tools?.length && !frame.status.isLoading ? frame.interrupts().filter(({ value }) => toolOfInterrupt(value)) : [];
    if (!tools || waitingTools.length === 0) return;
    const thread = toldThread;
    const resume = await runHeadlessTools(waitingTools, tools, handled, onTool && ((event) => call(onTool, event)));
    // On another thread by now: it waits there, and runs again when that thread is shown.
    if (resume !== undefined && thread === toldThread) void submit(null, { command: { resume }, multitaskStrategy: "interrupt" });
  };

  const restore = async (): Promise<void> => {
    const { isLoading, isThreadLoading } = frame.status;
    if (!options.filterSubagentMessages || !source.hasHistory || isLoading || isThreadLoading || toldThread === null) return;
    const memory = source.subagentMemory;
    const shown = { client: store.client, threadId: toldThread, messagesKey, memory };
    if (!(await restoreSubagents(subagentsIn(frame, source).values(), frame.history(), shown)) || memory !== source.subagentMemory) return;
    changes.facts = { ...frame.facts };
    publish();
  };

  // --- the engine ---

  const host: EngineHost = {
    fetch: fetchFor({
      options: () => options,
      payload: () => [...commands.values()].find((one) => one.payload)?.payload,
      failed: (error) => (transportError = error),
      filter: () => [...commands.values()].find((one) => one.filter)?.filter,
    }),
    headers: (refresh: boolean) => headersOf(options, refresh),
    status(json: string) {
      const before = engineStatus;
      engineStatus = JSON.parse(json) as EngineStatus;
      if (!engineStatus.error) localError = undefined;
      // A join may have found the thread by itself.
      tellThread(engineStatus.threadId);
      if (before && JSON.stringify(before.connection) === JSON.stringify(engineStatus.connection)) return;
      call(options.onConnectionChange, engineStatus.connection as Snapshot["connection"]);
    },
    order: (name: string, ids: string[]) => void (openList(name).ids = ids),
    message: (name: string, id: string, json: string, origin: "server" | "optimistic" | "partial") => void openCells(openList(name)).set(id, cellOf(json, origin)),
    append(name: string, id: string, text: string) {
      const cells = openCells(openList(name));
      const cell = cells.get(id);
      if (cell) cells.set(id, grown(cell, text));
    },
    changed,
    commit() {
      publish();
      void runTools().catch(later);
      void restore().catch(later);
    },
    event(_id: string | undefined, name: string, namespace: string[], json: string) {
      const data: unknown = JSON.parse(json);
      if (name === "error") failure = data;
      if (name === "tools") changes.tools = progressed(changes.tools ?? frame.tools, data as ToolsEventData);
      if (options.filterSubagentMessages) changes.facts = factOf(changes.facts ?? frame.facts, name, namespace, data);
      callEvent(options, name, namespace, data, mutate, call);
    },
    notice: (name: string, json: string) => notices[name]?.(JSON.parse(json)),
    concluded(id: number, outcome: string, error: string | undefined) {
      const command = commands.get(id);
      if (!command) return;
      const result = resultOf(outcome, error, failure);
      if (transportError !== undefined && result.error) result.error = transportError as RejoinError;
      conclude(id, result);
    },
  };

  const conclude = (id: number, result: RunResult): void => {
    const command = commands.get(id);
    if (!command) return;
    commands.delete(id);
    if (result.error !== undefined) call(command.onError, result.error, command.run);
    publish();
    settle(command, result);
  };

  const begun = (Engine: EngineConstructor): void => {
    starting = false;
    if (over || gone) return;
    const storage = storageOf(options);
    // What was shown before it went away is shown again until the server has answered.
    const shown = revived ? snapshot.values : options.initialValues;
    engine = new Engine(engineOptions(options, modesNow(), shown as object | null), storage === undefined ? host : { ...host, storage });
    localError = undefined;
    hear();
    if (toldThread !== null) engine.switchThread(toldThread);
    if (options.thread?.data) engine.provideHistory(JSON.stringify(options.thread.data));
    for (const command of waiting.splice(0)) command(engine);
  };

  const notBegun = (cause: unknown): void => {
    starting = false;
    const { code } = (cause ?? {}) as { code?: string };
    const error = code === "invalid_option" ? invalidOption((cause as Error).message) : loadError(cause);
    localError = error;
    waiting.length = 0;
    engineStatus = undefined;
    call(options.onError, error, undefined);
    for (const id of [...commands.keys()]) conclude(id, { outcome: "failed", error });
    publish();
  };

  const start = (): void => {
    if (engine || starting || over || gone) return;
    starting = true;
    load().then(begun).catch(notBegun);
  };

  /** Now, or when the engine is there. */
  const withEngine = (command: (engine: Engine) => void): void => {
    if (engine) command(engine);
    else {
      waiting.push(command);
      start();
    }
  };

  const track = (...modes: StreamMode[]): void => {
    const before = tracked.size;
    for (const mode of modes) tracked.add(mode);
    if (tracked.size > before) hear();
  };
  let heard = "";
  const hear = (): void => {
    const events = eventsToHear(options, tracked);
    if (!engine || events.join() === heard) return;
    heard = events.join();
    engine.listen(events);
  };
  const modesNow = (): StreamMode[] => {
    const modes = [...new Set([...(options.streamMode ?? []), ...tracked, ...callbackModes(options)])];
    return modes.length > 0 ? modes : ["values", "messages-tuple"];
  };

  // --- commands ---

  const refuse = (throwOnError: boolean | undefined): RunPromise => {
    const error = kind.problem ?? disposed();
    const result: RunResult = { outcome: kind.problem ? "failed" : "disposed", error };
    return (throwOnError ? Promise.reject(error) : Promise.resolve(result)) as RunPromise;
  };

  const begin = (command: Omit<Pending, "resolve" | "reject">, send: (engine: Engine, id: number) => void): RunPromise => {
    const made = promised(command);
    const id = nextCommand++;
    commands.set(id, made.command);
    localError = failure = transportError = undefined;
    changes.tools = [];
    withEngine((to) => {
      try {
        send(to, id);
      } catch (cause) {
        const words = cause instanceof Error ? cause.message : String(cause);
        conclude(id, { outcome: "failed", error: new RejoinError((cause as { code?: string }).code ?? "invalid_input", words, { cause }) });
      }
    });
    publish();
    return made.promise;
  };

  const submit = (values: unknown, given?: SubmitOptions<any, any>): RunPromise => {
    const asked = given ?? {};
    if (over || gone) return refuse(asked.throwOnError);
    const optimistic = typeof asked.optimisticValues === "function" ? asked.optimisticValues(valuesNow()) : asked.optimisticValues;
    const modes = [...new Set([...(asked.streamMode ?? []), ...modesNow()])];
    const now = valuesNow();
    // What a function returned unchanged is not a change: it would put back what has streamed since.
    const laid = optimistic && Object.fromEntries(Object.entries(optimistic).filter(([name, value]) => now[name] !== value));
    let submission: string;
    try {
      submission = submissionOf(values, asked, modes, laid);
    } catch (cause) {
      const error = new RejoinError("invalid_input", "What was submitted cannot be written as JSON.", { cause });
      call(options.onError, error, undefined);
      return (asked.throwOnError ? Promise.reject(error) : Promise.resolve({ outcome: "failed", error })) as RunPromise;
    }
    const { config, context, command, streamSubgraphs } = asked;
    const payload = options.transport && { input: values, context, command, config: config as Values | undefined, ...(streamSubgraphs === undefined ? {} : { streamSubgraphs }) };
    return begin(
      { kind: "submit", run: undefined, throwOnError: asked.throwOnError ?? false, onError: asked.onError, ...(payload ? { payload } : {}) },
      (to, id) => to.submit(id, submission),
    );
  };

  const join = (runId: string | undefined, lastEventId: string | undefined, given: JoinOptions = {}): RunPromise => {
    const { streamMode, filter, throwOnError = false } = given;
    if (over || gone) return refuse(throwOnError);
    const asked: Values = {};
    if (runId) asked["run_id"] = runId;
    if (lastEventId) asked["last_event_id"] = lastEventId;
    if (streamMode) asked["stream_mode"] = Array.isArray(streamMode) ? streamMode : [streamMode];
    const meta = runId && toldThread ? { run_id: runId, thread_id: toldThread } : undefined;
    if (meta) run = meta;
    return begin({ kind: "join", run: meta, throwOnError, ...(filter && runId ? { filter: { runId, keep: filter } } : {}) }, (to, id) =>
      to.join(id, JSON.stringify(asked)),
    );
  };

  const stop = async (): Promise<void> => {
    if (over || gone) return;
    call(options.onStop, { mutate });
    if (engine) options.cancelOnStop ? engine.cancel() : engine.stop();
    else {
      // Nothing was sent yet, and nothing will be.
      waiting.length = 0;
      for (const id of [...commands.keys()]) conclude(id, { outcome: "disconnected" });
    }
  };

  const cancel = async (): Promise<void> => {
    if (over || gone) return;
    if (!engine) return stop();
    call(options.onStop, { mutate });
    engine.cancel();
  };

  const switchThread = (threadId: string | null): void => {
    if (over || gone || threadId === toldThread) return;
    source.memo.clear();
    source.subagentMemory = newMemory();
    handled.clear();
    run = localError = undefined;
    cancelled = false;
    overlay = {};
    for (const list of open.values()) list.ids = EMPTY.ids;
    dirty.clear();
    changes = blank({});
    toldThread = threadId;
    engineStatus = undefined;
    frame = { ...frame, status: { ...firstFrame(threadId, threadId !== null, {}, messagesKey).status } };
    // An engine that is still to be made begins on this thread.
    engine?.switchThread(threadId ?? undefined);
    if (!engine) start();
    call(options.onThreadId, threadId as string);
    publish();
  };

  const close = (): void => {
    const old = engine;
    engine = engineStatus = undefined;
    waiting.length = 0;
    heard = "";
    old?.dispose();
    // What the engine has not concluded by itself ends here; runs go on.
    for (const id of [...commands.keys()]) conclude(id, { outcome: "disconnected" });
    // The engine may be below us on the stack.
    if (old) queueMicrotask(() => old.free());
  };

  const store: InnerStore = {
    subscribe(listener) {
      // The same function may listen twice, and each ends by itself.
      const own = (): void => listener();
      listeners.add(own);
      revived ||= gone;
      gone = false;
      // Told where somebody listens, as a listener is what a mounted component has.
      if (kind.problem && !toldProblem) {
        toldProblem = true;
        call(options.onError, kind.problem, undefined);
      }
      if (kind.untended || typeof document !== "undefined" || toldThread !== null) start();
      return () => {
        listeners.delete(own);
        if (!kind.untended || listeners.size > 0) return;
        queueMicrotask(() => {
          if (listeners.size > 0 || gone || over) return;
          gone = true;
          close();
        });
      };
    },
    getSnapshot: () => snapshot,
    getServerSnapshot: () => serverSnapshot,
    setOptions(next) {
      const thread = options.thread;
      options = { ...options, ...next } as AnyOptions;
      hear();
      if (options.thread && options.thread !== thread) {
        const { data } = options.thread;
        if (data && data !== thread?.data) engine?.provideHistory(JSON.stringify(data));
        publish();
      }
    },
    submit,
    stop,
    cancel,
    joinStream: (runId, lastEventId, asked) => join(runId, lastEventId ?? "-1", asked),
    rejoin: (asked) => join(undefined, undefined, asked),
    switchThread,
    setBranch: (branch) => void (over || gone || withEngine((to) => to.setBranch(branch))),
    mutate: (update) => void (over || gone || mutate(update as Values)),
    dispose() {
      if (over) return;
      over = true;
      close();
      listeners.clear();
    },
    threadId: () => toldThread,
    track,
    client: clientFor(() => options),
    assistantId: first.assistantId ?? "",
  };
  return store;
}

function customState(values: Values, threadId: string): ThreadState {
  return {
    values,
    next: [],
    tasks: [],
    metadata: undefined,
    created_at: null,
    checkpoint: { thread_id: threadId, checkpoint_id: null, checkpoint_ns: "", checkpoint_map: null },
    parent_checkpoint: null,
  };
}

/** Checks the options and makes a store of the application's own. Throws where they are wrong. */
export function makePublicStore(options: AnyOptions, load: EngineLoader): StreamStore<any, any> {
  const problem = problemOf(options);
  if (problem) throw problem;
  return makeStore(options, load, { modes: ["values", "messages-tuple"], untended: false });
}
