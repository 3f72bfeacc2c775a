/** Components for what a graph wants shown, registered while the thread is there. */
import type { DataMessagePartComponent } from "@assistant-ui/core/react";
import type { useAui } from "@assistant-ui/store";
import { useEffect, useRef } from "react";
import type { UseLangGraphRuntimeOptions } from "../types.js";

type Registered = Map<string | symbol, { component: DataMessagePartComponent; remove: () => void }>;

/** The key of the component for names without one of their own. */
const FALLBACK = Symbol("fallback");

/** Registers `uiComponents`; only what has changed is registered again, also where the object is a new one each time. */
export function useUIComponents(aui: ReturnType<typeof useAui>, given: UseLangGraphRuntimeOptions["uiComponents"]): void {
  const kept = useRef<Registered>(new Map());
  useEffect(() => {
    const registered = kept.current;
    const wanted = new Map<string | symbol, DataMessagePartComponent>(Object.entries(given?.renderers ?? {}).filter(([, component]) => component));
    if (given?.fallback) wanted.set(FALLBACK, given.fallback);
    for (const [name, { component, remove }] of registered) {
      if (wanted.get(name) === component) continue;
      remove();
      registered.delete(name);
    }
    for (const [name, component] of wanted) {
      if (registered.has(name)) continue;
      const remove = typeof name === "string" ? aui.dataRenderers.setDataUI(name, component) : aui.dataRenderers.setFallbackDataUI(component);
      registered.set(name, { component, remove });
    }
  });
  useEffect(() => {
    const registered = kept.current;
    return () => {
      for (const { remove } of registered.values()) remove();
      registered.clear();
    };
  }, []);
}
