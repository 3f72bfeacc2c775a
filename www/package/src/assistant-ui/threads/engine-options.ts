/** The runtime's options as the store takes them. */
import type { UseStreamOptions } from "../../types/options.js";
import type { AnyOptions } from "../../store/options.js";
import { normalizeLangGraphTupleMessage } from "../messages/tuple.js";
import type { LangChainMessage, LangGraphTupleMetadata, UseLangGraphRuntimeOptions } from "../types.js";
import { tell, type EventHandlers } from "./apply-event.js";
import { applyUIUpdate } from "../messages/ui.js";
import { isUIUpdate } from "./events.js";
import type { EngineFacts } from "./engine-snapshot.js";

/** The runtime's options that such a thread reads. */
export type EngineThreadOptions = Omit<
  UseLangGraphRuntimeOptions,
  "cloud" | "unstable_threadListAdapter" | "create" | "delete" | "onThreadIdChange" | "threadId" | "initialThreadId" | "assistantId"
> & { assistantId: string };

/** How many states are read for branches. A turn of a simple graph is three of them. */
const HISTORY_LIMIT = 100;

/** Options that are handed on as they are. */
const SAME = [
  "client", "apiUrl", "apiKey", "assistantId", "messagesKey", "defaultHeaders", "headers", "callerOptions", "credentials", "storage", "outbox", "shareConnections",
  "cache", "checkpoints", "retry", "timeouts",
] as const;

/** Events that the store has no callback for, with the handlers that need them. */
const HANDLERS_OF: Readonly<Record<string, readonly (keyof EventHandlers)[]>> = {
  messages: ["onMessageChunk"],
  values: ["onValues", "onSubgraphValues"],
  info: ["onInfo"],
  error: ["onSubgraphError"],
};

/** Calls the handlers of such an event. */
function callHandlers(handlers: EventHandlers, name: string, parts: readonly string[], data: unknown): void {
  const namespace = parts.join("|");
  if (name === "messages") {
    const [given, beside] = (Array.isArray(data) ? data : []) as [unknown, LangGraphTupleMetadata | undefined];
    const read = normalizeLangGraphTupleMessage(given);
    if (read?.kind === "chunk") tell(handlers, "onMessageChunk", read.message, { ...beside, ...(namespace && { namespace }) });
  } else if (name === "values") {
    if (namespace) tell(handlers, "onSubgraphValues", namespace, data);
    else tell(handlers, "onValues", data);
  } else if (name === "info") tell(handlers, "onInfo", data);
  // The graph's own error is told by the store, when its run is over.
  else if (name === "error" && namespace) {
    tell(handlers, "onError", data);
    tell(handlers, "onSubgraphError", namespace, data);
  }
}

/** Makes the store's options. `now` gives the runtime's options of the last render; `changed` is called where facts have changed. */
export function streamOptions(facts: EngineFacts, now: () => EngineThreadOptions, changed: () => void): UseStreamOptions {
  const options = now();
  const given = Object.fromEntries(SAME.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
  const handlers = (): EventHandlers => now().eventHandlers ?? {};
  const handlersAtStart = options.eventHandlers ?? {};
  const names = Object.keys(HANDLERS_OF).filter((name) => HANDLERS_OF[name]?.some((handler) => handlersAtStart[handler]));
  const made: UseStreamOptions & Pick<AnyOptions, "hear"> = {
    ...(given as unknown as UseStreamOptions),
    hear: { names, event: (name, namespace, data) => callHandlers(handlers(), name, namespace, data) },
    fetchStateHistory: options.fetchStateHistory ?? { limit: HISTORY_LIMIT },
    cancelPendingToolCalls: options.autoCancelPendingToolCalls !== false,
    ...(options.getCheckpointId && {
      getCheckpointId: (threadId, parents) => (now().getCheckpointId as NonNullable<EngineThreadOptions["getCheckpointId"]>)(threadId, parents as LangChainMessage[]),
    }),
    onError: (error) => tell(handlers(), "onError", error),
    // Always listened to: UI messages come by it.
    onCustomEvent: (data, { namespace }) => {
      if (namespace === undefined && isUIUpdate(data)) {
        facts.uiMessages = applyUIUpdate(facts.uiMessages ?? facts.stateUI ?? [], data);
        changed();
      } else tell(handlers(), "onCustomEvent", "custom", data);
    },
    ...((handlersAtStart.onUpdates || handlersAtStart.onSubgraphUpdates) && {
      onUpdateEvent: (data: unknown, { namespace }: { namespace: string[] | undefined }) =>
        namespace === undefined ? tell(handlers(), "onUpdates", data) : tell(handlers(), "onSubgraphUpdates", namespace.join("|"), data),
    }),
    ...(handlersAtStart.onMetadata && { onMetadataEvent: (data: unknown) => tell(handlers(), "onMetadata", data) }),
  };
  return made;
}
