/** Interrupts as an application wants them: without those that tools here answer, in both spellings of the HITL fields. */
import { toolOfInterrupt } from "./headless-tools.js";
import type { Interrupt, ThreadState } from "./types/schema.js";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/** Adds `to` and `from` where either is there; `to` wins. */
function alias(item: unknown, to: string, from: string): unknown {
  if (!isObject(item)) return item;
  const value = item[to] ?? item[from];
  return value === undefined ? { ...item } : { ...item, [to]: value, [from]: value };
}

/** Human-in-the-loop requests come in snake case from Python and in camel case from JS: both are given. */
function bothSpellings(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bothSpellings);
  if (!isObject(value)) return value;
  const list = (to: string, from: string, itemTo: string, itemFrom: string): Fields => {
    const raw = value[to] ?? value[from];
    if (raw === undefined) return {};
    const items = Array.isArray(raw) ? raw.map((item) => alias(item, itemTo, itemFrom)) : raw;
    return { [to]: items, [from]: items };
  };
  const added = {
    ...list("actionRequests", "action_requests", "name", "action_name"),
    ...list("reviewConfigs", "review_configs", "allowedDecisions", "allowed_decisions"),
  };
  return Object.keys(added).length > 0 ? { ...value, ...added } : value;
}

/**
 * The pending questions. `raw`: the thread's interrupts. If there is none, nothing runs, nothing failed and nodes are still to run, the
 * graph waits at a breakpoint.
 */
export function interruptsOf<T>(raw: Interrupt[], head: ThreadState | undefined, quiet: boolean): Interrupt<T>[] {
  if (raw.length === 0) return quiet && head?.next?.length ? [{ when: "breakpoint" }] : [];
  return raw
    .filter((interrupt) => !toolOfInterrupt(interrupt.value))
    .map((interrupt) =>
      interrupt.value === undefined ? interrupt : { ...interrupt, value: bothSpellings(interrupt.value) },
    ) as Interrupt<T>[];
}
