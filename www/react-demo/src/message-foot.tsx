// What can be done with a message: another version of it, new words for a question, a new answer.
import { useEffect, useRef, useState, type KeyboardEvent } from "react";

/** The versions of a message, and the way to another. */
export interface Versions {
  /** The number of the shown version, from 1. */
  place: number;
  count: number;
}

/** The row below a message. A button is there only where it would work. */
export function MessageFoot({ versions, isBusy, choose, edit, regenerate }: {
  versions: Versions | undefined;
  /** A run is followed: another version would be shown only after it. */
  isBusy: boolean;
  choose: (place: number) => void;
  edit: (() => void) | undefined;
  regenerate: (() => void) | undefined;
}) {
  if (!versions && !edit && !regenerate) return null;
  return (
    <div className="foot">
      {versions && (
        <span className="versions" role="group" aria-label="Versions">
          <button type="button" data-testid="branch-previous" aria-label="Previous version" disabled={isBusy || versions.place === 1} onClick={() => choose(versions.place - 1)}>‹</button>
          <span data-testid="branch" aria-label={`Version ${versions.place} of ${versions.count}`}>{versions.place}/{versions.count}</span>
          <button type="button" data-testid="branch-next" aria-label="Next version" disabled={isBusy || versions.place === versions.count} onClick={() => choose(versions.place + 1)}>›</button>
        </span>
      )}
      {edit && <button type="button" data-testid="edit" aria-label="Edit message" onClick={edit}>Edit</button>}
      {regenerate && <button type="button" data-testid="regenerate" aria-label="Regenerate answer" onClick={regenerate}>Regenerate</button>}
    </div>
  );
}

/** The field that stands in a question's place. Enter sends, Shift+Enter makes a line, Escape leaves it as it was. */
export function Editor({ text, isSending, save, cancel }: { text: string; isSending: boolean; save: (text: string) => void; cancel: () => void }) {
  const [draft, setDraft] = useState(text);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);
  const canSave = draft.trim() !== "" && !isSending;
  const submit = () => {
    if (canSave) save(draft.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      // Not for who would disconnect.
      event.nativeEvent.stopImmediatePropagation();
      cancel();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  };
  return (
    <form
      className="editor"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea data-testid="edit-text" aria-label="Edit your message" rows={1} autoComplete="off" ref={field} value={draft} readOnly={isSending} onChange={(event) => setDraft(event.target.value)} onKeyDown={onKeyDown} />
      <div className="row spread">
        <p className="hint" role="status">{isSending ? "Finding the place to continue from…" : "The agent answers again from here."}</p>
        <button type="button" data-testid="edit-cancel" onClick={cancel}>Cancel</button>
        <button type="submit" className="primary" data-testid="edit-save" disabled={!canSave}>Save</button>
      </div>
    </form>
  );
}
