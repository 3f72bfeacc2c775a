// The runtime on callbacks of the application's own.
import { useMemo } from "react";
import { Client } from "@langchain/langgraph-sdk";
import { useLangGraphRuntime } from "rejoin/assistant-ui";
import { useThreadInAddress } from "./address";
import { Page } from "./app";
import { callbacks } from "./callbacks";
import type { Setup } from "./setup";
import { threadList } from "./thread-list";

/** The page on callbacks. The only default export here, because `lazy` asks for one. */
export default function OnCallbacks({ setup }: { setup: Setup }) {
  const { create, ...given } = useMemo(() => callbacks(new Client({ apiUrl: setup.server, callerOptions: { maxRetries: 0 } }), setup), [setup]);
  const adapter = useMemo(() => threadList(create), [create]);
  const runtime = useLangGraphRuntime({ ...given, unstable_threadListAdapter: adapter, unstable_allowCancellation: true, ...useThreadInAddress() });
  return <Page runtime={runtime} shares={false} />;
}
