/** The message that a run was writing, and its mark if the run failed. */
import { isObject, wordsOf } from "./events.js";
import type { MessageStream, Run } from "./message-stream.js";

type Typed<T> = T & { type?: unknown };

/** The last answer that this run wrote at. */
export function lastOwn<T extends { id?: string }>(run: Run<T>): T | undefined {
  return run.accumulator.getMessages().findLast((message) => (message as Typed<T>).type === "ai" && message.id !== undefined && !run.before.has(message));
}

/** Marks an answer as failed. If several messages are shown as one, the first of them carries the mark. */
export function markFailed<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, last: T, failure: unknown): void {
  const status = { type: "incomplete" as const, reason: "error" as const, error: failure instanceof Error || !isObject(failure) ? wordsOf(failure) : failure };
  const messages = run.accumulator.getMessages() as Typed<T>[];
  let first: T = last;
  for (let at = messages.indexOf(last as Typed<T>); at >= 0; at--) {
    const message = messages[at] as Typed<T>;
    if (message.type !== "ai" && message.type !== "tool") break;
    if (message.type === "ai" && !run.before.has(message)) first = message;
  }
  const marked = [...new Set([first, last])].map((message) => ({ ...message, status }));
  stream.set({ messages: run.accumulator.addMessages(marked) }, true);
}
