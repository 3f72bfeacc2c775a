/** Parts of a stream, each rendering its component only when that part changes. */
import { useSyncExternalStore } from "react";
import type { BagTemplate, GetToolCallsType } from "../types/bag.js";
import type { Message } from "../types/messages.js";
import type { Connection } from "../types/options.js";
import type { StreamSnapshot } from "../types/stream.js";
import { storeOf, type StreamSource } from "../view/create-view.js";

/**
 * Any part of a stream. `select` must give the same object for the same part, as the members of a snapshot do.
 *
 * @example const busy = useStreamSelector(stream, (now) => now.isLoading);
 */
export function useStreamSelector<StateType extends object, Bag extends BagTemplate, T>(
  stream: StreamSource<StateType, Bag>,
  select: (snapshot: StreamSnapshot<StateType, Bag>) => T,
): T {
  const store = storeOf(stream);
  return useSyncExternalStore(
    store.subscribe,
    () => select(store.getSnapshot()),
    () => select(store.getServerSnapshot()),
  );
}

/** All messages: renders with each change of any. */
export const useMessages = <StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  stream: StreamSource<StateType, Bag>,
): Message<GetToolCallsType<StateType>>[] => useStreamSelector(stream, (now) => now.messages);

/** The ids of all messages, in order: renders when one comes, goes or moves, not while one grows. */
export const useMessageIds = (stream: StreamSource): readonly string[] => useStreamSelector(stream, (now) => now.messageIds);

/** One message: renders when that one changes. Undefined if there is none with that id. */
export const useMessage = <StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  stream: StreamSource<StateType, Bag>,
  id: string | undefined,
): Message<GetToolCallsType<StateType>> | undefined => useStreamSelector(stream, (now) => now.getMessage(id));

/** The connection's state. */
export const useConnection = (stream: StreamSource): Connection => useStreamSelector(stream, (now) => now.connection);
