/** The messages that wait in assistant-ui's composer. */
import { createMessageQueue, type AppendMessage, type ExternalThreadQueueAdapter, type MessageQueueController } from "@assistant-ui/core";
import { useInsertionEffect, useMemo, useRef, useEffect, useSyncExternalStore } from "react";
import type { WaitingSubmission } from "../../types/stream.js";
import { getMessageContent } from "../messages/get-content.js";
import { newMessageId } from "../messages/new-id.js";
import type { LangGraphThread, ThreadSnapshot } from "../threads/thread.js";
import type { LangChainMessage } from "../types.js";

type Item = ExternalThreadQueueAdapter["items"][number];
type NewTurn = (message: AppendMessage) => Promise<void>;

const NO_ITEMS: readonly never[] = [];
const noSubscription = (): (() => void) => () => {};

/** The texts of a message. */
function textsOf({ content }: LangChainMessage): string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((block) => (block.type === "text" ? [block.text] : []));
}

/** A waiting submission, as an item of the composer. */
function itemOf({ id, messages }: WaitingSubmission): Item {
  const texts = (messages as LangChainMessage[]).flatMap(textsOf);
  return { id, prompt: texts.join("\n"), parts: texts.map((text) => ({ type: "text", text })) };
}

/**
 * assistant-ui's queue over a thread that keeps what waits: it is stored, and the thread sends it in its order. So nothing can be moved,
 * but for a `held` submission, which "next" sends.
 */
function outboxQueue(thread: LangGraphThread, waiting: ThreadSnapshot["waiting"], newTurn: NewTurn): ExternalThreadQueueAdapter {
  const send = (message: AppendMessage): void => void newTurn(message);
  return {
    // An answer to a question brings no message.
    items: waiting.filter(({ isShown, messages }) => !isShown && messages.length > 0).map(itemOf),
    steerItems: NO_ITEMS,
    enqueue: send,
    steer: send,
    move: (id, { lane }) => {
      if (lane === "steer") thread.sendNow(id);
    },
    edit: (id, message) => void thread.replaceWaiting(id, [{ type: "human", id: newMessageId(), content: getMessageContent(message) }], { runConfig: message.runConfig }).catch(() => {}),
    remove: thread.takeBack,
  };
}

/** assistant-ui's queue in the memory of the page, for a thread that keeps nothing. */
function useMemoryQueue(thread: LangGraphThread, isOn: boolean, isRunning: boolean, newTurn: NewTurn): MessageQueueController | null {
  const latest = useRef(newTurn);
  useInsertionEffect(() => {
    latest.current = newTurn;
  });
  const queue = useMemo(() => (isOn ? createMessageQueue({ run: (message) => void latest.current(message) }) : null), [thread, isOn]);
  const subscribe = queue?.subscribe ?? noSubscription;
  // Not read: the subscription is what shows a change of the queue.
  useSyncExternalStore(subscribe, () => queue?.adapter.items ?? NO_ITEMS, () => NO_ITEMS);
  useSyncExternalStore(subscribe, () => queue?.adapter.steerItems ?? NO_ITEMS, () => NO_ITEMS);
  const was = useRef(isRunning);
  useEffect(() => {
    if (was.current !== isRunning) (isRunning ? queue?.notifyBusy : queue?.notifyIdle)?.();
    was.current = isRunning;
  }, [isRunning, queue]);
  return queue;
}

/** The queue for assistant-ui, where it is on, and the way to empty it. */
export interface ComposerQueue {
  adapter: ExternalThreadQueueAdapter | undefined;
  /** Empties the queue in memory. The thread itself decides on the messages that it keeps. */
  clear: () => void;
}

/**
 * The queue of messages that wait in the composer. A thread that keeps what waits has one only where something can wait: assistant-ui
 * loses a message that is queued while its thread cannot be made.
 */
export function useMessageQueue(thread: LangGraphThread, isOn: boolean, { waiting }: ThreadSnapshot, isRunning: boolean, isMade: boolean, newTurn: NewTurn): ComposerQueue {
  const inMemory = useMemoryQueue(thread, isOn && !thread.hasOutbox, isRunning, newTurn);
  const isKept = isOn && thread.hasOutbox && isMade && (isRunning || waiting.length > 0);
  // `newTurn` does the same in every render.
  const kept = useMemo(() => (isKept ? outboxQueue(thread, waiting, newTurn) : undefined), [thread, isKept, waiting]);
  return { adapter: inMemory?.adapter ?? kept, clear: () => inMemory?.clear() };
}
