/** Waiting submissions, in the form of LangChain's hooks: generative UI components want a stream's `queue`. */
import type { QueueInterface } from "../types/queue.js";
import type { StreamCommands, StreamSnapshot } from "../types/stream.js";

type Waiting = StreamSnapshot["waiting"];

const known = new WeakMap<Waiting, QueueInterface>();

/** The queue of a list; the same object for the same list. */
export function queueOf(waiting: Waiting, takeBack: StreamCommands["takeBack"]): QueueInterface {
  const before = known.get(waiting);
  if (before) return before;
  const mine = waiting.filter(({ state }) => state !== "other_tab");
  const cancel = async (id: string): Promise<boolean> => {
    const isMine = mine.some((one) => one.id === id);
    if (isMine) takeBack(id);
    return isMine;
  };
  const queue: QueueInterface = {
    entries: waiting.map(({ id, values, submittedAt }) => ({ id, values, createdAt: new Date(submittedAt) })),
    size: waiting.length,
    cancel,
    clear: async () => mine.forEach(({ id }) => takeBack(id)),
  };
  known.set(waiting, queue);
  return queue;
}
