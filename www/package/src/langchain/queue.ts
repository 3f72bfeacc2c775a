/** Submissions while a run is active: the server queues them as runs of their own, and each is followed when the one before it is over. */
import { withPlainMessages } from "../class-messages.js";
import type { InnerStore } from "../store/create-store.js";
import { modesOf } from "../store/modes.js";
import { transportOf } from "../store/options.js";
import type { State } from "../store/state.js";
import { call } from "../store/tell.js";
import type { SubmitOptions } from "../types/options.js";
import type { RunResult } from "../types/stream.js";
import type { QueueEntry, QueueInterface } from "../types/queue.js";

type Values = Record<string, unknown>;
type Options = SubmitOptions<Values, Values>;
type Entry = QueueEntry<Values, Options>;

/** Strategies that do not wait for the active run's end. */
const AT_ONCE = ["interrupt", "rollback", "reject"];

/** The fields of a queued submission that the server gets besides its input. */
const SENT = ["config", "context", "command", "metadata", "interruptBefore", "interruptAfter", "onCompletion", "onDisconnect", "feedbackKeys", "streamSubgraphs", "durability"] as const;

const PENDING_NO_MORE = [404, 409, 422];

/** One submission that waits. */
interface Waiting {
  /** Until the server has it, its id is one of this page. */
  entry: Entry;
  /** The id that it was first shown under. */
  readonly firstId: string;
  /** The server's run. */
  run: string | undefined;
  isCancelled: boolean;
}

/** A stream's queue. It does nothing by itself: `changed` is to be called at each change of the store. */
export class SubmissionQueue {
  readonly #store: InnerStore;
  readonly #state: State;
  readonly #submitNow: InnerStore["submit"];
  readonly #listeners = new Set<() => void>();
  #waiting: readonly Waiting[] = [];
  #shown: QueueInterface<Values, Options>;
  #thread: string | null;
  #made = 0;
  /** Resolves when the submissions made so far are the server's, and how many are not. */
  #sent: Promise<void> = Promise.resolve();
  #sending = 0;
  /** The run shown when the active one was posted, until that one has its id. */
  #replaced: string | null | undefined;
  #wakes: (() => void)[] = [];

  /** `submit` is what a submission that does not wait goes to. */
  constructor(store: InnerStore, state: State, submit: InnerStore["submit"]) {
    this.#store = store;
    this.#state = state;
    this.#submitNow = submit;
    this.#thread = state.thread;
    this.#shown = this.#interfaceNow();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** The queue that the application sees; the same object until an entry comes or goes. */
  getSnapshot = (): QueueInterface<Values, Options> => this.#shown;

  /** Follows the next run when nothing else is followed. */
  changed = (): void => {
    const { thread } = this.#state;
    if (thread !== this.#thread) {
      // What waits for a thread that was left waits there, on the server.
      if (this.#thread !== null) {
        this.#show([]);
        this.#replaced = undefined;
      }
      this.#thread = thread;
    }
    for (const wake of this.#wakes.splice(0)) wake();
    const [next, ...rest] = this.#waiting;
    if (!next?.run || this.#isBusy()) return;
    this.#show(rest);
    void this.#follow(next.run, next.entry.options);
  };

  submit = (values: Values | null | undefined, options: Options = {}): Promise<void | RunResult> => {
    const waits = (this.#isBusy() || this.#sending > 0) && !transportOf(this.#state.options) && !AT_ONCE.includes(options.multitaskStrategy ?? "");
    return waits ? this.#queue(values, options) : this.#post(values, options);
  };

  /** Leaves the thread: what waits for it is cancelled, as it would run unseen. */
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
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
    this.#replaced = undefined;
  }

  async #queue(values: Values | null | undefined, options: Options): Promise<void | RunResult> {
    const { thread: asked } = this.#state;
    const before = this.#sent;
    let done = (): void => {};
    this.#sent = new Promise((resolve) => (done = resolve));
    this.#sending++;
    const firstId = `queued-${++this.#made}`;
    const waiting: Waiting = { entry: { id: firstId, values, options, createdAt: new Date() }, firstId, run: undefined, isCancelled: false };
    this.#show([...this.#waiting, waiting]);
    try {
      await before;
      await this.#untilActiveRunIsKnown();
      const isLeft = !this.#waiting.includes(waiting);
      const thread = asked ?? (isLeft ? null : this.#state.thread);
      // A thread that was left before it had an id cannot be found again.
      if (waiting.isCancelled || (isLeft && thread === null)) return;
      const isHere = thread === this.#state.thread;
      if (isHere && (thread === null || !this.#isBusy())) {
        // What this was to wait for is over. Not awaited: the next one in line does not wait for this run's end.
        this.#drop(waiting);
        return this.#post(values, options);
      }
      await this.#create(thread as string, waiting);
    } catch (error) {
      this.#drop(waiting);
      this.#tell(error, options);
      if (options.throwOnError) throw error;
    } finally {
      this.#sending--;
      done();
      this.changed();
    }
  }

  async #create(thread: string, waiting: Waiting): Promise<void> {
    const { client, options: stream } = this.#state;
    const { values, options = {} } = waiting.entry;
    const { checkpoint, streamMode = [] } = options;
    const given = Object.fromEntries(SENT.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
    const run = await client.runs.create(thread, stream.assistantId ?? "", {
      ...withPlainMessages({ input: values, ...given }),
      ...(checkpoint ? { checkpoint } : {}),
      streamMode: [...new Set([...streamMode, ...modesOf(this.#state)])],
      streamResumable: true,
      multitaskStrategy: "enqueue",
    });
    waiting.run = run.run_id;
    waiting.entry = { ...waiting.entry, id: run.run_id, ...(run.created_at ? { createdAt: new Date(run.created_at) } : {}) };
    if (waiting.isCancelled) await client.runs.cancel(thread, run.run_id);
    else if (this.#waiting.includes(waiting)) this.#show([...this.#waiting]);
  }

  async #follow(run: string, options: Options | undefined): Promise<void> {
    const { error } = (await this.#store.joinStream(run)) as RunResult;
    if (error !== undefined) call(options?.onError, error, undefined);
  }

  async #cancel(id: string): Promise<boolean> {
    const at = this.#waiting.findIndex(({ entry, firstId }) => entry.id === id || firstId === id);
    const found = this.#waiting[at];
    const thread = this.#thread;
    if (!found) return false;
    this.#drop(found);
    found.isCancelled = true;
    // It is not sent, or cancelled as soon as it is.
    if (found.run === undefined || thread === null) return true;
    try {
      await this.#state.client.runs.cancel(thread, found.run);
      return true;
    } catch (error) {
      found.isCancelled = false;
      const isOver = PENDING_NO_MORE.includes((error as { status?: number } | null)?.status ?? 0);
      if (!isOver && thread === this.#thread) this.#show([...this.#waiting.slice(0, at), found, ...this.#waiting.slice(at)]);
      this.#tell(error, undefined);
      return false;
    }
  }

  #drop(waiting: Waiting): void {
    if (this.#waiting.includes(waiting)) this.#show(this.#waiting.filter((one) => one !== waiting));
  }

  #tell(error: unknown, options: Options | undefined): void {
    call(this.#state.options.onError, error, undefined);
    call(options?.onError, error, undefined);
  }

  #show(waiting: readonly Waiting[]): void {
    if (waiting.length === 0 && this.#waiting.length === 0) return;
    this.#waiting = waiting;
    this.#shown = this.#interfaceNow();
    for (const listener of [...this.#listeners]) listener();
  }

  #interfaceNow(): QueueInterface<Values, Options> {
    const entries = this.#waiting.map(({ entry }) => entry);
    return {
      entries,
      size: entries.length,
      cancel: (id) => this.#cancel(id),
      clear: async () => void (await Promise.all(this.#waiting.map(({ firstId }) => this.#cancel(firstId)))),
    };
  }
}
