/** A session's messages as they come from the engine. A frame costs only its changes, however long the list is. */
import type { EngineNode } from "../engine.js";
import { cellOf, grown, readCell, type MessageCell } from "../messages.js";
import type { SessionNode } from "../types/view.js";

/** The nodes that are shown, oldest first. Never changed once they were. */
export type Nodes = readonly SessionNode[];

/** No nodes. */
export const NO_NODES: Nodes = [];

type Facts = Omit<SessionNode, "message">;

/** The list while a moment is put together. */
export interface OpenNodes {
  nodes: SessionNode[];
  /** Of each node, at the same place: its message, and what is said of it. */
  cells: MessageCell[];
  facts: Facts[];
  places: Map<string, number>;
  /** Whether the array is a shown one, and so must be copied before it is changed. */
  shared: boolean;
}

/** A list that holds nothing yet. */
export const openNodes = (): OpenNodes => ({ nodes: [], cells: [], facts: [], places: new Map(), shared: false });

/** The node at one revision. Its message is parsed when it is first read. */
const nodeOf = (facts: Facts, cell: MessageCell): SessionNode => ({
  ...facts,
  get message() {
    return readCell(cell);
  },
});

function factsOf(id: string, said: string): Facts {
  const { position = Infinity, status, reason, run_id: runId } = JSON.parse(said) as EngineNode;
  return {
    id,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(runId === undefined ? {} : { runId }),
    ...(position < Infinity ? {} : { pending: true as const }),
    position,
  };
}

function put(list: OpenNodes, place: number, facts: Facts, cell: MessageCell): void {
  if (list.shared) list.nodes = list.nodes.slice();
  list.shared = false;
  list.facts[place] = facts;
  list.cells[place] = cell;
  list.nodes[place] = nodeOf(facts, cell);
}

/** Some came, went or moved. Those that are new are said after it. */
export function orderNodes(list: OpenNodes, ids: readonly string[]): void {
  const { nodes, cells, facts, places } = list;
  const next = openNodes();
  ids.forEach((id, place) => {
    next.places.set(id, place);
    const before = places.get(id);
    if (before === undefined) return;
    next.nodes[place] = nodes[before] as SessionNode;
    next.cells[place] = cells[before] as MessageCell;
    next.facts[place] = facts[before] as Facts;
  });
  Object.assign(list, next);
}

/** Sets a node that is new or has changed. */
export function setNode(list: OpenNodes, id: string, json: string, said: string): void {
  const place = list.places.get(id);
  if (place !== undefined) put(list, place, factsOf(id, said), cellOf(json, "server"));
}

/** Sets a node with only more text. */
export function growNode(list: OpenNodes, id: string, text: string): void {
  const place = list.places.get(id) ?? -1;
  const cell = list.cells[place];
  if (cell) put(list, place, list.facts[place] as Facts, grown(cell, text));
}

/** The nodes to show from now on. */
export function closeNodes(list: OpenNodes): Nodes {
  list.shared = true;
  return list.nodes;
}
