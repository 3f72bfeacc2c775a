/** Runs one after the other. */

/** The error of a queued run that was dropped. */
export class SerialRunQueueDropError extends Error {
  /** The error of one dropped run. */
  constructor() {
    super("Queued run was dropped.");
    this.name = "SerialRunQueueDropError";
  }
}

/** Runs one after the other. */
export type SerialRunQueue<TPayload> = {
  /** Runs it after those before it. Settles when its own run does. */
  enqueue(payload: TPayload): Promise<void>;
  /** Rejects what has not begun with `SerialRunQueueDropError`; the run that goes on is left alone. */
  drop(): void;
};

/** The options of a queue. */
export type SerialRunQueueOptions<TPayload> = {
  /** Does one run. It calls `onComplete` together with its last change, so that both are shown at once. */
  run: (payload: TPayload, onComplete: () => void) => Promise<void>;
  /** Told when a run begins while none goes on, and when the last ends. */
  onRunningChange: (isRunning: boolean) => void;
};

/** A queue that does one run at a time. A run that fails drops those behind it. */
export function createSerialRunQueue<TPayload>({ run, onRunningChange }: SerialRunQueueOptions<TPayload>): SerialRunQueue<TPayload> {
  let waiting: { payload: TPayload; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let [busy, running] = [false, false];

  const show = (now: boolean): void => {
    if (now === running) return;
    running = now;
    onRunningChange(now);
  };
  const drop = (): void => {
    const dropped = waiting;
    waiting = [];
    for (const { reject } of dropped) reject(new SerialRunQueueDropError());
  };
  const work = async (): Promise<void> => {
    busy = true;
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      show(true);
      try {
        await run(next.payload, () => waiting.length || show(false));
        next.resolve();
      } catch (error) {
        drop();
        show(false);
        next.reject(error);
      }
    }
    busy = false;
    show(false);
  };
  return {
    enqueue: (payload) =>
      new Promise((resolve, reject) => {
        waiting.push({ payload, resolve, reject });
        if (!busy) void work();
      }),
    drop,
  };
}
