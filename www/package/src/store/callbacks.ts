/** Events to callbacks. */
import { toolPart, type SubagentFacts } from "../subagents.js";
import type { AnyOptions } from "./options.js";

type Values = Record<string, unknown>;
type Update = Values | ((prev: Values) => Values);

/** The `mutate` that callbacks get. Only what differs from what is shown is laid over it. */
export function mutation(shown: () => Values, lay: (values: Values) => void): (update: Update) => void {
  return (update) => {
    const prev = shown();
    const next = typeof update === "function" ? update(prev) : update;
    const laid = Object.fromEntries(Object.entries(next).filter(([name, value]) => prev[name] !== value));
    if (Object.keys(laid).length > 0) lay(laid);
  };
}

/** Calls what listens to an event. */
export function callEvent(
  options: AnyOptions,
  name: string,
  parts: string[],
  data: any,
  mutate: (update: any) => void,
  call: <A extends unknown[]>(callback: ((...args: A) => unknown) | undefined, ...args: A) => void,
): void {
  const namespace = parts.length > 0 ? parts : undefined;
  if (name === "updates") call(options.onUpdateEvent, data, { namespace, mutate });
  else if (name === "custom") call(options.onCustomEvent, data, { namespace, mutate });
  else if (name === "tools") call(options.onToolEvent, data, { namespace, mutate });
  else if (name === "checkpoints") call(options.onCheckpointEvent, data, { namespace });
  else if (name === "tasks") call(options.onTaskEvent, data, { namespace });
  else if (name === "debug") call(options.onDebugEvent, data, { namespace });
  else if (namespace) return;
  else if (name === "metadata") call(options.onMetadataEvent, data);
  else if (name === "events") call(options.onLangChainEvent, data);
}

/** What an event tells of a subagent: that its namespace runs, and its values. */
export function factOf(facts: SubagentFacts, name: string, namespace: string[], data: unknown): SubagentFacts {
  const id = toolPart(namespace);
  if (id === undefined || (name !== "updates" && name !== "values")) return facts;
  const known = facts[id];
  if (name === "updates") return known ? facts : { ...facts, [id]: { namespace } };
  return { ...facts, [id]: { namespace: known?.namespace ?? namespace, values: data as Values } };
}
