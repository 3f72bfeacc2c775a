// rejoin follows the runs: an address and an assistant are all it needs.
import { useMemo } from "react";
import { useLangGraphRuntime } from "rejoin/assistant-ui";
import { useThreadInAddress } from "./address";
import type { Setup } from "./setup";
import { threadList } from "./thread-list";

/** The runtime without a callback. */
export function useEngineRuntime({ server, assistant, checkpoints, states, share, saves, headers, person, knobs, retry, timeouts }: Setup) {
  // A thread is made with its first run.
  const adapter = useMemo(() => threadList(async () => undefined), []);
  return useLangGraphRuntime({
    apiUrl: server,
    assistantId: assistant,
    checkpoints: checkpoints ? "automatic" : "off",
    ...(states !== undefined && { fetchStateHistory: { limit: states } }),
    config: { configurable: knobs },
    retry,
    timeouts,
    shareConnections: share,
    defaultHeaders: headers,
    cache: saves && { identity: person },
    unstable_threadListAdapter: adapter,
    unstable_allowCancellation: true,
    // What is sent during an answer waits in the outbox.
    unstable_enableMessageQueue: true,
    ...useThreadInAddress(),
  });
}
