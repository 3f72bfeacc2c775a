/** Reading what a `stream` callback yields. Pure. */
import type { LangGraphInterruptState, RemoveUIMessage, UIMessage } from "../types.js";

type Fields = Record<string, unknown>;

/** Whether it has fields that can be read. */
export const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;

/** `updates|tools:1` is the event `updates` of the subgraph `tools:1`. */
export function eventName(event: string): { type: string; namespace: string | undefined } {
  const at = event.indexOf("|");
  return at < 0 ? { type: event, namespace: undefined } : { type: event.slice(0, at), namespace: event.slice(at + 1) };
}

/** The types that the roles of other libraries' messages stand for. */
const TYPES: ReadonlyMap<unknown, string> = new Map([
  ["user", "human"],
  ["assistant", "ai"],
  ["system", "system"],
  ["tool", "tool"],
]);

/** A message that names a role in place of a type is given the type. */
function typed<T>(message: T): T {
  const { role, ...rest } = message as Fields;
  const type = TYPES.get(role);
  return (message as Fields)["type"] || !type ? message : ({ ...rest, type } as T);
}

/** The messages of an `updates` event: its own, or those of its nodes. */
export function messagesOfUpdates<T>(data: Fields): T[] {
  const own = data["messages"];
  const lists = Array.isArray(own) ? [own] : Object.values(data).map((node) => (isObject(node) ? node["messages"] : undefined));
  return lists.flatMap((list) => (Array.isArray(list) ? (list as T[]).filter(isObject).map(typed) : []));
}

/** Whether it is one change, or a list of changes, of UI messages. */
export function isUIUpdate(value: unknown): value is UIMessage | RemoveUIMessage | readonly (UIMessage | RemoveUIMessage)[] {
  if (Array.isArray(value)) return value.every(isUIUpdate);
  return isObject(value) && typeof value["id"] === "string" && (value["type"] === "ui" || value["type"] === "remove-ui");
}

/** The questions in an event; none where it says nothing of them. */
export function interruptsIn(data: Fields): LangGraphInterruptState[] {
  const list = data["__interrupt__"];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The key of a question: its id, or else its content. */
export const interruptKey = (interrupt: LangGraphInterruptState): string => idOf(interrupt) ?? JSON.stringify(interrupt);

/** A question's id. Servers before 0.6 call it `interrupt_id`, or give none. */
export function idOf(interrupt: LangGraphInterruptState): string | undefined {
  const { id, interrupt_id } = interrupt as { id?: unknown; interrupt_id?: unknown };
  return typeof id === "string" ? id : typeof interrupt_id === "string" ? interrupt_id : undefined;
}

/** Both lists' questions; those that are in both, as they are in `more`. */
export function joinInterrupts(
  known: readonly LangGraphInterruptState[],
  more: readonly LangGraphInterruptState[],
): readonly LangGraphInterruptState[] {
  const all = new Map([...known, ...more].map((interrupt) => [interruptKey(interrupt), interrupt]));
  return [...all.values()];
}

/** The questions that this `resume` names by id; undefined where it is one answer to the only question. */
export function namedBy(resume: unknown, waiting: readonly LangGraphInterruptState[]): Set<string> | undefined {
  if (!isObject(resume) || Array.isArray(resume)) return undefined;
  const ids = new Set(waiting.map(idOf));
  const names = Object.keys(resume);
  return names.length > 0 && names.every((name) => ids.has(name)) ? new Set(names) : undefined;
}

/** The words of an `error` event or of an exception. */
export function wordsOf(failure: unknown): string {
  if (typeof failure === "string" && failure) return failure;
  if (!isObject(failure)) return "The run failed.";
  const { message, error, detail } = failure;
  for (const words of [message, detail, error]) if (typeof words === "string" && words) return words;
  return "The run failed.";
}
