/** Requests beside the stream, and what can be read off a client that is given. */
import type { Send } from "./redirects.js";
import type { HeadersLike } from "./headers.js";
import type { Client, ClientLike } from "./types/client.js";

/** What a given client is made of. The SDK keeps these on its parts; they are protected there, and stable since 0.0.x. */
export interface ClientParts {
  apiUrl?: string;
  defaultHeaders?: HeadersLike;
  onRequest?: (url: URL, init: RequestInit) => RequestInit | Promise<RequestInit>;
  fetch?: (...args: any[]) => any;
}

/** Reads a client's URL, headers, request hook and fetch. */
export function partsOfClient(client: ClientLike | undefined): ClientParts {
  const runs = (client?.runs ?? {}) as ClientParts & { asyncCaller?: { customFetch?: ClientParts["fetch"] } };
  const parts: ClientParts = {};
  if (typeof runs.apiUrl === "string") parts.apiUrl = runs.apiUrl;
  if (runs.defaultHeaders) parts.defaultHeaders = runs.defaultHeaders;
  if (runs.onRequest) parts.onRequest = runs.onRequest;
  if (runs.asyncCaller?.customFetch) parts.fetch = runs.asyncCaller.customFetch;
  return parts;
}

/** A method of a client that is given. */
export type ClientMethod = (...args: unknown[]) => unknown;

/**
 * The method, where it is the application's own: where the part is none of the SDK's, which has its URL on each, or where it was put in the
 * place of the SDK's, as tests do. The SDK's own are not called: what is asked by their URL is followed better.
 */
export function ownMethod(client: ClientLike, part: "threads" | "runs", name: string): ClientMethod | undefined {
  const methods = client[part] as Record<string, unknown> | undefined;
  const method = methods?.[name];
  if (typeof method !== "function") return undefined;
  const isOwn = typeof methods?.["apiUrl"] !== "string" || Object.hasOwn(methods, name) || "mock" in method;
  return isOwn ? (...args) => method.apply(methods, args) as unknown : undefined;
}

/** What a stream asks a client for. */
const CALLED = [
  { part: "threads", names: ["create", "get", "getState", "getHistory"] },
  { part: "runs", names: ["stream", "joinStream", "list", "get", "cancel"] },
] as const;

/** Whether a client has methods of the application's own among those. */
export const hasOwnMethods = (client: ClientLike): boolean =>
  typeof partsOfClient(client).apiUrl !== "string" || CALLED.some(({ part, names }) => names.some((name) => ownMethod(client, part, name) !== undefined));

/** The client's parts and their methods. */
const METHODS: { readonly [Part in keyof Client]: readonly (keyof Client[Part])[] } = {
  threads: ["create", "get", "update", "delete", "copy", "search", "count", "getState", "updateState", "patchState", "getHistory"],
  runs: ["create", "wait", "list", "get", "cancel", "join", "delete"],
  assistants: ["get", "search", "getSchemas", "getGraph", "create", "update", "delete"],
  store: ["putItem", "getItem", "deleteItem", "searchItems", "listNamespaces"],
  "~ui": ["getComponent"],
};

/**
 * Makes a client that sends with `send` to `apiUrl()`, each asked for each request, and tells `deleted` of each thread that was deleted. Its
 * code comes with the first request.
 */
export function clientOf(apiUrl: () => string, send: Send, deleted: (threadId: string) => void): Client {
  type Methods = Record<string, Record<string, (...args: unknown[]) => unknown>>;
  let loaded: Methods | undefined;
  const load = async (): Promise<Methods> => {
    const { requestsOf } = await import("./client-requests.js");
    return (loaded ??= requestsOf(apiUrl, send, deleted) as unknown as Methods);
  };
  const parts = Object.entries(METHODS).map(([part, names]) => [
    part,
    Object.fromEntries(names.map((name: string) => [name, async (...args: unknown[]) => (await load())[part]?.[name]?.(...args)])),
  ]);
  return Object.fromEntries(parts) as Client;
}
