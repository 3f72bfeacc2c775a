/** A session's messages as they come from the engine. */
import type { EngineNode } from "../engine.js";
import { readCell, type MessageCell, type MessageList } from "../messages.js";
import type { SessionNode } from "../types/view.js";

const nodes = /* @__PURE__ */ new WeakMap<MessageCell, SessionNode<any>>();
const lists = /* @__PURE__ */ new WeakMap<MessageList, readonly SessionNode<any>[]>();

/** The node of a cell; the same while the cell is. Its message is parsed when it is first read. */
function nodeOf(id: string, cell: MessageCell): SessionNode<any> {
  let node = nodes.get(cell);
  if (!node) {
    const { position = Infinity, status, reason, run_id: runId } = JSON.parse(cell.origin) as EngineNode;
    node = {
      id,
      get message() {
        return readCell(cell);
      },
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(runId === undefined ? {} : { runId }),
      ...(position < Infinity ? {} : { pending: true as const }),
      position,
    };
    nodes.set(cell, node);
  }
  return node;
}

/** The nodes in order; the same array for the same list. */
export function readNodes(list: MessageList): readonly SessionNode<any>[] {
  let all = lists.get(list);
  if (!all) {
    all = list.ids.flatMap((id) => {
      const cell = list.cells.get(id);
      return cell ? [nodeOf(id, cell)] : [];
    });
    lists.set(list, all);
  }
  return all;
}

/** The place of the first node at this position or after it. */
export function placeOf(all: readonly SessionNode<any>[], position: number): number {
  let [from, to] = [0, all.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((all[middle] as SessionNode).position < position) from = middle + 1;
    else to = middle;
  }
  return from;
}
