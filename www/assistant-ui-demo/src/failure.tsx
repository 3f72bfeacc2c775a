// What went wrong, in words, with its code and a way to try again.
import { useLangGraphError } from "rejoin/assistant-ui";

/** The thread's last failure. */
export function Failure() {
  const failure = useLangGraphError();
  if (failure === undefined) return null;
  const { code = "unknown", message = String(failure.error) } = failure.error as { code?: string; message?: string };
  return (
    <div className="banner error" role="alert" data-testid="error" data-code={code}>
      <p>{message} <code>{code}</code></p>
      {failure.retry && <button type="button" data-testid="retry" onClick={() => void failure.retry?.()}>Retry</button>}
    </div>
  );
}
