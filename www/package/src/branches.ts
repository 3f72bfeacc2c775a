/** The tree of branches, from the engine's indexes to states. */
import type { EngineSequence } from "./engine.js";
import type { ThreadState } from "./types/schema.js";
import type { Sequence } from "./types/stream.js";

/** The tree with the states in it. */
export function treeOf(tree: EngineSequence, states: readonly ThreadState[]): Sequence {
  return {
    type: "sequence",
    items: tree.items.flatMap((item): Sequence["items"] => {
      if (item.type === "fork") return [{ type: "fork", items: item.items.map((next) => treeOf(next, states)) }];
      const value = states[item.state];
      return value ? [{ type: "node", value, path: item.path }] : [];
    }),
  };
}

/** The states along a branch, oldest first. A fork that the branch does not name goes to the newest. */
export function flatten(tree: Sequence, branch: string): ThreadState[] {
  const path = branch ? branch.split(">") : [];
  const states: ThreadState[] = [];
  for (let at: Sequence | undefined = tree; at; ) {
    let next: Sequence | undefined;
    for (const item of at.items) {
      if (item.type === "node") states.push(item.value);
      else {
        const wanted = path.shift();
        next =
          item.items.find(({ items: [first] }) => first?.type === "node" && first.value.checkpoint.checkpoint_id === wanted) ??
          item.items[item.items.length - 1];
      }
    }
    at = next;
  }
  return states;
}
