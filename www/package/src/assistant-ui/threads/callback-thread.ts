/** A thread whose runs an application's own `stream` callback sends. */
import type { CompleteAttachment } from "@assistant-ui/core";
import type { RejoinError } from "../../errors.js";
import { createSerialRunQueue } from "../internal/serial-run-queue.js";
import { appendLangChainChunk } from "../messages/append-chunk.js";
import { filterUIMessagesBySurvivingIds } from "../messages/ui.js";
import type {
  LangChainMessage,
  LangGraphInterruptState,
  LangGraphSendMessageConfig,
  LangGraphThreadIds,
  UIMessage,
  UseLangGraphRuntimeOptions,
} from "../types.js";
import { tell, type EventHandlers } from "./apply-event.js";
import { isObject } from "./events.js";
import { loadFailure, lookupFailed, notFound, refusedResume, runError, unavailable } from "./failures.js";
import { Loads, type LoadPurpose } from "./loads.js";
import { MessageStream, type Events, type SendExtras, type StreamSettings } from "./message-stream.js";
import { Ownership } from "./ownership.js";
import { Publisher } from "./publisher.js";
import { sameIds } from "./reconcile.js";
import { Staged } from "./staged.js";
import type { EditRequest, GraphState, LangGraphThread, RespondOptions, ThreadSnapshot, ToolResult } from "./thread.js";
import { cancellations, ToolResults } from "./tool-results.js";

/** What of the options such a thread reads. May be changed at any time. */
export type CallbackOptions = Pick<
  UseLangGraphRuntimeOptions,
  "load" | "getCheckpointId" | "autoCancelPendingToolCalls" | "eventHandlers" | "uiStateKey" | "resume"
> &
  Required<Pick<UseLangGraphRuntimeOptions, "stream">>;

/** The thread in assistant-ui's list. */
export interface ThreadItem {
  /** The server's id; undefined for a thread that it does not know yet. */
  externalId: () => string | undefined;
  /** Makes it at the server, where it is not there. */
  initialize: () => Promise<LangGraphThreadIds>;
}

interface Sending extends Pick<SendExtras<LangChainMessage>, "keep" | "open"> {
  messages: LangChainMessage[];
  config: LangGraphSendMessageConfig;
}

const NONE: ReadonlySet<string> = new Set();

/** A thread whose runs the `stream` callback sends. See {@link LangGraphThread} for its members. */
export class CallbackThread implements LangGraphThread {
  options: CallbackOptions;
  readonly attachments = new Map<string, readonly CompleteAttachment[]>();
  readonly #item: ThreadItem;
  readonly #stream: MessageStream<LangChainMessage>;
  readonly #publisher: Publisher<ThreadSnapshot>;
  readonly #loads = new Loads();
  readonly #ownership = new Ownership();
  readonly #tools = new ToolResults(this.#ownership);
  readonly #staged = new Staged();
  readonly #queue;
  #isRunning = false;
  #isLoading: boolean;
  #editing: string | null = null;
  #error: RejoinError | undefined;
  #again: (() => Promise<void>) | undefined;
  #cancelled: ReadonlySet<string> = NONE;
  #failures: ReadonlyMap<string, string> = new Map();
  #overlay: GraphState | undefined;
  #pendingState: GraphState | undefined;
  /** Counts what the person asks for: a lookup that is overtaken by something newer ends without a trace. */
  #asked = 0;
  /** What the run that is followed, or was last, was sent with. */
  #current: Sending | undefined;
  /** Whether the graph itself failed in this run; what waits behind it is dropped. */
  #failed = false;
  /** The thread's newest messages, as far as is known. Another list is another branch. */
  #head: LangChainMessage[] = [];
  #headInterrupts: readonly LangGraphInterruptState[] = [];
  #isBranch = false;
  /** UI messages of branches that are not shown. */
  readonly #otherUI = new Map<string, UIMessage>();
  #lastEventId: string | undefined;

  constructor(options: CallbackOptions, item: ThreadItem) {
    this.options = options;
    this.#item = item;
    this.#isLoading = options.load !== undefined && item.externalId() !== undefined;
    this.#stream = new MessageStream(this.#settings(), (soon) => (soon ? this.#publisher.soon() : this.#publisher.now()));
    this.#publisher = new Publisher(() => this.#snapshot());
    this.#queue = createSerialRunQueue<Sending>({
      run: (sending, onComplete) => this.#run(sending, onComplete),
      onRunningChange: (isRunning) => {
        this.#isRunning = isRunning;
        // The run's first step shows that it runs together with what it sends, so that no older answer seems to.
        if (!isRunning) this.#publisher.now();
      },
    });
  }

  get subscribe(): LangGraphThread["subscribe"] {
    return this.#publisher.subscribe;
  }
  get getSnapshot(): LangGraphThread["getSnapshot"] {
    return this.#publisher.getSnapshot;
  }
  get #messages(): LangChainMessage[] {
    return this.#stream.state.messages;
  }

  // --- life ---

  readonly enter = (): void => {
    void this.#load("initial").then(() => this.#resume()).catch(() => {});
  };

  readonly leave = (): void => {
    this.#loads.abort();
    this.#isLoading = false;
    this.#stop();
  };

  readonly returned = (): void => {
    if (this.#isRunning) return;
    // Whatever happened meanwhile, here or elsewhere, is taken; what fails is shown.
    void this.#load("reload").then(() => this.#resume()).catch((cause) => this.#fail(loadFailure(cause), () => this.#load("reload")));
  };

  readonly dispose = (): void => this.leave();

  get refetch(): LangGraphThread["refetch"] {
    return this.options.load && this.#refetch;
  }
  readonly #refetch = (): Promise<void> => this.#load("reload");

  async #load(purpose: LoadPurpose): Promise<void> {
    const id = this.#item.externalId();
    if (!this.options.load || id === undefined) return;
    const read = this.#loads.run(purpose, (signal) => this.#read(id, purpose, signal), () => {
      this.#isLoading = false;
      this.#publisher.now();
    });
    if (purpose === "reload") return read;
    await read.catch((cause) => {
      console.warn("[rejoin] `load` failed; the thread is shown empty:", cause);
      this.#fail(loadFailure(cause), () => this.#load("initial"));
    });
  }

  async #read(id: string, purpose: LoadPurpose, signal: AbortSignal): Promise<void> {
    const before = this.#stream.state;
    if (purpose === "initial") {
      this.#tools.clear();
      this.#ownership.prune([]);
      this.#pendingState = this.#overlay = undefined;
      this.#isLoading = true;
      this.#stream.setValues(undefined);
    }
    const { messages, interrupts = [], uiMessages = [] } = await (this.options.load as NonNullable<CallbackOptions["load"]>)(id, { signal });
    if (signal.aborted) return;
    if (this.#error && !this.#isRunning) this.#clearError();
    // What is read again may be behind a run that has just ended, so nothing is deleted by it.
    const whole = { snapshotIsComplete: purpose === "initial" };
    if (this.#isBranch) return;
    this.#stream.reconcileMessages(messages, before.messages, whole);
    this.#ownership.seed(messages);
    this.#stream.reconcileUIMessages(uiMessages, before.uiMessages, whole);
    this.#stream.reconcileInterrupts(interrupts, before.interrupts);
    this.#head = this.#messages;
  }

  async #resume(): Promise<void> {
    const id = this.#item.externalId();
    const { resume } = this.options;
    if (!resume || id === undefined || this.#isRunning) return;
    const abort = new AbortController();
    const asked = this.#asked;
    let events: Events<LangChainMessage> | null | undefined;
    try {
      events = await resume(id, { signal: abort.signal, lastEventId: this.#lastEventId });
    } catch (cause) {
      this.#fail(runError(cause, true), () => this.#resume());
      return;
    }
    if (!events) return;
    if (this.#isRunning || asked !== this.#asked) {
      // Somebody was quicker.
      abort.abort();
      void events[Symbol.asyncIterator]().return?.(undefined)?.catch(() => {});
      return;
    }
    const open = async (signal: AbortSignal): Promise<Events<LangChainMessage> | null | undefined> => {
      signal.addEventListener("abort", () => abort.abort(), { once: true });
      return events;
    };
    await this.#quietly(this.#enqueue({ messages: [], config: {}, open }));
  }

  // --- runs ---

  #settings(): StreamSettings<LangChainMessage> {
    const options = (): CallbackOptions => this.options;
    const handlers: EventHandlers = new Proxy({} as EventHandlers, {
      // The handlers of the last render. A state of the server's ends what was laid over it.
      get: (_, name: keyof EventHandlers) =>
        name === "onValues"
          ? (values: unknown) => {
              this.#overlay = undefined;
              return options().eventHandlers?.onValues?.(values);
            }
          : options().eventHandlers?.[name],
    });
    return {
      stream: async (messages, config) => this.#noting(await options().stream(messages, config)),
      appendMessage: appendLangChainChunk as StreamSettings<LangChainMessage>["appendMessage"],
      get uiStateKey() {
        return options().uiStateKey ?? "ui";
      },
      eventHandlers: handlers,
      initialize: () => this.#item.initialize(),
      onMessages: (messages, runConfig) => this.#ownership.remember(messages, runConfig),
      onInterrupt: (runConfig) => (this.#ownership.interruptConfig = runConfig),
      onFailure: (failure, id, thrown) => this.#runFailed(failure, id, thrown),
      onCancelled: (id) => {
        this.#cancelled = new Set([...this.#cancelled, id]);
      },
    };
  }

  /** Notes the ids of events, for a `resume` that asks for what came after them. */
  #noting(events: Events<LangChainMessage>): AsyncGenerator<{ event: string; data: unknown }> {
    const iterator = events[Symbol.asyncIterator]();
    const note = (result: IteratorResult<{ event: string; data: unknown }>): typeof result => {
      const id = isObject(result.value) ? result.value["id"] : undefined;
      if (typeof id === "string") this.#lastEventId = id;
      return result;
    };
    return {
      next: async () => note(await iterator.next()),
      return: async () => (await iterator.return?.(undefined)) ?? { done: true, value: undefined },
      [Symbol.asyncIterator]() {
        return this;
      },
    } as unknown as AsyncGenerator<{ event: string; data: unknown }>;
  }

  async #run(sending: Sending, onComplete: () => void): Promise<void> {
    this.#current = sending;
    this.#ownership.begin();
    this.#tools.sent(sending.messages);
    this.#failed = false;
    this.#clearError();
    if (sending.keep) this.#truncate(sending.keep);
    this.#begunAgain(sending.messages);
    this.#isBranch = false;
    await this.#stream.send(sending.messages, sending.config, {
      keep: sending.keep,
      open: sending.open,
      onComplete: () => {
        this.#head = this.#messages;
        if (this.#failed) {
          this.#tools.clearBatches();
          this.#queue.drop();
        }
        onComplete();
        this.#publisher.now();
      },
    });
  }

  /** A turn that is begun again, or goes on, has not failed any more. */
  #begunAgain(messages: readonly LangChainMessage[]): void {
    const ids = new Set(messages.map(({ id }) => id ?? ""));
    if (!messages.some(({ type }) => type === "human")) ids.add(this.#messages.at(-1)?.id ?? "");
    if (this.#failures.size > 0) this.#failures = new Map([...this.#failures].filter(([id]) => !ids.has(id)));
  }

  /** What belongs to messages that go is put aside. */
  #truncate(keep: LangChainMessage[]): void {
    const { uiMessages } = this.#stream.state;
    const left = filterUIMessagesBySurvivingIds(uiMessages, keep);
    for (const message of uiMessages) if (!left.includes(message)) this.#otherUI.set(message.id, message);
    this.#stream.set({ uiMessages: left }, true);
    const ids = new Set(keep.map(({ id }) => id ?? ""));
    this.#failures = new Map([...this.#failures].filter(([id]) => ids.has(id) && id !== keep.at(-1)?.id));
    this.#ownership.prune(keep);
  }

  #runFailed(failure: unknown, id: string | undefined, thrown: boolean): void {
    this.#failed = true;
    this.#error = runError(failure, thrown);
    const sent = this.#current;
    this.#again = sent && (() => this.#resend(sent));
    const last = this.#messages.at(-1)?.id ?? "";
    if (id === undefined) this.#failures = new Map([...this.#failures, [last, this.#error.message]]);
    // An error event was told as it came.
    if (thrown) tell(this.options.eventHandlers ?? {}, "onError", failure);
    this.#publisher.now();
  }

  #enqueue(sending: Sending): Promise<void> {
    // What is being read again would erase what is sent now.
    this.#loads.abort("reload");
    this.#ownership.seed(this.#messages);
    const state = this.#pendingState;
    this.#pendingState = undefined;
    const { config } = sending;
    const isAnswer = config.command != null && config.runConfig === undefined && this.#stream.state.interrupts.length > 0;
    const { interruptConfig } = this.#ownership;
    const made = { ...config, ...(isAnswer && interruptConfig !== undefined ? { runConfig: interruptConfig } : {}), ...(state ? { state } : {}) };
    const done = this.#queue.enqueue({ ...sending, config: made });
    // Whoever waits for it hears of it; nobody else is bothered, as it is shown.
    done.catch(() => {});
    return done;
  }

  /** Sends again what never became a run, or lets the graph go on from where it failed. */
  #resend(sending: Sending): Promise<void> {
    const { runConfig } = sending.config;
    return this.#quietly(this.#enqueue(this.#stream.heard ? { messages: [], config: runConfig === undefined ? {} : { runConfig } } : sending));
  }

  /** Errors are shown; promises of assistant-ui's own callbacks do not reject with them. */
  async #quietly(done: Promise<void>): Promise<void> {
    await done.catch(() => {});
  }

  readonly send = (messages: LangChainMessage[], config: LangGraphSendMessageConfig): Promise<void> => {
    const refused = config.command && refusedResume(config.command.resume, this.#stream.state.interrupts);
    if (refused) {
      this.refuse(refused);
      const done = Promise.reject(refused);
      done.catch(() => {});
      return done;
    }
    if (this.#isBranch && config.checkpointId === undefined) return this.#fromBranch(messages, config);
    return this.#enqueue({ messages, config });
  };

  readonly newTurn = async (message: LangChainMessage & { type: "human" }, runConfig: unknown): Promise<void> => {
    // Nobody waits any more for tools that were called before.
    this.#asked++;
    this.#editing = null;
    this.#tools.clear();
    this.#ownership.interruptConfig = undefined;
    this.#queue.drop();
    const called = this.options.autoCancelPendingToolCalls === false ? [] : cancellations(this.#messages);
    await this.#quietly(this.send([...called, message], { runConfig }));
  };

  readonly respond = (value: unknown, { interruptId, runConfig }: RespondOptions = {}): Promise<void> =>
    this.send([], { command: { resume: interruptId === undefined ? value : { [interruptId]: value } }, ...(runConfig === undefined ? {} : { runConfig }) });

  readonly respondAll = (byId: Record<string, unknown>, { runConfig }: Pick<RespondOptions, "runConfig"> = {}): Promise<void> =>
    this.respond(byId, { runConfig });

  readonly cancel = async (): Promise<void> => this.#stop();

  #stop(): void {
    this.#asked++;
    this.#editing = null;
    this.#tools.clearBatches();
    this.#queue.drop();
    this.#stream.cancel();
  }

  readonly addToolResult = async (result: ToolResult): Promise<void> => {
    const batch = this.#tools.add(this.#messages, result);
    if (!batch) return;
    const runConfig = batch.map(({ tool_call_id }) => this.#ownership.configOfTool(tool_call_id)).find((config) => config !== undefined);
    await this.#quietly(this.send(batch, { runConfig }));
    this.#tools.done(batch);
  };

  // --- edits and branches ---

  /** Looks up the checkpoint that holds exactly these messages. Undefined: the thread is not on the server yet. */
  async #checkpoint(kept: LangChainMessage[]): Promise<string | undefined> {
    const id = this.#item.externalId();
    const { getCheckpointId } = this.options;
    if (!getCheckpointId) throw unavailable("Without `getCheckpointId` messages cannot be edited.");
    if (id === undefined) return undefined;
    let found: string | null | undefined;
    try {
      found = await getCheckpointId(id, kept);
    } catch (cause) {
      throw lookupFailed(cause);
    }
    if (!found) throw notFound();
    return found;
  }

  /** Looks up, and goes on only where nothing newer was asked for meanwhile. Nothing that is shown changes until then. */
  async #resolved(kept: LangChainMessage[], at: string | undefined, go: (checkpointId: string | undefined) => Promise<void>, again: () => Promise<void>): Promise<void> {
    const asked = ++this.#asked;
    this.#editing = at ?? "";
    this.#clearError();
    this.#publisher.now();
    let checkpointId: string | undefined;
    try {
      checkpointId = await this.#checkpoint(kept);
    } catch (error) {
      if (asked === this.#asked) {
        this.#editing = null;
        this.#fail(error as RejoinError, again);
      }
      throw error;
    }
    if (asked !== this.#asked) return;
    this.#editing = null;
    await go(checkpointId);
  }

  readonly edit = (request: EditRequest): Promise<void> => {
    const { kept, message, at, runConfig } = request;
    const go = (checkpointId: string | undefined): Promise<void> => {
      this.#tools.clear();
      // The run that is left ends first; what it still brings is not shown any more.
      this.#queue.drop();
      this.#stream.cancel();
      const config = { runConfig, ...(checkpointId === undefined ? {} : { checkpointId }) };
      return this.#quietly(this.#enqueue({ messages: message ? [message] : [], config, keep: kept }));
    };
    return this.#quietly(this.#resolved(kept, at, go, () => this.edit(request)));
  };

  readonly setBranch = (messages: LangChainMessage[]): void => {
    if (this.#isRunning) return;
    this.#asked++;
    this.#editing = null;
    const { interrupts, uiMessages } = this.#stream.state;
    if (!this.#isBranch) this.#headInterrupts = interrupts;
    this.#isBranch = !sameIds(messages, this.#head);
    for (const message of uiMessages) this.#otherUI.set(message.id, message);
    this.#stream.set({
      messages,
      interrupts: this.#isBranch ? [] : this.#headInterrupts,
      uiMessages: filterUIMessagesBySurvivingIds([...this.#otherUI.values()], messages),
    });
  };

  /** The branch that is shown is not the newest: the next run starts from its own checkpoint. */
  #fromBranch(messages: LangChainMessage[], config: LangGraphSendMessageConfig): Promise<void> {
    const kept = this.#messages;
    const go = (checkpointId: string | undefined): Promise<void> =>
      this.#enqueue({ messages, config: { ...config, ...(checkpointId === undefined ? {} : { checkpointId }) } });
    const done = this.#resolved(kept, messages.at(-1)?.id, go, () => this.#quietly(this.#fromBranch(messages, config)));
    done.catch(() => {});
    return done;
  }

  readonly stage = (message: LangChainMessage & { type: "human"; id: string }, runConfig: unknown, kept: LangChainMessage[] | undefined): void => {
    this.#asked++;
    if (kept) {
      this.#tools.clear();
      this.#queue.drop();
      this.#stream.cancel();
      this.#truncate(kept);
    }
    this.#staged.add(message, runConfig);
    this.#stream.setMessages([...(kept ?? this.#messages), message]);
  };

  readonly runStaged = async (id: string | null, runConfig: unknown): Promise<boolean> => {
    const staged = this.#staged.take(id, this.#messages);
    if (!staged) return false;
    await this.#quietly(this.#enqueue({ messages: staged.messages, config: { runConfig: runConfig ?? staged.runConfig } }));
    return true;
  };

  // --- state and errors ---

  #state(): GraphState | undefined {
    const { values } = this.#stream.state;
    return this.#overlay ? { ...values, ...this.#overlay } : values;
  }

  readonly setState: LangGraphThread["setState"] = (next) => {
    this.#overlay = this.#pendingState = typeof next === "function" ? next(this.#state()) : next;
    this.#publisher.now();
  };

  readonly retry = async (): Promise<void> => {
    const again = this.#again;
    this.#clearError();
    await again?.();
  };

  #clearError(): void {
    this.#error = this.#again = undefined;
  }

  #fail(error: RejoinError, again: (() => Promise<void>) | undefined): void {
    this.#error = error;
    this.#again = again;
    tell(this.options.eventHandlers ?? {}, "onError", error);
    this.#publisher.now();
  }

  readonly refuse = (error: RejoinError): void => this.#fail(error, undefined);

  #lastState: { values: GraphState | undefined; overlay: GraphState | undefined; state: GraphState | undefined } | undefined;

  #snapshot(): ThreadSnapshot {
    const { messages, uiMessages, messageMetadata, interrupts, values } = this.#stream.state;
    const last = this.#lastState;
    if (!last || last.values !== values || last.overlay !== this.#overlay) this.#lastState = { values, overlay: this.#overlay, state: this.#state() };
    return {
      messages,
      uiMessages,
      messageMetadata,
      state: this.#lastState?.state,
      interrupts,
      isRunning: this.#isRunning,
      isLoading: this.#isLoading,
      editing: this.#editing,
      error: this.#error,
      canRetry: this.#again !== undefined,
      cancelled: this.#cancelled,
      failures: this.#failures,
      canEdit: this.options.getCheckpointId !== undefined,
      editable: undefined,
      connection: undefined,
      hasStaged: this.#staged.size > 0,
      branches: undefined,
    };
  }
}
