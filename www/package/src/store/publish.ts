/** From what the engine gives to what is shown. */
import { NODES, Part, type EngineFeed, type EngineHost, type EngineStatus, type MessageOrigin } from "../engine.js";
import { fromEngine, later } from "../errors.js";
import { cellOf, closeList, grown, listOf, openList, setCell, type MessageCell, type OpenList } from "../messages.js";
import { lazy, NOTHING, type Feed, type Moment, type Lazy, type Status } from "./moment.js";
import { closeNodes, growNode, orderNodes, setNode, type OpenNodes } from "./nodes.js";
import { snapshotOf } from "./snapshot.js";
import type { Connection } from "../types/options.js";
import { initialOf, type State, type Values } from "./state.js";

const IDLE: Connection = { state: "idle" };
const FAILED: Connection = { state: "failed" };

/** How it stands: the engine's words, and what only this side knows. */
function statusNow(state: State): Status {
  const { status: known, moment, options, error } = state;
  const { thread } = options;
  const old = moment.status;
  // That a run is gone is how the connection stands, and no failure of what is shown.
  const failed = known?.error?.code === "run_expired" ? null : known?.error;
  return {
    ...(known ?? old),
    // Without an engine: what is wrong with the options, or that the wasm did not load, is a failure until something is asked.
    connection: known?.connection ?? (error ? FAILED : old.connection.state === "failed" ? IDLE : old.connection),
    threadId: known ? known.threadId : state.thread,
    // The same error is the same object.
    error: error ?? (failed ? (state.thrown ?? (old.said === failed ? old.error : fromEngine(failed, state.failure))) : undefined),
    said: error || !failed ? undefined : failed,
    threadError: thread?.error,
    isLoading: (known?.isLoading ?? false) || [...state.commands.values()].some(({ quiet }) => !quiet),
    isThreadLoading: thread ? thread.isLoading && thread.data == null : (known?.isThreadLoading ?? (error === undefined && old.isThreadLoading)),
    cancelled: state.cancelled,
  };
}

/** An unchanged part is the same value: the engine sends an object only if it differs. */
const differs = (status: Status, old: Status): boolean => (Object.keys(status) as (keyof Status)[]).some((name) => status[name] !== old[name]);

function closeLists(state: State): void {
  const { dirty, changes, moment, open } = state;
  for (const name of dirty) {
    const list = closeList(open.get(name) as OpenList);
    if (name) changes.lists = new Map(changes.lists ?? moment.lists).set(name, list);
    else {
      changes.list = list;
      changes.ids = list.ids;
    }
  }
  dirty.clear();
  if (state.nodesChanged) changes.nodes = closeNodes(state.nodes);
  state.nodesChanged = false;
}

/** Shows what has changed, if anything has, and tells who listens. */
export function publish(state: State): void {
  closeLists(state);
  const status = statusNow(state);
  const old = state.moment.status;
  if (differs(status, old)) state.changes.status = status;
  if (Object.keys(state.changes).length === 0) return;
  state.moment = { ...state.moment, ...state.changes };
  state.changes = {};
  state.snapshot = snapshotOf(state.moment, state.source);
  for (const listener of [...state.listeners]) {
    try {
      listener();
    } catch (error) {
      later(error);
    }
  }
}

/** Shows what was typed where no engine can show it: it could not be loaded, or the submission was left before it was. */
export function showTyped(state: State, typed: unknown): void {
  const { ids, cells } = listOf(typed);
  const list = state.open.get("") ?? openList(state.moment.list);
  state.open.set("", list);
  state.dirty.add("");
  for (const id of ids) {
    const name = list.cells.get(id) ? `${id} ${list.cells.size}` : id;
    setCell(list, name, { ...(cells.get(id) as MessageCell), origin: "optimistic" });
    list.ids = [...list.ids, name];
  }
}

/** The values to show now, with the changes since the last frame. */
export const valuesNow = (state: State): Values => ({ ...state.snapshot.peek(), ...state.overlay });

function changed(state: State, what: number): void {
  const { engine, changes } = state;
  if (!engine) return;
  // Texts are taken now, so that an old snapshot that is read late does not show what came after it.
  const part = <T>(wanted: number, empty: T): Lazy<T> => {
    const text = engine.read(wanted);
    return lazy(() => text, empty);
  };
  if (what & Part.values) {
    state.overlay = {};
    changes.values = part(Part.values, initialOf(state.options));
  }
  if (what & Part.interrupts) changes.interrupts = part(Part.interrupts, NOTHING.interrupts());
  if (what & Part.history) {
    changes.history = part(Part.history, NOTHING.history());
    changes.tree = part(Part.branchTree, NOTHING.tree());
  }
  // Asked for only where it is read, which is what can be done now, however old the snapshot.
  if (what & Part.editable) changes.editable = lazy(() => state.engine?.read(Part.editable), NOTHING.editable());
  if (what & Part.waiting) changes.waiting = part(Part.waiting, NOTHING.waiting());
  if (what & Part.head) changes.head = part(Part.head, NOTHING.head());
}

/** The host's functions that make a moment. `stands` is told the status before. */
export function momentHost(
  state: State,
  stands: (before: EngineStatus | undefined, now: EngineStatus) => void,
): Pick<EngineHost, "status" | "feed" | "order" | "message" | "append" | "changed"> {
  const list = (name: string): OpenList => {
    let found = state.open.get(name);
    if (!found) state.open.set(name, (found = openList()));
    state.dirty.add(name);
    return found;
  };
  // What this engine has said: what has not changed is not said again, and stays the same object.
  let told: EngineStatus | undefined;
  let feed: Feed | undefined;
  const nodes = (): OpenNodes => {
    state.nodesChanged = true;
    return state.nodes;
  };
  return {
    status(text) {
      const before = state.status;
      told = { ...told, ...(JSON.parse(text) as EngineStatus) };
      stands(before, (state.status = told));
    },
    feed(text) {
      const { error, ...now } = JSON.parse(text) as EngineFeed;
      const said = error === undefined ? feed?.error : error ? fromEngine(error) : undefined;
      state.changes.feed = feed = { ...feed, ...(now as Omit<Feed, "error">), error: said };
    },
    order(name, ids) {
      if (name === NODES) orderNodes(nodes(), ids);
      else list(name).ids = ids;
    },
    message(name, id, text, origin) {
      if (name === NODES) setNode(nodes(), id, text, origin);
      else setCell(list(name), id, cellOf(text, origin as MessageOrigin));
    },
    append(name, id, text) {
      if (name === NODES) return growNode(nodes(), id, text);
      const open = list(name);
      const cell = open.cells.get(id);
      if (cell) setCell(open, id, grown(cell, text));
    },
    changed: (what) => changed(state, what),
  };
}

/** Changes a part that the engine knows nothing of, shown with the engine's next frame or soon after. */
export function setPart<P extends keyof Moment>(state: State, part: P, value: Moment[P]): void {
  if (value === (state.changes[part] ?? state.moment[part])) return;
  state.changes[part] = value;
  const { throttle } = state.options;
  setTimeout(() => publish(state), typeof throttle === "number" ? throttle : 16);
}
