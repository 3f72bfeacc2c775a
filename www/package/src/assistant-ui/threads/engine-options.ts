/** The runtime's options as the store takes them. */
import type { UseStreamOptions } from "../../types/options.js";
import type { LangChainMessage, UseLangGraphRuntimeOptions } from "../types.js";
import { tell, type EventHandlers } from "./apply-event.js";
import { applyUIUpdate } from "../messages/ui.js";
import { isUIUpdate } from "./events.js";
import type { EngineFacts } from "./engine-snapshot.js";

/** What of the runtime's options such a thread reads. */
export type EngineThreadOptions = Omit<
  UseLangGraphRuntimeOptions,
  "cloud" | "unstable_threadListAdapter" | "create" | "delete" | "onThreadIdChange" | "threadId" | "initialThreadId" | "assistantId"
> & { assistantId: string };

/** How many states are read for branches. A turn of a simple graph is three of them. */
const HISTORY_LIMIT = 100;

/** Options that are handed on as they are. */
const SAME = ["client", "apiUrl", "apiKey", "assistantId", "messagesKey", "defaultHeaders", "headers", "callerOptions", "credentials", "storage", "checkpoints", "retry", "timeouts"] as const;

/** Makes the store's options. `now` gives the runtime's options of the last render; `changed` is called where facts have changed. */
export function streamOptions(facts: EngineFacts, now: () => EngineThreadOptions, changed: () => void): UseStreamOptions<any, any> {
  const options = now();
  const given = Object.fromEntries(SAME.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
  const handlers = (): EventHandlers => now().eventHandlers ?? {};
  const named = (namespace: string[] | undefined): string | undefined => namespace?.join("|");
  const heard = options.eventHandlers ?? {};
  return {
    ...(given as unknown as UseStreamOptions<any, any>),
    fetchStateHistory: options.fetchStateHistory ?? { limit: HISTORY_LIMIT },
    cancelPendingToolCalls: options.autoCancelPendingToolCalls !== false,
    ...(options.getCheckpointId && {
      getCheckpointId: (threadId, parents) => (now().getCheckpointId as NonNullable<EngineThreadOptions["getCheckpointId"]>)(threadId, parents as LangChainMessage[]),
    }),
    onError: (error) => tell(handlers(), "onError", error),
    // Always heard: UI messages come by it.
    onCustomEvent: (data, { namespace }) => {
      if (namespace === undefined && isUIUpdate(data)) {
        facts.uiMessages = applyUIUpdate(facts.uiMessages ?? [], data);
        changed();
      } else tell(handlers(), "onCustomEvent", "custom", data);
    },
    ...((heard.onUpdates || heard.onSubgraphUpdates) && {
      onUpdateEvent: (data: unknown, { namespace }: { namespace: string[] | undefined }) =>
        namespace === undefined ? tell(handlers(), "onUpdates", data) : tell(handlers(), "onSubgraphUpdates", named(namespace) as string, data),
    }),
    ...(heard.onMetadata && { onMetadataEvent: (data: unknown) => tell(handlers(), "onMetadata", data) }),
  };
}
