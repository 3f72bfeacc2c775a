/** Messages as they come from the engine: parsed when first read, the same object until they change. */
import type { MessageOrigin } from "./engine.js";
import type { Message } from "./types/messages.js";

/** One message at one revision. Never changed once it was shown; growing makes another. */
export interface MessageCell {
  json: string | undefined;
  tail: string;
  value: Message | undefined;
  readonly origin: MessageOrigin;
}

/** A cell for a message that came whole. */
export const cellOf = (json: string, origin: MessageOrigin): MessageCell => ({ json, tail: "", value: undefined, origin });

/** The same message with more text. What was not read yet is still not parsed. */
export function grown(cell: MessageCell, text: string): MessageCell {
  const { value, origin } = cell;
  return value
    ? { json: undefined, tail: "", value: { ...value, content: (value.content as string) + text }, origin }
    : { json: cell.json, tail: cell.tail + text, value: undefined, origin };
}

/** The message itself. */
export function readCell(cell: MessageCell): Message {
  if (!cell.value) {
    const value = JSON.parse(cell.json as string) as Message;
    if (cell.tail) value.content = (value.content as string) + cell.tail;
    cell.value = value;
    cell.json = undefined;
  }
  return cell.value;
}

/** A namespace's messages at one revision. */
export interface MessageList {
  readonly ids: readonly string[];
  readonly cells: ReadonlyMap<string, MessageCell>;
  array: Message[] | undefined;
}

/** No messages. */
export const EMPTY: MessageList = { ids: [], cells: new Map(), array: [] };

/** A list of messages that are there already, such as initial values'. Those without an id are named by their place. */
export function listOf(messages: unknown): MessageList {
  if (!Array.isArray(messages) || messages.length === 0) return EMPTY;
  const cells = new Map<string, MessageCell>();
  const ids = (messages as Message[]).map((value, index) => {
    const id = value?.id ?? String(index);
    cells.set(id, { json: undefined, tail: "", value, origin: "server" });
    return id;
  });
  return { ids, cells, array: messages as Message[] };
}

/** The messages in order; the same array for the same list. */
export function readList(list: MessageList): Message[] {
  return (list.array ??= list.ids.flatMap((id) => {
    const cell = list.cells.get(id);
    return cell ? [readCell(cell)] : [];
  }));
}

/** A message by the name that the list has for it, or by the id that the server has given it since. */
export function cellWith(list: MessageList, id: string): MessageCell | undefined {
  const named = list.cells.get(id);
  return named ?? [...list.cells.values()].find((cell) => readCell(cell).id === id);
}

/** A namespace's messages while a frame is being put together. */
export interface OpenList {
  ids: readonly string[];
  cells: Map<string, MessageCell>;
  /** Whether the map is a shown list's, and so must be copied before it is changed. */
  shared: boolean;
}

/** The map to write to. */
export function openCells(list: OpenList): Map<string, MessageCell> {
  if (list.shared) {
    list.cells = new Map(list.cells);
    list.shared = false;
  }
  return list.cells;
}

/** What is shown of an open list from now on. Messages that are not in the order any more are let go. */
export function closeList(list: OpenList): MessageList {
  if (list.cells.size > list.ids.length) {
    const kept = new Set(list.ids);
    for (const id of [...list.cells.keys()]) if (!kept.has(id)) openCells(list).delete(id);
  }
  list.shared = true;
  return { ids: list.ids, cells: list.cells, array: undefined };
}
