/** The state of a store. The modules of a store are functions over it. */
import { withPlainMessages } from "../class-messages.js";
import type { Engine, EngineStatus } from "../engine.js";
import type { RejoinError } from "../errors.js";
import type { OpenList } from "../messages.js";
import { newMemory } from "../subagents.js";
import type { StreamClient } from "../types/sdk-client.js";
import type { RunCallbackMeta } from "../types/options.js";
import type { StreamMode } from "../types/schema.js";
import { ask, type Pending } from "./commands.js";
import { firstMoment, type Moment } from "./moment.js";
import { clientFor } from "./network.js";
import { openNodes, type OpenNodes } from "./nodes.js";
import { historyLimitOf, needsExtras, sharesOf, type AnyOptions } from "./options.js";
import { snapshotOf, type SnapshotSource } from "./snapshot.js";

/** Values of a graph. */
export type Values = Record<string, unknown>;
/** A snapshot, with the moment it shows. */
export type Snapshot = ReturnType<typeof snapshotOf>;

/** The differences between a store of the application's own and a hook's. */
export interface StoreKind {
  /** Streamed whatever is read. */
  modes: StreamMode[];
  /** Whether the engine goes when nobody listens, and comes back when somebody does. */
  untended: boolean;
  /** The fault of the options: it is shown, and nothing else happens. */
  problem?: RejoinError | undefined;
}

/** Something to be asked of the engine. */
export interface Waiting {
  /** The command that it begins, if it is one. */
  id: number | undefined;
  /** Whether it needs the second module. */
  extras: boolean;
  send: (engine: Engine) => void;
}

/** Everything that changes in a store. */
export interface State {
  options: AnyOptions;
  readonly kind: StoreKind;
  readonly client: StreamClient;
  engine: Engine | undefined;
  /** The engine's own words on how it stands; undefined until it has said some. */
  status: EngineStatus | undefined;
  /** Disposed, or never usable. */
  over: boolean;
  /** Let go because nobody listens. */
  gone: boolean;
  /** The thread as the application was told. */
  thread: string | null;
  /** The run that callbacks are about. */
  run: RunCallbackMeta | undefined;
  /** The data of the run's last `error` event. */
  failure: unknown;
  /** The code of the last run's failure, which was told. */
  ended: string | undefined;
  /** The exception of a transport. */
  thrown: unknown;
  /** An error that the engine knows nothing of. */
  error: unknown;
  /** Whether the last run was cancelled. */
  cancelled: boolean;
  /** The values that `mutate` has laid over the engine's last ones. */
  overlay: Values;
  /** The callbacks for a finished run that are still being called. */
  telling: Promise<void>;
  readonly commands: Map<number, Pending>;
  /** Whether it has been extended by the second module, and whether that is wanted. */
  extended: boolean;
  wanted: boolean;
  /** The calls that wait for the engine, or for the second module. */
  readonly waiting: Waiting[];
  readonly listeners: Set<() => void>;
  /** Messages by namespace while a moment is put together, and the namespaces that have changed. */
  readonly open: Map<string, OpenList>;
  readonly dirty: Set<string>;
  /** The next moment's parts, as far as they differ. */
  changes: Partial<Moment>;
  moment: Moment;
  snapshot: Snapshot;
  readonly first: Snapshot;
  readonly tracked: Set<StreamMode>;
  readonly source: SnapshotSource;
  /** Interrupts and tool calls that headless tools have answered. */
  readonly handled: Set<string>;
  /** The views that are open, and the size of the pages that the engine's feed reads; 0: it is closed. */
  readonly views: { limit: number; ended: () => void }[];
  /** The session's messages while a moment is put together, and whether they have changed. */
  readonly nodes: OpenNodes;
  nodesChanged: boolean;
  pageSize: number;
}

/** The initial values, if there are any. */
export const initialOf = ({ initialValues }: AnyOptions): Values => withPlainMessages((initialValues as Values | null | undefined) ?? {});

/** The state of a store that has done nothing yet. `track` is told what is read, `wantExtras` that something of the second module is. */
export function newState(options: AnyOptions, kind: StoreKind, track: SnapshotSource["track"], wantExtras: () => void): State {
  const { thread: own, messagesKey = "messages" } = options;
  const thread = options.threadId ?? null;
  const source: SnapshotSource = {
    messagesKey,
    hasHistory: historyLimitOf(options) > 0,
    track,
    wantExtras,
    messageMetadata: (id) => {
      const json = state.engine?.messageMetadata(id);
      return json ? JSON.parse(json) : undefined;
    },
    subagentNames: () => state.options.subagentToolNames ?? ["task"],
    subagentMemory: newMemory(),
    memo: new Map(),
  };
  const moment = firstMoment(thread, own ? own.isLoading && own.data == null : thread !== null, initialOf(options), messagesKey);
  if (kind.problem) {
    moment.status.error = kind.problem;
    moment.status.connection = { state: "failed" };
  }
  const first = snapshotOf(moment, source);
  const state: State = {
    options,
    kind,
    client: clientFor(
      options,
      () => state.options,
      // Without it nothing is saved.
      (thread_id) => state.extended && ask(state.engine, "deleted", { thread_id }),
    ),
    engine: undefined,
    status: undefined,
    over: kind.problem !== undefined,
    gone: false,
    thread,
    run: undefined,
    failure: undefined,
    ended: undefined,
    thrown: undefined,
    error: kind.problem,
    cancelled: false,
    overlay: {},
    telling: Promise.resolve(),
    commands: new Map(),
    extended: false,
    wanted: needsExtras(options) || sharesOf(options) !== undefined || !!options.cache,
    waiting: [],
    listeners: new Set(),
    open: new Map(),
    dirty: new Set(),
    changes: {},
    moment,
    snapshot: first,
    first,
    tracked: new Set(kind.modes),
    source,
    handled: new Set(),
    views: [],
    nodes: openNodes(),
    nodesChanged: false,
    pageSize: 0,
  };
  return state;
}
