/** A thread's LangChain messages as assistant-ui's. */
import type { ExportedMessageRepository, ThreadMessage } from "@assistant-ui/core";
import { convertExternalMessages, createExternalMessageConversionCache, useExternalMessageConverter, type ExternalMessageConversionCache } from "@assistant-ui/core/react";
import { useEffect, useMemo, useRef, useState } from "react";
import { convertLangChainMessages } from "../messages/convert.js";
import { groupUIMessages } from "../messages/ui.js";
import { useLangGraphStreamingTiming } from "../streaming-timing.js";
import type { LangGraphThread, ThreadSnapshot } from "../threads/thread.js";
import type { LangChainMessage } from "../types.js";
import { VersionOrder } from "./version-order.js";

/** Placeholders for answers that failed before they began: shown, and no part of the thread. */
const placeholders = new WeakSet<LangChainMessage>();

/** The messages without placeholders. */
export const innerMessages = (messages: readonly LangChainMessage[]): LangChainMessage[] => messages.filter((message) => !placeholders.has(message));

type Converter = useExternalMessageConverter.Callback<LangChainMessage>;

/** Stable: another function would convert everything anew. */
const convert: Converter = (message, metadata) => {
  if (!placeholders.has(message)) return convertLangChainMessages(message, metadata as Parameters<typeof convertLangChainMessages>[1]) as ReturnType<Converter>;
  const { id, status } = message as LangChainMessage & { type: "ai" };
  // Passing things are forgotten by assistant-ui when they go, in place of staying as a branch.
  return { role: "assistant", content: [], metadata: { isOptimistic: true }, ...(id && { id }), ...(status && { status }) };
};

/** The placeholders, kept from one list to the next. */
class Placeholders {
  readonly #made = new Map<string, LangChainMessage>();
  /** The last place of each message. A message is looked for only if it is there no more. */
  readonly #places = new Map<string, number>();

  #placeOf(id: string, messages: readonly LangChainMessage[]): number {
    const last = this.#places.get(id);
    if (last !== undefined && messages[last]?.id === id) return last;
    const at = messages.findIndex((message) => message.id === id);
    this.#places.set(id, at);
    return at;
  }

  #placeholder(id: string, words: string): LangChainMessage {
    const key = `${id} ${words}`;
    const placeholder = this.#made.get(key) ?? { type: "ai" as const, id: `error-${id}`, content: "", status: { type: "incomplete" as const, reason: "error" as const, error: words } };
    this.#made.set(key, placeholder);
    placeholders.add(placeholder);
    return placeholder;
  }

  /** The messages with a placeholder after each one whose turn failed without an answer. */
  withThem(messages: LangChainMessage[], failures: ThreadSnapshot["failures"]): LangChainMessage[] {
    // An answer that is there after all would be shown as one with the placeholder.
    const isAnswered = (at: number): boolean => [messages[at], messages[at + 1]].some((one) => one?.type === "ai" || one?.type === "tool");
    const found = [...failures].map(([id, words]) => ({ id, words, at: this.#placeOf(id, messages) })).filter(({ at }) => at >= 0 && !isAnswered(at));
    if (found.length === 0) return messages;
    const shown = [...messages];
    for (const { id, words, at } of found.sort((a, b) => b.at - a.at)) shown.splice(at + 1, 0, this.#placeholder(id, words));
    return shown;
  }
}

/** The messages that are shown of a thread: see {@link Placeholders.withThem}. */
function useShown({ messages, failures }: ThreadSnapshot): LangChainMessage[] {
  const [made] = useState(() => new Placeholders());
  return useMemo(() => (failures.size === 0 ? messages : made.withThem(messages, failures)), [messages, failures, made]);
}

/** The result of {@link useThreadMessages}. */
export interface ThreadMessages {
  /** The messages that are shown. */
  messages: readonly ThreadMessage[];
  /** These with all branches; undefined where assistant-ui has them already, or keeps branches by itself. */
  repository: ExportedMessageRepository | undefined;
  /** The thread's own name of the branch that ends with this message. */
  branchOf: (headId: string | null) => string | undefined;
}

/** Converts a thread's messages. Unchanged ones keep their identity. */
export function useThreadMessages(thread: LangGraphThread, snapshot: ThreadSnapshot, isRunning: boolean): ThreadMessages {
  const { messages, uiMessages, cancelled, failures, branches } = snapshot;
  const shown = useShown(snapshot);
  const messageTiming = useLangGraphStreamingTiming(messages, isRunning);
  const uiMessagesByParent = useMemo(() => groupUIMessages(uiMessages), [uiMessages]);
  const [toolArgsKeyOrderCache] = useState(() => new Map<string, Map<string, string[]>>());
  const last = messages.at(-1);
  // Part of an answer that was there already: the whole answer is marked.
  const error = last && (last.type === "ai" || last.type === "tool") ? failures.get(last.id ?? "") : undefined;
  const metadata = useMemo(
    () =>
      ({
        toolArgsKeyOrderCache,
        uiMessagesByParent,
        messageTiming,
        attachmentsByMessageId: thread.attachments,
        cancelledMessageIds: cancelled,
        ...(error !== undefined && { error }),
      }) as useExternalMessageConverter.Metadata,
    [thread, toolArgsKeyOrderCache, uiMessagesByParent, messageTiming, cancelled, error],
  );
  const converted = useExternalMessageConverter({ callback: convert, messages: shown, isRunning, metadata });

  const caches = useRef(new Map<string, ExternalMessageConversionCache>());
  const others = useMemo(
    () =>
      (branches ?? []).map(({ key, messages: list }) => {
        const cache = caches.current.get(key) ?? createExternalMessageConversionCache();
        caches.current.set(key, cache);
        return { key, messages: convertExternalMessages(list, convert, false, metadata, cache) };
      }),
    [branches, metadata],
  );
  // assistant-ui keeps what it was given, so while tokens come it is given the shown messages alone. A message that is gone would
  // stay as another version of the next one: a submission that was taken back.
  const given = useRef<{ branches: ThreadSnapshot["branches"]; shown: readonly ThreadMessage[] }>(undefined);
  const isKept = isRunning && given.current?.branches === branches && continues(given.current?.shown ?? [], converted);
  const [order] = useState(() => new VersionOrder());
  const repository = useMemo(() => {
    if (!branches || isKept) return undefined;
    const made = repositoryOf(others.map((branch) => branch.messages), converted);
    return { ...made, messages: order.ordered(made.messages) };
  }, [branches, isKept, others, order, isKept ? undefined : converted]);
  useEffect(() => {
    given.current = { branches, shown: converted };
    if (repository) order.givenWhole(repository.messages);
    else order.givenList(converted);
  }, [branches, converted, repository, order]);
  const branchOf = (headId: string | null): string | undefined =>
    (others.findLast((branch) => branch.messages.at(-1)?.id === headId) ?? others.findLast((branch) => branch.messages.some(({ id }) => id === headId)))?.key;
  return { messages: converted, repository, branchOf };
}

/** Whether the earlier messages are all still there. Looks at one place, as this is asked for each token. */
const continues = (before: readonly ThreadMessage[], now: readonly ThreadMessage[]): boolean => now[before.length - 1]?.id === before.at(-1)?.id;

/**
 * All ways through a thread as one tree, parents first, older siblings before newer ones.
 *
 * `shown` is as it is shown. A message of it may stand elsewhere in another way, as graphs may remove messages; of such a way only
 * what comes after its last common message is taken.
 */
function repositoryOf(ways: readonly (readonly ThreadMessage[])[], shown: readonly ThreadMessage[]): ExportedMessageRepository {
  const places = new Map(shown.map(({ id }, at) => [id, at]));
  const taken = new Map<string, ExportedMessageRepository["messages"][number]>();
  const take = (message: ThreadMessage, parentId: string | null): void => {
    if (!taken.has(message.id)) taken.set(message.id, { message, parentId });
  };
  const takeShown = (end: number): void => shown.slice(0, end).forEach((message, at) => take(message, shown[at - 1]?.id ?? null));
  for (const way of ways) {
    const last = way.findLastIndex(({ id }) => places.has(id));
    const common = way[last];
    if (common) takeShown((places.get(common.id) ?? 0) + 1);
    way.slice(last + 1).forEach((message, at) => take(message, way[last + at]?.id ?? null));
  }
  takeShown(shown.length);
  return { headId: shown.at(-1)?.id ?? null, messages: [...taken.values()] };
}
