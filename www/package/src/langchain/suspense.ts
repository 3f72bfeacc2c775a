/** `useSuspenseStream`: `<Suspense>` shows that a thread is loaded, an error boundary that something failed. */
import { useEffect, useRef } from "react";
import type { EngineLoader } from "../engine.js";
import { identityOf, storeFor } from "../react/use-stream.js";
import type { InnerStore } from "../store/create-store.js";
import type { AnyOptions } from "../store/options.js";
import { useClassStream } from "./use-stream.js";

/** A thread that is loaded for a component that is not there yet: React keeps nothing of a component before it is shown. */
type SuspenseCacheEntry<T> = { status: "pending"; promise: Promise<void> } | { status: "resolved"; data: T } | { status: "rejected"; error: unknown };

/** The threads that are loaded for components that are not shown yet. */
export type SuspenseCache = Map<string, SuspenseCacheEntry<unknown>>;

/** A loaded stream, kept alive until a component has it. */
interface Loaded {
  store: InnerStore;
  release: () => void;
}

/** How long a loaded thread waits for its component, in milliseconds. */
const KEPT_MS = 30_000;

const shared: SuspenseCache = /* @__PURE__ */ new Map();

/** Makes a cache of its own, for tests that must not see each other's threads. */
export const createSuspenseCache = (): SuspenseCache => new Map();

/** Forgets loaded and failed threads, so that the next render loads again. Call it when an error boundary is reset. */
export function invalidateSuspenseCache(cache: SuspenseCache = shared): void {
  for (const entry of cache.values()) if (entry.status === "resolved") (entry.data as Loaded).release();
  cache.clear();
}

const failureOf = (store: InnerStore): unknown => {
  const { status } = store.getSnapshot().moment;
  return status.error ?? status.threadError;
};

/** Resolves when the thread that the store shows is loaded, or cannot be. */
function loaded(store: InnerStore): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (store.getSnapshot().isThreadLoading) return;
      queueMicrotask(() => stop());
      resolve();
    };
    const stop = store.subscribe(check);
    check();
  });
}

/** Begins to load a thread. */
function prefetch(load: EngineLoader, options: AnyOptions, cache: SuspenseCache, key: string): SuspenseCacheEntry<Loaded> {
  const store = storeFor(load, options, options.threadId ?? null);
  // A store without a listener ends.
  const stop = store.subscribe(() => {});
  const settle = (entry: SuspenseCacheEntry<Loaded>): void => {
    // Not if the cache was cleared meanwhile.
    if (cache.get(key) === pending) cache.set(key, entry);
    else stop();
  };
  const promise = loaded(store).then(() => {
    const error = failureOf(store);
    if (error !== undefined) {
      stop();
      return settle({ status: "rejected", error });
    }
    const release = (): void => {
      clearTimeout(timer);
      stop();
      if (cache.get(key) === entry) cache.delete(key);
    };
    const timer = setTimeout(release, KEPT_MS);
    const entry: SuspenseCacheEntry<Loaded> = { status: "resolved", data: { store, release } };
    settle(entry);
  });
  const pending: SuspenseCacheEntry<Loaded> = { status: "pending", promise };
  cache.set(key, pending);
  return pending;
}

/** The stream of a thread that is loaded. Suspends while it is not. */
function ready(load: EngineLoader, options: AnyOptions, cache: SuspenseCache): Loaded {
  const key = JSON.stringify([identityOf(options), options.threadId]);
  const entry = (cache.get(key) as SuspenseCacheEntry<Loaded> | undefined) ?? prefetch(load, options, cache, key);
  if (entry.status === "rejected") throw entry.error;
  if (entry.status === "pending") throw entry.promise;
  return entry.data;
}

// A server has nothing to load a thread for: the page loads its own.
const suspends = typeof document !== "undefined";

/** The hook for one way of loading the wasm. */
export function useSuspenseStreamWith(load: EngineLoader, { suspenseCache = shared, ...options }: AnyOptions & { suspenseCache?: SuspenseCache }): object {
  const isShown = useRef(false);
  const first = suspends && !isShown.current && options.threadId != null ? ready(load, options, suspenseCache) : undefined;
  const stream = useClassStream(load, options, first?.store);
  useEffect(() => {
    isShown.current = true;
    first?.release();
  }, []);
  const store = stream["store"] as InnerStore;
  const { isLoading, isThreadLoading, error: told, ...rest } = Object.getOwnPropertyDescriptors(stream);
  // Read, so that the component renders when they change.
  const [isStreaming, isEntering] = [stream["isLoading"] as boolean, stream["isThreadLoading"] as boolean];
  // What a thread's last run failed with when it was entered is no failure of this page: it could never be shown again.
  const failure = stream["error"] === undefined ? undefined : failureOf(store);
  if (suspends && isEntering && isShown.current) throw loaded(store);
  if (!isStreaming && failure !== undefined) throw failure;
  return Object.defineProperties({}, { ...rest, isStreaming: { value: isStreaming, enumerable: true } });
}
