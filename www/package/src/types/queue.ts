/** The submissions that wait, in the words of LangChain's hooks. */
import type { CustomSubmitOptions, SubmitOptions } from "./options.js";

/** One submission that waits. */
export interface QueueEntry<StateType extends object = Record<string, unknown>, OptionsType = SubmitOptions | CustomSubmitOptions> {
  /** The run's id, if the entry waits on the server; an id of this page until the server has answered, or if it waits in the page. `cancel` takes both. */
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
  /** Cancels one entry. False if it is no longer in the queue, or if the server could not be reached: then it stays. */
  cancel: (id: string) => Promise<boolean>;
  /** Cancels all. */
  clear: () => Promise<void>;
}
