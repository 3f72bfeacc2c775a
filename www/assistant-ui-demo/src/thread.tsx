// The thread as assistant-ui lays it out, from its primitives: messages in a viewport, and a composer below.
import { AuiIf, ThreadPrimitive, useAuiState } from "@assistant-ui/react";
import { useLangGraphWaiting } from "rejoin/assistant-ui";
import { Composer } from "./composer";
import { Failure } from "./failure";
import { Interrupts } from "./interrupts";
import { AssistantMessage, UserEditor, UserMessage } from "./message";
import { Status } from "./status";
import { Waiting } from "./waiting";

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
          <Thinking />
          <Waiting />
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

function Thinking() {
  const { isUnsent } = useLangGraphWaiting();
  const isAsked = useAuiState(({ thread }) => thread.isRunning && thread.messages.at(-1)?.role === "user");
  return isAsked && !isUnsent ? <p className="hint thinking" role="status">Thinking…</p> : null;
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
