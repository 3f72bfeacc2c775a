/** Submissions while a run is active: the server queues them as runs of their own, and each is followed when the one before it is over. */
import { withPlainMessages } from "../class-messages.js";
import type { InnerStore } from "../store/create-store.js";
import { modesOf } from "../store/modes.js";
import type { State } from "../store/state.js";
import { call } from "../store/tell.js";
import type { SubmitOptions } from "../types/options.js";
import type { RunResult } from "../types/stream.js";
import type { QueueEntry, QueueInterface } from "./types/queue.js";

type Values = Record<string, any>;
type Options = SubmitOptions<Values, Values>;
type Entry = QueueEntry<Values, Options>;

/** Strategies that do not wait for the active run's end. */
const AT_ONCE = ["interrupt", "rollback", "reject"];

/** What the server is told of a queued submission beside its input. */
const SENT = ["config", "context", "command", "metadata", "interruptBefore", "interruptAfter", "onCompletion", "onDisconnect", "feedbackKeys", "streamSubgraphs", "durability"] as const;

const PENDING_NO_MORE = [404, 409, 422];

/** A stream's queue. It does nothing by itself: `changed` is to be called at each change of the store. */
export class SubmissionQueue {
  readonly #store: InnerStore;
  readonly #state: State;
  readonly #submitNow: InnerStore["submit"];
  readonly #listeners = new Set<() => void>();
  #shown: QueueInterface<Values, Options>;
  #thread: string | null;
  /** Resolves when the submissions made so far are the server's. */
  #sent: Promise<void> = Promise.resolve();
  #sending = 0;
  /** The run shown when the active one was posted, until that one has its id. */
  #replaced: string | null | undefined;
  #waiting: (() => void)[] = [];
  /** Counts how often the thread was left: what was meant for it is dropped. */
  #visit = 0;

  /** `submit` is what a submission that does not wait goes to. */
  constructor(store: InnerStore, state: State, submit: InnerStore["submit"]) {
    this.#store = store;
    this.#submitNow = submit;
    this.#state = state;
    this.#thread = state.thread;
    this.#shown = this.#interfaceOf([]);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** What the application sees; the same object until an entry comes or goes. */
  getSnapshot = (): QueueInterface<Values, Options> => this.#shown;

  /** Follows the next run when nothing else is followed. */
  changed = (): void => {
    const { thread } = this.#state;
    if (thread !== this.#thread) {
      if (this.#thread !== null) this.#leave();
      this.#thread = thread;
    }
    for (const wake of this.#waiting.splice(0)) wake();
    const [next, ...rest] = this.#shown.entries;
    if (!next || this.#isBusy()) return;
    this.#show(rest);
    void this.#follow(next);
  };

  submit = (values: Values | null | undefined, options: Options = {}): Promise<void | RunResult> => {
    const queues = this.#isBusy() || this.#sending > 0;
    const isDirect = !queues || this.#state.options.transport || AT_ONCE.includes(options.multitaskStrategy ?? "");
    return isDirect ? this.#post(values, options) : this.#queue(values, options);
  };

  /** Leaves the thread: its queued runs are cancelled, as they would run unseen. */
  switchThread = (threadId: string | null): void => {
    if (threadId !== this.#state.thread) void this.#shown.clear();
    this.#store.switchThread(threadId);
    this.changed();
  };

  #isBusy(): boolean {
    return this.#store.getSnapshot().isLoading;
  }

  #post(values: Values | null | undefined, options: Options): Promise<RunResult> {
    this.#replaced = this.#store.getSnapshot().runId;
    return this.#submitNow(values, options);
  }

  /** Until then the server may take a second submission for the first. */
  async #untilActiveRunIsKnown(): Promise<void> {
    while (this.#isBusy() && this.#replaced !== undefined && this.#store.getSnapshot().runId === this.#replaced) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#replaced = undefined;
  }

  async #queue(values: Values | null | undefined, options: Options): Promise<void | RunResult> {
    const visit = this.#visit;
    const before = this.#sent;
    let done = (): void => {};
    this.#sent = new Promise((resolve) => (done = resolve));
    this.#sending++;
    try {
      await before;
      await this.#untilActiveRunIsKnown();
      if (visit !== this.#visit) return;
      const { thread } = this.#state;
      // The run that this was to wait for is over. Not awaited: the next one in line does not wait for this run's end.
      if (!this.#isBusy() || thread === null) return this.#post(values, options);
      const entry = await this.#create(thread, values, options);
      if (visit === this.#visit) this.#show([...this.#shown.entries, entry]);
      else await this.#state.client.runs.cancel(thread, entry.id);
    } catch (error) {
      this.#tell(error, options);
      if (options.throwOnError) throw error;
    } finally {
      this.#sending--;
      done();
      this.changed();
    }
  }

  async #create(thread: string, values: Values | null | undefined, options: Options): Promise<Entry> {
    const { client, options: stream } = this.#state;
    const { checkpoint, streamMode = [] } = options;
    const run = await client.runs.create(thread, stream.assistantId ?? "", {
      ...withPlainMessages({ input: values, ...Object.fromEntries(SENT.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]]))) }),
      ...(checkpoint ? { checkpoint } : {}),
      streamMode: [...new Set([...streamMode, ...modesOf(this.#state)])],
      streamResumable: true,
      multitaskStrategy: "enqueue",
    });
    return { id: run.run_id, values, options, createdAt: new Date(run.created_at ?? Date.now()) };
  }

  async #follow({ id, options }: Entry): Promise<void> {
    const { error } = (await this.#store.joinStream(id)) as RunResult;
    if (error !== undefined) call(options?.onError, error, undefined);
  }

  async #cancel(id: string): Promise<boolean> {
    const { entries } = this.#shown;
    const at = entries.findIndex((entry) => entry.id === id);
    const entry = entries[at];
    const thread = this.#thread;
    if (!entry || thread === null) return false;
    const visit = this.#visit;
    this.#show(entries.filter((one) => one !== entry));
    try {
      await this.#state.client.runs.cancel(thread, id);
      return true;
    } catch (error) {
      const isOver = PENDING_NO_MORE.includes((error as { status?: number } | null)?.status ?? 0);
      if (!isOver && visit === this.#visit) this.#show([...this.#shown.entries.slice(0, at), entry, ...this.#shown.entries.slice(at)]);
      this.#tell(error, undefined);
      return false;
    }
  }

  #leave(): void {
    this.#visit++;
    this.#show([]);
  }

  #tell(error: unknown, options: Options | undefined): void {
    call(this.#state.options.onError, error, undefined);
    call(options?.onError, error, undefined);
  }

  #show(entries: readonly Entry[]): void {
    if (entries.length === 0 && this.#shown.size === 0) return;
    this.#shown = this.#interfaceOf(entries);
    for (const listener of [...this.#listeners]) listener();
  }

  #interfaceOf(entries: readonly Entry[]): QueueInterface<Values, Options> {
    return {
      entries,
      size: entries.length,
      cancel: (id) => this.#cancel(id),
      clear: async () => void (await Promise.all(this.#shown.entries.map(({ id }) => this.#cancel(id)))),
    };
  }
}
