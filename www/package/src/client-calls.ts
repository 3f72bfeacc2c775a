/**
 * The engine's requests as calls of a client's methods: of a client whose methods are the application's own, such as a test's. Loaded for
 * those only.
 */
import { answerOf, jsonAnswer, writtenEvent } from "./answers.js";
import { ownMethod, partsOfClient } from "./client.js";
import type { EngineAnswer, EngineEvent, EngineInit } from "./engine.js";
import { camel } from "./names.js";
import type { ClientLike } from "./types/client.js";
import type { StreamEvent } from "./types/events.js";
import type { RunCallbackMeta } from "./types/options.js";

/** One request, read. */
interface Asked {
  thread: string;
  run: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  init: EngineInit;
}

/** A request, and the call that asks for the same. */
interface Call {
  method: "GET" | "POST";
  /** The path after the URL of the threads. */
  path: RegExp;
  part: "threads" | "runs";
  name: string;
  args: (asked: Asked) => unknown[];
  /** The answer of a client that has no such method and no server. Default: 404. */
  without?: (asked: Asked, client: ClientLike) => unknown;
}

/** The newest state is the first of the history, and a history of one where there is no other. */
const newest = async ({ thread }: Asked, client: ClientLike): Promise<unknown> => ((await ownMethod(client, "threads", "getHistory")?.(thread, { limit: 1 })) as unknown[] | undefined)?.[0];
const only = async ({ thread }: Asked, client: ClientLike): Promise<unknown> => {
  const state = await ownMethod(client, "threads", "getState")?.(thread);
  return state && [state];
};

const CALLS: readonly Call[] = [
  { method: "POST", path: /^$/, part: "threads", name: "create", args: ({ body }) => [camel(body)] },
  { method: "GET", path: /^\/([^/]+)$/, part: "threads", name: "get", args: ({ thread }) => [thread], without: ({ thread }) => ({ thread_id: thread, status: "idle" }) },
  { method: "GET", path: /^\/([^/]+)\/state$/, part: "threads", name: "getState", args: ({ thread }) => [thread], without: newest },
  { method: "GET", path: /^\/([^/]+)\/history$/, part: "threads", name: "getHistory", args: ({ thread, query }) => [thread, pageOf(query)], without: only },
  { method: "POST", path: /^\/([^/]+)\/history$/, part: "threads", name: "getHistory", args: ({ thread, body }) => [thread, camel(body)], without: only },
  { method: "GET", path: /^\/([^/]+)\/runs$/, part: "runs", name: "list", args: ({ thread, query }) => [thread, { limit: limitOf(query) }], without: () => [] },
  { method: "GET", path: /^\/([^/]+)\/runs\/([^/]+)$/, part: "runs", name: "get", args: ({ thread, run }) => [thread, run] },
  { method: "POST", path: /^\/([^/]+)\/runs\/([^/]+)\/cancel$/, part: "runs", name: "cancel", args: ({ thread, run }) => [thread, run] },
];

const STREAM = /^\/([^/]+)\/runs(?:\/([^/]+))?\/stream$/;

const limitOf = (query: URLSearchParams): number => Number(query.get("limit") ?? 10);

function pageOf(query: URLSearchParams): object {
  const before = query.get("before");
  return { limit: limitOf(query), ...(before && { before: { configurable: { checkpoint_id: before } } }) };
}

/** The events of a run. If only the callback has named the run, an event is added that names it. */
async function* eventsOf(given: unknown, named: () => RunCallbackMeta | undefined): AsyncGenerator<StreamEvent> {
  let isNamed = false;
  for await (const event of (await given) as AsyncIterable<StreamEvent>) {
    const run = named();
    if (!isNamed && run && event.event !== "metadata") yield { event: "metadata", data: run };
    isNamed ||= run !== undefined || event.event === "metadata";
    yield event;
  }
}

/** A submission, or a run that is joined. */
function stream(client: ClientLike, { thread, run, query, body, init }: Asked, keep: ((event: StreamEvent) => boolean) | undefined): EngineAnswer | undefined {
  const method = ownMethod(client, "runs", run ? "joinStream" : "stream");
  if (!method) return undefined;
  const { signal } = init;
  let named: RunCallbackMeta | undefined;
  const { assistant_id: assistant, ...payload } = body;
  const streamMode = query.get("stream_mode");
  const given = run
    ? method(thread, run, { signal, lastEventId: init.headers["last-event-id"], ...(streamMode && { streamMode }) })
    : method(thread, assistant, { ...camel(payload), signal, onRunCreated: (meta: RunCallbackMeta) => (named = meta) });
  const written = (event: StreamEvent): EngineEvent => writtenEvent(run && keep && !keep(event) ? { ...event, event: "left-out", data: null } : event);
  return answerOf(
    eventsOf(given, () => named),
    written,
  );
}

/** An error with a status is the server's answer, as the SDK's client throws it. */
async function answered(given: unknown): Promise<EngineAnswer> {
  try {
    return jsonAnswer(200, await given);
  } catch (error) {
    const { status, message } = (error ?? {}) as { status?: unknown; message?: unknown };
    if (typeof status !== "number") throw error;
    return jsonAnswer(status, { detail: String(message) });
  }
}

/** Asks the client. Undefined where it has no such method of its own, and a URL to ask instead. */
export async function viaClient(client: ClientLike, url: string, init: EngineInit, keep?: (event: StreamEvent) => boolean): Promise<EngineAnswer | undefined> {
  const { pathname, searchParams: query } = new URL(url, "http://localhost");
  const path = pathname.slice(pathname.indexOf("/threads") + "/threads".length);
  const asked = ([, thread = "", run = ""]: readonly string[]): Asked => ({
    thread: decodeURIComponent(thread),
    run: decodeURIComponent(run),
    query,
    body: init.body ? JSON.parse(init.body) : {},
    init,
  });
  const hasServer = typeof partsOfClient(client).apiUrl === "string";
  const none = (): EngineAnswer | undefined => (hasServer ? undefined : jsonAnswer(404, { detail: `The client that was given has no method for ${init.method} ${pathname}.` }));
  const streamed = STREAM.exec(path);
  if (streamed) return stream(client, asked(streamed), keep) ?? none();
  for (const call of CALLS) {
    const found = call.method === init.method ? call.path.exec(path) : null;
    if (!found) continue;
    const method = ownMethod(client, call.part, call.name);
    if (method) return answered(method(...call.args(asked(found))));
    const said: unknown = hasServer ? undefined : await call.without?.(asked(found), client);
    if (said !== undefined) return jsonAnswer(200, said);
  }
  return none();
}
