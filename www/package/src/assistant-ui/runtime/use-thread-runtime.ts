/** One thread for assistant-ui. Runs as a tap resource, which knows React's basic hooks only. */
import type { AppendMessage, AssistantRuntime, ThreadMessage, ToolExecutionStatus } from "@assistant-ui/core";
import { useExternalStoreRuntime } from "@assistant-ui/core/react";
import { useAui, useAuiEvent } from "@assistant-ui/store";
import { useEffect, useInsertionEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { RejoinError } from "../../errors.js";
import { provide } from "../extras.js";
import { newMessageId } from "../messages/new-id.js";
import { getMessageContent } from "../messages/get-content.js";
import { truncateLangChainMessages } from "../messages/truncate.js";
import { unavailable } from "../threads/failures.js";
import type { LangGraphThread, ThreadSnapshot } from "../threads/thread.js";
import type { LangChainMessage } from "../types.js";
import { makeThread, setThreadOptions, usesEngine, type ThreadOptions } from "./make-thread.js";
import { useMessageQueue } from "./use-message-queue.js";
import { innerMessages, useThreadMessages } from "./use-thread-messages.js";
import { useUIComponents } from "./use-ui-components.js";

type Human = LangChainMessage & { type: "human"; id: string };

/** The data that the hooks read. */
function useExtras(thread: LangGraphThread, snapshot: ThreadSnapshot): object {
  return useMemo(() => {
    const { send, setState, respond, respondAll, retry, takeBack, sendNow, replaceWaiting } = thread;
    const { canEdit, editable, interrupts, state, uiMessages, error, canRetry, editing, connection, waiting, isUnsent } = snapshot;
    return provide({
      send,
      setState,
      respond,
      respondAll,
      retry,
      takeBack,
      sendNow,
      replaceWaiting,
      interrupt: interrupts[0],
      interrupts,
      state,
      // Read only where somebody asks.
      get messageMetadata() {
        return snapshot.messageMetadata;
      },
      uiMessages,
      error,
      canRetry,
      editing,
      connection,
      waiting,
      isUnsent,
      canEdit: (id) => canEdit && (editable?.edit(id) ?? true),
      canRegenerate: (id) => canEdit && (editable?.regenerate(id) ?? true),
    });
  }, [snapshot, thread]);
}

/** The server's id of the thread; undefined for a thread that it does not know yet, and outside of a list. */
const externalIdOf = ({ threadListItem: item }: ReturnType<typeof useAui>): string | undefined => (item.source === null ? undefined : (item.getState().externalId ?? undefined));

/** The runtime of the thread whose list item is in scope. */
export function useThreadRuntime(options: ThreadOptions): AssistantRuntime {
  const aui = useAui();
  const current = useRef(aui);
  const [thread] = useState(() =>
    makeThread(options, {
      externalId: () => externalIdOf(current.current),
      initialize: async () => {
        const { remoteId, externalId } = await current.current.threadListItem.initialize();
        return { remoteId, externalId };
      },
    }),
  );
  useInsertionEffect(() => {
    current.current = aui;
    setThreadOptions(thread, options);
  });
  useEffect(() => {
    thread.enter();
    return thread.leave;
  }, [thread]);
  // Events of all threads come here.
  const isAway = useRef(false);
  const isOwn = (threadId: string): boolean => aui.threadListItem.source !== null && aui.threadListItem.getState().id === threadId;
  useAuiEvent("threadListItem.switchedAway", ({ threadId }) => {
    if (isOwn(threadId)) isAway.current = true;
  });
  useAuiEvent("threadListItem.switchedTo", ({ threadId }) => {
    if (!isAway.current || !isOwn(threadId)) return;
    isAway.current = false;
    thread.returned();
  });
  useUIComponents(aui, options.uiComponents);

  const snapshot = useSyncExternalStore(thread.subscribe, thread.getSnapshot, thread.getSnapshot);
  const [toolStatuses, setToolStatuses] = useState<Record<string, ToolExecutionStatus>>({});
  const isBusy = snapshot.isRunning || Object.values(toolStatuses).some((status) => status?.type === "executing");
  const shown = useThreadMessages(thread, snapshot, isBusy);
  const messages = useRef<readonly ThreadMessage[]>(shown.messages);
  useInsertionEffect(() => {
    messages.current = shown.messages;
  });

  const humanOf = (message: AppendMessage): Human => {
    const made: Human = { id: newMessageId(), type: "human", content: getMessageContent(message) };
    if (message.attachments?.length) thread.attachments.set(made.id, message.attachments);
    return made;
  };
  const newTurn = (message: AppendMessage): Promise<void> => thread.newTurn(humanOf(message), message.runConfig);
  const queue = useMessageQueue(thread, options.unstable_enableMessageQueue ?? false, snapshot, isBusy, aui.threadListItem.source === null || externalIdOf(aui) !== undefined, newTurn);
  /** The messages up to and with `parentId`. Undefined where that is not shown: what would be kept is not known then. */
  const keptTo = (parentId: string | null): LangChainMessage[] | undefined =>
    parentId !== null && !messages.current.some(({ id }) => id === parentId) ? undefined : innerMessages(truncateLangChainMessages(messages.current, parentId));
  const startsRun = (message: AppendMessage): boolean => message.startRun ?? message.role === "user";

  const onEdit = async (message: AppendMessage): Promise<void> => {
    const kept = keptTo(message.parentId);
    if (!kept) return thread.refuse(unavailable("The message before the one that is edited is not shown."));
    queue.clear();
    if (!startsRun(message)) return thread.stage(humanOf(message), message.runConfig, kept);
    return thread.edit({ kept, message: humanOf(message), at: message.sourceId ?? undefined, runConfig: message.runConfig });
  };
  const onReload = async (parentId: string | null, { runConfig, sourceId }: { runConfig?: unknown; sourceId?: string | null }): Promise<void> => {
    queue.clear();
    if (await thread.runStaged(parentId, runConfig)) return;
    const { canEdit, canRetry, messages: all } = thread.getSnapshot();
    // The turn that failed has no answer to give again: it is begun again.
    if (canRetry && all.at(-1)?.id === parentId) return thread.retry();
    const kept = canEdit ? keptTo(parentId) : undefined;
    if (!kept) return thread.refuse(unavailable("This answer cannot be given again."));
    return thread.edit({ kept, message: null, at: sourceId ?? undefined, runConfig });
  };
  const offered = useRef<LangChainMessage[]>([]);
  const hasBranches = snapshot.canEdit && !snapshot.isRunning;
  const { attachments, dictation, feedback, speech, voice } = options.adapters ?? {};
  const canCancel = options.unstable_allowCancellation ?? usesEngine(options);

  const store = {
    isDisabled: options.isDisabled,
    isSendDisabled: options.isSendDisabled,
    unstable_capabilities: options.unstable_capabilities,
    suggestions: options.suggestions,
    isRunning: snapshot.isRunning,
    isLoading: snapshot.isLoading,
    ...(shown.repository ? { messageRepository: shown.repository } : { messages: shown.messages }),
    unstable_enableToolInvocations: true,
    setToolStatuses,
    adapters: { attachments, dictation, feedback, speech, voice },
    extras: useExtras(thread, snapshot),
    onNew: async (message: AppendMessage) => (startsRun(message) ? newTurn(message) : thread.stage(humanOf(message), message.runConfig, undefined)),
    ...(queue.adapter && { queue: queue.adapter }),
    onAddToolResult: thread.addToolResult,
    onEdit: snapshot.canEdit ? onEdit : undefined,
    onReload: snapshot.canEdit || snapshot.hasStaged ? onReload : undefined,
    onCancel: canCancel
      ? async () => {
          queue.clear();
          await thread.cancel();
        }
      : undefined,
    onRefetchThread: thread.refetch,
    // assistant-ui also hands over lists that it made by itself; only a switch of branches is followed.
    ...(hasBranches && {
      setMessages: (list: readonly ThreadMessage[]) => {
        offered.current = innerMessages(truncateLangChainMessages(list, list.at(-1)?.id ?? null));
      },
      unstable_onBranchChange: ({ headId }: { headId: string | null }) => thread.setBranch(offered.current, shown.branchOf(headId)),
      onDelete: async () => {
        throw new RejoinError("edit_unavailable", "Messages cannot be deleted: the server would still have them.");
      },
    }),
  };
  return useExternalStoreRuntime(store as unknown as Parameters<typeof useExternalStoreRuntime<ThreadMessage>>[0]);
}
