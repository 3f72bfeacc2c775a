/** The messages a thread is left with when it goes on from an earlier point. */
import { getExternalStoreMessages, type ThreadMessage } from "@assistant-ui/core";
import type { LangChainMessage } from "../types.js";

/** The LangChain messages behind those shown up to `parentId`, with it; none for null or a message that is not shown. */
export function truncateLangChainMessages(shown: readonly ThreadMessage[], parentId: string | null): LangChainMessage[] {
  const end = shown.findIndex(({ id }) => id === parentId);
  return shown.slice(0, end + 1).flatMap((message) => getExternalStoreMessages<LangChainMessage>(message));
}
