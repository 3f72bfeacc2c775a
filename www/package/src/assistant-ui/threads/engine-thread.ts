/** A thread whose runs this package follows by itself: they resume after a reload and after a switch of threads. */
import type { CompleteAttachment } from "@assistant-ui/core";
import { RejoinError } from "../../errors.js";
import { createStream } from "../../index.js";
import type { SubmitOptions } from "../../types/options.js";
import type { RunPromise, StreamStore } from "../../types/stream.js";
import type { LangChainMessage, LangGraphSendMessageConfig } from "../types.js";
import { tell } from "./apply-event.js";
import type { ThreadItem } from "./callback-settings.js";
import { engineSnapshot, type EngineFacts } from "./engine-snapshot.js";
import { streamOptions, type EngineThreadOptions } from "./engine-options.js";
import { dropped, unavailable } from "./failures.js";
import { isUnmade } from "./new-threads.js";
import { Publisher } from "./publisher.js";
import { sameIds } from "./reconcile.js";
import { Staged } from "./staged.js";
import type { EditRequest, GraphState, LangGraphThread, RespondOptions, ThreadSnapshot, ToolResult } from "./thread.js";

type Store = StreamStore;
type Sent = SubmitOptions;
type Undefinable<T> = { [K in keyof T]: T[K] | undefined };

/** A thread that the core follows. See {@link LangGraphThread} for its members. */
export class EngineThread implements LangGraphThread {
  readonly attachments = new Map<string, readonly CompleteAttachment[]>();
  #options: EngineThreadOptions;
  readonly #item: ThreadItem;
  readonly #publisher = new Publisher<ThreadSnapshot>(() => engineSnapshot(this.#facts, this.#store.getSnapshot()));
  readonly #staged = new Staged();
  readonly #facts: EngineFacts;
  #store: Store;
  #unsubscribe: (() => void) | undefined;
  #isOver = false;
  /** The config of the run before: an answer to its question is sent with it too. */
  #runConfig: unknown;
  #pendingState: GraphState | undefined;

  constructor(options: EngineThreadOptions, item: ThreadItem) {
    this.#options = options;
    this.#item = item;
    this.#facts = {
      pending: [],
      staged: [],
      isStarting: false,
      again: undefined,
      error: undefined,
      cancelled: new Set(),
      uiMessages: undefined,
      stateUI: undefined,
      isReading: false,
      uiStateKey: options.uiStateKey ?? "ui",
      canEdit: options.checkpoints !== "off" || options.getCheckpointId !== undefined,
      cache: {},
    };
    this.#store = this.#make();
  }

  get subscribe(): LangGraphThread["subscribe"] {
    return this.#publisher.subscribe;
  }
  get getSnapshot(): LangGraphThread["getSnapshot"] {
    return this.#publisher.getSnapshot;
  }

  #make(): Store {
    const id = this.#item.externalId();
    return createStream({
      ...streamOptions(this.#facts, () => this.#options, () => this.#publisher.soon()),
      // A thread that the server does not know yet is made by the first run, with its id.
      ...(id !== undefined && { threadId: id }),
    }) as Store;
  }

  /** Hands over the options of a later render. */
  setOptions(options: EngineThreadOptions): void {
    const { headers } = options;
    if (headers !== this.#options.headers) this.#store.setOptions({ ...(headers && { headers }) });
    this.#options = options;
  }

  // --- life ---

  readonly enter = (): void => {
    const wasOver = this.#isOver;
    if (wasOver) this.#store = this.#make();
    this.#isOver = false;
    this.#unsubscribe ??= this.#store.subscribe(() => {
      this.#handOver();
      this.#publisher.now();
    });
    if (wasOver) this.#publisher.now();
  };

  readonly leave = (): void => {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    // StrictMode enters again at once.
    queueMicrotask(() => {
      if (this.#unsubscribe || this.#isOver) return;
      this.#isOver = true;
      this.#store.dispose();
    });
  };

  readonly dispose = (): void => this.leave();

  readonly returned = (): void => {
    // What is followed here went on meanwhile; a run that was begun elsewhere is found by asking.
    if (!this.#store.getSnapshot().isLoading && this.#store.getSnapshot().threadId !== null) void this.#read().catch(() => {});
  };

  readonly refetch = (): Promise<void> => this.#read();

  /** Asks for what the server has. A run that is active there is followed. */
  async #read(): Promise<void> {
    if (this.#store.getSnapshot().isLoading) return;
    this.#facts.isReading = true;
    const { error, outcome } = await this.#store.rejoin();
    this.#facts.isReading = false;
    this.#publisher.now();
    if (error && outcome !== "nothing_to_join") throw error;
  }

  // --- runs ---

  #config(runConfig: unknown): NonNullable<Sent["config"]> {
    const given = { ...this.#options.config, ...((runConfig ?? {}) as object) } as NonNullable<Sent["config"]>;
    const { custom, configurable, ...rest } = given as { custom?: object; configurable?: object };
    // assistant-ui's own run config has one member, `custom`, which a graph reads as its configurable values.
    const values = { ...this.#options.config?.configurable, ...configurable, ...custom };
    return { ...rest, ...(Object.keys(values).length > 0 && { configurable: values }) } as NonNullable<Sent["config"]>;
  }

  /** Shows a message here until the store shows it: the store's frame comes later, and its module may still have to be loaded. */
  #handOver(): void {
    const { messageIds, waiting } = this.#store.getSnapshot();
    const isShown = ({ id }: LangChainMessage): boolean =>
      id !== undefined && (messageIds.includes(id) || waiting.some(({ messages }) => messages.some((message) => message.id === id)));
    if (this.#facts.pending.some(isShown)) this.#facts.pending = [];
  }

  /** Whether a message that is sent now waits for its turn. It is then shown among the waiting, and not in the thread before. */
  #isBusy(): boolean {
    const { isLoading, waiting, connection } = this.#store.getSnapshot();
    return isLoading || waiting.length > 0 || connection.state === "saved";
  }

  /** The arguments of the store's `submit` for these messages. */
  #submission(messages: LangChainMessage[], { command, checkpointId, state, runConfig }: Undefinable<LangGraphSendMessageConfig>): [values: object | null, options: Sent] {
    const values = state || messages.length > 0 ? { ...state, ...(messages.length > 0 && { [this.#options.messagesKey ?? "messages"]: messages }) } : null;
    const options = {
      config: this.#config(runConfig),
      ...(command && { command: command as NonNullable<Sent["command"]> }),
      ...(checkpointId !== undefined && { checkpoint: { checkpoint_id: checkpointId, checkpoint_ns: "", checkpoint_map: null } }),
    };
    return [values, options];
  }

  /** Shows messages at once, makes the thread where there is none, and sends. Rejects with what went wrong. */
  async #send(messages: LangChainMessage[], { command, runConfig, checkpointId, state }: LangGraphSendMessageConfig): Promise<void> {
    const facts = this.#facts;
    const config = command && runConfig === undefined ? this.#runConfig : runConfig;
    this.#runConfig = config;
    facts.error = facts.again = undefined;
    const given = state ?? this.#pendingState;
    this.#pendingState = undefined;
    if (!this.#isBusy()) facts.pending = messages;
    facts.isStarting = true;
    this.#publisher.now();
    let sent: RunPromise;
    try {
      const id = this.#item.externalId() ?? (await this.#item.initialize()).externalId;
      const isNew = this.#store.getSnapshot().threadId === null;
      const [values, options] = this.#submission(messages, { command, checkpointId, state: given, runConfig: config });
      // The list of threads has made it, or left it to this submission.
      sent = this.#store.submit(values, { ...options, ...(isNew && id !== undefined && { threadId: id, threadIsMade: !isUnmade(id) }) });
    } catch (cause) {
      const error = cause instanceof RejoinError ? cause : new RejoinError("stream_failed", "The thread could not be made.", { cause });
      facts.error = error;
      facts.again = () => this.#send(messages, { ...(command && { command }), ...(runConfig !== undefined && { runConfig }), ...(given && { state: given }) });
      facts.pending = [];
      tell(this.#options.eventHandlers ?? {}, "onError", error);
      throw error;
    } finally {
      facts.isStarting = false;
      this.#publisher.now();
    }
    try {
      await this.#settled(sent);
      if (facts.pending === messages) facts.pending = [];
    } catch (error) {
      const { canRetry } = this.#store.getSnapshot();
      const wasLoaded = !(error instanceof RejoinError) || !["load_failed", "wasm_blocked"].includes(error.code);
      if (facts.pending === messages) facts.pending = [];
      // The module did not load: what was asked stays, and can be asked again.
      if (messages.length > 0 && !wasLoaded && !canRetry) {
        facts.pending = messages;
        facts.again = () => this.#send(messages, { ...(command && { command }), ...(runConfig !== undefined && { runConfig }), ...(given && { state: given }) });
        this.#publisher.now();
      }
      throw error;
    }
  }

  /** Rejects with a run's error, and where a submission was dropped before its turn. */
  async #settled(run: RunPromise): Promise<void> {
    const { error, outcome } = await run;
    this.#publisher.now();
    if (error) throw error;
    if (outcome === "dropped") throw dropped();
  }

  /** Whoever waits hears of a failure; nobody else is bothered, as it is shown. */
  #told(done: Promise<void>): Promise<void> {
    done.catch(() => {});
    return done;
  }

  readonly send = (messages: LangChainMessage[], config: LangGraphSendMessageConfig): Promise<void> => this.#told(this.#send(messages, config));

  readonly newTurn = async (message: LangChainMessage & { type: "human" }, runConfig: unknown): Promise<void> => {
    await this.#send([message], { runConfig }).catch(() => {});
  };

  readonly hasOutbox = true;

  readonly takeBack = (waitingId: string): void => this.#store.takeBack(waitingId);

  readonly sendNow = (waitingId: string): void => this.#store.sendNow(waitingId);

  readonly replaceWaiting = (waitingId: string, messages: LangChainMessage[], config: LangGraphSendMessageConfig = {}): Promise<void> =>
    this.#told(this.#settled(this.#store.replaceWaiting(waitingId, ...this.#submission(messages, config))));

  readonly respond = (value: unknown, { interruptId, runConfig }: RespondOptions = {}): Promise<void> =>
    this.#told(this.#settled(this.#store.respond(value, { ...(interruptId !== undefined && { interruptId }), config: this.#config(runConfig ?? this.#runConfig) })));

  readonly respondAll = (byId: Record<string, unknown>, { runConfig }: Pick<RespondOptions, "runConfig"> = {}): Promise<void> =>
    this.#told(this.#settled(this.#store.respondAll(byId, { config: this.#config(runConfig ?? this.#runConfig) })));

  readonly cancel = async (): Promise<void> => {
    const messages = this.getSnapshot().messages;
    const asked = messages.findLastIndex(({ type }) => type === "human");
    const unfinished = messages.slice(asked + 1).findLast(({ type }) => type === "ai")?.id;
    if (unfinished !== undefined) this.#facts.cancelled = new Set([...this.#facts.cancelled, unfinished]);
    await this.#store.cancel();
  };

  readonly addToolResult = async ({ toolCallId, result, isError, artifact }: ToolResult): Promise<void> => {
    // As with a `stream` callback: always its JSON, also of texts and lists.
    await this.#store.addToolResult({ toolCallId, result: JSON.stringify(result) ?? "null", ...(isError !== undefined && { isError }), ...(artifact !== undefined && { artifact }) });
  };

  // --- edits and branches ---

  readonly edit = async (request: EditRequest): Promise<void> => {
    const { kept, message, runConfig } = request;
    const shown = this.#store.getSnapshot().messages as LangChainMessage[];
    const at = shown[kept.length];
    const config = { config: this.#config(runConfig) };
    this.#facts.error = this.#facts.again = undefined;
    if (!sameIds(shown.slice(0, kept.length), kept) || at?.id === undefined) return this.refuse(unavailable("The messages before this one are not what the thread shows."));
    this.#runConfig = runConfig;
    const { outcome, error } = await (message ? this.#store.edit(at.id, message as never, config) : this.#store.regenerate(at.id, config));
    // Nothing was sent, so what is done again is the edit.
    if (outcome === "failed" && error && LOOKUP.has(error.code)) this.#facts.again = () => this.edit(request);
    this.#publisher.now();
  };

  readonly refuse = (error: RejoinError): void => {
    this.#facts.error = error;
    this.#facts.again = undefined;
    tell(this.#options.eventHandlers ?? {}, "onError", error);
    this.#publisher.now();
  };

  readonly setBranch = (_messages: LangChainMessage[], key: string | undefined): void => {
    if (key !== undefined) this.#store.setBranch(key);
    // Also where that is no branch of the server's: assistant-ui then goes back to what is shown.
    this.#publisher.now();
  };

  readonly stage = (message: LangChainMessage & { type: "human"; id: string }, runConfig: unknown, kept: LangChainMessage[] | undefined): void => {
    if (kept) return this.refuse(unavailable("An edit cannot wait for a later run here; send it, or add a new message."));
    this.#staged.add(message, runConfig);
    this.#facts.staged = [...this.#facts.staged, message];
    this.#publisher.now();
  };

  readonly runStaged = async (id: string | null, runConfig: unknown): Promise<boolean> => {
    const taken = this.#staged.take(id, this.#facts.staged);
    if (!taken) return false;
    this.#facts.staged = this.#facts.staged.filter((message) => !taken.messages.includes(message));
    await this.#send(taken.messages, { runConfig: runConfig ?? taken.runConfig }).catch(() => {});
    return true;
  };

  // --- state and errors ---

  readonly setState: LangGraphThread["setState"] = (next) => {
    const made = typeof next === "function" ? next(this.getSnapshot().state) : next;
    this.#pendingState = made;
    this.#store.mutate(made);
    this.#publisher.now();
  };

  readonly retry = async (): Promise<void> => {
    const { again } = this.#facts;
    this.#facts.error = this.#facts.again = undefined;
    if (again) await again().catch(() => {});
    else if (this.#store.getSnapshot().canRetry) await this.#store.retry();
    else await this.#read().catch(() => {});
  };
}

/** Errors of an edit that was not sent. */
const LOOKUP: ReadonlySet<string> = new Set(["checkpoint_not_found", "checkpoint_lookup_failed"]);
