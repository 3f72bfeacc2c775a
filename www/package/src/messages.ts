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

/** The same message with more text. Text that was not read yet is still not parsed. */
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

/** How many messages may lie over the shared map before both become one. */
const RECENT_MAX = 64;

/**
 * A namespace's messages by id. Few messages of a long list change between two frames. Those lie over a map that the revisions share, so a
 * token copies only the recent changes and not the list.
 */
export class CellMap {
  readonly #whole: Map<string, MessageCell>;
  readonly #recent: Map<string, MessageCell>;
  #size: number;

  /** The maps become this one's own. */
  constructor(whole = new Map<string, MessageCell>(), recent = new Map<string, MessageCell>(), size = whole.size) {
    this.#whole = whole;
    this.#recent = recent;
    this.#size = size;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The message of that name. */
  get(id: string): MessageCell | undefined {
    return this.#recent.get(id) ?? this.#whole.get(id);
  }

  /** Puts one in, or another in its place. Not to be called once the map is shown. */
  set(id: string, cell: MessageCell): void {
    if (!this.get(id)) this.#size++;
    this.#recent.set(id, cell);
  }

  /** The same messages, to be changed. */
  copy(): CellMap {
    return this.#recent.size > RECENT_MAX
      ? new CellMap(new Map([...this.#whole, ...this.#recent]))
      : new CellMap(this.#whole, new Map(this.#recent), this.#size);
  }

  /** Those with these names. */
  only(ids: readonly string[]): CellMap {
    const kept = new CellMap();
    for (const id of ids) {
      const cell = this.get(id);
      if (cell) kept.set(id, cell);
    }
    return kept;
  }
}

/** The changes in an array; the rest equals the array before. */
export interface Change<Item = unknown> {
  from: readonly Item[];
  places: readonly number[];
}

const changes = /* @__PURE__ */ new WeakMap<readonly unknown[], Change>();

/** The changes from the array before, if they are known. A result made from that array then need not be made again. */
export const changeOf = <Item>(array: readonly Item[]): Change<Item> | undefined => changes.get(array) as Change<Item> | undefined;

/** A copy with these items, which tells what has changed. */
export function withItems<Item>(from: readonly Item[], items: ReadonlyMap<number, Item>): Item[] {
  const made = from.slice();
  for (const [place, item] of items) made[place] = item;
  changes.set(made, { from, places: [...items.keys()] });
  // One step back is enough, and keeps no more than one array alive.
  changes.delete(from);
  return made;
}

/** A namespace's messages at one revision. */
export interface MessageList {
  readonly ids: readonly string[];
  readonly cells: CellMap;
  array: Message[] | undefined;
  /** Until the array is made: that of an earlier revision with the same ids, and the messages that have changed since. */
  before: { array: Message[]; changed: ReadonlySet<string> } | undefined;
}

/** No messages. */
export const EMPTY: MessageList = { ids: [], cells: /* @__PURE__ */ new CellMap(), array: [], before: undefined };

/** A list of messages that are there already, such as initial values'. Those without an id are named by their place. */
export function listOf(messages: unknown): MessageList {
  if (!Array.isArray(messages) || messages.length === 0) return EMPTY;
  const cells = new CellMap();
  const ids = (messages as Message[]).map((value, index) => {
    const id = value?.id ?? String(index);
    cells.set(id, { json: undefined, tail: "", value, origin: "server" });
    return id;
  });
  return { ids, cells, array: messages as Message[], before: undefined };
}

const places = /* @__PURE__ */ new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/** The index of each id. */
function placesOf(ids: readonly string[]): ReadonlyMap<string, number> {
  let known = places.get(ids);
  if (!known) places.set(ids, (known = new Map(ids.map((id, place) => [id, place]))));
  return known;
}

/** The messages in order; the same array for the same list. */
export function readList(list: MessageList): Message[] {
  if (!list.array) {
    const { ids, cells, before } = list;
    list.array = before ? goneOn(list, before) : ids.flatMap((id) => {
      const cell = cells.get(id);
      return cell ? [readCell(cell)] : [];
    });
    list.before = undefined;
  }
  return list.array;
}

function goneOn({ ids, cells }: MessageList, { array, changed }: NonNullable<MessageList["before"]>): Message[] {
  const items = new Map<number, Message>();
  for (const id of changed) {
    const [place, cell] = [placesOf(ids).get(id), cells.get(id)];
    if (place !== undefined && cell) items.set(place, readCell(cell));
  }
  return withItems(array, items);
}

/** A message by the name that the list has for it, or by the id that the server has given it since. */
export function cellWith({ ids, cells }: MessageList, id: string): MessageCell | undefined {
  const named = cells.get(id);
  if (named) return named;
  const other = ids.find((name) => {
    const cell = cells.get(name);
    return cell && readCell(cell).id === id;
  });
  return other === undefined ? undefined : cells.get(other);
}

/** A namespace's messages while a frame is being put together. */
export interface OpenList {
  ids: readonly string[];
  cells: CellMap;
  /** Whether the map is a shown list's, and so must be copied before it is changed. */
  isShared: boolean;
  /** The messages that have changed since it was shown. */
  changed: Set<string>;
  /** As it was shown last. */
  shown: MessageList | undefined;
}

/** A list that goes on from what is shown, or from nothing. */
export const openList = (shown: MessageList = EMPTY): OpenList => ({ ids: shown.ids, cells: shown.cells, isShared: true, changed: new Set(), shown });

/** Puts a message in, or another in its place. */
export function setCell(list: OpenList, id: string, cell: MessageCell): void {
  if (list.isShared) list.cells = list.cells.copy();
  list.isShared = false;
  list.cells.set(id, cell);
  list.changed.add(id);
}

/** The list to show from now on. Messages that are no longer in the order are dropped. */
export function closeList(list: OpenList): MessageList {
  const { ids, changed, shown } = list;
  if (list.cells.size > ids.length) list.cells = list.cells.only(ids);
  list.isShared = true;
  list.changed = new Set();
  return (list.shown = { ids, cells: list.cells, array: undefined, before: shown && shown.ids === ids ? beforeOf(shown, changed) : undefined });
}

/** The base of the next revision. A list with messages that are still to come has no indices. */
function beforeOf({ ids, array, before }: MessageList, changed: ReadonlySet<string>): MessageList["before"] {
  if (array) return array.length === ids.length ? { array, changed } : undefined;
  return before && { array: before.array, changed: new Set([...before.changed, ...changed]) };
}
