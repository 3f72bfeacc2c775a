// The thread as assistant-ui lays it out, from its primitives: messages in a viewport, and a composer below.
import { AuiIf, ComposerPrimitive, ThreadPrimitive } from "@assistant-ui/react";
import { Failure } from "./failure";
import { Interrupts } from "./interrupts";
import { AssistantMessage, UserEditor, UserMessage } from "./message";
import { Status } from "./status";

const MESSAGES = { UserMessage, AssistantMessage, UserEditComposer: UserEditor };

/** The conversation that is shown. */
export function Thread() {
  return (
    <ThreadPrimitive.Root className="thread-root">
      <ThreadPrimitive.Viewport className="messages" data-testid="messages" role="log" aria-live="off" aria-label="Messages" tabIndex={0}>
        <div className="column">
          <AuiIf condition={(state) => state.thread.isLoading && state.thread.messages.length === 0}>
            <p className="hint" data-testid="loading">Loading the conversation…</p>
          </AuiIf>
          <AuiIf condition={(state) => state.thread.isEmpty && !state.thread.isLoading && !state.thread.isRunning}>
            <Welcome />
          </AuiIf>
          <ThreadPrimitive.Messages components={MESSAGES} />
          <AuiIf condition={({ thread }) => thread.isRunning && thread.messages.at(-1)?.role === "user"}>
            <p className="hint thinking" role="status">Thinking…</p>
          </AuiIf>
          <Interrupts />
        </div>
      </ThreadPrimitive.Viewport>
      <div className="dock column">
        <ThreadPrimitive.ScrollToBottom className="to-end" aria-label="Scroll to the newest message">↓</ThreadPrimitive.ScrollToBottom>
        <Failure />
        <Status />
        <Composer />
      </div>
    </ThreadPrimitive.Root>
  );
}

const SUGGESTIONS = ["What is the weather in Paris?", "Tell me something long."];

function Welcome() {
  return (
    <div className="welcome">
      <p className="hint">Ask something, then reload, close the tab or pull the plug: the answer goes on.</p>
      <div className="row wrap">
        {SUGGESTIONS.map((prompt) => <ThreadPrimitive.Suggestion key={prompt} prompt={prompt} send>{prompt}</ThreadPrimitive.Suggestion>)}
      </div>
    </div>
  );
}

function Composer() {
  // Where there is a real keyboard; on a phone it would cover half the page.
  const hasKeyboard = matchMedia("(hover: hover)").matches;
  return (
    <ComposerPrimitive.Root className="composer">
      <ComposerPrimitive.Input
        data-testid="composer" aria-label="Your message" placeholder="Ask something…" autoFocus={hasKeyboard} minRows={1} maxRows={8} enterKeyHint="send"
      />
      <AuiIf condition={({ thread }) => !thread.isRunning}>
        <ComposerPrimitive.Send className="primary" data-testid="send">Send</ComposerPrimitive.Send>
      </AuiIf>
      <AuiIf condition={({ thread }) => thread.isRunning}>
        <ComposerPrimitive.Cancel className="danger" data-testid="cancel" title="Stop the agent on the server">Stop</ComposerPrimitive.Cancel>
      </AuiIf>
    </ComposerPrimitive.Root>
  );
}
