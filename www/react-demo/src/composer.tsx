// Where a question is typed. Enter sends, Shift+Enter makes a line.
import type { KeyboardEvent } from "react";

interface Props {
  draft: string;
  change: (text: string) => void;
  /** Nothing can be sent for now. Without it: what is sent while a run streams waits for its turn. */
  isBusy?: boolean;
  send: (text: string) => void;
}

/** The field, which grows with its text, and its button. */
export function Composer({ draft, change, isBusy = false, send }: Props) {
  // Where there is a real keyboard; on a phone it would cover half the page.
  const hasKeyboard = matchMedia("(hover: hover)").matches;
  const canSend = draft.trim() !== "" && !isBusy;
  const submit = () => {
    if (canSend) send(draft);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While a word is being composed, Enter accepts it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label className="visually-hidden" htmlFor="composer">Your message</label>
      <textarea
        id="composer" data-testid="composer" rows={1} placeholder="Ask something…" autoComplete="off" enterKeyHint="send" autoFocus={hasKeyboard}
        value={draft} onChange={(event) => change(event.target.value)} onKeyDown={onKeyDown}
      />
      <button type="submit" className="primary" data-testid="send" disabled={!canSend}>Send</button>
    </form>
  );
}
