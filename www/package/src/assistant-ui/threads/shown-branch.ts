/** The shown path through the thread; assistant-ui keeps the others. */
import { filterUIMessagesBySurvivingIds } from "../messages/ui.js";
import type { LangChainMessage, UIMessage } from "../types.js";
import type { StreamState } from "./message-stream.js";
import { sameIds } from "./reconcile.js";

type State = StreamState<LangChainMessage>;

/** The newest way, and whether another one is shown. */
export class ShownBranch {
  #head: readonly LangChainMessage[] = [];
  #headInterrupts: State["interrupts"] = [];
  /** UI messages of all ways. */
  readonly #allUI = new Map<string, UIMessage>();
  #isOther = false;

  /** Whether another than the newest is shown: the next run starts from that one's own checkpoint. */
  get isOther(): boolean {
    return this.#isOther;
  }

  /** The shown path is the newest, as far as is known. */
  settle(messages: readonly LangChainMessage[]): void {
    this.#head = messages;
  }

  /** A run goes on from what is shown, which makes that the newest. */
  begin(): void {
    this.#isOther = false;
  }

  /** The UI messages that stay with these; the others are kept for when they are shown again. */
  truncateUI(uiMessages: readonly UIMessage[], kept: readonly LangChainMessage[]): UIMessage[] {
    for (const message of uiMessages) this.#allUI.set(message.id, message);
    return filterUIMessagesBySurvivingIds(uiMessages, kept);
  }

  /** Another way is shown. Gives what is shown with it: only the newest waits for answers. */
  show(messages: LangChainMessage[], { interrupts, uiMessages }: State): Pick<State, "messages" | "interrupts" | "uiMessages"> {
    if (!this.#isOther) this.#headInterrupts = interrupts;
    this.#isOther = !sameIds(messages, this.#head);
    this.truncateUI(uiMessages, messages);
    return {
      messages,
      interrupts: this.#isOther ? [] : this.#headInterrupts,
      uiMessages: filterUIMessagesBySurvivingIds([...this.#allUI.values()], messages),
    };
  }
}
