// Submissions that the server does not have yet: the words, and what can be done about each.
import { useAui } from "@assistant-ui/react";
import { useLangGraphWaiting, type WaitingState, type WaitingSubmission } from "rejoin/assistant-ui";
import { focusComposer } from "./composer";

const WORDS: Record<WaitingState, string> = {
  queued: "Waits for the answer before it.",
  unreachable: "Not sent yet. It is sent when the server can be reached.",
  other_tab: "Another tab sends it.",
  held: "Not sent. Send it now?",
};

function textOf({ messages }: WaitingSubmission): string {
  const texts = messages.flatMap(({ content }) => (typeof content === "string" ? [content] : content.map((part) => (part.type === "text" ? part.text : ""))));
  return texts.join("\n");
}

/** The waiting submissions, below the conversation. A message that is shown there already is not shown again. */
export function Waiting() {
  const { waiting, takeBack, sendNow } = useLangGraphWaiting();
  const { composer } = useAui();
  if (waiting.length === 0) return null;
  return (
    <section className="unsent" aria-label="Not sent yet" data-testid="waiting">
      <ul>
        {waiting.map((submission) => {
          const { id, state, isShown, isStored } = submission;
          const text = textOf(submission);
          return (
            <li key={id} data-testid="waiting-item" data-state={state}>
              {!isShown && <p className="unsent-text">{text}</p>}
              <p className="hint" role="status">
                {WORDS[state]}
                {!isStored && " It does not outlive a reload."}
              </p>
              {state === "held" && (
                <button
                  type="button" className="primary" data-testid="send-now" aria-label={`Send now: ${text}`}
                  onClick={() => {
                    sendNow(id);
                    focusComposer();
                  }}
                >
                  Send now
                </button>
              )}
              {state !== "other_tab" && (
                <button
                  type="button" data-testid="take-back" aria-label={`Take back: ${text}`}
                  onClick={() => {
                    takeBack(id);
                    if (composer.getState().text === "") composer.setText(text);
                    focusComposer();
                  }}
                >
                  Take back
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
