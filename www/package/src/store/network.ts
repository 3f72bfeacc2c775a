/** How requests are sent: headers, the application's fetch and hooks. */
import { checkUrl } from "../addresses.js";
import { clientOf, hasOwnMethods, partsOfClient } from "../client.js";
import type { EngineAnswer, EngineInit } from "../engine.js";
import { checkHeaders, mergedHeaders } from "../headers.js";
import { inTime } from "../in-time.js";
import { sendWithinOrigin, type Send } from "../redirects.js";
import type { StreamEvent } from "../types/events.js";
import type { StreamClient } from "../types/sdk-client.js";
import { apiUrlOf, transportOf, type AnyOptions } from "./options.js";

/** An API key that LangGraph's SDK would find in the environment. Browsers have none. */
function keyFromEnvironment(): string | undefined {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;
  const key = env?.["LANGGRAPH_API_KEY"] ?? env?.["LANGSMITH_API_KEY"] ?? env?.["LANGCHAIN_API_KEY"];
  return key?.trim().replace(/^["']|["']$/g, "") || undefined;
}

const NOT_GIVEN = "The option `headers` has not given any";

/** All headers of the application, for one request. */
export async function headersOf(options: AnyOptions, refresh: boolean): Promise<Record<string, string>> {
  const { client, apiKey, defaultHeaders, headers } = options;
  const key = client ? undefined : apiKey === undefined ? keyFromEnvironment() : apiKey;
  const own = typeof headers === "function" ? await inTime(headers(refresh), options.timeouts?.headers, NOT_GIVEN) : headers;
  return mergedHeaders(partsOfClient(client).defaultHeaders, defaultHeaders, key ? { "x-api-key": key } : undefined, own);
}

/** The client given, else ours. `options` is asked for each request; `deleted` is told of each thread that was deleted. */
export function clientFor({ client }: AnyOptions, options: () => AnyOptions, deleted: (threadId: string) => void): StreamClient {
  if (client) return client as StreamClient;
  return clientOf(
    () => apiUrlOf(options()),
    async (url, init) => {
      const { credentials } = options();
      const headers = { ...(init.headers as Record<string, string>), ...(await headersOf(options(), false)) };
      checkHeaders(headers);
      return sendOwn(options(), url, { ...init, headers, ...(credentials ? { credentials } : {}) });
    },
    deleted,
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

/** The parts of a store that the network needs. */
export interface NetworkSource {
  options: () => AnyOptions;
  /** The submission that a transport is to send now; none where the request says it all. */
  payload: () => TransportPayload | null | undefined;
  /** Reports the error of a transport. */
  failed: (error: unknown) => void;
  /** The answer to a request that was sent before the engine asked. */
  early: (url: string, init: EngineInit) => Promise<Response> | undefined;
  /** The filter of the run that is joined, where one was given. */
  filter: () => { runId: string; keep: (event: StreamEvent) => boolean } | undefined;
}

/** Transports and filters: loaded for stores that have one, as most have none. */
const loadRewritten = () => import("./rewritten.js");

/** Loads the code that `fetchFor` will need, beside the wasm. If that fails, the first request fails too, and loading is tried again. */
export const prepareFetch = (options: AnyOptions): void => void (transportOf(options) && loadRewritten().catch(() => {}));

/** A signal that `fetch` takes: a test's page may have classes that are not those of its `fetch`. Then an answer is left, and not aborted. */
function fitting({ signal, ...init }: RequestInit): RequestInit {
  try {
    void new Request("http://localhost/", { signal: signal ?? null });
    return { ...init, signal: signal ?? null };
  } catch {
    return init;
  }
}

/** Sends a request by the application's way, or by the page's. */
export async function sendOwn(options: AnyOptions, url: string, given: RequestInit): Promise<Response> {
  checkUrl(url);
  const parts = partsOfClient(options.client);
  const own = options.callerOptions?.fetch ?? parts.fetch;
  const init = parts.onRequest ? await parts.onRequest(new URL(url, globalThis.location?.href), given) : given;
  const send: Send = own ? async (to, how) => (await own(to, how)) as Response : (to, how) => fetch(to, fitting(how));
  return sendWithinOrigin(send, url, init);
}

/** Whether a client's own methods may answer in the place of a request. */
export const clientHasOwnMethods = ({ client }: AnyOptions): boolean => !!client && hasOwnMethods(client);

/** The engine's fetch. */
export function fetchFor(source: NetworkSource): (url: string, init: EngineInit) => Promise<Response | EngineAnswer> {
  return async (url, init) => {
    const options = source.options();
    if (transportOf(options)) return (await loadRewritten()).viaTransport(url, init, source);
    const { client } = options;
    const filter = source.filter();
    if (client && hasOwnMethods(client)) {
      const answer = await (await import("../client-calls.js")).viaClient(client, url, init, filter?.keep);
      if (answer) return answer;
    }
    const early = await source.early(url, init)?.catch(() => undefined);
    const response = early ?? (await sendOwn(options, url, init));
    if (!filter || !response.ok || !url.includes(`/runs/${filter.runId}/stream`)) return response;
    return (await loadRewritten()).filtered(response, filter.keep);
  };
}
