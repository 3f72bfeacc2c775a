/** Hooks of components under `useLangGraphRuntime`. Those that read give nothing under another runtime; those that act throw. */
import { useAui } from "@assistant-ui/store";
import { useCallback } from "react";
import type { RejoinError } from "../errors.js";
import type { Connection } from "../types/options.js";
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
const NO_UI: readonly UIMessage[] = [];
const NO_METADATA: Map<string, LangGraphTupleMetadata> = new Map();

/** The graph's state, with what was set for the next run laid over it. Undefined until there is one. */
export const useLangGraphState = <TState extends Record<string, unknown> = Record<string, unknown>>(): TState | undefined => useExtras((extras) => extras.state as TState | undefined, undefined);

/** Changes the state that is shown, until the server's next one, and sends it with the next run. A function is given what is shown. */
export function useLangGraphSetState<TState extends Record<string, unknown> = Record<string, unknown>>(): (next: TState | ((prev: TState | undefined) => TState)) => void {
  const aui = useAui();
  return useCallback((next) => extrasOf(aui).setState(next as State | ((prev: State | undefined) => State)), [aui]);
}

/** The question that waits for an answer; the first where there are several. */
export const useLangGraphInterruptState = (): LangGraphInterruptState | undefined => useExtras((extras) => extras.interrupt, undefined);

/** Beyond the incumbent: all questions that wait for an answer. */
export const useLangGraphInterrupts = (): readonly LangGraphInterruptState[] => useExtras((extras) => extras.interrupts, NO_INTERRUPTS);

/** Sends messages as they are. The promise rejects where that fails, and where it was dropped before its turn. */
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
 * Beyond the incumbent: answers the question that waits, or with `interruptId` that one of several. Without it, while several
 * wait, nothing is sent and the promise rejects with `ambiguous_resume`.
 */
export function useLangGraphRespond(): (value: unknown, options?: RespondOptions) => Promise<void> {
  const aui = useAui();
  return useCallback((value, options) => extrasOf(aui).respond(value, options), [aui]);
}

/** Beyond the incumbent: answers several questions in one run, by their ids. Those that are not named go on waiting. */
export function useLangGraphRespondAll(): (byId: Record<string, unknown>, options?: Pick<RespondOptions, "runConfig">) => Promise<void> {
  const aui = useAui();
  return useCallback((byId, options) => extrasOf(aui).respondAll(byId, options), [aui]);
}

/** What came beside each message's chunks (node, step, model), by message id. */
export const useLangGraphMessageMetadata = (): Map<string, LangGraphTupleMetadata> => useExtras((extras) => extras.messageMetadata, NO_METADATA);

/** UI messages that the graph has pushed. */
export const useLangGraphUIMessages = (): readonly UIMessage[] => useExtras((extras) => extras.uiMessages, NO_UI);

/** Beyond the incumbent: what went wrong last, of a run, of loading the thread or of an edit; undefined when something new starts. */
export function useLangGraphError(): {
  /** What went wrong. */
  error: RejoinError | undefined;
  /** Whether `retry` can do something. */
  canRetry: boolean;
  /** Begins what failed again: the run, or the reading of the thread. */
  retry: () => Promise<void>;
} {
  const aui = useAui();
  const error = useExtras((extras) => extras.error, undefined);
  const canRetry = useExtras((extras) => extras.canRetry, false);
  const retry = useCallback(() => extrasOf(aui).retry(), [aui]);
  return { error, canRetry, retry };
}

/** Beyond the incumbent: the message whose edit or regeneration waits for its checkpoint; null where none does. */
export const useLangGraphEditing = (): string | null => useExtras((extras) => extras.editing, null);

/** Beyond the incumbent: how the connection stands; undefined with a `stream` callback, which alone knows. */
export const useLangGraphConnection = (): Connection | undefined => useExtras((extras) => extras.connection, undefined);

/** Beyond the incumbent: whether this message can be edited, which needs every message before it to be the server's. */
export const useLangGraphCanEdit = (messageId: string): boolean => useExtras((extras) => extras.canEdit(messageId), false);

/** Beyond the incumbent: whether this answer can be given again. */
export const useLangGraphCanRegenerate = (messageId: string): boolean => useExtras((extras) => extras.canRegenerate(messageId), false);
