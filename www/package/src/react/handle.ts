/** What `useStream` returns: the snapshot's members, read through, so that what is read decides when to render again. */
import { PARTS } from "../store/snapshot.js";
import type { Frame, Part } from "../store/frame.js";
import type { InnerStore } from "../store/create-store.js";

type Snapshot = ReturnType<InnerStore["getSnapshot"]>;

/** Members that a spread does not read, as the incumbent's: reading them costs, or throws without their option. */
const HIDDEN = ["history", "experimental_branchTree", "toolProgress", "subagents", "activeSubagents"];

/** What stays the same while the store lives. */
const FIXED = [
  ..."submit stop cancel joinStream rejoin switchThread setBranch mutate edit regenerate retry takeBack sendNow replaceWaiting respond respondAll addToolResult".split(" "),
  "client",
  "assistantId",
] as (keyof InnerStore)[];

/** Which parts a component has read. */
export interface Tracker {
  parts: Set<Part>;
}

/** Whether anything that was read is different. */
export const differs = (tracker: Tracker, a: Frame, b: Frame): boolean => {
  for (const part of tracker.parts) if (a[part] !== b[part]) return true;
  return false;
};

/**
 * Makes the object for one render. What was read by the time of a render stays as it was in that render; what is read for
 * the first time later (in an event handler) is what is shown then.
 */
export function handleOf(store: InnerStore, shown: Snapshot, tracker: Tracker, extra: object): object {
  const bound = new Set(tracker.parts);
  const at = (name: string): Snapshot => {
    const parts = PARTS[name] as readonly Part[];
    const now = store.getSnapshot();
    const current = now === shown;
    let fixed = true;
    for (const part of parts) {
      tracker.parts.add(part);
      if (current) bound.add(part);
      fixed &&= bound.has(part);
    }
    return fixed ? shown : now;
  };
  const handle: Record<string, unknown> = { store, ...extra };
  for (const name of FIXED) handle[name] ??= store[name];
  for (const name of Object.keys(PARTS)) {
    const isMethod = name.startsWith("get");
    const property: PropertyDescriptor = isMethod
      ? { value: (...args: unknown[]) => (at(name) as any)[name](...args), writable: true }
      : // What may be done is asked of the store: the same function in every render, and never of an old snapshot.
        { get: () => (name === "canEdit" || name === "canRegenerate" ? (at(name), store) : (at(name) as any))[name] };
    Object.defineProperty(handle, name, { ...property, enumerable: !HIDDEN.includes(name), configurable: true });
  }
  return handle;
}
