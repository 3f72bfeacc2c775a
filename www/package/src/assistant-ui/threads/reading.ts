/** Reading a thread with `load`, and finding a run of it that goes on elsewhere with `resume`. */
import type { RejoinError } from "../../errors.js";
import type { LangChainMessage, LangGraphLoadResult } from "../types.js";
import type { CallbackOptions, ThreadItem } from "./callback-settings.js";
import { loadFailure, runError } from "./failures.js";
import { Loads, type LoadPurpose } from "./loads.js";
import type { Events, SendExtras } from "./message-stream.js";

type Open = NonNullable<SendExtras<LangChainMessage>["open"]>;

/** The thread that is read. */
export interface ReadThread {
  options: () => CallbackOptions;
  item: ThreadItem;
  /** Whether a run is sent or followed. */
  isRunning: () => boolean;
  /** Counts what the person asks for. */
  asked: () => number;
  /** The last event that was seen. */
  lastEventId: () => string | undefined;
  /** Called before the thread is read. Gives what takes the result. */
  begin: (purpose: LoadPurpose) => (result: LangGraphLoadResult) => void;
  /** Called when {@link Reading.isLoading} may have changed. */
  changed: () => void;
  /** Shows an error, and how what failed is done again. */
  fail: (error: RejoinError, again: () => Promise<void>) => void;
  /** Reports that an error is over. */
  mended: (error: RejoinError) => void;
  /** Follows a run. */
  follow: (open: Open) => Promise<void>;
}

/** Reads a thread, one reading at a time. */
export class Reading {
  readonly #thread: ReadThread;
  readonly #loads = new Loads();
  #failure: RejoinError | undefined;
  /** Whether the thread is read for the first time. */
  isLoading: boolean;

  constructor(thread: ReadThread) {
    this.#thread = thread;
    this.isLoading = thread.options().load !== undefined && thread.item.externalId() !== undefined;
  }

  /** Calls off what is being read; with `purpose` only where it is that. */
  abort(purpose?: LoadPurpose): void {
    this.#loads.abort(purpose);
    if (purpose === undefined) this.isLoading = false;
  }

  /** Reads, then follows an active run. A failure is shown. */
  async enter(purpose: LoadPurpose): Promise<void> {
    try {
      await this.load(purpose);
    } catch (cause) {
      if (purpose === "initial") console.warn("[rejoin] `load` failed; the thread is shown empty:", cause);
      this.#failure = loadFailure(cause);
      this.#thread.fail(this.#failure, () => this.enter(purpose));
      return;
    }
    await this.#resume();
  }

  /** Reads. Rejects with what `load` rejects with. */
  async load(purpose: LoadPurpose): Promise<void> {
    const { options, item, changed } = this.#thread;
    const id = item.externalId();
    const { load } = options();
    if (!load || id === undefined) return;
    await this.#loads.run(
      purpose,
      async (signal) => {
        if (purpose === "initial") this.isLoading = true;
        const take = this.#thread.begin(purpose);
        const result = await load(id, { signal });
        if (signal.aborted) return;
        if (this.#failure) this.#thread.mended(this.#failure);
        take(result);
      },
      () => {
        this.isLoading = false;
        changed();
      },
    );
  }

  async #resume(): Promise<void> {
    const { options, item, isRunning, asked, lastEventId, fail, follow } = this.#thread;
    const id = item.externalId();
    const { resume } = options();
    if (!resume || id === undefined || isRunning()) return;
    const abort = new AbortController();
    const before = asked();
    let events: Events<LangChainMessage> | null | undefined;
    try {
      events = await resume(id, { signal: abort.signal, lastEventId: lastEventId() });
    } catch (cause) {
      fail(runError(cause, true), () => this.#resume());
      return;
    }
    if (!events) return;
    if (isRunning() || before !== asked()) {
      // Somebody was quicker.
      abort.abort();
      void events[Symbol.asyncIterator]().return?.(undefined)?.catch(() => {});
      return;
    }
    await follow(async (signal) => {
      signal.addEventListener("abort", () => abort.abort(), { once: true });
      return events;
    });
  }
}
