// What went wrong, in words, with its code and a way to try again.
import { ErrorPrimitive, MessagePrimitive, type ThreadMessage, useAuiState } from "@assistant-ui/react";
import { useLangGraphError } from "rejoin/assistant-ui";

const hasFailed = (message: Pick<ThreadMessage, "status"> | undefined) => message?.status?.type === "incomplete" && message.status.reason === "error";

/** The thread's last failure, where no answer shows it. */
export function Failure() {
  const isInMessage = useAuiState((state) => hasFailed(state.thread.messages.at(-1)));
  return isInMessage ? null : <Banner />;
}

/** The failure of an answer: the thread's last failure with its commands below the last answer, words alone below an older one. */
export function MessageFailure() {
  const isLast = useAuiState((state) => state.message.isLast);
  const { error } = useLangGraphError();
  return (
    <MessagePrimitive.Error>
      {isLast && error ? <Banner /> : (
        <ErrorPrimitive.Root className="banner error" data-testid="message-error">
          <p><ErrorPrimitive.Message /></p>
        </ErrorPrimitive.Root>
      )}
    </MessagePrimitive.Error>
  );
}

function Banner() {
  const { error, canRetry, retry } = useLangGraphError();
  if (error === undefined) return null;
  return (
    <div className="banner error" role="alert" data-testid="error" data-code={error.code}>
      <p>{error.message} <code>{error.code}</code></p>
      {canRetry && <button type="button" data-testid="retry" onClick={() => void retry().catch(() => {})}>Retry</button>}
    </div>
  );
}
