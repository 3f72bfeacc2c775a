/** The submissions that wait, in the words of LangChain's hooks. */
import type { CustomSubmitOptions, SubmitOptions } from "./options.js";

/** One submission that waits. */
export interface QueueEntry<StateType extends object = Record<string, unknown>, OptionsType = SubmitOptions | CustomSubmitOptions> {
  /** The run's id where it waits on the server; until the server has answered, and where it waits in the page, an id of this page. Each may be given to `cancel`. */
  id: string;
  /** The submitted values. */
  values: Partial<StateType> | null | undefined;
  /** The submission's options. */
  options?: OptionsType;
  /** When the server made the run; until it has answered, when it was submitted. */
  createdAt: Date;
}

/** The waiting submissions, in the order in which they will run. The same object until an entry comes or goes. */
export interface QueueInterface<StateType extends object = Record<string, unknown>, OptionsType = SubmitOptions | CustomSubmitOptions> {
  /** The entries, the next one first. */
  readonly entries: ReadonlyArray<QueueEntry<StateType, OptionsType>>;
  /** The number of entries. */
  readonly size: number;
  /** Cancels one. False where it is not in the queue any more, or where the server could not be told: then it stays in it. */
  cancel: (id: string) => Promise<boolean>;
  /** Cancels all. */
  clear: () => Promise<void>;
}
