// The runtime in both of its forms. Which one, the address says, and it never changes while the page lives.
import { useMemo } from "react";
import { Client } from "@langchain/langgraph-sdk";
import { useLangGraphRuntime } from "rejoin/assistant-ui";
import { useThreadInAddress } from "./address";
import { callbacks } from "./callbacks";
import type { Setup } from "./setup";
import { threadList } from "./thread-list";

/** rejoin follows the runs: an address and an assistant are all it needs. */
export function useEngineRuntime({ server, assistant, checkpoints, knobs }: Setup) {
  const adapter = useMemo(() => threadList(async () => undefined), []);
  return useLangGraphRuntime({
    apiUrl: server,
    assistantId: assistant,
    checkpoints: checkpoints ? "automatic" : "off",
    config: { configurable: knobs },
    unstable_threadListAdapter: adapter,
    unstable_allowCancellation: true,
    ...useThreadInAddress(),
  });
}

/** The application follows the runs, by the callbacks that assistant-ui's own runtime takes. */
export function useCallbackRuntime(setup: Setup) {
  const { create, ...given } = useMemo(() => callbacks(new Client({ apiUrl: setup.server, callerOptions: { maxRetries: 0 } }), setup), [setup]);
  const adapter = useMemo(() => threadList(create), [create]);
  return useLangGraphRuntime({ ...given, unstable_threadListAdapter: adapter, unstable_allowCancellation: true, ...useThreadInAddress() });
}
