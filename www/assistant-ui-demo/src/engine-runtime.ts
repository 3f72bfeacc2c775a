// rejoin follows the runs: an address and an assistant are all it needs.
import { useMemo } from "react";
import { useLangGraphRuntime } from "rejoin/assistant-ui";
import { useThreadInAddress } from "./address";
import type { Setup } from "./setup";
import { threadList } from "./thread-list";

/** The runtime without a callback. */
export function useEngineRuntime({ server, assistant, checkpoints, states, share, saves, knobs, retry, timeouts }: Setup) {
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
    // The demo has no logins: whoever uses this browser is one person to it. Where a thread has branches, assistant-ui numbers the saved one first.
    cache: saves && { identity: "visitor" },
    unstable_threadListAdapter: adapter,
    unstable_allowCancellation: true,
    ...useThreadInAddress(),
  });
}
