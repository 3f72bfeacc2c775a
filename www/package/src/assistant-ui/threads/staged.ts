/** Messages that were added without starting a run. */
import type { LangChainMessage } from "../types.js";

type Human = LangChainMessage & { type: "human"; id: string };

/** Messages that wait for a run to send them. */
export class Staged {
  readonly #waiting = new Map<string, { message: Human; runConfig: unknown }>();

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Adds one. */
  add(message: Human, runConfig: unknown): void {
    this.#waiting.set(message.id, { message, runConfig });
  }

  /** Takes those up to this one, in the order they are shown in; undefined where this one does not wait. */
  take(id: string | null, shown: readonly LangChainMessage[]): { messages: LangChainMessage[]; runConfig: unknown } | undefined {
    const last = id === null ? undefined : this.#waiting.get(id);
    if (!last) return undefined;
    const end = shown.findIndex((message) => message.id === id);
    const messages = shown.slice(0, end + 1).flatMap((message) => this.#waiting.get(message.id ?? "")?.message ?? []);
    for (const message of messages) this.#waiting.delete(message.id);
    return { messages, runConfig: last.runConfig };
  }
}
