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

/** What is read off a client that is given: the SDK's has these on its parts. */
export interface ClientLike {
  threads: object;
  runs: object;
}

type Values = Record<string, any>;
type SortOrder = "asc" | "desc";
/** Per request. */
export interface RequestOptions {
  signal?: AbortSignal;
}

/** Threads. */
export interface ThreadsClient {
  create<V = Values>(
    payload?: { metadata?: Metadata; threadId?: string; ifExists?: "raise" | "do_nothing"; graphId?: string } & RequestOptions,
  ): Promise<Thread<V>>;
  get<V = Values>(threadId: string, options?: RequestOptions): Promise<Thread<V>>;
  update(threadId: string, payload?: { metadata?: Metadata } & RequestOptions): Promise<Thread>;
  delete(threadId: string, options?: RequestOptions): Promise<void>;
  copy(threadId: string, options?: RequestOptions): Promise<Thread>;
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
  count(query?: { metadata?: Metadata; values?: Values; status?: ThreadStatus } & RequestOptions): Promise<number>;
  getState<V = Values>(
    threadId: string,
    checkpoint?: Partial<Checkpoint> | string,
    options?: { subgraphs?: boolean } & RequestOptions,
  ): Promise<ThreadState<V>>;
  updateState(
    threadId: string,
    options: { values?: unknown; checkpoint?: Partial<Checkpoint>; checkpointId?: string; asNode?: string } & RequestOptions,
  ): Promise<{ checkpoint: Checkpoint; [key: string]: unknown }>;
  patchState(threadId: string, metadata: Metadata, options?: RequestOptions): Promise<void>;
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
  wait(threadId: string, assistantId: string, payload?: Values & RequestOptions): Promise<Values>;
  list(
    threadId: string,
    options?: { limit?: number; offset?: number; status?: RunStatus; select?: string[] } & RequestOptions,
  ): Promise<Run[]>;
  get(threadId: string, runId: string, options?: RequestOptions): Promise<Run>;
  cancel(
    threadId: string,
    runId: string,
    wait?: boolean,
    action?: "interrupt" | "rollback",
    options?: RequestOptions,
  ): Promise<void>;
  join(threadId: string, runId: string, options?: RequestOptions): Promise<Values>;
  delete(threadId: string, runId: string, options?: RequestOptions): Promise<void>;
}

/** Assistants. */
export interface AssistantsClient {
  get(assistantId: string, options?: RequestOptions): Promise<Assistant>;
  search(
    query?: { graphId?: string; metadata?: Metadata; limit?: number; offset?: number; name?: string } & RequestOptions,
  ): Promise<Assistant[]>;
  getSchemas(assistantId: string, options?: RequestOptions): Promise<Values>;
  getGraph(assistantId: string, options?: { xray?: boolean | number } & RequestOptions): Promise<Values>;
  create(payload: Values & RequestOptions): Promise<Assistant>;
  update(assistantId: string, payload: Values & RequestOptions): Promise<Assistant>;
  delete(assistantId: string, options?: RequestOptions): Promise<void>;
}

/** The server's key-value store. */
export interface StoreClient {
  putItem(
    namespace: string[],
    key: string,
    value: Values,
    options?: { index?: false | string[] | null; ttl?: number | null } & RequestOptions,
  ): Promise<void>;
  getItem(namespace: string[], key: string, options?: RequestOptions): Promise<Item | null>;
  deleteItem(namespace: string[], key: string, options?: RequestOptions): Promise<void>;
  searchItems(
    namespacePrefix: string[],
    options?: { filter?: Values; limit?: number; offset?: number; query?: string } & RequestOptions,
  ): Promise<{ items: Item[] }>;
  listNamespaces(
    options?: { prefix?: string[]; suffix?: string[]; maxDepth?: number; limit?: number; offset?: number } & RequestOptions,
  ): Promise<{ namespaces: string[][] }>;
}

/** For requests beside the stream. Each method rejects with a `RejoinError` where the server refuses. */
export interface Client {
  threads: ThreadsClient;
  runs: RunsClient;
  assistants: AssistantsClient;
  store: StoreClient;
}
