/** The small client for requests beside the stream. */
import type {
  Assistant,
  Checkpoint,
  Config,
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

type Values = Record<string, any>;
type SortOrder = "asc" | "desc";
/** Per request. */
export interface RequestOptions {
  /** Ends the request; it rejects with the reason. */
  signal?: AbortSignal;
}

/** Threads. */
export interface ThreadsClient {
  /** Makes a thread. Without `threadId` the server gives the id; `ifExists` is `raise` by default. */
  create<V = Values>(
    payload?: { metadata?: Metadata; threadId?: string; ifExists?: "raise" | "do_nothing"; graphId?: string } & RequestOptions,
  ): Promise<Thread<V>>;
  /** One thread, with its values. */
  get<V = Values>(threadId: string, options?: RequestOptions): Promise<Thread<V>>;
  /** Adds to the metadata. */
  update(threadId: string, payload?: { metadata?: Metadata } & RequestOptions): Promise<Thread>;
  /** Deletes a thread with its runs and its history. */
  delete(threadId: string, options?: RequestOptions): Promise<void>;
  /** Makes a new thread with the same history. */
  copy(threadId: string, options?: RequestOptions): Promise<Thread>;
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
    } & RequestOptions,
  ): Promise<Thread<V>[]>;
  /** The number of threads that match. */
  count(query?: { metadata?: Metadata; values?: Values; status?: ThreadStatus } & RequestOptions): Promise<number>;
  /** The newest state, or the one at a checkpoint. `subgraphs` includes theirs in `tasks`. */
  getState<V = Values>(
    threadId: string,
    checkpoint?: Partial<Checkpoint> | string,
    options?: { subgraphs?: boolean } & RequestOptions,
  ): Promise<ThreadState<V>>;
  /** Writes a new state as if the node `asNode` had returned `values`; resolves to its checkpoint. */
  updateState(
    threadId: string,
    options: { values?: unknown; checkpoint?: Partial<Checkpoint>; checkpointId?: string; asNode?: string } & RequestOptions,
  ): Promise<{ checkpoint: Checkpoint; [key: string]: unknown }>;
  /** Adds to the metadata of the newest state. */
  patchState(threadId: string, metadata: Metadata, options?: RequestOptions): Promise<void>;
  /** States, newest first. Without `limit` there are 10. */
  getHistory<V = Values>(
    threadId: string,
    options?: {
      limit?: number;
      before?: Partial<Checkpoint> | Config;
      checkpoint?: Partial<Checkpoint>;
      metadata?: Metadata;
    } & RequestOptions,
  ): Promise<ThreadState<V>[]>;
}

/** Runs without their stream, which is what this package is for. */
export interface RunsClient {
  /** Starts a run and resolves at once. To follow it give its id to `joinStream`. */
  create(
    threadId: string,
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
  /** Starts a run and resolves to the values at its end. */
  wait(threadId: string, assistantId: string, payload?: Values & RequestOptions): Promise<Values>;
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
    options?: RequestOptions,
  ): Promise<void>;
  /** Resolves to the values when the run is over. */
  join(threadId: string, runId: string, options?: RequestOptions): Promise<Values>;
  /** Deletes a run that is over. */
  delete(threadId: string, runId: string, options?: RequestOptions): Promise<void>;
}

/** Assistants. */
export interface AssistantsClient {
  /** One assistant. */
  get(assistantId: string, options?: RequestOptions): Promise<Assistant>;
  /** Assistants that match all that is given. Without `limit` the server gives 10. */
  search(
    query?: { graphId?: string; metadata?: Metadata; limit?: number; offset?: number; name?: string } & RequestOptions,
  ): Promise<Assistant[]>;
  /** JSON schemas of its input, output, state, config and context. */
  getSchemas(assistantId: string, options?: RequestOptions): Promise<Values>;
  /** Its graph as `{nodes, edges}`; `xray` looks into subgraphs, to that depth. */
  getGraph(assistantId: string, options?: { xray?: boolean | number } & RequestOptions): Promise<Values>;
  /** Makes an assistant. The payload is sent as it is. */
  create(payload: Values & RequestOptions): Promise<Assistant>;
  /** Changes an assistant. The payload is sent as it is. */
  update(assistantId: string, payload: Values & RequestOptions): Promise<Assistant>;
  /** Deletes an assistant. */
  delete(assistantId: string, options?: RequestOptions): Promise<void>;
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
  getItem(namespace: string[], key: string, options?: RequestOptions): Promise<Item | null>;
  /** Removes an item. */
  deleteItem(namespace: string[], key: string, options?: RequestOptions): Promise<void>;
  /** Items below a namespace. Without `limit` there are 10. */
  searchItems(
    namespacePrefix: string[],
    options?: { filter?: Values; limit?: number; offset?: number; query?: string } & RequestOptions,
  ): Promise<{ items: Item[] }>;
  /** Namespaces with this beginning and end. */
  listNamespaces(
    options?: { prefix?: string[]; suffix?: string[]; maxDepth?: number; limit?: number; offset?: number } & RequestOptions,
  ): Promise<{ namespaces: string[][] }>;
}

/** Components of generative UI, as `LoadExternalComponent` of the SDK asks for them. */
export interface UiClient {
  /** The HTML of a component that the assistant's graph names. Asked once for each. */
  getComponent(assistantId: string, name: string): Promise<string>;
}

/** For requests beside the stream. Each method rejects with a `RejoinError` where the server refuses. */
export interface Client {
  /** Threads and their states. */
  threads: ThreadsClient;
  /** Runs without their streams. */
  runs: RunsClient;
  /** Assistants. */
  assistants: AssistantsClient;
  /** The key-value store. */
  store: StoreClient;
  /** Components of generative UI. */
  "~ui": UiClient;
}
