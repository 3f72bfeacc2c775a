/** The small client for requests beside the stream. */
import type {
  Assistant,
  Checkpoint,
  Config,
  Cron,
  Item,
  Metadata,
  MultitaskStrategy,
  Run,
  RunStatus,
  Thread,
  ThreadState,
  ThreadStatus,
} from "./schema.js";

/** The members that are read from a given client: the SDK's has them on its parts. */
export interface ClientLike {
  /** Read for the URL and the headers. */
  threads: object;
  /** The same. */
  runs: object;
}

type Values = Record<string, unknown>;
type SortOrder = "asc" | "desc";
/** The filter of assistants. */
type AssistantQuery = {
  graphId?: string;
  metadata?: Metadata;
  limit?: number;
  offset?: number;
  name?: string;
  sortBy?: string;
  sortOrder?: SortOrder;
  select?: string[];
} & RequestOptions;
/** The lifetime in minutes, and the action at its end. A number: deletion. */
type Ttl = number | { ttl: number; strategy?: "delete" };
/** Per request. */
export interface RequestOptions {
  /** Ends the request; it rejects with the reason. */
  signal?: AbortSignal;
}

/** Threads. */
export interface ThreadsClient {
  /** Makes a thread. Without `threadId` the server gives the id; `ifExists` is `raise` by default. */
  create<V = Values>(
    payload?: {
      metadata?: Metadata;
      threadId?: string;
      ifExists?: "raise" | "do_nothing";
      graphId?: string;
      supersteps?: { updates: { values: unknown; command?: object; asNode: string }[] }[];
      ttl?: Ttl;
    } & RequestOptions,
  ): Promise<Thread<V>>;
  /** One thread, with its values. `include` names fields that the server leaves out otherwise. */
  get<V = Values>(threadId: string, options?: { include?: string[] } & RequestOptions): Promise<Thread<V>>;
  /** Adds to the metadata. */
  update(threadId: string, payload?: { metadata?: Metadata; ttl?: Ttl } & RequestOptions): Promise<Thread>;
  /** Deletes a thread with its runs and its history. */
  delete(threadId: string, options?: RequestOptions): Promise<void>;
  /** Makes a new thread with the same history. */
  copy(threadId: string, options?: RequestOptions): Promise<Thread>;
  /** Deletes threads, or with `keep_latest` all of their checkpoints but the last; resolves to how many. */
  prune(threadIds: string[], options?: { strategy?: "delete" | "keep_latest" } & RequestOptions): Promise<{ pruned_count: number }>;
  /** Threads that match all that is given. Without `limit` the server gives 10. */
  search<V = Values>(
    query?: {
      metadata?: Metadata;
      ids?: string[];
      limit?: number;
      offset?: number;
      status?: ThreadStatus;
      sortBy?: string;
      sortOrder?: SortOrder;
      values?: Values;
      select?: string[];
      extract?: Record<string, string>;
    } & RequestOptions,
  ): Promise<Thread<V>[]>;
  /** The number of threads that match. */
  count(query?: { metadata?: Metadata; values?: Values; status?: ThreadStatus } & RequestOptions): Promise<number>;
  /** The newest state, or the one at a checkpoint. `subgraphs` includes theirs in `tasks`. */
  getState<V = Values>(
    threadId: string,
    checkpoint?: Partial<Checkpoint> | string,
    options?: { subgraphs?: boolean; select?: string[] } & RequestOptions,
  ): Promise<ThreadState<V>>;
  /** Writes a new state as if the node `asNode` had returned `values`; resolves to its checkpoint. */
  updateState(
    threadId: string,
    options: { values?: unknown; checkpoint?: Partial<Checkpoint>; checkpointId?: string; asNode?: string } & RequestOptions,
  ): Promise<{ checkpoint: Checkpoint; [key: string]: unknown }>;
  /** Adds to the metadata of the newest state of a thread: one by its id, or the one that a config names. */
  patchState(threadIdOrConfig: string | Config, metadata: Metadata, options?: RequestOptions): Promise<void>;
  /** States, newest first. Without `limit` there are 10. */
  getHistory<V = Values>(
    threadId: string,
    options?: {
      limit?: number;
      before?: Partial<Checkpoint> | Config;
      checkpoint?: Partial<Checkpoint>;
      metadata?: Metadata;
      select?: string[];
    } & RequestOptions,
  ): Promise<ThreadState<V>[]>;
}

/** Runs without their stream; the stream of this package is for that. */
export interface RunsClient {
  /** Starts a run and resolves at once. To follow it give its id to `joinStream`. Without a thread it has one of its own, which ends with it. */
  create(
    threadId: string | null,
    assistantId: string,
    payload?: {
      input?: unknown;
      config?: Config;
      context?: unknown;
      metadata?: Metadata;
      command?: object;
      multitaskStrategy?: MultitaskStrategy;
      streamMode?: string | string[];
      streamResumable?: boolean;
      [key: string]: unknown;
    } & RequestOptions,
  ): Promise<Run>;
  /** Starts several runs without a thread. */
  createBatch(payloads: ({ assistantId: string } & Values)[], options?: RequestOptions): Promise<Run[]>;
  /** Starts a run and resolves to the values at its end. Rejects if the run fails, unless `raiseError` is false. */
  wait(threadId: string | null, assistantId: string, payload?: Values & { raiseError?: boolean } & RequestOptions): Promise<Values>;
  /** The runs of a thread, newest first. Without `limit` the server gives 10. */
  list(
    threadId: string,
    options?: { limit?: number; offset?: number; status?: RunStatus; select?: string[] } & RequestOptions,
  ): Promise<Run[]>;
  /** One run. */
  get(threadId: string, runId: string, options?: RequestOptions): Promise<Run>;
  /** Cancels a run: `interrupt` (the default) keeps its writes, `rollback` removes them. `wait` resolves when it is over. */
  cancel(
    threadId: string,
    runId: string,
    wait?: boolean,
    action?: "interrupt" | "rollback",
    options?: { reason?: string } & RequestOptions,
  ): Promise<void>;
  /** Cancels several: those named of a thread, or all that stand so. */
  cancelMany(
    options: { threadId?: string; runIds?: string[]; status?: "pending" | "running" | "all"; action?: "interrupt" | "rollback" } & RequestOptions,
  ): Promise<void>;
  /** Resolves to the values when the run is over. */
  join(threadId: string, runId: string, options?: { cancelOnDisconnect?: boolean } & RequestOptions): Promise<Values>;
  /** Deletes a run that is over. */
  delete(threadId: string, runId: string, options?: RequestOptions): Promise<void>;
}

/** Assistants. */
export interface AssistantsClient {
  /** One assistant. */
  get(assistantId: string, options?: RequestOptions): Promise<Assistant>;
  /** Assistants that match the whole query, 10 by default (`limit`). `includePagination` adds the start of the next page. */
  search(query: AssistantQuery & { includePagination: true }): Promise<{ assistants: Assistant[]; next: string | null }>;
  /** Assistants that match all that is given. */
  search(query?: AssistantQuery & { includePagination?: false }): Promise<Assistant[]>;
  /** How many assistants match. */
  count(query?: { graphId?: string; metadata?: Metadata; name?: string } & RequestOptions): Promise<number>;
  /** JSON schemas of its input, output, state, config and context. */
  getSchemas(assistantId: string, options?: RequestOptions): Promise<Values>;
  /** Its graph as `{nodes, edges}`; `xray` looks into subgraphs, to that depth. */
  getGraph(assistantId: string, options?: { xray?: boolean | number } & RequestOptions): Promise<Values>;
  /** Schemas of its subgraphs, or of the one in `namespace`; `recurse` gives theirs too. */
  getSubgraphs(assistantId: string, options?: { namespace?: string; recurse?: boolean } & RequestOptions): Promise<Values>;
  /** Makes an assistant. The payload is sent as it is. */
  create(payload: Values & RequestOptions): Promise<Assistant>;
  /** Changes an assistant. The payload is sent as it is. */
  update(assistantId: string, payload: Values & RequestOptions): Promise<Assistant>;
  /** Deletes an assistant, and with `deleteThreads` its threads. */
  delete(assistantId: string, options?: { deleteThreads?: boolean } & RequestOptions): Promise<void>;
  /** Its versions. Without `limit` there are 10. */
  getVersions(assistantId: string, payload?: { metadata?: Metadata; limit?: number; offset?: number } & RequestOptions): Promise<Assistant[]>;
  /** Makes this version the one that runs. */
  setLatest(assistantId: string, version: number, options?: RequestOptions): Promise<Assistant>;
}

/** The filter of scheduled runs. */
type CronQuery = { assistantId?: string; threadId?: string; metadata?: Metadata };

/** Runs that the server starts by a schedule. */
export interface CronsClient {
  /** Schedules runs that have a thread each. `schedule` is in cron's format. */
  create(assistantId: string, payload?: { schedule: string } & Values & RequestOptions): Promise<Cron>;
  /** Schedules runs on one thread. */
  createForThread(threadId: string, assistantId: string, payload?: { schedule: string } & Values & RequestOptions): Promise<Cron & { thread_id: string }>;
  /** Changes a schedule. */
  update(cronId: string, payload?: Values & RequestOptions): Promise<Cron>;
  /** Ends a schedule. */
  delete(cronId: string, options?: RequestOptions): Promise<void>;
  /** Schedules that match all that is given. Without `limit` there are 10. */
  search(
    query?: CronQuery & { enabled?: boolean; limit?: number; offset?: number; sortBy?: string; sortOrder?: SortOrder; select?: string[] } & RequestOptions,
  ): Promise<Cron[]>;
  /** How many match. */
  count(query?: CronQuery & RequestOptions): Promise<number>;
}

/** The server's key-value store. */
export interface StoreClient {
  /** Writes an item. `ttl` is in minutes. */
  putItem(
    namespace: string[],
    key: string,
    value: Values,
    options?: { index?: false | string[] | null; ttl?: number | null } & RequestOptions,
  ): Promise<void>;
  /** Reads an item; null if there is none. */
  getItem(namespace: string[], key: string, options?: { refreshTtl?: boolean | null } & RequestOptions): Promise<Item | null>;
  /** Removes an item. */
  deleteItem(namespace: string[], key: string, options?: RequestOptions): Promise<void>;
  /** Items below a namespace. Without `limit` there are 10. */
  searchItems(
    namespacePrefix: string[],
    options?: { filter?: Values; limit?: number; offset?: number; query?: string; refreshTtl?: boolean | null } & RequestOptions,
  ): Promise<{ items: Item[] }>;
  /** Namespaces with this beginning and end. Without `limit` there are 100. */
  listNamespaces(
    options?: { prefix?: string[]; suffix?: string[]; maxDepth?: number; limit?: number; offset?: number } & RequestOptions,
  ): Promise<{ namespaces: string[][] }>;
}

/** Components of generative UI, as `LoadExternalComponent` of the SDK asks for them. */
export interface UiClient {
  /** The HTML of a component that the assistant's graph names. Asked once for each. */
  getComponent(assistantId: string, name: string): Promise<string>;
}

/**
 * For requests beside the stream. Each method rejects with a `RejoinError` if the server refuses. It has the SDK client's methods but
 * those that stream: they throw `not_in_client` and name the member to use instead.
 */
export interface Client {
  /** Threads and their states. */
  threads: ThreadsClient;
  /** Runs without their streams. */
  runs: RunsClient;
  /** Assistants. */
  assistants: AssistantsClient;
  /** Scheduled runs. */
  crons: CronsClient;
  /** The key-value store. */
  store: StoreClient;
  /** Components of generative UI. */
  "~ui": UiClient;
}
