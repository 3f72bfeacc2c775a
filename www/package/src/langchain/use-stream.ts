/** `useStream` with class messages: what `rejoin/react` shows, converted where it is read. */
import { useEffect, useLayoutEffect, useSyncExternalStore } from "react";
import type { EngineLoader } from "../engine.js";
import { useStreamWith } from "../react/use-stream.js";
import type { InnerStore } from "../store/create-store.js";
import type { AnyOptions } from "../store/options.js";
import { sources } from "../view/source.js";
import { callbacksOf, commandsOf } from "./commands.js";
import { historyOf, messageOf, messagesOf, metadataOf, toolCallsOf, valuesOf } from "./messages.js";
import { SubmissionQueue } from "./queue.js";
import { Subagents } from "./subagents.js";

/** The parts that belong to one store. */
interface Adapter {
  messagesKey: string;
  queue: SubmissionQueue;
  commands: object;
  subagents: Subagents;
}

const adapters = /* @__PURE__ */ new WeakMap<InnerStore, Adapter>();

function adapterOf(store: InnerStore): Adapter {
  let adapter = adapters.get(store);
  if (!adapter) {
    const { state } = sources.get(store) as NonNullable<ReturnType<typeof sources.get>>;
    const { messagesKey } = state.source;
    const commands = commandsOf(store, messagesKey);
    const queue = new SubmissionQueue(store, state, commands.submit);
    const { submit, switchThread } = queue;
    adapter = { messagesKey, queue, commands: { ...commands, submit, switchThread }, subagents: new Subagents(messagesKey) };
    adapters.set(store, adapter);
  }
  return adapter;
}

type Convert = (value: never, adapter: Adapter) => unknown;

/** How each member's value, or a method's answer, is converted. Those that are undefined stay so. */
const CONVERT: Readonly<Record<string, Convert>> = {
  messages: messagesOf,
  getMessage: messageOf,
  values: (values, { messagesKey }) => valuesOf(values, messagesKey),
  history: (states, { messagesKey }) => historyOf(states, messagesKey),
  getMessagesMetadata: (metadata, { messagesKey }) => metadataOf(metadata, messagesKey),
  toolCalls: toolCallsOf,
  getToolCalls: toolCallsOf,
  subagents: (map, { subagents }) => subagents.map(map),
  activeSubagents: (list, { subagents }) => subagents.list(list),
  getSubagent: (one, { subagents }) => subagents.one(one),
  getSubagentsByType: (list, { subagents }) => subagents.list(list),
  getSubagentsByMessage: (list, { subagents }) => subagents.list(list),
};

/** The same object with converted members. */
function converted(handle: object, adapter: Adapter): Record<string, unknown> {
  const members = Object.getOwnPropertyDescriptors(handle) as PropertyDescriptorMap;
  // This entry's is the server's.
  delete members["queue"];
  for (const [name, convert] of Object.entries(CONVERT)) {
    const of = (value: unknown): unknown => (value === undefined ? undefined : convert(value as never, adapter));
    const get = (): unknown => {
      const value = handle[name as keyof typeof handle] as unknown;
      return name.startsWith("get") ? (...args: unknown[]) => of((value as (...args: unknown[]) => unknown)(...args)) : of(value);
    };
    if (members[name]) members[name] = { get, enumerable: members[name].enumerable ?? false, configurable: true };
  }
  return Object.assign(Object.defineProperties({}, members) as Record<string, unknown>, adapter.commands);
}

// On a server React warns of layout effects, and runs none.
const useEarlyEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

/** The hook for one way of loading the wasm. `ready` is a store to begin with. */
export function useClassStream(load: EngineLoader, options: AnyOptions, ready?: InnerStore): Record<string, unknown> {
  const handle = useStreamWith(load, { ...options, ...callbacksOf(options, options.messagesKey ?? "messages") }, ready) as { store: InnerStore };
  const adapter = adapterOf(handle.store);
  const { queue } = adapter;
  // Before React's own subscription: the next run is followed before anybody sees that the last one is over.
  useEarlyEffect(() => handle.store.subscribe(queue.changed), [handle.store, queue]);
  const shown = useSyncExternalStore(queue.subscribe, queue.getSnapshot, queue.getSnapshot);
  return Object.assign(converted(handle, adapter), { queue: shown });
}
