/** A window over a stream's session, as a hook. */
import { useMemo, useSyncExternalStore } from "react";
import type { BagTemplate, GetToolCallsType } from "../types/bag.js";
import type { Message } from "../types/messages.js";
import type { ViewOptions, ViewSnapshot } from "../types/view.js";
import { failedView, makeView, problemOf, anyStoreOf, type StreamSource } from "../view/create-view.js";

/** Options of `useView`. */
export interface UseViewOptions<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> extends ViewOptions {
  /** The result of `useStream` or `createStream`. */
  stream: StreamSource<StateType, Bag>;
}

/**
 * The newest messages of a stream's session, older ones page by page with `loadOlder()`, new ones as they come. The feed is
 * open while a component uses it; several of one stream share it. Another `limit` begins again with the newest messages.
 * A wrong option is the `error`.
 *
 * @example const { nodes, hasOlder, loading, loadOlder } = useView({ stream, limit: 50 });
 */
export function useView<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>({
  stream,
  limit,
}: UseViewOptions<StateType, Bag>): ViewSnapshot<Message<GetToolCallsType<StateType>>> {
  const problem = problemOf(stream, limit === undefined ? {} : { limit });
  const store = problem ? undefined : anyStoreOf(stream);
  const wrong = problem?.message;
  const view = useMemo(() => (store ? makeView(store, limit) : failedView(problem as NonNullable<typeof problem>)), [store, limit, wrong]);
  return useSyncExternalStore(view.subscribe, view.getSnapshot, view.getServerSnapshot);
}
