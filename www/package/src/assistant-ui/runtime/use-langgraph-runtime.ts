/** The runtime: assistant-ui's list of threads, and one of ours for each that is visited. */
import { useAui } from "@assistant-ui/store";
import { useCloudThreadListAdapter, useRemoteThreadListRuntime } from "@assistant-ui/core/react";
import type { AssistantRuntime } from "@assistant-ui/core";
import type { UseLangGraphRuntimeOptions } from "../types.js";
import { useListWithDelete } from "./deletes.js";
import { usesEngine } from "./make-thread.js";
import { useServerThreadList } from "./thread-list.js";
import { useThreadRuntime } from "./use-thread-runtime.js";

/**
 * A runtime for `AssistantRuntimeProvider`.
 *
 * With `stream` the application sends the requests itself. This package follows the runs if `assistantId` with `apiUrl` or `client`
 * replaces `stream`, or if `unstable_createLangGraphStream` made it. Runs then resume after a reload and after a switch of threads, and
 * checkpoints and branches are found without callbacks.
 */
export function useLangGraphRuntime({
  cloud,
  unstable_threadListAdapter: given,
  create,
  delete: remove,
  onThreadIdChange,
  threadId,
  initialThreadId,
  ...options
}: UseLangGraphRuntimeOptions): AssistantRuntime {
  const aui = useAui();
  const makeThread = async (): Promise<{ externalId: string | undefined }> => {
    if (create) return create();
    // Inside of another list of threads, that one makes it.
    return aui.threadListItem.source ? aui.threadListItem.initialize().then(({ externalId }) => ({ externalId })) : { externalId: undefined };
  };
  const ofCloud = useListWithDelete(useCloudThreadListAdapter({ cloud, create: makeThread, delete: remove } as Parameters<typeof useCloudThreadListAdapter>[0]), remove);
  const ofServer = useServerThreadList(options, create, remove);
  // Without a cloud the server itself knows the threads, so that a reload finds them.
  const adapter = given ?? (usesEngine(options) && !cloud ? ofServer : ofCloud);
  return useRemoteThreadListRuntime({
    runtimeHook: function useRuntimeOfThread() {
      return useThreadRuntime(options);
    },
    adapter,
    allowNesting: true,
    onThreadIdChange,
    threadId,
    initialThreadId,
  });
}
