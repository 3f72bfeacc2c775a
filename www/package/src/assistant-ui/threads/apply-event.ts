/** The effect of each event of a run. */
import { normalizeLangGraphTupleMessage } from "../messages/tuple.js";
import type {
  LangGraphMessagesEvent,
  LangGraphTupleMetadata,
  UIMessage,
  UseLangGraphRuntimeOptions,
} from "../types.js";
import { eventName, interruptKey, interruptsIn, isObject, isUIUpdate, joinInterrupts, messagesOfUpdates } from "./events.js";
import { lastOwn, markFailed } from "./marks.js";
import type { MessageStream, Run } from "./message-stream.js";

/** The application's event callbacks. */
export type EventHandlers = NonNullable<UseLangGraphRuntimeOptions["eventHandlers"]>;

/** Calls the application. An exception or a rejection is logged and ends nothing. */
export function tell<K extends keyof EventHandlers>(handlers: EventHandlers, name: K, ...args: Parameters<NonNullable<EventHandlers[K]>>): void {
  const failed = (error: unknown): void => console.error(`[rejoin] ${name} threw an error`, error);
  try {
    const result: unknown = (handlers[name] as ((...given: unknown[]) => unknown) | undefined)?.(...args);
    if (isObject(result) && typeof result["then"] === "function") Promise.resolve(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** Shows messages, and says whose they are. */
function add<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, messages: T[]): void {
  stream.settings.onMessages?.(messages, run.config.runConfig);
  stream.set({ messages: run.accumulator.addMessages(messages) }, true);
}

/** Questions of the graph, or of a subgraph on the way to it. They stand until the next run, which answers or drops them. */
function ask<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, data: Record<string, unknown>, inner: boolean): void {
  const more = interruptsIn(data);
  const known = stream.state.interrupts;
  if (more.length > 0) {
    stream.settings.onInterrupt?.(run.config.runConfig);
    const keys = new Set(more.map(interruptKey));
    for (const old of run.inner) if (keys.has(interruptKey(old))) run.inner.delete(old);
    if (inner) for (const interrupt of more) if (!known.some((old) => interruptKey(old) === interruptKey(interrupt))) run.inner.add(interrupt);
    stream.set({ interrupts: joinInterrupts(known, more) }, true);
  } else if (!inner && run.inner.size > 0) {
    // The subgraph's node is done, so what it asked was dealt with inside of the graph.
    stream.set({ interrupts: known.filter((interrupt) => !run.inner.has(interrupt)) }, true);
    run.inner.clear();
  }
}

function onUpdates<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, data: unknown, namespace: string | undefined): void {
  if (namespace) tell(stream.settings.eventHandlers, "onSubgraphUpdates", namespace, data);
  else tell(stream.settings.eventHandlers, "onUpdates", data);
  if (!isObject(data)) return;
  const messages = messagesOfUpdates<T>(data);
  if (messages.length > 0) add(stream, run, messages);
  ask(stream, run, data, namespace !== undefined);
}

function onValues<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, data: unknown): void {
  tell(stream.settings.eventHandlers, "onValues", data);
  if (!isObject(data)) return;
  const { accumulator } = run;
  ask(stream, run, data, false);
  const { __interrupt__: asked, ...values } = data;
  // Servers tell questions in a state of their own, which is not the graph's.
  if (asked !== undefined && Object.keys(values).length === 0) return;
  stream.set({ values: asked === undefined ? data : values }, true);
  const given = data["messages"];
  if (Array.isArray(given)) {
    const messages = given.filter(isObject) as unknown as T[];
    run.lastMessages = messages;
    if (run.tuples) {
      const known = new Set(accumulator.getMessages().map(({ id }) => id));
      const unknown = messages.filter(({ id }) => id && !known.has(id));
      if (unknown.length > 0) add(stream, run, unknown);
    } else {
      stream.settings.onMessages?.(messages, run.config.runConfig);
      stream.set({ messages: accumulator.replaceMessages(messages) }, true);
    }
  }
  const ui = data[stream.settings.uiStateKey];
  if (Array.isArray(ui)) {
    run.lastUIMessages = ui as UIMessage[];
    stream.set({ uiMessages: accumulator.replaceUIMessages(ui as UIMessage[]) }, true);
  }
}

function onTuple<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, data: unknown, namespace: string | undefined): void {
  const [given, beside] = (Array.isArray(data) ? data : []) as [unknown, LangGraphTupleMetadata | undefined];
  const read = normalizeLangGraphTupleMessage(given);
  if (!read) return console.warn("[rejoin] A `messages` event is not a message and its metadata:", data);
  run.tuples = true;
  const metadata = beside || namespace ? { ...beside, ...(namespace ? { namespace } : {}) } : undefined;
  if (read.kind === "chunk") tell(stream.settings.eventHandlers, "onMessageChunk", read.message, metadata ?? {});
  const message = read.message as unknown as T;
  const messages = metadata ? run.accumulator.addMessageWithMetadata(message, metadata) : run.accumulator.addMessages([message]);
  stream.settings.onMessages?.([message], run.config.runConfig);
  stream.set({ messages }, true);
  if (metadata) stream.metadataChanged();
}

/** An error of the graph marks the answer that this run was writing, never that of a run before. */
function onError<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, data: unknown, namespace: string | undefined): void {
  tell(stream.settings.eventHandlers, "onError", data);
  // The graph may go on from a subgraph's error.
  if (namespace) return tell(stream.settings.eventHandlers, "onSubgraphError", namespace, data);
  const last = lastOwn(run);
  if (last) markFailed(stream, run, last, data);
  stream.settings.onFailure?.(data, last?.id, false);
}

/** Takes one event. */
export function applyEvent<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>, { event, data }: LangGraphMessagesEvent<T>): void {
  const { type, namespace } = eventName(event);
  const handlers = stream.settings.eventHandlers;
  switch (type) {
    case "messages/partial":
    case "messages/complete":
      if (Array.isArray(data)) add(stream, run, data.filter(isObject) as unknown as T[]);
      else console.warn("[rejoin] A `messages` event is not a list:", data);
      return;
    case "messages":
      return onTuple(stream, run, data, namespace);
    case "updates":
      return onUpdates(stream, run, data, namespace);
    case "values":
      return namespace ? tell(handlers, "onSubgraphValues", namespace, data) : onValues(stream, run, data);
    case "metadata":
      return tell(handlers, "onMetadata", data);
    case "info":
      return tell(handlers, "onInfo", data);
    case "error":
      return onError(stream, run, data, namespace);
    default:
      if (type === "custom" && isUIUpdate(data)) stream.set({ uiMessages: run.accumulator.applyUIUpdate(data) }, true);
      else if (handlers.onCustomEvent) tell(handlers, "onCustomEvent", type, data);
      // `messages/metadata` comes with each run in the server's default modes, and says nothing that is shown.
      else if (type !== "messages/metadata") console.warn("[rejoin] An event that nothing handles:", event, data);
  }
}

/** The last state that came is what the server has: messages of it that differ are taken. */
export function finishRun<T extends { id?: string }>(stream: MessageStream<T>, run: Run<T>): void {
  const { accumulator, lastMessages, lastUIMessages } = run;
  if (lastMessages) {
    const failed = new Map(accumulator.getMessages().flatMap((message) => ((message as { status?: unknown }).status && message.id ? [[message.id, message] as const] : [])));
    const taken = failed.size === 0 ? lastMessages : lastMessages.map((message) => (failed.has(message.id ?? "") ? { ...message, status: (failed.get(message.id ?? "") as { status?: unknown }).status } : message));
    stream.set({ messages: run.tuples ? accumulator.reconcileMessages(taken) : accumulator.replaceMessages(taken) });
    stream.metadataChanged();
  }
  if (lastUIMessages) stream.set({ uiMessages: accumulator.replaceUIMessages(lastUIMessages) });
}
