/** The result of `useStream`: the snapshot's members, read through getters, so that the read ones decide when to render again. */
import { queueOf } from "./queue.js";
import { PARTS } from "../store/snapshot.js";
import type { Moment, Part } from "../store/moment.js";
import type { InnerStore } from "../store/create-store.js";

type Snapshot = ReturnType<InnerStore["getSnapshot"]>;

/** Members that a spread does not read, as in LangGraph's SDK: reading them costs, or throws without their option. */
const HIDDEN = ["history", "experimental_branchTree", "toolProgress", "subagents", "activeSubagents"];

/** Members that ask the store: the same function in every render, and never an old snapshot's answer. */
const ASKED = ["canEdit", "canRegenerate"];

/** Members that stay the same during the store's life. */
const FIXED: readonly (keyof InnerStore)[] = [
  "submit",
  "stop",
  "cancel",
  "joinStream",
  "rejoin",
  "switchThread",
  "setBranch",
  "mutate",
  "edit",
  "regenerate",
  "retry",
  "takeBack",
  "sendNow",
  "replaceWaiting",
  "respond",
  "respondAll",
  "addToolResult",
  "client",
  "assistantId",
];

/** The parts that a component has read. */
export interface Tracker {
  parts: Set<Part>;
}

/** Whether anything that was read is different. */
export const differs = (tracker: Tracker, a: Moment, b: Moment): boolean => {
  for (const part of tracker.parts) if (a[part] !== b[part]) return true;
  return false;
};

/** The source of the members of one render's object. */
interface Reader {
  store: InnerStore;
  shown: Snapshot;
  tracker: Tracker;
  /** The parts that stay as they are in `shown`. */
  bound: Set<Part>;
  methods: Map<string, (...args: unknown[]) => unknown>;
}

const READER = Symbol("reader");

const member = (of: object, name: string): unknown => of[name as keyof typeof of];

/** The snapshot to read a member of: the render's where it was read by then, else what is shown now. */
function readAt({ store, shown, tracker, bound }: Reader, name: string): Snapshot {
  const now = store.getSnapshot();
  const current = now === shown;
  let fixed = true;
  for (const part of PARTS[name] as readonly Part[]) {
    tracker.parts.add(part);
    if (current) bound.add(part);
    fixed &&= bound.has(part);
  }
  return fixed ? shown : now;
}

function method(reader: Reader, name: string): (...args: unknown[]) => unknown {
  const known = reader.methods.get(name);
  if (known) return known;
  const made = (...args: unknown[]): unknown => {
    const from = readAt(reader, name);
    return (member(from, name) as (...given: unknown[]) => unknown).apply(from, args);
  };
  reader.methods.set(name, made);
  return made;
}

function read(reader: Reader, name: string): unknown {
  if (name.startsWith("get")) return method(reader, name);
  const from = readAt(reader, name);
  return member(ASKED.includes(name) ? reader.store : from, name);
}

const QUEUE: PropertyDescriptor = {
  enumerable: true,
  configurable: true,
  get(this: { [READER]: Reader }) {
    const reader = this[READER];
    return queueOf(read(reader, "waiting") as Snapshot["waiting"], reader.store.takeBack);
  },
};

/** The members that are read through: the same for all objects. Each object's own, so that a spread takes them along. */
const MEMBERS: PropertyDescriptorMap = Object.fromEntries([
  ["queue", QUEUE],
  ...Object.keys(PARTS).map((name) => [
    name,
    {
      enumerable: !HIDDEN.includes(name),
      configurable: true,
      get(this: { [READER]: Reader }) {
        return read(this[READER], name);
      },
    },
  ]),
]);

/**
 * Makes the object for one render. A member that was read by the time of a render keeps its value of that render. A member that is first
 * read later (in an event handler) has the value of that moment.
 */
export function handleOf(store: InnerStore, shown: Snapshot, tracker: Tracker, extra: object): object {
  const handle: Record<string, unknown> = { store, ...extra };
  for (const name of FIXED) handle[name] ??= store[name];
  const reader: Reader = { store, shown, tracker, bound: new Set(tracker.parts), methods: new Map() };
  Object.defineProperty(handle, READER, { value: reader });
  return Object.defineProperties(handle, MEMBERS);
}
