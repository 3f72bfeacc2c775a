/** A thread whose runs an application's own `stream` callback sends. */
import type { CompleteAttachment } from "@assistant-ui/core";
import type { RejoinError } from "../../errors.js";
import { createSerialRunQueue } from "../internal/serial-run-queue.js";
import type { LangChainMessage, LangGraphLoadResult, LangGraphSendMessageConfig } from "../types.js";
import { tell } from "./apply-event.js";
import { callbackSettings, type CallbackOptions, type ThreadItem } from "./callback-settings.js";
import { dropped, lookupFailed, notFound, refusedResume, runError, unavailable } from "./failures.js";
import type { LoadPurpose } from "./loads.js";
import { MessageStream, type SendExtras } from "./message-stream.js";
import { Ownership } from "./ownership.js";
import { Publisher } from "./publisher.js";
import { Reading } from "./reading.js";
import { ShownBranch } from "./shown-branch.js";
import { Staged } from "./staged.js";
import type { EditRequest, GraphState, LangGraphThread, RespondOptions, ThreadSnapshot, ToolResult } from "./thread.js";
import { cancellations, ToolResults } from "./tool-results.js";
import { TurnMarks } from "./turn-marks.js";

const NO_WAITING: ThreadSnapshot["waiting"] = [];

interface Sending extends Pick<SendExtras<LangChainMessage>, "keep" | "open"> {
  messages: LangChainMessage[];
  config: LangGraphSendMessageConfig;
}

/** Whoever waits hears of a failure; nobody else is bothered, as it is shown. */
function told(done: Promise<void>): Promise<void> {
  done.catch(() => {});
  return done;
}

/** A thread whose runs the `stream` callback sends. See {@link LangGraphThread} for its members. */
export class CallbackThread implements LangGraphThread {
  options: CallbackOptions;
  readonly attachments = new Map<string, readonly CompleteAttachment[]>();
  readonly #item: ThreadItem;
  readonly #stream: MessageStream<LangChainMessage>;
  readonly #publisher: Publisher<ThreadSnapshot>;
  readonly #reading: Reading;
  readonly #ownership = new Ownership();
  readonly #tools = new ToolResults(this.#ownership);
  readonly #staged = new Staged();
  readonly #marks = new TurnMarks();
  readonly #branch = new ShownBranch();
  readonly #queue;
  #isRunning = false;
  #editing: string | null = null;
  #error: RejoinError | undefined;
  #again: (() => Promise<void>) | undefined;
  #overlay: GraphState | undefined;
  #pendingState: GraphState | undefined;
  /** Counts what the person asks for: a lookup that is overtaken by something newer ends without a trace. */
  #asked = 0;
  /** The parameters of the followed run, or of the last one. */
  #current: Sending | undefined;
  /** Whether the graph itself failed in this run; what waits behind it is dropped. */
  #failed = false;
  #lastEventId: string | undefined;

  constructor(options: CallbackOptions, item: ThreadItem) {
    this.options = options;
    this.#item = item;
    const settings = callbackSettings({
      options: () => this.options,
      item,
      onValues: () => (this.#overlay = undefined),
      onEventId: (id) => (this.#lastEventId = id),
      onMessages: (messages, runConfig) => this.#ownership.remember(messages, runConfig),
      onInterrupt: (runConfig) => (this.#ownership.interruptConfig = runConfig),
      onFailure: (failure, id, thrown) => this.#runFailed(failure, id, thrown),
      onCancelled: (id) => this.#marks.cancel(id),
    });
    this.#stream = new MessageStream(settings, (soon) => (soon ? this.#publisher.soon() : this.#publisher.now()));
    this.#reading = new Reading({
      options: () => this.options,
      item,
      isRunning: () => this.#isRunning,
      asked: () => this.#asked,
      lastEventId: () => this.#lastEventId,
      begin: (purpose) => this.#beginReading(purpose),
      changed: () => this.#publisher.now(),
      fail: (error, again) => this.#fail(error, again),
      mended: (error) => {
        if (this.#error === error) this.#clearError();
      },
      follow: (open) => this.#withoutRejecting(this.#enqueue({ messages: [], config: {}, open })),
    });
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

  /** Only the `stream` callback knows how to send, and whether the server has what was sent. So nothing is stored here. */
  readonly hasOutbox = false;
  readonly takeBack = (): void => {};
  readonly sendNow = (): void => {};
  readonly replaceWaiting = (): Promise<void> => told(Promise.reject(dropped()));

  readonly subscribe: LangGraphThread["subscribe"] = (listener) => this.#publisher.subscribe(listener);
  readonly getSnapshot: LangGraphThread["getSnapshot"] = () => this.#publisher.getSnapshot();
  get #messages(): LangChainMessage[] {
    return this.#stream.state.messages;
  }

  // --- life ---

  readonly enter = (): void => void this.#reading.enter("initial");

  readonly leave = (): void => {
    this.#reading.abort();
    this.#stop();
  };

  readonly returned = (): void => {
    // Whatever happened meanwhile, here or elsewhere, is taken.
    if (!this.#isRunning) void this.#reading.enter("reload");
  };

  readonly dispose = (): void => this.leave();

  readonly #refetch = (): Promise<void> => this.#reading.load("reload");
  get refetch(): LangGraphThread["refetch"] {
    return this.options.load && this.#refetch;
  }

  /** Called before the thread is read. Gives what lays the result over what is shown by then. */
  #beginReading(purpose: LoadPurpose): (result: LangGraphLoadResult) => void {
    const before = this.#stream.state;
    if (purpose === "initial") {
      this.#tools.clear();
      this.#ownership.prune([]);
      this.#pendingState = this.#overlay = undefined;
      this.#stream.setValues(undefined);
    }
    return ({ messages, interrupts = [], uiMessages = [] }) => {
      if (this.#branch.isOther) return;
      // What is read again may be behind a run that has just ended, so nothing is deleted by it.
      const whole = { snapshotIsComplete: purpose === "initial" };
      this.#stream.reconcileMessages(messages, before.messages, whole);
      this.#ownership.seed(messages);
      this.#stream.reconcileUIMessages(uiMessages, before.uiMessages, whole);
      this.#stream.reconcileInterrupts(interrupts, before.interrupts);
      this.#branch.settle(this.#messages);
    };
  }

  // --- runs ---

  async #run(sending: Sending, onComplete: () => void): Promise<void> {
    this.#current = sending;
    this.#ownership.begin();
    this.#tools.sent(sending.messages);
    this.#failed = false;
    this.#clearError();
    if (sending.keep) this.#truncate(sending.keep);
    this.#marks.begin(sending.messages, this.#messages.at(-1));
    this.#branch.begin();
    await this.#stream.send(sending.messages, sending.config, {
      keep: sending.keep,
      open: sending.open,
      onComplete: () => {
        this.#branch.settle(this.#messages);
        if (this.#failed) {
          this.#tools.clearBatches();
          this.#queue.drop();
        }
        onComplete();
        this.#publisher.now();
      },
    });
  }

  /** Cuts the thread, and removes the data of the removed messages. */
  #truncate(keep: LangChainMessage[]): void {
    this.#stream.set({ uiMessages: this.#branch.truncateUI(this.#stream.state.uiMessages, keep) }, true);
    this.#marks.truncate(keep);
    this.#ownership.prune(keep);
  }

  #runFailed(failure: unknown, id: string | undefined, thrown: boolean): void {
    this.#failed = true;
    this.#error = runError(failure, thrown);
    const sent = this.#current;
    this.#again = sent && (() => this.#resend(sent));
    if (id === undefined) this.#marks.fail(this.#messages.at(-1)?.id ?? "", this.#error.message);
    // An error event was told as it came.
    if (thrown) tell(this.options.eventHandlers ?? {}, "onError", failure);
    this.#publisher.now();
  }

  #enqueue(sending: Sending): Promise<void> {
    // What is being read again would erase what is sent now.
    this.#reading.abort("reload");
    this.#ownership.seed(this.#messages);
    const state = this.#pendingState;
    this.#pendingState = undefined;
    const { config } = sending;
    const isAnswer = config.command != null && config.runConfig === undefined && this.#stream.state.interrupts.length > 0;
    const { interruptConfig } = this.#ownership;
    const made = { ...config, ...(isAnswer && interruptConfig !== undefined ? { runConfig: interruptConfig } : {}), ...(state ? { state } : {}) };
    return told(this.#queue.enqueue({ ...sending, config: made }));
  }

  /** Sends again what never became a run, or lets the graph go on from where it failed. */
  #resend(sending: Sending): Promise<void> {
    const { runConfig } = sending.config;
    return this.#withoutRejecting(this.#enqueue(this.#stream.hasEvents ? { messages: [], config: runConfig === undefined ? {} : { runConfig } } : sending));
  }

  /** Errors are shown; promises of assistant-ui's own callbacks do not reject with them. */
  async #withoutRejecting(done: Promise<void>): Promise<void> {
    await done.catch(() => {});
  }

  readonly send = (messages: LangChainMessage[], config: LangGraphSendMessageConfig): Promise<void> => {
    const refused = config.command && refusedResume(config.command.resume, this.#stream.state.interrupts);
    if (refused) {
      this.refuse(refused);
      return told(Promise.reject(refused));
    }
    if (this.#branch.isOther && config.checkpointId === undefined) return this.#fromBranch(messages, config);
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
    await this.#withoutRejecting(this.send([...called, message], { runConfig }));
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
    await this.#withoutRejecting(this.send(batch, { runConfig }));
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
      return this.#withoutRejecting(this.#enqueue({ messages: message ? [message] : [], config: { runConfig, ...(checkpointId && { checkpointId }) }, keep: kept }));
    };
    return this.#withoutRejecting(this.#resolved(kept, at, go, () => this.edit(request)));
  };

  readonly setBranch = (messages: LangChainMessage[]): void => {
    if (this.#isRunning) return;
    this.#asked++;
    this.#editing = null;
    this.#stream.set(this.#branch.show(messages, this.#stream.state));
  };

  /** The branch that is shown is not the newest: the next run starts from its own checkpoint. */
  #fromBranch(messages: LangChainMessage[], config: LangGraphSendMessageConfig): Promise<void> {
    const kept = this.#messages;
    const go = (checkpointId?: string): Promise<void> => this.#enqueue({ messages, config: { ...config, ...(checkpointId && { checkpointId }) } });
    return told(this.#resolved(kept, messages.at(-1)?.id, go, () => this.#withoutRejecting(this.#fromBranch(messages, config))));
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
    await this.#withoutRejecting(this.#enqueue({ messages: staged.messages, config: { runConfig: runConfig ?? staged.runConfig } }));
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
    await again?.().catch(() => {});
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
      isLoading: this.#reading.isLoading,
      editing: this.#editing,
      error: this.#error,
      canRetry: this.#again !== undefined,
      cancelled: this.#marks.cancelled,
      failures: this.#marks.failures,
      canEdit: this.options.getCheckpointId !== undefined,
      editable: undefined,
      connection: undefined,
      waiting: NO_WAITING,
      isUnsent: false,
      hasStaged: this.#staged.size > 0,
      branches: undefined,
    };
  }
}
