/** Commands that take messages as instances, and functions of a state that has them. The same functions as long as the stream lives. */
import type { InnerStore } from "../store/create-store.js";
import type { AnyOptions } from "../store/options.js";
import { unchangedLists, valuesOf } from "./messages.js";

type Values = Record<string, unknown>;
type Update = Values | ((prev: Values) => Values);
type Mutate = (update: Update) => void;

/** Gives functions the state with instances. Their results may have instances; the store takes those. */
const withPrev = (update: Update, messagesKey: string): Update =>
  typeof update === "function" ? (prev) => unchangedLists(update(valuesOf(prev, messagesKey))) : update;

const withOptimistic = <O extends object>(options: O, messagesKey: string): O => {
  const { optimisticValues } = options as { optimisticValues?: Update };
  return typeof optimisticValues === "function" ? { ...options, optimisticValues: withPrev(optimisticValues, messagesKey) } : options;
};

/** A store whose commands take instances. */
export function commandsOf(store: InnerStore, messagesKey: string) {
  const given = <O extends object | undefined>(options: O): O => (options ? withOptimistic(options, messagesKey) : options);
  return {
    submit: ((values, options) => store.submit(values, given(options))) as InnerStore["submit"],
    edit: ((id, replacement, options) => store.edit(id, replacement, given(options))) as InnerStore["edit"],
    regenerate: ((id, options) => store.regenerate(id, given(options))) as InnerStore["regenerate"],
    respond: ((value, options) => store.respond(value, given(options))) as InnerStore["respond"],
    respondAll: ((byId, options) => store.respondAll(byId, given(options))) as InnerStore["respondAll"],
    mutate: (update: Update) => store.mutate(withPrev(update, messagesKey)),
  };
}

const MUTATING = ["onStop", "onUpdateEvent", "onCustomEvent", "onToolEvent"] as const;

/** The callbacks that are given a `mutate`, with one whose functions get instances. */
export function callbacksOf(options: AnyOptions, messagesKey: string): Partial<AnyOptions> {
  const made: Record<string, unknown> = {};
  for (const name of MUTATING) {
    const callback = options[name] as ((...args: unknown[]) => void) | undefined;
    if (!callback) continue;
    // The last argument is what has it; `onStop` has no other.
    made[name] = (...args: unknown[]) => {
      const more = args.at(-1) as { mutate: Mutate };
      callback(...args.slice(0, -1), { ...more, mutate: (update: Update) => more.mutate(withPrev(update, messagesKey)) });
    };
  }
  return made;
}
