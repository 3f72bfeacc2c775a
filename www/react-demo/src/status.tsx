// What the connection does, in words, and what can be done about it.
import { useEffect, useState } from "react";
import type { Connection } from "rejoin/react";

interface Props {
  stream: {
    connection: Connection;
    isLoading: boolean;
    isUnsent: boolean;
    canRejoin: boolean;
    rejoin: () => unknown;
    stop: () => unknown;
    cancel: () => unknown;
  };
  /** The agent has asked something. */
  waits: boolean;
}

const UNSENT = "Not sent yet: the server cannot be reached. It is sent when it can be.";

const WORDS: Record<Connection["state"], string> = {
  idle: "Ready.",
  saved: "Saved earlier. Asking the server for news…",
  connecting: "Connecting…",
  live: "Connected. The answer is coming in.",
  stalled: "Nothing has come for a while. Checking the connection…",
  reconnecting: "Connection lost; the agent goes on. Reconnecting…",
  offline: "You are offline; the agent goes on.",
  paused: "Paused while this page is hidden; the agent goes on.",
  catching_up: "Connected again. Fetching what was missed…",
  disconnected: "Disconnected; the agent goes on. Rejoin to follow it.",
  finished: "Finished.",
  expired: "The run can no longer be followed. This is the thread's history.",
  failed: "Failed.",
};

/** How many seconds without contact are told. */
const LOST_SECONDS_MIN = 5;

/** Whole seconds for which the server was not heard, counting on; 0 while it is. */
function useLostSeconds(connection: Connection): number {
  const { lostForMs } = connection;
  const [elapsedMs, setElapsedMs] = useState(0);
  useEffect(() => {
    setElapsedMs(0);
    if (lostForMs === undefined) return;
    const from = performance.now();
    const timer = setInterval(() => setElapsedMs(performance.now() - from), 1000);
    return () => clearInterval(timer);
  }, [connection, lostForMs]);
  return lostForMs === undefined ? 0 : Math.floor((lostForMs + elapsedMs) / 1000);
}

/** The live region and the buttons Rejoin, Disconnect and Stop agent. */
export function Status({ stream, waits }: Props) {
  const { state, attempt = 0 } = stream.connection;
  const lostSeconds = useLostSeconds(stream.connection);
  const words = waits ? "The agent waits for your answer." : stream.isUnsent ? UNSENT : WORDS[state];
  return (
    <div className="run-bar">
      <p role="status" data-testid="connection" data-state={state}>{words}{attempt > 1 && ` (attempt ${attempt})`}</p>
      {/* Not in the live region, which would read out each second. */}
      {lostSeconds >= LOST_SECONDS_MIN && <p data-testid="lost">No contact for {lostSeconds} s.</p>}
      {stream.canRejoin && <button type="button" className="primary" data-testid="rejoin" onClick={() => stream.rejoin()}>Rejoin</button>}
      {stream.isLoading && (
        <button type="button" data-testid="stop" title="Stop following; the agent goes on (Esc)" onClick={() => stream.stop()}>Disconnect</button>
      )}
      {(stream.isLoading || stream.canRejoin) && (
        <button type="button" className="danger" data-testid="cancel" title="Stop the agent on the server" onClick={() => stream.cancel()}>Stop agent</button>
      )}
    </div>
  );
}
