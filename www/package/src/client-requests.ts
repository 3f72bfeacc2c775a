/** The requests of the small client: loaded with the first of them, as most pages send none. */
import type { Send } from "./redirects.js";
import { problemOfId } from "./addresses.js";
import { RejoinError } from "./errors.js";
import { snake } from "./names.js";
import type { Client } from "./types/client.js";

type Fields = Record<string, any>;

/** A path of these words and ids. */
function path(...parts: string[]): string {
  for (const part of parts) {
    const problem = problemOfId(part);
    if (problem) throw problem;
  }
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

/** Makes a client that sends with `send` to `apiUrl()`. Each is asked for each request. */
export function requestsOf(apiUrl: () => string, send: Send, deleted: (threadId: string) => void): Client {
  const textOf = async (method: string, where: string, body?: Fields, query?: Fields): Promise<string> => {
    const pairs = Object.entries(snake(query ?? {})).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((item): [string, string] => [name, String(item)]),
    );
    const init: RequestInit = { method };
    const signal = (body?.["signal"] ?? query?.["signal"]) as AbortSignal | undefined;
    if (signal) init.signal = signal;
    if (body) {
      init.headers = { "content-type": "application/json" };
      init.body = JSON.stringify(snake(body));
    }
    let response: Response;
    try {
      response = await send(`${apiUrl()}${where}${pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : ""}`, init);
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (cause instanceof RejoinError) throw cause;
      throw new RejoinError("unreachable", "The server cannot be reached.", { cause, detail: String(cause) });
    }
    const text = await response.text();
    if (!response.ok) {
      const codes: Record<number, string> = { 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "body_too_large", 422: "unprocessable", 429: "too_many_requests", 500: "server_error" };
      const code = codes[response.status] ?? (response.status > 500 ? "bad_gateway" : "request_refused");
      throw new RejoinError(code, `The server answered ${response.status} to ${method} ${where}.`, { status: response.status, detail: text.slice(0, 500) });
    }
    return text;
  };
  const ask = async (...asked: Parameters<typeof textOf>): Promise<any> => {
    const text = await textOf(...asked);
    return text ? JSON.parse(text) : undefined;
  };
  const components = new Map<string, Promise<string>>();
  const post = (where: string, body: Fields = {}): Promise<any> => ask("POST", where, body);
  const get = (where: string, query?: Fields): Promise<any> => ask("GET", where, undefined, query);
  const patch = (where: string, body: Fields): Promise<any> => ask("PATCH", where, body);
  const remove = (where: string, query?: Fields): Promise<any> => ask("DELETE", where, undefined, query);
  const page = { limit: 10, offset: 0 };
  const thread = (id: string, ...more: string[]): string => path("threads", id, ...more);
  const assistant = (id: string, ...more: string[]): string => path("assistants", id, ...more);
  const named = (item: Fields | undefined): any => item && { ...item, createdAt: item["created_at"], updatedAt: item["updated_at"] };

  return {
    threads: {
      create: (payload = {}) => post("/threads", payload),
      get: (id, options) => get(thread(id), options),
      update: (id, payload = {}) => patch(thread(id), payload),
      delete: async (id, options) => {
        await remove(thread(id), options);
        deleted(id);
      },
      copy: (id, options = {}) => post(thread(id, "copy"), options),
      search: (query) => post("/threads/search", { ...page, ...query }),
      count: (query) => post("/threads/count", query),
      getState: (id, checkpoint, options) =>
        checkpoint && typeof checkpoint !== "string"
          ? post(thread(id, "state", "checkpoint"), { checkpoint, ...options })
          : get(checkpoint ? thread(id, "state", checkpoint) : thread(id, "state"), options),
      updateState: (id, options) => post(thread(id, "state"), options),
      patchState: (id, metadata, options) => patch(thread(id, "state"), { metadata, ...options }),
      getHistory: (id, options) => post(thread(id, "history"), { limit: 10, ...options }),
    },
    runs: {
      create: (id, assistantId, payload) => post(thread(id, "runs"), { ...payload, assistantId }),
      wait: (id, assistantId, payload) => post(thread(id, "runs", "wait"), { ...payload, assistantId }),
      list: (id, options) => get(thread(id, "runs"), { ...page, ...options }),
      get: (id, runId, options) => get(thread(id, "runs", runId), options),
      cancel: (id, runId, wait = false, action = "interrupt", options = {}) =>
        ask("POST", thread(id, "runs", runId, "cancel"), options, { wait: wait ? 1 : 0, action }),
      join: (id, runId, options) => get(thread(id, "runs", runId, "join"), options),
      delete: (id, runId, options) => remove(thread(id, "runs", runId), options),
    },
    assistants: {
      get: (id, options) => get(assistant(id), options),
      search: (query) => post("/assistants/search", { ...page, ...query }),
      getSchemas: (id, options) => get(assistant(id, "schemas"), options),
      getGraph: (id, options) => get(assistant(id, "graph"), options),
      create: (payload) => post("/assistants", payload),
      update: (id, payload) => patch(assistant(id), payload),
      delete: (id, options) => remove(assistant(id), options),
    },
    store: {
      putItem: (namespace, key, value, options) => ask("PUT", "/store/items", { namespace, key, value, ...options }),
      getItem: async (namespace, key, options) => named(await get("/store/items", { namespace: namespace.join("."), key, ...options })) ?? null,
      deleteItem: (namespace, key, options) => ask("DELETE", "/store/items", { namespace, key, ...options }),
      searchItems: async (namespacePrefix, options) => ({ items: (await post("/store/items/search", { namespacePrefix, ...page, ...options })).items.map(named) }),
      listNamespaces: (options) => post("/store/namespaces", options),
    },
    "~ui": {
      getComponent(assistantId, name) {
        const key = JSON.stringify([apiUrl(), assistantId, name]);
        const asked = components.get(key) ?? textOf("POST", path("ui", assistantId), { name });
        components.set(key, asked);
        // What could not be had is asked again.
        asked.catch(() => components.delete(key));
        return asked;
      },
    },
  };
}
