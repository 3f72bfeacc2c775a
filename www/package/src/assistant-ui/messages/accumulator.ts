/** The messages of a thread as its events leave them. */
import type { LangGraphTupleMetadata, UIMessage } from "../types.js";
import { newMessageId } from "./new-id.js";
import { applyUIUpdate, type UIUpdate } from "./ui.js";

/** The start of an accumulator. */
export type LangGraphStateAccumulatorConfig<TMessage> = {
  /** The messages that are there. Default: none. */
  initialMessages?: TMessage[];
  /** The components that are there. Default: none. */
  initialUIMessages?: UIMessage[];
  /** How a message is joined to the one of the same id. Default: it takes its place. */
  appendMessage?: (prev: TMessage | undefined, curr: TMessage) => TMessage;
};

/** In a message that takes another away, the id that means every one. */
const EVERY_MESSAGE = "__remove_all__";

/**
 * Gathers the messages, their metadata and the components of a run's events. A message keeps its place when it changes;
 * what is handed out is a copy that later changes leave alone.
 */
export class LangGraphMessageAccumulator<TMessage extends { id?: string }> {
  #messages = new Map<string, TMessage>();
  readonly #metadata = new Map<string, LangGraphTupleMetadata>();
  #ui: UIMessage[];
  readonly #append: (prev: TMessage | undefined, curr: TMessage) => TMessage;

  /** Begins with what is there. */
  constructor({ initialMessages = [], initialUIMessages = [], appendMessage = (_, curr) => curr }: LangGraphStateAccumulatorConfig<TMessage> = {}) {
    this.#append = appendMessage;
    this.#ui = [...initialUIMessages];
    this.addMessages(initialMessages);
  }

  /** Adds messages, joins those whose id is known, and follows the ones that take others away. */
  addMessages(newMessages: TMessage[]): TMessage[] {
    for (const message of newMessages) this.#add(message);
    return this.getMessages();
  }

  /** Adds one message and what the server says of it; what is said later is added to what was said before. */
  addMessageWithMetadata(message: TMessage, metadata: LangGraphTupleMetadata): TMessage[] {
    const id = this.#add(message);
    if (id) this.#metadata.set(id, { ...this.#metadata.get(id), ...metadata });
    return this.getMessages();
  }

  /** The messages, in order. */
  getMessages(): TMessage[] {
    return [...this.#messages.values()];
  }

  /** The server's metadata of each message, by id. This is the accumulator's own map, which keeps changing. */
  getMetadataMap(): Map<string, LangGraphTupleMetadata> {
    return this.#metadata;
  }

  /** Takes these messages in the place of all others, and forgets the metadata. Known ones are joined. */
  replaceMessages(newMessages: TMessage[]): TMessage[] {
    const before = this.#messages;
    this.#messages = new Map();
    this.#metadata.clear();
    for (const message of newMessages) this.#put(message, before);
    return this.getMessages();
  }

  /** Takes the server's copy of these messages, and keeps what the server does not mention. */
  reconcileMessages(serverMessages: TMessage[]): TMessage[] {
    for (const message of serverMessages) this.#put(message, this.#messages);
    return this.getMessages();
  }

  /** Applies one change to the components, or several in order. */
  applyUIUpdate(update: UIUpdate): UIMessage[] {
    this.#ui = applyUIUpdate(this.#ui, update);
    return this.getUIMessages();
  }

  /** Takes these components in the place of all others. */
  replaceUIMessages(newUIMessages: UIMessage[]): UIMessage[] {
    this.#ui = [...newUIMessages];
    return this.getUIMessages();
  }

  /** The components, in order. */
  getUIMessages(): UIMessage[] {
    return [...this.#ui];
  }

  /** Forgets everything. */
  clear(): void {
    this.#messages.clear();
    this.#metadata.clear();
    this.#ui = [];
  }

  /** Adds or takes away, and says which message is there now. */
  #add(message: TMessage): string | undefined {
    if ((message as { type?: unknown }).type !== "remove") return this.#put(message, this.#messages);
    if (message.id === EVERY_MESSAGE) {
      this.#messages.clear();
      this.#metadata.clear();
    } else if (message.id) {
      this.#messages.delete(message.id);
      this.#metadata.delete(message.id);
    }
    return undefined;
  }

  #put(message: TMessage, before: ReadonlyMap<string, TMessage>): string {
    const id = message.id || newMessageId();
    this.#messages.set(id, this.#append(before.get(id), message.id ? message : { ...message, id }));
    return id;
  }
}
