/** The list of threads as the server has it: a reload finds every one of them. */
import type { RemoteThreadListAdapter, ThreadMessage } from "@assistant-ui/core";
import { useInsertionEffect, useMemo, useRef } from "react";
import { RejoinError } from "../../errors.js";
import { createStream } from "../../index.js";
import type { Client } from "../../types/client.js";
import type { Thread } from "../../types/schema.js";
import { newThreadId } from "../threads/new-threads.js";
import type { UseLangGraphRuntimeOptions } from "../types.js";
import { usesEngine, withSource, type ThreadOptions } from "./make-thread.js";

/** How many threads a page of the list has. */
const PAGE = 50;
/** How many characters of the first message make a title. */
const TITLE_CHARS = 60;

type Metadata = Awaited<ReturnType<RemoteThreadListAdapter["fetch"]>>;

interface Source {
  client: Client;
  assistantId: string;
  create: UseLangGraphRuntimeOptions["create"];
  remove: UseLangGraphRuntimeOptions["delete"];
}

/** A thread in assistant-ui's list. This list writes two members of the thread's metadata: `title` and `archived`. */
function listed({ thread_id, metadata, updated_at }: Thread): Metadata {
  const { title, archived } = (metadata ?? {}) as { title?: unknown; archived?: unknown };
  const lastMessageAt = new Date(updated_at);
  return {
    status: archived === true ? "archived" : "regular",
    remoteId: thread_id,
    externalId: thread_id,
    ...(typeof title === "string" && title && { title }),
    ...(Number.isFinite(lastMessageAt.getTime()) && { lastMessageAt }),
  };
}

/** The filter for an assistant's threads on a server, which writes both members with a thread's first run. */
const ofAssistant = (assistantId: string): Record<string, string> => ({ [/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(assistantId) ? "assistant_id" : "graph_id"]: assistantId });

/** A title made of the first thing that was asked. */
function titleOf(messages: readonly ThreadMessage[]): string {
  const parts = messages.find(({ role }) => role === "user")?.content ?? [];
  const words = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(" ").trim();
  return words.length > TITLE_CHARS ? `${words.slice(0, TITLE_CHARS)}…` : words;
}

/** The stream of one text, as assistant-ui reads titles. */
const textStream = (text: string): Awaited<ReturnType<RemoteThreadListAdapter["generateTitle"]>> =>
  new ReadableStream({
    start(controller) {
      if (text) {
        controller.enqueue({ path: [], type: "part-start", part: { type: "text" } });
        controller.enqueue({ path: [0], type: "text-delta", textDelta: text });
        controller.enqueue({ path: [0], type: "part-finish" });
      }
      controller.close();
    },
  }) as Awaited<ReturnType<RemoteThreadListAdapter["generateTitle"]>>;

/** The codes of errors that say that the server cannot be reached. */
const AWAY: readonly string[] = ["unreachable", "bad_gateway"];

/** The id of a new thread. While the server is away the page makes the id, and the thread is made with its first submission. */
async function newThread(client: Client, assistantId: string): Promise<string> {
  try {
    return (await client.threads.create({ metadata: ofAssistant(assistantId) })).thread_id;
  } catch (cause) {
    if (cause instanceof RejoinError && AWAY.includes(cause.code)) return newThreadId();
    throw cause;
  }
}

/** The list of one server's threads of one assistant. `now` gives what the last render asked for. */
export function serverThreadList(now: () => Source): RemoteThreadListAdapter {
  const write = async (threadId: string, metadata: Record<string, unknown>): Promise<void> => {
    await now().client.threads.update(threadId, { metadata });
  };
  return {
    async list({ after } = {}) {
      const { client, assistantId } = now();
      const offset = Number(after ?? 0);
      // Not the values: a list needs no messages.
      const select = ["thread_id", "metadata", "updated_at"];
      const threads = await client.threads.search({ metadata: ofAssistant(assistantId), limit: PAGE, offset, sortBy: "updated_at", sortOrder: "desc", select });
      return { threads: threads.map(listed), ...(threads.length === PAGE && { nextCursor: String(offset + PAGE) }) };
    },
    async fetch(threadId) {
      return listed(await now().client.threads.get(threadId));
    },
    async initialize() {
      const { client, assistantId, create } = now();
      const id = create ? (await create()).externalId : await newThread(client, assistantId);
      return { remoteId: id, externalId: id };
    },
    rename: (threadId, title) => write(threadId, { title }),
    archive: (threadId) => write(threadId, { archived: true }),
    unarchive: (threadId) => write(threadId, { archived: false }),
    async delete(threadId) {
      const { client, remove } = now();
      await (remove ? remove(threadId) : client.threads.delete(threadId));
    },
    async generateTitle(threadId, messages) {
      const title = titleOf(messages);
      if (title) await write(threadId, { title });
      return textStream(title);
    },
  };
}

/** The server's list for these options. Without `assistantId` nothing is ever asked of it. */
export function useServerThreadList(options: ThreadOptions, create: Source["create"], remove: Source["remove"]): RemoteThreadListAdapter {
  const { client, apiUrl, assistantId = "" } = withSource(options);
  const isUsed = usesEngine(options);
  const made = useMemo(() => {
    if (!isUsed) return undefined;
    const { apiKey, defaultHeaders, headers, callerOptions } = withSource(options);
    // Touches nothing: a stream that nobody listens to is only its client.
    const given = { client, apiUrl, apiKey, defaultHeaders, headers, callerOptions };
    return createStream({ assistantId, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }).client;
    // The rest is read by the client when it sends.
  }, [isUsed, client, apiUrl, assistantId]);
  const source = useRef<Source>({ client: made as Client, assistantId, create, remove });
  useInsertionEffect(() => {
    source.current = { client: made as Client, assistantId, create, remove };
  });
  return useMemo(() => serverThreadList(() => source.current), [made]);
}
