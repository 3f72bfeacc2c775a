// Submissions that the server does not have yet: the words, and what can be done about each.
import type { Message, WaitingState, WaitingSubmission } from "rejoin/react";
import { textOf } from "./message";

const WORDS: Record<WaitingState, string> = {
  queued: "Waits for the answer before it.",
  unreachable: "Not sent yet. It is sent when the server can be reached.",
  other_tab: "Another tab sends it.",
  held: "Not sent. Send it now?",
};

interface Props {
  waiting: readonly WaitingSubmission[];
  takeBack: (id: string) => void;
  sendNow: (id: string) => void;
  /** Puts the text of a submission that was taken back into the message field. */
  restore: (text: string) => void;
}

/** The waiting submissions, below the conversation. A message that is shown there already is not shown again. */
export function Waiting({ waiting, takeBack, sendNow, restore }: Props) {
  if (waiting.length === 0) return null;
  return (
    <section className="unsent" aria-label="Not sent yet" data-testid="waiting">
      <ul>
        {waiting.map(({ id, messages, state, isShown, isStored }) => {
          const text = messages.map((message: Message) => textOf(message)).join("\n");
          return (
            <li key={id} data-testid="waiting-item" data-state={state}>
              {!isShown && <p className="unsent-text">{text}</p>}
              <p className="hint" role="status">
                {WORDS[state]}
                {!isStored && " It does not outlive a reload."}
              </p>
              {state === "held" && (
                <button type="button" className="primary" data-testid="send-now" aria-label={`Send now: ${text}`} onClick={() => sendNow(id)}>
                  Send now
                </button>
              )}
              {state !== "other_tab" && (
                <button
                  type="button" data-testid="take-back" aria-label={`Take back: ${text}`}
                  onClick={() => {
                    takeBack(id);
                    restore(text);
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
