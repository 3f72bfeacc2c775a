/** Everything shown at one moment, as the parts that change independently. */
import type { EngineEditable, EngineError, EngineFeed, EngineStatus, EngineSequence, EngineWaiting } from "../engine.js";
import type { RejoinError } from "../errors.js";
import { EMPTY, listOf, type MessageList } from "../messages.js";
import type { ToolProgress } from "../types/events.js";
import type { Interrupt, ThreadState } from "../types/schema.js";
import type { SubagentFacts } from "../subagents.js";
import { NO_NODES, type Nodes } from "./nodes.js";
import type { Connection } from "../types/options.js";

/** JSON text that is parsed when first read. */
export interface Lazy<T> {
  (): T;
}

/** Reads `text` once, and parses it once. */
export function lazy<T>(text: () => string | undefined, empty: T): Lazy<T> {
  let done = false;
  let value = empty;
  return () => {
    if (!done) {
      done = true;
      const json = text();
      if (json) value = JSON.parse(json) as T;
    }
    return value;
  };
}

/** A value that is there already. */
export const ready =
  <T>(value: T): Lazy<T> =>
  () =>
    value;

/** The status, with what only this side knows. */
export interface Status extends Omit<EngineStatus, "error"> {
  error: unknown;
  /** The engine's words that `error` was made of. */
  said: EngineError | undefined;
  /** The error of the application's own thread data. */
  threadError: unknown;
  /** The last run was cancelled: its pending nodes are no breakpoint, its failed tasks no error. */
  cancelled: boolean;
}

/** How the feed of a session stands. */
export interface Feed extends Omit<EngineFeed, "error" | "connection"> {
  connection: Connection;
  /** The same object while the engine's words are the same. */
  error: RejoinError | undefined;
}

/** One moment. A part that has not changed is the same object as before. */
export interface Moment {
  status: Status;
  list: MessageList;
  /** The list's ids: the same array while none comes, goes or moves. */
  ids: readonly string[];
  /** Messages of subgraphs, by namespace. */
  lists: ReadonlyMap<string, MessageList>;
  /** Values laid over the server's by `mutate` that the engine has not given back yet, then the values themselves. */
  values: Lazy<Record<string, unknown>>;
  interrupts: Lazy<Interrupt[]>;
  head: Lazy<ThreadState | undefined>;
  history: Lazy<ThreadState[]>;
  tree: Lazy<EngineSequence>;
  editable: Lazy<EngineEditable>;
  waiting: Lazy<EngineWaiting[]>;
  tools: ToolProgress[];
  facts: SubagentFacts;
  /** The messages of the session in the feed; present while a view is open. */
  nodes: Nodes;
  feed: Feed | undefined;
}

/** The part of a moment that tells whether something has changed. */
export type Part = keyof Moment;

/** A moment in which nothing has come yet. */
export function firstMoment(threadId: string | null, isThreadLoading: boolean, initial: Record<string, unknown>, messagesKey: string): Moment {
  const list = listOf(initial[messagesKey]);
  return {
    status: {
      connection: { state: "idle" },
      isLoading: false,
      isThreadLoading,
      canStop: false,
      canRejoin: false,
      isUnsent: false,
      threadId,
      runId: null,
      error: undefined,
      said: undefined,
      threadError: undefined,
      branch: "",
      editing: null,
      cancelled: false,
    },
    list,
    ids: list.ids,
    lists: new Map(),
    values: ready(initial),
    ...NOTHING,
  };
}

/** The parts that only a server fills. */
export const NOTHING = {
  interrupts: ready<Interrupt[]>([]),
  head: ready<ThreadState | undefined>(undefined),
  history: ready<ThreadState[]>([]),
  tree: ready<EngineSequence>({ type: "sequence", items: [] }),
  editable: ready<EngineEditable>({ edit: [], regenerate: [], retry: false }),
  waiting: ready<EngineWaiting[]>([]),
  tools: [] as ToolProgress[],
  facts: new Map() as SubagentFacts,
  nodes: NO_NODES,
  feed: undefined,
};

/** The parts of a thread that was just entered. */
export const blank = (initial: Record<string, unknown>): Omit<Moment, "status"> => ({
  list: EMPTY,
  ids: EMPTY.ids,
  lists: new Map(),
  values: ready(initial),
  ...NOTHING,
});
