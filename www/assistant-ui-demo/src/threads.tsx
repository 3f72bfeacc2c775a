// The conversations, and a button for a new one.
import { ThreadListItemPrimitive, ThreadListPrimitive, useAuiState } from "@assistant-ui/react";

/** A row of buttons; the shown conversation is marked. */
export function Threads() {
  return (
    <ThreadListPrimitive.Root render={<nav aria-label="Conversations" />}>
      <ThreadListPrimitive.New data-testid="new-thread">New</ThreadListPrimitive.New>
      <ThreadListPrimitive.Items>{() => <Item />}</ThreadListPrimitive.Items>
    </ThreadListPrimitive.Root>
  );
}

function Item() {
  const { remoteId, isRunning } = useAuiState((state) => state.threadListItem);
  const isShown = useAuiState((state) => state.threads.mainThreadId === state.threadListItem.id);
  if (remoteId === undefined) return null;
  return (
    <ThreadListItemPrimitive.Root className="thread">
      <ThreadListItemPrimitive.Trigger data-testid="thread-item" data-thread-id={remoteId} data-running={isRunning} aria-current={isShown ? "page" : undefined}>
        <ThreadListItemPrimitive.Title fallback="Conversation" />
      </ThreadListItemPrimitive.Trigger>
    </ThreadListItemPrimitive.Root>
  );
}
