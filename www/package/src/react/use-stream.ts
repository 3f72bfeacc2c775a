/** The hook. All of the work is the store's; this binds one to a component. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { EngineLoader } from "../engine.js";
import { makeStore, type InnerStore } from "../store/create-store.js";
import { apiUrlOf, checkpointsOf, historyLimitOf, personOf, problemOf, transportOf, type AnyOptions } from "../store/options.js";
import { differs, handleOf, type Tracker } from "./handle.js";

/** On a server React warns of layout effects, and runs none. */
const layoutEffect = (): typeof useEffect => (typeof document === "undefined" ? useEffect : useLayoutEffect);

/** The options that a store cannot change during its life. */
export const identityOf = (options: AnyOptions): string =>
  problemOf(options)?.message ??
  JSON.stringify([
    transportOf(options) ? "" : apiUrlOf(options),
    options.assistantId,
    options.messagesKey,
    historyLimitOf(options),
    !!options.thread,
    !!options.filterSubagentMessages,
    checkpointsOf(options),
    !!options.cancelPendingToolCalls,
    options.loadState !== false,
    personOf(options),
  ]);

/** The hook for one way of loading the wasm. `ready` is a store to begin with, made by {@link storeFor} for the same options. */
export function useStreamWith(load: EngineLoader, options: AnyOptions, ready?: InnerStore): object {
  const isControlled = "threadId" in options;
  const identity = identityOf(options);
  const [made, setMade] = useState<{ identity: string; store: InnerStore }>(() => ({ identity, store: ready ?? storeFor(load, options, options.threadId ?? null) }));
  let { store } = made;
  if (made.identity !== identity) {
    // The thread outlives a store that new options replace.
    store = storeFor(load, options, isControlled ? (options.threadId ?? null) : made.store.threadId());
    setMade({ identity, store });
  }

  const [tracker] = useState<Tracker>(() => ({ parts: new Set() }));
  const current = useMemo(() => {
    let token = store.getSnapshot();
    return () => {
      const now = store.getSnapshot();
      if (now !== token && differs(tracker, token.moment, now.moment)) token = now;
      return token;
    };
  }, [store, tracker]);
  const token = useSyncExternalStore(store.subscribe, current, store.getServerSnapshot);

  const prop = options.threadId ?? null;
  const lastProp = useRef(prop);
  const useEarlyEffect = layoutEffect();
  useEarlyEffect(() => {
    store.setOptions(options);
    if (!isControlled || lastProp.current === prop) return;
    lastProp.current = prop;
    // A thread that the store made itself and that comes back as a prop is no switch.
    if (store.threadId() !== prop) store.switchThread(prop);
  });

  // A new object for each render, as LangGraph's SDK does, so that children that were given it see the change.
  const { client } = options;
  return handleOf(store, token, tracker, { assistantId: options.assistantId, ...(client ? { client } : {}) });
}

/** A store for a hook: it goes when no component listens. */
export function storeFor(load: EngineLoader, options: AnyOptions, threadId: string | null): InnerStore {
  return makeStore({ ...options, threadId }, load, { modes: [], untended: true, problem: problemOf(options) });
}
