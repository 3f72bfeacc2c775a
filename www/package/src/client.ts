/** Requests beside the stream, and what can be read off a client that is given. */
import type { Client, ClientLike } from "./types/client.js";

/** Sends one request. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

type HeaderMap = Record<string, string | null | undefined>;

/** What a given client is made of. The SDK keeps these on its parts; they are protected there, and stable since 0.0.x. */
export interface ClientParts {
  apiUrl?: string;
  defaultHeaders?: HeaderMap;
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

/** The client's parts and their methods. */
const METHODS: { readonly [Part in keyof Client]: string } = {
  threads: "create get update delete copy search count getState updateState patchState getHistory",
  runs: "create wait list get cancel join delete",
  assistants: "get search getSchemas getGraph create update delete",
  store: "putItem getItem deleteItem searchItems listNamespaces",
};

/** Makes a client that sends with `send` to `apiUrl()`, each asked for each request. Its code comes with the first request. */
export function clientOf(apiUrl: () => string, send: Send): Client {
  const load = async (): Promise<Record<string, Record<string, (...args: unknown[]) => unknown>>> =>
    (await import("./client-requests.js")).requestsOf(apiUrl, send) as any;
  const parts = Object.entries(METHODS).map(([part, names]) => [
    part,
    Object.fromEntries(names.split(" ").map((name) => [name, async (...args: unknown[]) => (await load())[part]?.[name]?.(...args)])),
  ]);
  return Object.fromEntries(parts) as Client;
}
