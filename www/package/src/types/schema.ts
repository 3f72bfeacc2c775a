/** The Agent Server's own shapes: states, checkpoints, interrupts, runs. */

type Optional<T> = T | null | undefined;

/** The status of a run. */
export type RunStatus = "pending" | "running" | "error" | "success" | "timeout" | "interrupted";
/** The status of a thread. */
export type ThreadStatus = "idle" | "busy" | "interrupted" | "error";
/** The server's reaction to a run on a busy thread. */
export type MultitaskStrategy = "reject" | "interrupt" | "rollback" | "enqueue";
/** The server's reaction when a run's client has gone. */
export type DisconnectMode = "cancel" | "continue";
/** When the server writes checkpoints. */
export type Durability = "exit" | "async" | "sync";

/** The kinds of events that a run can stream. */
export type StreamMode =
  | "values"
  | "messages"
  | "updates"
  | "events"
  | "debug"
  | "tasks"
  | "checkpoints"
  | "custom"
  | "messages-tuple"
  | "tools"
  | "lifecycle";

/** Free-form metadata of threads, runs and checkpoints. */
export type Metadata = Optional<{
  source?: "input" | "loop" | "update" | (string & {});
  step?: number;
  writes?: Record<string, unknown> | null;
  parents?: Record<string, string>;
  [key: string]: unknown;
}>;

/** A run's configuration. */
export type Config = {
  tags?: string[];
  recursion_limit?: number;
  configurable?: { thread_id?: Optional<string>; checkpoint_id?: Optional<string>; [key: string]: unknown };
};

/** A place in a thread's history. */
export type Checkpoint = {
  thread_id: string;
  checkpoint_ns: string;
  checkpoint_id: Optional<string>;
  checkpoint_map: Optional<Record<string, unknown>>;
};

/** A question of the graph. `{when: "breakpoint"}` alone: it waits before a node and asks nothing. */
export interface Interrupt<TValue = unknown> {
  /** The id that a resume names if several interrupts wait. */
  id?: string;
  value?: TValue;
  /** JSON schema of the answer, if the graph gives one. */
  response_schema?: Record<string, unknown>;
  namespace?: string[];
  /** @deprecated by the server */
  when?: "during" | (string & {});
  /** @deprecated by the server */
  resumable?: boolean;
  /** @deprecated by the server */
  ns?: string[];
}

/** Values of which nothing is known: a subgraph's may be a list. */
export type DefaultValues = Record<string, unknown>[] | Record<string, unknown>;

/** One node's work in a step. */
export interface ThreadTask<ValuesType = DefaultValues, TInterruptValue = unknown> {
  id: string;
  name: string;
  result?: unknown;
  error: Optional<string>;
  interrupts: Interrupt<TInterruptValue>[];
  checkpoint: Optional<Checkpoint>;
  state: Optional<ThreadState<ValuesType>>;
}

/** A thread at one checkpoint. */
export interface ThreadState<ValuesType = Record<string, unknown>> {
  values: ValuesType;
  /** The nodes to run next; empty when the thread waits for input. */
  next: string[];
  checkpoint: Checkpoint;
  metadata: Metadata;
  created_at: Optional<string>;
  /** None at the root. */
  parent_checkpoint: Optional<Checkpoint>;
  tasks: ThreadTask[];
}

/** A thread as the server lists it. */
export interface Thread<ValuesType = Record<string, unknown>> {
  thread_id: string;
  created_at: string;
  updated_at: string;
  state_updated_at?: string;
  metadata: Metadata;
  status: ThreadStatus;
  values: ValuesType;
  interrupts: Record<string, Interrupt[]>;
  config?: Config;
  error?: Optional<string | Record<string, unknown>>;
}

/** A run as the server lists it. */
export interface Run {
  run_id: string;
  thread_id: string;
  assistant_id: string;
  created_at: string;
  updated_at: string;
  status: RunStatus;
  metadata: Metadata;
  multitask_strategy: Optional<MultitaskStrategy>;
  cancel_reason?: string | null;
}

/** An assistant as the server lists it. */
export interface Assistant {
  assistant_id: string;
  graph_id: string;
  config: Config;
  context: unknown;
  created_at: string;
  updated_at: string;
  metadata: Metadata;
  version: number;
  name: string;
  description?: string;
}

/** A schedule, as the server lists it. */
export interface Cron {
  cron_id: string;
  assistant_id: string;
  thread_id: Optional<string>;
  schedule: string;
  timezone?: Optional<string>;
  end_time: Optional<string>;
  next_run_date: Optional<string>;
  payload: Record<string, unknown>;
  user_id: Optional<string>;
  created_at: string;
  updated_at: string;
  metadata: Metadata;
  enabled?: boolean;
  on_run_completed?: "delete" | "keep";
}

/** An item of the server's key-value store. */
export interface Item {
  namespace: string[];
  key: string;
  value: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}

/** The node to send an input to. */
export interface Send {
  node: string;
  input: unknown | null;
}

/** The way on after an interrupt, or a jump. */
export interface Command {
  /** Laid over the thread's state. */
  update?: Record<string, unknown> | [string, unknown][] | null;
  /** The answer to an interrupt; if several wait, an object by interrupt ids. */
  resume?: unknown;
  /** The nodes to go on with. */
  goto?: Send | Send[] | string | string[];
}
