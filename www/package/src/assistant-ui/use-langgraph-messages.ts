/** The messages of one thread as a hook, without a runtime. */
import { useAui } from "@assistant-ui/store";
import { useCallback, useEffect, useInsertionEffect, useState, useSyncExternalStore } from "react";
import { MessageStream, type StreamSettings, type StreamState } from "./threads/message-stream.js";
import { Publisher } from "./threads/publisher.js";
import type {
  LangGraphEventHandlers,
  LangGraphInterruptState,
  LangGraphSendMessageConfig,
  LangGraphStreamCallback,
} from "./types.js";

/** Options of {@link useLangGraphMessages}. */
export interface UseLangGraphMessagesOptions<TMessage extends { id?: string }> {
  /** Begins a run with new messages and gives its events. */
  stream: LangGraphStreamCallback<TMessage>;
  /** Joins a new piece of a message to the message so far. Default: the new piece replaces it. */
  appendMessage?: (prev: TMessage | undefined, curr: TMessage) => TMessage;
  /** The state's key of UI messages. Default `ui`. */
  uiStateKey?: string;
  /** Called with the events of runs. */
  eventHandlers?: LangGraphEventHandlers;
}

/** The result of {@link useLangGraphMessages}: the shown thread, and functions that stay the same. */
export interface UseLangGraphMessages<TMessage extends { id?: string }> extends StreamState<TMessage>,
    Pick<
      MessageStream<TMessage>,
      "cancel" | "setMessages" | "setUIMessages" | "setValues" | "setInterrupt" | "reconcileMessages" | "reconcileUIMessages" | "reconcileInterrupt"
    > {
  /** The first question that waits. */
  interrupt: LangGraphInterruptState | undefined;
  /** Sends messages; `onComplete` is called when the run is over, however it ended. Rejects with the stream's error. */
  sendMessage: (messages: TMessage[], config: LangGraphSendMessageConfig, onComplete?: () => void) => Promise<void>;
}

interface Made<TMessage extends { id?: string }> {
  stream: MessageStream<TMessage>;
  publisher: Publisher<StreamState<TMessage>>;
}

function make<TMessage extends { id?: string }>(settings: StreamSettings<TMessage>): Made<TMessage> {
  const stream = new MessageStream(settings, (soon) => (soon ? publisher.soon() : publisher.now()));
  const publisher: Publisher<StreamState<TMessage>> = new Publisher(() => stream.state);
  return { stream, publisher };
}

/** Sends messages to a graph and shows its stream, once a frame. Leaving the component ends the run here. */
export function useLangGraphMessages<TMessage extends { id?: string }>({
  stream: callback,
  appendMessage = (_, message) => message,
  uiStateKey = "ui",
  eventHandlers = {},
}: UseLangGraphMessagesOptions<TMessage>): UseLangGraphMessages<TMessage> {
  const aui = useAui();
  const settings: StreamSettings<TMessage> = {
    stream: callback,
    appendMessage,
    uiStateKey,
    eventHandlers,
    initialize: async () => {
      const { remoteId, externalId } = await aui.threadListItem.initialize();
      return { remoteId, externalId };
    },
  };
  const [{ stream, publisher }] = useState(() => make(settings));
  useInsertionEffect(() => {
    stream.settings = settings;
  });
  useEffect(() => stream.cancel, [stream]);
  const state = useSyncExternalStore(publisher.subscribe, publisher.getSnapshot, publisher.getSnapshot);
  const sendMessage = useCallback<UseLangGraphMessages<TMessage>["sendMessage"]>(
    (messages, config, onComplete) =>
      stream.send(messages, config, {
        onComplete: () => {
          publisher.now();
          onComplete?.();
        },
      }),
    [stream, publisher],
  );
  const { cancel, setMessages, setUIMessages, setValues, setInterrupt, reconcileMessages, reconcileUIMessages, reconcileInterrupt } = stream;
  return {
    ...state,
    interrupt: state.interrupts[0],
    sendMessage,
    cancel,
    setMessages,
    setUIMessages,
    setValues,
    setInterrupt,
    reconcileMessages,
    reconcileUIMessages,
    reconcileInterrupt,
  };
}
