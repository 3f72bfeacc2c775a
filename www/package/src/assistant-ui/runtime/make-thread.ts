/** Makes the kind of thread that the options ask for. */
import { invalidOption } from "../../errors.js";
import { streamSource } from "../create-langgraph-stream.js";
import type { ThreadItem } from "../threads/callback-settings.js";
import { CallbackThread } from "../threads/callback-thread.js";
import { EngineThread } from "../threads/engine-thread.js";
import type { LangGraphThread } from "../threads/thread.js";
import type { UseLangGraphRuntimeOptions } from "../types.js";

/** The options that a thread reads. */
export type ThreadOptions = Omit<
  UseLangGraphRuntimeOptions,
  "cloud" | "unstable_threadListAdapter" | "create" | "delete" | "onThreadIdChange" | "threadId" | "initialThreadId"
>;

/** The options with what a `stream` of ours was made with. */
export function withSource<T extends Partial<ThreadOptions>>(options: T): T {
  const source = options.stream && streamSource(options.stream);
  return source ? { ...options, ...source, stream: undefined } : options;
}

/** Whether runs are followed by this package, in place of a `stream` callback. */
export const usesEngine = ({ stream, assistantId }: Pick<ThreadOptions, "stream" | "assistantId">): boolean =>
  stream ? streamSource(stream) !== undefined : assistantId !== undefined;

/** Makes the thread of one list item. Its kind stays. */
export function makeThread(options: ThreadOptions, item: ThreadItem): LangGraphThread {
  if (usesEngine(options)) return new EngineThread(withSource(options) as ThreadOptions & { assistantId: string }, item);
  if (typeof options.stream !== "function") throw invalidOption("`useLangGraphRuntime` needs `stream`, or `assistantId` with `apiUrl` or `client`.");
  return new CallbackThread(options as ConstructorParameters<typeof CallbackThread>[0], item);
}

/** Hands over the options of a later render. */
export function setThreadOptions(thread: LangGraphThread, options: ThreadOptions): void {
  if (thread instanceof EngineThread) thread.setOptions(withSource(options) as ThreadOptions & { assistantId: string });
  else if (thread instanceof CallbackThread && options.stream) thread.options = options as ConstructorParameters<typeof CallbackThread>[0];
}
