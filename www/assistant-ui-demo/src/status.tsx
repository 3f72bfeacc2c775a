// What the connection does, in words.
import { useAuiState } from "@assistant-ui/react";
import { useLangGraphConnection, useLangGraphInterrupts, useLangGraphWaiting } from "rejoin/assistant-ui";

const UNSENT = "Not sent yet: the server cannot be reached. It is sent when it can be.";

const WORDS: Record<string, string> = {
  idle: "Ready.",
  saved: "Saved earlier. Asking the server for news…",
  connecting: "Connecting…",
  live: "Connected. The answer is coming in.",
  stalled: "Nothing has come for a while. Checking the connection…",
  reconnecting: "Connection lost; the agent goes on. Reconnecting…",
  offline: "You are offline; the agent goes on.",
  paused: "Paused while this page is hidden; the agent goes on.",
  catching_up: "Connected again. Fetching what was missed…",
  disconnected: "Disconnected; the agent goes on.",
  finished: "Finished.",
  expired: "The run can no longer be followed. This is the thread's history.",
  failed: "Failed.",
};

/** A live region with the connection's state. */
export function Status() {
  const connection = useLangGraphConnection();
  const waits = useLangGraphInterrupts().length > 0;
  const { isUnsent } = useLangGraphWaiting();
  const isRunning = useAuiState((state) => state.thread.isRunning);
  // Where the application streams, nothing is known but whether it does.
  const { state = isRunning ? "live" : "idle", attempt = 0 } = connection ?? {};
  const words = waits && !isRunning ? "The agent waits for your answer." : isUnsent ? UNSENT : WORDS[state];
  return (
    <p className="status" role="status" data-testid="connection" data-state={state}>
      {words}{attempt > 1 && ` (attempt ${attempt})`}
    </p>
  );
}
