/** The turns that failed before an answer began, and the unfinished answers. */
import type { LangChainMessage } from "../types.js";

/** Marks of a thread's turns. Its maps and sets are made anew when they change. */
export class TurnMarks {
  #cancelled: ReadonlySet<string> = new Set();
  #failures: ReadonlyMap<string, string> = new Map();

  /** Ids of answers that were cancelled. */
  get cancelled(): ReadonlySet<string> {
    return this.#cancelled;
  }
  /** The failures of turns, by the id of the message after which each is shown. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  /** This answer was not finished. */
  cancel(id: string): void {
    this.#cancelled = new Set([...this.#cancelled, id]);
  }

  /** The turn after this message failed before its answer began. */
  fail(id: string, words: string): void {
    this.#failures = new Map([...this.#failures, [id, words]]);
  }

  /** A turn that is begun again, or goes on, has not failed any more. `last`: the message that is shown last. */
  begin(sent: readonly LangChainMessage[], last: LangChainMessage | undefined): void {
    const ids = new Set(sent.map(({ id }) => id ?? ""));
    if (!sent.some(({ type }) => type === "human")) ids.add(last?.id ?? "");
    this.#forget((id) => ids.has(id));
  }

  /** Only these messages stay, and the turn after the last of them is another one. */
  truncate(kept: readonly LangChainMessage[]): void {
    const ids = new Set(kept.slice(0, -1).map(({ id }) => id ?? ""));
    this.#forget((id) => !ids.has(id));
  }

  #forget(which: (id: string) => boolean): void {
    if (this.#failures.size > 0) this.#failures = new Map([...this.#failures].filter(([id]) => !which(id)));
  }
}
