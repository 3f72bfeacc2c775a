/** Deleting threads of a list that assistant-ui keeps by itself. */
import { InMemoryThreadListAdapter, type RemoteThreadListAdapter } from "@assistant-ui/core";
import { useInsertionEffect, useMemo, useRef } from "react";
import type { UseLangGraphRuntimeOptions } from "../types.js";

type Remove = NonNullable<UseLangGraphRuntimeOptions["delete"]>;

/** The list, with `remove` called for each thread that the server has. */
function telling(list: InMemoryThreadListAdapter, remove: Remove): RemoteThreadListAdapter {
  // The list knows threads by names of its own.
  const atServer = new Map<string, string>();
  return Object.assign(Object.create(list) as RemoteThreadListAdapter, {
    async initialize(threadId: string) {
      const made = await list.initialize(threadId);
      if (made.externalId !== undefined) atServer.set(made.remoteId, made.externalId);
      return made;
    },
    async delete(threadId: string) {
      const id = atServer.get(threadId);
      if (id !== undefined) await remove(id);
    },
  });
}

/** Without a cloud assistant-ui's list tells nobody what is deleted; this one tells the server. Any other list is left as it is. */
export function useListWithDelete(list: RemoteThreadListAdapter, remove: Remove | undefined): RemoteThreadListAdapter {
  const latest = useRef(remove);
  useInsertionEffect(() => {
    latest.current = remove;
  });
  return useMemo(() => (list instanceof InMemoryThreadListAdapter ? telling(list, async (id) => latest.current?.(id)) : list), [list]);
}
