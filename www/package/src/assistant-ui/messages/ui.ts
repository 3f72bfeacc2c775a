/** The components a graph wants shown (LangGraph's `typed_ui`), and the messages they belong to. */
import type { RemoveUIMessage, UIMessage } from "../types.js";

/** One change to the components, or several in order. */
export type UIUpdate = UIMessage | RemoveUIMessage | readonly (UIMessage | RemoveUIMessage)[];

/** The components after a change: a known id is replaced, or given more properties when `metadata.merge` is true. */
export function applyUIUpdate(shown: readonly UIMessage[], update: UIUpdate): UIMessage[] {
  const next = [...shown];
  for (const change of [update].flat() as (UIMessage | RemoveUIMessage)[]) {
    const at = next.findIndex(({ id }) => id === change.id);
    const known = next[at];
    if (change.type === "remove-ui") {
      if (known) next.splice(at, 1);
    } else if (!known) next.push(change);
    else next[at] = change.metadata?.merge === true ? { ...change, props: { ...known.props, ...change.props } } : change;
  }
  return next;
}

/** The id of the message a component belongs to: Python's SDK writes `message_id`, JavaScript's `id`. */
export function uiMessageParent({ metadata }: UIMessage): string | undefined {
  return metadata?.message_id ?? (metadata?.["id"] as string | undefined);
}

/** The components by the message they belong to; those that belong to none are left out. */
export function groupUIMessages(shown: readonly UIMessage[]): Map<string, UIMessage[]> {
  const groups = new Map<string, UIMessage[]>();
  for (const message of shown) {
    const parent = uiMessageParent(message);
    if (!parent) continue;
    const group = groups.get(parent);
    if (group) group.push(message);
    else groups.set(parent, [message]);
  }
  return groups;
}

/** The components that stay when only these messages do. One that belongs to no message is the thread's, and stays. */
export function filterUIMessagesBySurvivingIds(shown: readonly UIMessage[], surviving: readonly { id?: string | undefined }[]): UIMessage[] {
  if (shown.length === 0) return [];
  const ids = new Set(surviving.map(({ id }) => id));
  return shown.filter((message) => {
    const parent = uiMessageParent(message);
    return !parent || ids.has(parent);
  });
}
