/** How a thread of an application's own `stream` callback streams: always with the options of the last render. */
import { appendLangChainChunk } from "../messages/append-chunk.js";
import type { LangChainMessage, LangGraphMessagesEvent, LangGraphThreadIds, UseLangGraphRuntimeOptions } from "../types.js";
import type { EventHandlers } from "./apply-event.js";
import { isObject } from "./events.js";
import type { Events, StreamSettings } from "./message-stream.js";

/** The options that such a thread reads. They may change at any time. */
export type CallbackOptions = Pick<
  UseLangGraphRuntimeOptions,
  "load" | "getCheckpointId" | "autoCancelPendingToolCalls" | "eventHandlers" | "uiStateKey" | "resume"
> &
  Required<Pick<UseLangGraphRuntimeOptions, "stream">>;

/** The thread in assistant-ui's list. */
export interface ThreadItem {
  /** The server's id; undefined for a thread that it does not know yet. */
  externalId: () => string | undefined;
  /** Makes it at the server, where it is not there. */
  initialize: () => Promise<LangGraphThreadIds>;
}

/** The events that the thread gets. */
interface Told extends Pick<Required<StreamSettings<LangChainMessage>>, "onMessages" | "onInterrupt" | "onFailure" | "onCancelled"> {
  options: () => CallbackOptions;
  item: ThreadItem;
  /** Called before a state is told to the application. */
  onValues: () => void;
  /** Called with the id of each event that has one. */
  onEventId: (id: string) => void;
}

type Streamed = LangGraphMessagesEvent<LangChainMessage>;

/** Notes the ids of events, for a `resume` that asks for what came after them. */
function withNotedIds(events: Events<LangChainMessage>, note: (id: string) => void): AsyncGenerator<Streamed> {
  const iterator = events[Symbol.asyncIterator]();
  return {
    next: async () => {
      const result = await iterator.next();
      const id: unknown = isObject(result.value) ? result.value["id"] : undefined;
      if (typeof id === "string") note(id);
      return result;
    },
    return: async () => (await iterator.return?.(undefined)) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this;
    },
  } as unknown as AsyncGenerator<Streamed>;
}

/** Makes the settings. */
export function callbackSettings({ options, item, onValues, onEventId, ...told }: Told): StreamSettings<LangChainMessage> {
  const handlers = new Proxy({} as EventHandlers, {
    get: (_, name: keyof EventHandlers) =>
      name === "onValues"
        ? (values: unknown) => {
            onValues();
            return options().eventHandlers?.onValues?.(values);
          }
        : options().eventHandlers?.[name],
  });
  return {
    ...told,
    stream: async (messages, config) => withNotedIds(await options().stream(messages, config), onEventId),
    appendMessage: appendLangChainChunk as StreamSettings<LangChainMessage>["appendMessage"],
    get uiStateKey() {
      return options().uiStateKey ?? "ui";
    },
    eventHandlers: handlers,
    initialize: () => item.initialize(),
  };
}
