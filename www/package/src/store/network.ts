/** How requests are sent: headers, the application's fetch and hooks. */
import { clientOf, partsOfClient } from "../client.js";
import type { EngineEvents } from "../engine.js";
import type { StreamEvent } from "../types/events.js";
import type { Client } from "../types/client.js";
import { apiUrlOf, type AnyOptions } from "./options.js";

/** An API key that the incumbent would find in the environment. Browsers have none. */
function keyFromEnvironment(): string | undefined {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;
  const key = env?.["LANGGRAPH_API_KEY"] ?? env?.["LANGSMITH_API_KEY"] ?? env?.["LANGCHAIN_API_KEY"];
  return key?.trim().replace(/^["']|["']$/g, "") || undefined;
}

/** All headers of the application, for one request. */
export async function headersOf(options: AnyOptions, refresh: boolean): Promise<Record<string, string>> {
  const { client, apiKey, defaultHeaders, headers } = options;
  const key = client ? undefined : apiKey === undefined ? keyFromEnvironment() : apiKey;
  const all = {
    ...partsOfClient(client).defaultHeaders,
    ...defaultHeaders,
    ...(key ? { "x-api-key": key } : {}),
    ...(typeof headers === "function" ? await headers(refresh) : headers),
  };
  return Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value == null ? [] : [[name, value]])));
}

/** The client given, else ours. `options` is asked for each request. */
export function clientFor({ client }: AnyOptions, options: () => AnyOptions): Client {
  if (client) return client as Client;
  return clientOf(
    () => apiUrlOf(options()),
    async (url, init) => {
      const { credentials, callerOptions } = options();
      const headers = { ...(init.headers as object), ...(await headersOf(options(), false)) };
      const send = (callerOptions?.fetch ?? fetch) as typeof fetch;
      return send(url, { ...init, headers, ...(credentials ? { credentials } : {}) });
    },
  );
}

/** A submission through a transport, as it was given: not everything in it needs to be JSON. */
export interface TransportPayload {
  input: unknown;
  context: unknown;
  command: unknown;
  config: Record<string, unknown> | undefined;
  streamSubgraphs?: boolean;
}

/** What the network needs of its store. */
export interface NetworkSource {
  options: () => AnyOptions;
  /** The submission that a transport is to send now; none where the request says it all. */
  payload: () => TransportPayload | null | undefined;
  /** What a transport failed with. */
  failed: (error: unknown) => void;
  /** The filter of the run that is joined, where one was given. */
  filter: () => { runId: string; keep: (event: StreamEvent) => boolean } | undefined;
}

/** Transports and filters: loaded for stores that have one, as most have none. */
const loadRewritten = () => import("./rewritten.js");

/** Loads what `fetchFor` will need, beside the wasm. Where that fails the first request does, and is tried again. */
export const prepareFetch = ({ transport }: AnyOptions): void => void (transport && loadRewritten().catch(() => {}));

/** The engine's fetch. */
export function fetchFor(source: NetworkSource): (request: Request) => Promise<Response | EngineEvents> {
  const { options } = source;
  return async (request) => {
    if (options().transport) return (await loadRewritten()).viaTransport(request, source);
    const { client, callerOptions } = options();
    const parts = partsOfClient(client);
    const own = callerOptions?.fetch ?? parts.fetch;
    const filter = source.filter();
    let response: Response;
    if (!own && !parts.onRequest) response = await fetch(request);
    else {
      // Hooks and fetches written for the incumbent expect a URL and an init.
      let init: RequestInit = {
        method: request.method,
        headers: Object.fromEntries(request.headers as unknown as Iterable<[string, string]>),
        signal: request.signal,
        credentials: request.credentials,
      };
      if (request.method !== "GET") init.body = await request.text();
      if (parts.onRequest) init = await parts.onRequest(new URL(request.url), init);
      response = (await (own ?? fetch)(request.url, init)) as Response;
    }
    if (!filter || !response.ok || !request.url.includes(`/runs/${filter.runId}/stream`)) return response;
    return (await loadRewritten()).filtered(response, filter.keep);
  };
}
