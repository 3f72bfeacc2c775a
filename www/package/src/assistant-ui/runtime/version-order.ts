/**
 * The order of a message's versions. assistant-ui numbers versions in the order of their arrival. The shown one may arrive before the
 * others: a saved thread is shown before its history is there.
 */
import type { ExportedMessageRepository, ThreadMessage } from "@assistant-ui/core";

type Item = ExportedMessageRepository["messages"][number];

/** The place of each message in the order of arrival. assistant-ui has forgotten what is not in it. */
export class VersionOrder {
  #places = new Map<string, number>();
  #next = 0;

  /** Whether assistant-ui has these siblings in another order, once those that are new have come. */
  #differs(siblings: readonly Item[]): boolean {
    const places = siblings.map(({ message }) => this.#places.get(message.id) ?? Infinity);
    return places.some((place, at) => place < (places[at - 1] ?? 0));
  }

  /**
   * The messages with a detour for each one that arrived too early: below its oldest sibling, and back. assistant-ui puts a message that
   * comes to a parent behind the others.
   */
  ordered(messages: readonly Item[]): Item[] {
    const groups = new Map<string | null, Item[]>();
    for (const item of messages) groups.set(item.parentId, [...(groups.get(item.parentId) ?? []), item]);
    const late = new Set([...groups.values()].filter((group) => this.#differs(group)).flatMap((group) => group.slice(1)));
    return messages.flatMap((item) => {
      const oldest = groups.get(item.parentId)?.[0];
      return late.has(item) && oldest ? [{ ...item, parentId: oldest.message.id }, item] : [item];
    });
  }

  /** assistant-ui has been given these, as {@link ordered} made them, and forgets all others. */
  givenWhole(messages: readonly Item[]): void {
    const before = this.#places;
    this.#places = new Map();
    for (const { message } of messages) {
      // Named twice: it was moved.
      const isMoved = this.#places.has(message.id);
      this.#places.set(message.id, (isMoved ? undefined : before.get(message.id)) ?? this.#next++);
    }
  }

  /** assistant-ui has been given these besides. New ones are at the end, so the others are not looked at for each token. */
  givenList(messages: readonly ThreadMessage[]): void {
    const isNew = (message: ThreadMessage | undefined): message is ThreadMessage => message !== undefined && !this.#places.has(message.id);
    let at = messages.length;
    while (isNew(messages[at - 1])) at--;
    for (let message = messages[at]; message; message = messages[++at]) this.#places.set(message.id, this.#next++);
  }
}
