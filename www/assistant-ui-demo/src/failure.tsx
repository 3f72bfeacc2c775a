// What went wrong, in words, with its code and a way to try again.
import { useLangGraphError } from "rejoin/assistant-ui";

/** The thread's last failure. */
export function Failure() {
  const { error, canRetry, retry } = useLangGraphError();
  if (error === undefined) return null;
  return (
    <div className="banner error" role="alert" data-testid="error" data-code={error.code}>
      <p>{error.message} <code>{error.code}</code></p>
      {canRetry && <button type="button" data-testid="retry" onClick={() => void retry()}>Retry</button>}
    </div>
  );
}
