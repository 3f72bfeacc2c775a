// Where a question is typed. One that is typed during an answer waits for its turn.
import { AuiIf, ComposerPrimitive } from "@assistant-ui/react";

const ID = "composer";

/** Moves the focus to the field: the button that was pressed is about to go. */
export const focusComposer = () => document.getElementById(ID)?.focus();

/** The field with its buttons. With a `stream` callback nothing can be sent during an answer. */
export function Composer() {
  // Where there is a real keyboard; on a phone it would cover half the page.
  const hasKeyboard = matchMedia("(hover: hover)").matches;
  return (
    <ComposerPrimitive.Root className="composer">
      <ComposerPrimitive.Input
        id={ID} data-testid="composer" aria-label="Your message" placeholder="Ask something…" autoFocus={hasKeyboard} minRows={1} maxRows={8} enterKeyHint="send"
      />
      <AuiIf condition={({ thread }) => thread.isRunning}>
        <ComposerPrimitive.Cancel className="danger" data-testid="cancel" title="Stop the agent on the server">Stop</ComposerPrimitive.Cancel>
      </AuiIf>
      <AuiIf condition={({ thread }) => thread.capabilities.queue || !thread.isRunning}>
        <ComposerPrimitive.Send className="primary" data-testid="send">Send</ComposerPrimitive.Send>
      </AuiIf>
    </ComposerPrimitive.Root>
  );
}
