/** The messages of one thread and the run that changes them, for a `stream` callback. Without React. */
import { generateId } from "@assistant-ui/core";
import { abortableIterable, whenAborted } from "../internal/abortable-iterable.js";
import { LangGraphMessageAccumulator } from "../messages/accumulator.js";
import type {
  LangGraphInterruptState,
  LangGraphMessagesEvent,
  LangGraphSendMessageConfig,
  LangGraphStreamCallback,
  LangGraphTupleMetadata,
  UIMessage,
} from "../types.js";
import { applyEvent, finishRun, type EventHandlers } from "./apply-event.js";
import { idOf, namedBy } from "./events.js";
import { lastOwn, markFailed } from "./marks.js";
import { merged } from "./reconcile.js";

type Values = Record<string, unknown>;

/** The visible state of a thread's messages. The lists are immutable: a change makes a new one. */
export interface StreamState<T> {
  /** The messages, as far as they have streamed. */
  messages: T[];
  /** UI messages. */
  uiMessages: UIMessage[];
  /** The metadata of a message's chunks, by message id. */
  messageMetadata: Map<string, LangGraphTupleMetadata>;
  /** The last state that was streamed. */
  values: Values | undefined;
  /** Questions that wait for an answer. */
  interrupts: readonly LangGraphInterruptState[];
}

/** The settings of a thread's message stream. They may change between sends. */
export interface StreamSettings<T> {
  stream: LangGraphStreamCallback<T>;
  appendMessage: (prev: T | undefined, curr: T) => T;
  uiStateKey: string;
  eventHandlers: EventHandlers;
  /** Makes the thread where there is none. */
  initialize: () => Promise<{ remoteId: string; externalId: string | undefined }>;
  /** Called with messages that a run brought. */
  onMessages?: (messages: T[], runConfig: unknown) => void;
  /** Called where a run asks something. */
  onInterrupt?: (runConfig: unknown) => void;
  /** Called with what a run failed with. `id`: the message that is marked with it, where it had written one. `thrown`: whether
   * the stream ended with it, in place of an `error` event. */
  onFailure?: (failure: unknown, id: string | undefined, thrown: boolean) => void;
  /** Called with the message that a run was writing when it was cancelled. */
  onCancelled?: (id: string) => void;
}

/** Events of a run. */
export type Events<T> = AsyncIterable<LangGraphMessagesEvent<T>>;

/** The further parameters of a send, besides its messages and config. */
export interface SendExtras<T> {
  /** Called when the run is over, before anything of it is told. */
  onComplete?: (() => void) | undefined;
  /** The messages that stay; the rest goes in the step that shows the new ones. */
  keep?: T[] | undefined;
  /** Opens the run's events in place of the `stream` callback. Nothing is answered by it. */
  open?: ((signal: AbortSignal) => Promise<Events<T> | null | undefined>) | undefined;
}

/** One run, while its events come. */
export interface Run<T extends { id?: string }> {
  readonly abort: AbortController;
  readonly accumulator: LangGraphMessageAccumulator<T>;
  readonly config: LangGraphSendMessageConfig;
  /** The messages when it began: what is not among them is its own. */
  readonly before: ReadonlySet<T>;
  /** The sent messages, with ids. */
  readonly sent: T[];
  /** Whether anything has come. */
  hasEvents: boolean;
  /** Whether messages come in chunks, which makes a state's messages only a part of what is shown. */
  tuples: boolean;
  /** Questions of subgraphs that the graph itself has not asked yet. */
  inner: Set<LangGraphInterruptState>;
  lastMessages: T[] | undefined;
  lastUIMessages: UIMessage[] | undefined;
}

/** A thread's messages, and at most one run. */
export class MessageStream<T extends { id?: string }> {
  settings: StreamSettings<T>;
  readonly #changed: (soon: boolean) => void;
  #state: StreamState<T> = { messages: [], uiMessages: [], messageMetadata: new Map(), values: undefined, interrupts: [] };
  #run: Run<T> | undefined;
  /** Whether anything came of the last run. */
  hasEvents = false;
  #metadataChanged = false;

  /** `changed`: called after each change; `soon` where it may wait for a frame. */
  constructor(settings: StreamSettings<T>, changed: (soon: boolean) => void) {
    this.settings = settings;
    this.#changed = changed;
  }

  /** The state now, ahead of the shown one by at most a frame. */
  get state(): StreamState<T> {
    if (this.#metadataChanged && this.#run) {
      // Copied once a frame, not once a token. What came beside messages of earlier runs stays with them.
      const { accumulator } = this.#run;
      const ids = new Set(accumulator.getMessages().map(({ id }) => id));
      const kept = [...this.#state.messageMetadata].filter(([id]) => ids.has(id));
      this.#state = { ...this.#state, messageMetadata: new Map([...kept, ...accumulator.getMetadataMap()]) };
      this.#metadataChanged = false;
    }
    return this.#state;
  }

  /** Changes what there is. */
  set(patch: Partial<StreamState<T>>, soon = false): void {
    this.#state = { ...this.#state, ...patch };
    this.#changed(soon);
  }

  /** The metadata of a chunk is in the accumulator. */
  metadataChanged(): void {
    this.#metadataChanged = true;
    this.#changed(true);
  }

  /** Shows these messages in the place of all others, also to the run that goes on. */
  readonly setMessages = (messages: T[]): void => {
    this.#run?.accumulator.replaceMessages(messages);
    this.set({ messages });
  };
  /** Shows these components in the place of all others, also to the run that goes on. */
  readonly setUIMessages = (uiMessages: UIMessage[]): void => {
    this.#run?.accumulator.replaceUIMessages(uiMessages);
    this.set({ uiMessages });
  };
  /** Shows this state. */
  readonly setValues = (values: Values | undefined): void => this.set({ values });
  /** Shows this question in the place of all others; undefined: none. */
  readonly setInterrupt = (interrupt: LangGraphInterruptState | undefined): void => this.set({ interrupts: interrupt ? [interrupt] : [] });

  /** Ends the run here. Its stream may do anything with the signal. */
  readonly cancel = (): void => this.#run?.abort.abort();

  /** Lays messages that were read over those shown. */
  readonly reconcileMessages = (read: T[], before: T[], { snapshotIsComplete = true }: { snapshotIsComplete?: boolean } = {}): void => {
    const accumulator = this.#run?.accumulator;
    const messages = merged(read, before, accumulator?.getMessages() ?? this.#state.messages, snapshotIsComplete);
    this.set({ messages: accumulator?.replaceMessages(messages) ?? messages });
    if (accumulator) this.metadataChanged();
  };

  /** The same for UI messages. */
  readonly reconcileUIMessages = (read: UIMessage[], before: UIMessage[], { snapshotIsComplete = true }: { snapshotIsComplete?: boolean } = {}): void => {
    const accumulator = this.#run?.accumulator;
    const messages = merged(read, before, accumulator?.getUIMessages() ?? this.#state.uiMessages, snapshotIsComplete);
    this.set({ uiMessages: accumulator?.replaceUIMessages(messages) ?? messages });
  };

  /** Takes the questions that were read, unless a run has asked or answered some since reading began. */
  readonly reconcileInterrupts = (read: readonly LangGraphInterruptState[], before: readonly LangGraphInterruptState[]): void => {
    if (this.#state.interrupts === before) this.set({ interrupts: read });
  };

  /** The same for one question, as the standalone hook has it. */
  readonly reconcileInterrupt = (read: LangGraphInterruptState | undefined, before: LangGraphInterruptState | undefined): void => {
    if (this.#state.interrupts[0] === before) this.setInterrupt(read);
  };

  /**
   * Sends messages and shows the answer as it comes. Resolves when the run is over, also if it was cancelled.
   *
   * @throws the exception of the `stream` callback
   */
  readonly send = async (outgoing: readonly T[], config: LangGraphSendMessageConfig, { onComplete, keep, open }: SendExtras<T> = {}): Promise<void> => {
    const asked = this.#state.interrupts;
    const run = this.#begin(outgoing, config, keep, open !== undefined);
    try {
      const response = await this.#open(run, run.sent, open);
      if (!response) return;
      for await (const chunk of abortableIterable(response, run.abort.signal)) {
        // A stream may ignore its signal.
        if (run.abort.signal.aborted) break;
        run.hasEvents = this.hasEvents = true;
        applyEvent(this, run, chunk);
      }
      if (!run.abort.signal.aborted) finishRun(this, run);
    } catch (error) {
      const isAbort = error instanceof Error && error.name === "AbortError";
      if (!run.abort.signal.aborted && !isAbort) {
        // Nothing came, so nothing was answered.
        if (!run.hasEvents) this.set({ interrupts: asked });
        const last = lastOwn(run);
        if (last) markFailed(this, run, last, error);
        this.settings.onFailure?.(error, last?.id, true);
        throw error;
      }
    } finally {
      const unfinished = run.abort.signal.aborted ? lastOwn(run)?.id : undefined;
      if (unfinished !== undefined) this.settings.onCancelled?.(unfinished);
      // Takes what came beside the last chunks, while the run is still known.
      void this.state;
      if (this.#run === run) this.#run = undefined;
      onComplete?.();
    }
  };

  /** In one step: what goes is gone, what is sent is shown, what it answers is not asked any more. */
  #begin(outgoing: readonly T[], config: LangGraphSendMessageConfig, keep: T[] | undefined, follows: boolean): Run<T> {
    const { messages, uiMessages, interrupts } = this.#state;
    const first = keep ?? messages;
    const { appendMessage } = this.settings;
    const accumulator = new LangGraphMessageAccumulator<T>({ initialMessages: first, initialUIMessages: uiMessages, appendMessage });
    const before = new Set(accumulator.getMessages());
    const sent = outgoing.map((message) => (message.id ? message : { ...message, id: generateId() }));
    const named = namedBy(config.command?.resume, interrupts);
    const left = follows ? interrupts : named ? interrupts.filter((interrupt) => !named.has(idOf(interrupt) ?? "")) : [];
    this.hasEvents = false;
    this.#run = {
      abort: new AbortController(),
      accumulator,
      config,
      before,
      sent,
      hasEvents: false,
      tuples: false,
      inner: new Set(),
      lastMessages: undefined,
      lastUIMessages: undefined,
    };
    this.set({ messages: accumulator.addMessages(sent), interrupts: left.length === interrupts.length ? interrupts : left });
    return this.#run;
  }

  /** Undefined where it was cancelled before there was anything, or where there is nothing to follow. */
  async #open(run: Run<T>, sent: T[], open: SendExtras<T>["open"]): Promise<Events<T> | null | undefined> {
    const { signal } = run.abort;
    const opened = (async () =>
      open ? open(signal) : this.settings.stream(sent, { ...run.config, abortSignal: signal, initialize: () => this.settings.initialize() }))();
    const response = await Promise.race([opened, whenAborted(signal)]);
    if (!response && signal.aborted) {
      // Whatever it hands over later is ended, and nobody waits for that.
      opened.then((late) => late?.[Symbol.asyncIterator]().return?.(undefined)).catch(() => {});
    }
    return response;
  }
}
