/** The requests of the small client: loaded with the first of them, as most pages send none. */
import type { Send } from "./redirects.js";
import { problemOfId } from "./addresses.js";
import { RejoinError } from "./errors.js";
import { snake } from "./names.js";
import type { Client, RequestOptions } from "./types/client.js";
import type { Assistant, Item } from "./types/schema.js";

type Fields = Record<string, unknown>;

/** The parts of a request, besides its method and its path. Each may hold the signal that ends it. */
interface Parts {
  body?: object | undefined;
  query?: object | undefined;
  headers?: Record<string, string>;
}

/** A path of these words and ids. */
function path(...parts: string[]): string {
  for (const part of parts) {
    const problem = problemOfId(part);
    if (problem) throw problem;
  }
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

/** The codes of statuses: those of the engine's requests. */
const CODES: Readonly<Record<number, string>> = { 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "body_too_large", 422: "unprocessable", 429: "too_many_requests", 500: "server_error" };

/** A query as the server reads it: a list is a parameter for each of its items. */
function queryOf(given: object): string {
  const pairs = Object.entries(snake(given as Fields)).flatMap(([name, value]) =>
    [value].flat().flatMap((item): [string, string][] => (item == null ? [] : [[name, typeof item === "string" ? item : JSON.stringify(item)]])),
  );
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : "";
}

/** How long a thread is kept. */
const ttlOf = (ttl: unknown): unknown => (typeof ttl === "number" ? { ttl, strategy: "delete" } : ttl);

/** The run that an answer's headers name, told to who has asked for it. */
function tellRun(payload: Fields | undefined, headers: Headers): void {
  const tell = payload?.["onRunCreated"];
  const [, thread_id, run_id] = /(?:\/threads\/([^/]+))?\/runs\/([^/]+)/.exec(headers.get("content-location") ?? "") ?? [];
  if (run_id && typeof tell === "function") tell({ run_id, ...(thread_id && { thread_id }) });
}

/** A namespace of the store. */
function labels(namespace: string[]): string[] {
  const wrong = namespace.find((label) => label.includes("."));
  if (wrong !== undefined) throw new RejoinError("invalid_id", `A namespace's label cannot have a period in it, as "${wrong}" has, so nothing was sent.`);
  return namespace;
}

/** Makes a client that sends with `send` to `apiUrl()`. Each is asked for each request. */
export function requestsOf(apiUrl: () => string, send: Send, deleted: (threadId: string) => void): Client {
  const answerOf = async (method: string, where: string, { body, query, headers }: Parts = {}): Promise<{ text: string; headers: Headers }> => {
    const init: RequestInit = { method };
    const { signal } = { ...query, ...body } as RequestOptions;
    if (signal) init.signal = signal;
    if (headers) init.headers = headers;
    if (body) {
      init.headers = { ...headers, "content-type": "application/json" };
      init.body = JSON.stringify(Array.isArray(body) ? body : snake(body as Fields));
    }
    let response: Response;
    try {
      response = await send(`${apiUrl()}${where}${queryOf(query ?? {})}`, init);
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (cause instanceof RejoinError) throw cause;
      throw new RejoinError("unreachable", "The server cannot be reached.", { cause, detail: String(cause) });
    }
    const text = await response.text();
    if (!response.ok) {
      const code = CODES[response.status] ?? (response.status > 500 ? "bad_gateway" : "request_refused");
      throw new RejoinError(code, `The server answered ${response.status} to ${method} ${where}.`, { status: response.status, detail: text.slice(0, 500) });
    }
    return { text, headers: response.headers };
  };
  const read = <T>(text: string): T => (text ? JSON.parse(text) : undefined) as T;
  const ask = async <T>(method: string, where: string, parts?: Parts): Promise<T> => read((await answerOf(method, where, parts)).text);
  const post = <T>(where: string, body: object = {}): Promise<T> => ask("POST", where, { body });
  const get = <T>(where: string, query?: object): Promise<T> => ask("GET", where, { query });
  const patch = <T>(where: string, body: object): Promise<T> => ask("PATCH", where, { body });
  const remove = (where: string, query?: object): Promise<void> => ask("DELETE", where, { query });
  const components = new Map<string, Promise<string>>();
  const page = { limit: 10, offset: 0 };
  const thread = (id: string, ...more: string[]): string => path("threads", id, ...more);
  const assistant = (id: string, ...more: string[]): string => path("assistants", id, ...more);
  const runs = (id: string | null): string => (id === null ? "/runs" : thread(id, "runs"));
  type Stored = Omit<Item, "createdAt" | "updatedAt"> & { created_at: string; updated_at: string };
  const named = (item: Stored): Item => ({ ...item, createdAt: item.created_at, updatedAt: item.updated_at });

  return {
    threads: {
      create: ({ metadata, graphId, supersteps, ttl, ...payload } = {}) =>
        post("/threads", {
          metadata: { ...metadata, graph_id: graphId },
          supersteps: supersteps?.map(({ updates }) => ({ updates: updates.map(({ values, command, asNode }) => ({ values, command, as_node: asNode })) })),
          ttl: ttlOf(ttl),
          ...payload,
        }),
      get: (id, options) => get(thread(id), options),
      update: (id, { ttl, ...payload } = {}) => patch(thread(id), { ...payload, ttl: ttlOf(ttl) }),
      delete: async (id, options) => {
        await remove(thread(id), options);
        deleted(id);
      },
      copy: (id, options) => ask("POST", thread(id, "copy"), { query: options }),
      prune: (threadIds, { strategy = "delete", ...options } = {}) => post("/threads/prune", { threadIds, strategy, ...options }),
      search: (query) => post("/threads/search", { ...page, ...query }),
      count: (query) => post("/threads/count", query),
      getState: (id, checkpoint, options) =>
        checkpoint && typeof checkpoint !== "string"
          ? post(thread(id, "state", "checkpoint"), { checkpoint, ...options })
          : get(checkpoint ? thread(id, "state", checkpoint) : thread(id, "state"), options),
      updateState: (id, options) => post(thread(id, "state"), options),
      patchState: (of, metadata, options) => patch(thread(typeof of === "string" ? of : (of.configurable?.thread_id ?? ""), "state"), { metadata, ...options }),
      getHistory: (id, options) => post(thread(id, "history"), { limit: 10, ...options }),
    },
    runs: {
      async create(id, assistantId, payload) {
        const { text, headers } = await answerOf("POST", runs(id), { body: { ...payload, assistantId } });
        tellRun(payload, headers);
        return read(text);
      },
      createBatch: (payloads, options) => ask("POST", "/runs/batch", { body: payloads.map(snake), query: options }),
      async wait(id, assistantId, { raiseError = true, ...payload } = {}) {
        const { text, headers } = await answerOf("POST", `${runs(id)}/wait`, { body: { ...payload, assistantId } });
        tellRun(payload, headers);
        const values = read<Fields>(text);
        const failure = values?.["__error__"] as { error?: string; message?: string } | undefined;
        if (raiseError && failure?.error) throw new RejoinError("run_failed", failure.message ?? failure.error, { name: failure.error });
        return values;
      },
      list: (id, options) => get(runs(id), { ...page, ...options }),
      get: (id, runId, options) => get(thread(id, "runs", runId), options),
      cancel: (id, runId, wait = false, action = "interrupt", options = {}) =>
        ask("POST", thread(id, "runs", runId, "cancel"), { query: { wait: wait ? 1 : 0, action, ...options } }),
      cancelMany: ({ action, ...options }) => ask("POST", "/runs/cancel", { body: options, query: { action } }),
      join: (id, runId, { cancelOnDisconnect = false, ...options } = {}) =>
        get(thread(id, "runs", runId, "join"), { cancelOnDisconnect: cancelOnDisconnect ? 1 : 0, ...options }),
      delete: (id, runId, options) => remove(thread(id, "runs", runId), options),
    },
    assistants: {
      get: (id, options) => get(assistant(id), options),
      search: (async ({ includePagination, ...query }: Fields = {}) => {
        const { text, headers } = await answerOf("POST", "/assistants/search", { body: { ...page, ...query } });
        const assistants = read<Assistant[]>(text);
        return includePagination ? { assistants, next: headers.get("x-pagination-next") } : assistants;
      }) as Client["assistants"]["search"],
      count: (query) => post("/assistants/count", query),
      getSchemas: (id, options) => get(assistant(id, "schemas"), options),
      getGraph: (id, options) => get(assistant(id, "graph"), options),
      getSubgraphs: (id, { namespace, ...options } = {}) => get(namespace ? assistant(id, "subgraphs", namespace) : assistant(id, "subgraphs"), options),
      create: (payload) => post("/assistants", payload),
      update: (id, payload) => patch(assistant(id), payload),
      delete: (id, { deleteThreads = false, ...options } = {}) => remove(assistant(id), { deleteThreads, ...options }),
      getVersions: (id, payload) => post(assistant(id, "versions"), { ...page, ...payload }),
      setLatest: (id, version, options) => post(assistant(id, "latest"), { version, ...options }),
    },
    crons: {
      create: (assistantId, payload) => post("/runs/crons", { ...payload, assistantId }),
      createForThread: (id, assistantId, payload) => post(thread(id, "runs", "crons"), { ...payload, assistantId }),
      update: (id, payload = {}) => patch(path("runs", "crons", id), payload),
      delete: (id, options) => remove(path("runs", "crons", id), options),
      search: (query) => post("/runs/crons/search", { ...page, ...query }),
      count: (query) => post("/runs/crons/count", query),
    },
    store: {
      putItem: async (namespace, key, value, options) => ask("PUT", "/store/items", { body: { namespace: labels(namespace), key, value, ...options } }),
      getItem: async (namespace, key, options) => {
        const item = await get<Stored | undefined>("/store/items", { namespace: labels(namespace).join("."), key, ...options });
        return item ? named(item) : null;
      },
      deleteItem: async (namespace, key, options) => ask("DELETE", "/store/items", { body: { namespace: labels(namespace), key, ...options } }),
      searchItems: async (namespacePrefix, options) => {
        const { items } = await post<{ items: Stored[] }>("/store/items/search", { namespacePrefix, ...page, ...options });
        return { items: items.map(named) };
      },
      listNamespaces: (options) => post("/store/namespaces", { ...page, limit: 100, ...options }),
    },
    "~ui": {
      getComponent(assistantId, name) {
        const key = JSON.stringify([apiUrl(), assistantId, name]);
        const asked = components.get(key) ?? answerOf("POST", path("ui", assistantId), { body: { name }, headers: { accept: "text/html" } }).then(({ text }) => text);
        components.set(key, asked);
        // What could not be had is asked again.
        asked.catch(() => components.delete(key));
        return asked;
      },
    },
  };
}
