// Messages: what was asked, what was answered, and the bars below them.
import {
  ActionBarPrimitive, AuiIf, BranchPickerPrimitive, ComposerPrimitive, MessagePrimitive, type TextMessagePartProps, useAuiState,
} from "@assistant-ui/react";
import { useLangGraphCanEdit, useLangGraphCanRegenerate } from "rejoin/assistant-ui";
import { MessageFailure } from "./failure";
import { ToolCard } from "./tool-card";

/** Each stretch of text is an element of its own, with tool calls in between. */
function Text({ text }: TextMessagePartProps) {
  return <div className="text" data-testid="message-text" hidden={text === ""}>{text}</div>;
}

function Reasoning({ text }: { text: string }) {
  return (
    <details className="card reasoning">
      <summary>Reasoning</summary>
      <div className="text">{text}</div>
    </details>
  );
}

/** `‹ 2/3 ›`, where there is more than one. */
function Branches() {
  return (
    <BranchPickerPrimitive.Root className="branches" hideWhenSingleBranch role="group" aria-label="Versions">
      <BranchPickerPrimitive.Previous data-testid="branch-previous" aria-label="The version before">‹</BranchPickerPrimitive.Previous>
      <span data-testid="branch"><BranchPickerPrimitive.Number />/<BranchPickerPrimitive.Count /></span>
      <BranchPickerPrimitive.Next data-testid="branch-next" aria-label="The next version">›</BranchPickerPrimitive.Next>
    </BranchPickerPrimitive.Root>
  );
}

/** A person's question. */
export function UserMessage() {
  const canEdit = useLangGraphCanEdit(useAuiState((state) => state.message.id));
  return (
    <MessagePrimitive.Root className="message" data-testid="message" data-role="human" role="article" aria-label="You">
      <MessagePrimitive.Parts components={{ Text }} />
      <div className="bar">
        <Branches />
        <ActionBarPrimitive.Root className="actions" hideWhenRunning>
          {canEdit && <ActionBarPrimitive.Edit data-testid="edit">Edit</ActionBarPrimitive.Edit>}
        </ActionBarPrimitive.Root>
      </div>
    </MessagePrimitive.Root>
  );
}

/** A person's question, while it is edited. */
export function UserEditor() {
  return (
    <MessagePrimitive.Root className="message editing" data-role="human" role="article" aria-label="You, editing">
      <ComposerPrimitive.Root className="editor">
        <ComposerPrimitive.Input data-testid="edit-text" aria-label="Your message" autoFocus minRows={1} maxRows={9} />
        <div className="row end">
          <ComposerPrimitive.Cancel data-testid="edit-cancel">Cancel</ComposerPrimitive.Cancel>
          <ComposerPrimitive.Send className="primary" data-testid="edit-save">Send</ComposerPrimitive.Send>
        </div>
      </ComposerPrimitive.Root>
    </MessagePrimitive.Root>
  );
}

/** The agent's answer: text, tool calls, and its end. */
export function AssistantMessage() {
  const status = useAuiState((state) => state.message.status);
  const canRegenerate = useLangGraphCanRegenerate(useAuiState((state) => state.message.id));
  const isCancelled = status?.type === "incomplete" && status.reason === "cancelled";
  return (
    <MessagePrimitive.Root
      className="message" data-testid="message" data-role="ai" data-status={status?.type} data-reason={status && "reason" in status ? status.reason : undefined}
      data-streaming={status?.type === "running"} role="article" aria-label="Assistant"
    >
      <MessagePrimitive.Parts components={{ Text, Reasoning, tools: { Fallback: ToolCard } }} />
      {isCancelled && <p className="hint" data-testid="cancelled">Stopped here.</p>}
      <MessageFailure />
      <div className="bar">
        <Branches />
        <ActionBarPrimitive.Root className="actions" hideWhenRunning>
          {canRegenerate && <ActionBarPrimitive.Reload data-testid="regenerate">Answer again</ActionBarPrimitive.Reload>}
          <ActionBarPrimitive.Copy data-testid="copy">
            <AuiIf condition={(state) => state.message.isCopied}>Copied</AuiIf>
            <AuiIf condition={(state) => !state.message.isCopied}>Copy</AuiIf>
          </ActionBarPrimitive.Copy>
        </ActionBarPrimitive.Root>
      </div>
    </MessagePrimitive.Root>
  );
}
