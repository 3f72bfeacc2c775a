/** Callbacks of the application, in the order of LangGraph's SDK, and the work when a run is over. */
import type { EngineError, EngineHost, EngineStatus } from "../engine.js";
import { withPlainMessages } from "../class-messages.js";
import { fromEngine, later, RejoinError } from "../errors.js";
import { toolOfInterrupt } from "../headless-tools.js";
import { toolPart } from "../subagents.js";
import { progressed } from "../tool-progress.js";
import type { ToolsEventData } from "../types/events.js";
import type { Mutate, RunCallbackMeta } from "../types/options.js";
import type { ThreadState } from "../types/schema.js";
import { CALLBACKS, transportOf } from "./options.js";
import { subagentsIn } from "./snapshot.js";
import { initialOf, type Snapshot, type State, type Values } from "./state.js";
import { setPart, valuesNow } from "./publish.js";

/** Calls the application. An exception of its callback is thrown to the page. */
export function call<A extends unknown[]>(callback: ((...args: A) => unknown) | undefined, ...args: A): void {
  try {
    callback?.(...args);
  } catch (error) {
    later(error);
  }
}

/** Tells a thread that was made, found or switched to. */
export function tellThread(state: State, threadId: string | null): void {
  if (threadId === state.thread) return;
  state.thread = threadId;
  call(state.options.onThreadId, threadId as string);
}

/** Tells how the connection stands, where that has changed. */
export function tellStatus(state: State, before: EngineStatus | undefined, { error, threadId, connection }: EngineStatus): void {
  if (!error) state.error = undefined;
  // A join may have found the thread by itself.
  tellThread(state, threadId);
  if (before?.connection !== connection) call(state.options.onConnectionChange, connection as Snapshot["connection"]);
}

const customState = (values: Values, thread_id: string): ThreadState => ({
  values,
  next: [],
  tasks: [],
  metadata: undefined,
  created_at: null,
  checkpoint: { thread_id, checkpoint_id: null, checkpoint_ns: "", checkpoint_map: null },
  parent_checkpoint: null,
});

const FAILED = ["failed", "denied", "expired", "timed_out"];
const DONE = ["finished", "replayed", "snapshot_then_tail"];

/** A run is over. */
async function ended(state: State, { outcome, error, run_id }: { outcome: string; error?: EngineError; run_id?: string }): Promise<void> {
  const { options, run, thread, failure } = state;
  const meta = run ?? (run_id && thread ? { run_id, thread_id: thread } : undefined);
  state.run = undefined;
  state.cancelled = outcome === "cancelled";
  if (FAILED.includes(outcome)) {
    // That a run is gone is not among what is shown.
    const shown = state.snapshot.error ?? (state.status?.error ? fromEngine(state.status.error) : undefined);
    const told = state.thrown ?? (error ? fromEngine(error, failure) : shown);
    if (told instanceof RejoinError && told.code === "run_expired") call(options.onWarning, told);
    else if (told !== undefined) call(options.onError, told, meta);
  }
  if (!DONE.includes(outcome)) return;
  const { onFinish, thread: own } = options;
  const transport = transportOf(options);
  let head: ThreadState | undefined;
  if (transport) head = customState(valuesNow(state), thread ?? "");
  else if (own) head = (await own.mutate(thread ?? undefined).catch(() => undefined))?.[0];
  else if (onFinish?.length || state.source.hasHistory) head = state.moment.head();
  call(onFinish, head as ThreadState, transport ? undefined : meta);
}

/** The host's `notice`. `loadExtras`: loads the second module. */
export const noticeOf =
  (state: State, loadExtras: () => void): EngineHost["notice"] =>
  (kind, json) => {
    const { options, commands } = state;
    const data = JSON.parse(json);
    if (kind === "created") {
      tellThread(state, data.thread_id);
      state.run = data as RunCallbackMeta;
      state.failure = undefined;
      // An edit leaves what is shown alone until it has become a run.
      if ((state.changes.tools ?? state.moment.tools).length > 0) setPart(state, "tools", []);
      for (const command of commands.values()) {
        if (command.kind !== "submit" || command.run) continue;
        command.run = data;
        break;
      }
      call(options.onCreated, data);
    } else if (kind === "thread_created") tellThread(state, data.thread_id);
    else if (kind === "warning") call(options.onWarning, fromEngine(data));
    else if (kind === "storage_failed") call(options.onWarning, new RejoinError(data.code, "The page's storage cannot be used; see the code."));
    else if (kind === "extras_wanted") loadExtras();
    else if (kind === "ended") {
      state.ended = data.error?.code;
      state.telling = ended(state, data);
    }
  };

/** Events whose callbacks may change the values. */
const MUTATING = ["updates", "custom", "tools"];

const isObject = (data: unknown): data is object => typeof data === "object" && data !== null && !Array.isArray(data);

/** The host's `event`. Only custom events may hold any JSON. */
export const eventOf =
  (state: State, mutate: Mutate<Record<string, unknown>>): EngineHost["event"] =>
  (_id, name, parts, json) => {
    const { options, changes, moment } = state;
    const data = JSON.parse(json);
    const namespace = parts.length > 0 ? parts : undefined;
    call(options.hear?.event, name, parts, data);
    const id = options.filterSubagentMessages && toolPart(parts);
    if (id && (name === "values" || name === "updates")) {
      const facts = changes.facts ?? moment.facts;
      const known = facts.get(id) ?? { namespace: parts };
      if (name === "values" || !facts.has(id)) setPart(state, "facts", new Map(facts).set(id, name === "values" ? { ...known, values: data } : known));
    }
    const callback = options[CALLBACKS[name as keyof typeof CALLBACKS]] as ((data: unknown, more?: object) => void) | undefined;
    if (name === "error") state.failure = data;
    else if (name !== "custom" && !isObject(data)) {
      call(options.onWarning, new RejoinError("event_data_invalid", `The server sent a \`${name}\` event whose data is no object. It was left out.`, { detail: json.slice(0, 500) }));
    } else if (name === "metadata" || name === "events") {
      if (!namespace) call(name === "events" ? callback : options.onMetadataEvent, data);
    } else {
      if (name === "tools") setPart(state, "tools", progressed(changes.tools ?? moment.tools, data as ToolsEventData));
      call(callback, data, MUTATING.includes(name) ? { namespace, mutate } : { namespace });
    }
  };

/**
 * The keys to lay over `shown`: those of `update` that differ, because a value that a function returns unchanged may be out of date by
 * then. The function gets the shown values over the initial values, which hold the keys that no server knows.
 */
export function layer(state: State, update: Values | ((prev: Values) => Values)): Values {
  const shown = valuesNow(state);
  const given = typeof update === "function" ? update({ ...initialOf(state.options), ...shown }) : update;
  return withPlainMessages(Object.fromEntries(Object.entries(given ?? {}).filter(([name, value]) => shown[name] !== value)));
}

/** Runs the tools that the graph waits for, and resumes it. */
export async function runTools(state: State, resume: (resume: unknown) => void): Promise<void> {
  const { moment, thread, options } = state;
  const { tools, onTool } = options;
  if (!tools?.length || moment.status.isLoading) return;
  const waiting = moment.interrupts().filter(({ value }) => toolOfInterrupt(value));
  if (waiting.length === 0) return;
  const { runHeadlessTools } = await import("../headless-run.js");
  const result = await runHeadlessTools(waiting, tools, state.handled, onTool && ((event) => call(onTool, event)));
  // On another thread by now: it waits there, and runs again when that thread is shown.
  if (result !== undefined && thread === state.thread) resume(result);
}

/** Reads subagents' messages that only the server has, after a reload. */
export async function restore(state: State): Promise<void> {
  const { moment, thread, options, source, client } = state;
  const { subagentMemory: memory, messagesKey } = source;
  if (!options.filterSubagentMessages || !source.hasHistory || moment.status.isLoading || moment.status.isThreadLoading || thread === null) return;
  const shown = { client, threadId: thread, messagesKey, memory };
  const agents = subagentsIn(moment, source);
  if (agents.size === 0) return;
  // Few pages need it.
  const { restoreSubagents } = await import("../subagent-history.js");
  const came = await restoreSubagents(agents.values(), moment.history(), shown);
  if (came && memory === source.subagentMemory) setPart(state, "facts", new Map(state.moment.facts));
}
