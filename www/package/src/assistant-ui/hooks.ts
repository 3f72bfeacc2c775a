/** Hooks of components under `useLangGraphRuntime`. Those that read give nothing under another runtime; those that act throw. */
import { useAui } from "@assistant-ui/store";
import { useCallback } from "react";
import type { RejoinError } from "../errors.js";
import type { Connection } from "../types/options.js";
import type { WaitingSubmission } from "../types/stream.js";
import { extrasOf, useExtras } from "./extras.js";
import type { RespondOptions } from "./threads/thread.js";
import type {
  LangChainMessage,
  LangGraphCommand,
  LangGraphInterruptState,
  LangGraphSendMessageConfig,
  LangGraphTupleMetadata,
  UIMessage,
} from "./types.js";

type State = Record<string, unknown>;

const NO_INTERRUPTS: readonly LangGraphInterruptState[] = [];
const NO_WAITING: readonly WaitingSubmission[] = [];
const NO_UI: readonly UIMessage[] = [];
const NO_METADATA: Map<string, LangGraphTupleMetadata> = new Map();

/** The graph's state, under the values that were set for the next run. Undefined until there is one. */
export const useLangGraphState = <TState extends Record<string, unknown> = Record<string, unknown>>(): TState | undefined => useExtras((extras) => extras.state as TState | undefined, undefined);

/** Changes the shown state, until the server's next one, and sends the change with the next run. A function is given the shown state. */
export function useLangGraphSetState<TState extends Record<string, unknown> = Record<string, unknown>>(): (next: TState | ((prev: TState | undefined) => TState)) => void {
  const aui = useAui();
  return useCallback((next) => extrasOf(aui).setState(next as State | ((prev: State | undefined) => State)), [aui]);
}

/** The question that waits for an answer; the first if there are several. */
export const useLangGraphInterruptState = (): LangGraphInterruptState | undefined => useExtras((extras) => extras.interrupt, undefined);

/** Not in assistant-ui's package: all questions that wait for an answer. */
export const useLangGraphInterrupts = (): readonly LangGraphInterruptState[] => useExtras((extras) => extras.interrupts, NO_INTERRUPTS);

/** Sends messages as they are. The promise rejects if that fails, or if the send was dropped before its turn. */
export function useLangGraphSend(): (messages: LangChainMessage[], config: LangGraphSendMessageConfig) => Promise<void> {
  const aui = useAui();
  return useCallback((messages, config) => extrasOf(aui).send(messages, config), [aui]);
}

/** Sends a command, such as the answer to a question, with the config of the run that asked. */
export function useLangGraphSendCommand(): (command: LangGraphCommand) => Promise<void> {
  const send = useLangGraphSend();
  return useCallback((command) => send([], { command }), [send]);
}

/**
 * Not in assistant-ui's package: answers the waiting question, or with `interruptId` one of several. Without it, while several
 * wait, nothing is sent and the promise rejects with `ambiguous_resume`.
 */
export function useLangGraphRespond(): (value: unknown, options?: RespondOptions) => Promise<void> {
  const aui = useAui();
  return useCallback((value, options) => extrasOf(aui).respond(value, options), [aui]);
}

/** Not in assistant-ui's package: answers several questions in one run, by their ids. The others go on waiting. */
export function useLangGraphRespondAll(): (byId: Record<string, unknown>, options?: Pick<RespondOptions, "runConfig">) => Promise<void> {
  const aui = useAui();
  return useCallback((byId, options) => extrasOf(aui).respondAll(byId, options), [aui]);
}

/** The metadata of each message's chunks (node, step, model), by message id. */
export const useLangGraphMessageMetadata = (): Map<string, LangGraphTupleMetadata> => useExtras((extras) => extras.messageMetadata, NO_METADATA);

/** UI messages that the graph has pushed. */
export const useLangGraphUIMessages = (): readonly UIMessage[] => useExtras((extras) => extras.uiMessages, NO_UI);

/** Not in assistant-ui's package: the last failure of a run, of loading the thread or of an edit; undefined when something new starts. */
export function useLangGraphError(): {
  /** The failure. */
  error: RejoinError | undefined;
  /** Whether `retry` can do something. */
  canRetry: boolean;
  /** Tries again: the run, or the reading of the thread. */
  retry: () => Promise<void>;
} {
  const aui = useAui();
  const error = useExtras((extras) => extras.error, undefined);
  const canRetry = useExtras((extras) => extras.canRetry, false);
  const retry = useCallback(() => extrasOf(aui).retry(), [aui]);
  return { error, canRetry, retry };
}

/** Not in assistant-ui's package: the message whose edit or regeneration waits for its checkpoint, or null. */
export const useLangGraphEditing = (): string | null => useExtras((extras) => extras.editing, null);

/** Not in assistant-ui's package: the connection's state; undefined with a `stream` callback, which alone knows it. */
export const useLangGraphConnection = (): Connection | undefined => useExtras((extras) => extras.connection, undefined);

/**
 * Not in assistant-ui's package: what the server does not have yet, in the words of `useStream` of `rejoin/react`. With a `stream`
 * callback nothing waits here: only the callback knows what the server has.
 */
export function useLangGraphWaiting(): {
  /** Submissions that the server is not known to have, oldest first. They outlive a reload, and are sent in order, each once. */
  waiting: readonly WaitingSubmission[];
  /** Whether no submission is known to have reached the server, while attempts go on: say "not sent yet", not "the agent goes on". */
  isUnsent: boolean;
  /** Takes back a waiting submission: it is not sent. A composer can be filled again with its `messages`. */
  takeBack: (waitingId: string) => void;
  /** Sends a `held` submission, in its order. */
  sendNow: (waitingId: string) => void;
  /** Sends messages in the place of a waiting submission. Rejects as `useLangGraphSend` does, also where that does not wait any more. */
  replaceWaiting: (waitingId: string, messages: LangChainMessage[], config?: LangGraphSendMessageConfig) => Promise<void>;
} {
  const aui = useAui();
  const waiting = useExtras((extras) => extras.waiting, NO_WAITING);
  const isUnsent = useExtras((extras) => extras.isUnsent, false);
  const takeBack = useCallback((id: string) => extrasOf(aui).takeBack(id), [aui]);
  const sendNow = useCallback((id: string) => extrasOf(aui).sendNow(id), [aui]);
  const replaceWaiting = useCallback(
    (id: string, messages: LangChainMessage[], config?: LangGraphSendMessageConfig) => extrasOf(aui).replaceWaiting(id, messages, config),
    [aui],
  );
  return { waiting, isUnsent, takeBack, sendNow, replaceWaiting };
}

/** Not in assistant-ui's package: whether this message can be edited. Every message before it must be the server's. */
export const useLangGraphCanEdit = (messageId: string): boolean => useExtras((extras) => extras.canEdit(messageId), false);

/** Not in assistant-ui's package: whether this answer can be made again. */
export const useLangGraphCanRegenerate = (messageId: string): boolean => useExtras((extras) => extras.canRegenerate(messageId), false);
