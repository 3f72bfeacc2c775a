/** Requests beside the stream, and what can be read off a client that is given. */
import { RejoinError } from "./errors.js";
import type { Send } from "./redirects.js";
import type { HeadersLike } from "./headers.js";
import type { FetchLike } from "./types/options.js";
import type { Client, ClientLike } from "./types/client.js";
import type { StreamClient } from "./types/sdk-client.js";

/** The parts of a given client that are used. The SDK keeps these on its parts; they are protected there, and stable since 0.0.x. */
export interface ClientParts {
  apiUrl?: string;
  defaultHeaders?: HeadersLike;
  onRequest?: (url: URL, init: RequestInit) => RequestInit | Promise<RequestInit>;
  fetch?: FetchLike;
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
 * The method, if it is the application's own. The part may not be one of the SDK's (which have a URL each), or tests may have replaced
 * the method. The SDK's own methods are not called, because Rejoin follows requests to their URL better.
 */
export function ownMethod(client: ClientLike, part: "threads" | "runs", name: string): ClientMethod | undefined {
  const methods = client[part] as Record<string, unknown> | undefined;
  const method = methods?.[name];
  if (typeof method !== "function") return undefined;
  const isOwn = typeof methods?.["apiUrl"] !== "string" || Object.hasOwn(methods, name) || "mock" in method;
  return isOwn ? (...args) => method.apply(methods, args) as unknown : undefined;
}

/** The methods of a client that a stream calls. */
const CALLED = [
  { part: "threads", names: ["create", "get", "getState", "getHistory"] },
  { part: "runs", names: ["stream", "joinStream", "list", "get", "cancel"] },
] as const;

/** Whether a client has methods of the application's own among those. */
export const hasOwnMethods = (client: ClientLike): boolean =>
  typeof partsOfClient(client).apiUrl !== "string" || CALLED.some(({ part, names }) => names.some((name) => ownMethod(client, part, name) !== undefined));

/** The client's parts and their methods. */
const METHODS: { readonly [Part in keyof Client]: readonly (keyof Client[Part])[] } = {
  threads: ["create", "get", "update", "delete", "copy", "prune", "search", "count", "getState", "updateState", "patchState", "getHistory"],
  runs: ["create", "createBatch", "wait", "list", "get", "cancel", "cancelMany", "join", "delete"],
  assistants: ["get", "search", "count", "getSchemas", "getGraph", "getSubgraphs", "create", "update", "delete", "getVersions", "setLatest"],
  crons: ["create", "createForThread", "update", "delete", "search", "count"],
  store: ["putItem", "getItem", "deleteItem", "searchItems", "listNamespaces"],
  "~ui": ["getComponent"],
};

/** The methods that the SDK's parts have and ours do not: their streams would end with the connection. */
const STREAMING = { threads: ["stream", "joinStream"], runs: ["stream", "joinStream"] } as const;

const notInClient = (method: string): RejoinError =>
  new RejoinError("not_in_client", `\`client.${method}\` is not in Rejoin's own client. Follow runs with \`submit\` or \`joinStream\` of the stream, or give the SDK's \`Client\` as the option \`client\`.`);

type Method = (...args: unknown[]) => unknown;
type Methods = Record<string, Record<string, Method>>;

/**
 * Makes a client that sends with `send` to `apiUrl()`, each asked for each request, and tells `deleted` of each thread that was deleted. The
 * requests' code comes with the first of them.
 */
export function clientOf(apiUrl: () => string, send: Send, deleted: (threadId: string) => void): StreamClient {
  let loaded: Methods | undefined;
  const load = async (): Promise<Methods> => {
    const { requestsOf } = await import("./client-requests.js");
    return (loaded ??= requestsOf(apiUrl, send, deleted) as unknown as Methods);
  };
  const made: Methods = {};
  for (const [part, names] of Object.entries(METHODS)) {
    made[part] = Object.fromEntries(names.map((name: string): [string, Method] => [name, async (...args) => (await load())[part]?.[name]?.(...args)]));
  }
  for (const [part, names] of Object.entries(STREAMING)) {
    for (const name of names) {
      made[part]![name] = () => {
        throw notInClient(`${part}.${name}`);
      };
    }
  }
  // The SDK tells clients apart by this.
  return Object.defineProperty(made, "~configHash", { get: () => JSON.stringify({ apiUrl: apiUrl() }) }) as unknown as StreamClient;
}
