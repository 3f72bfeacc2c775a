// One message. A message that has not changed keeps its identity, so `memo` is all it takes to render only what did.
import { memo, useEffect, useRef, useState } from "react";
import type { Message, RunPromise, ToolCallWithResult } from "rejoin/react";
import { Details } from "./details";
import { Editor, MessageFoot } from "./message-foot";

/** The commands for a message; the same functions in every render. */
export interface Actions {
  /** Puts other words in a question's place. */
  edit: (id: string, text: string) => RunPromise;
  /** Answers again. */
  regenerate: (id: string) => RunPromise;
  /** Shows another version: 1 is the first. */
  choose: (message: Message, place: number) => void;
}

interface Props {
  message: Message;
  toolCalls: ToolCallWithResult[] | undefined;
  /** More of it may come. */
  isStreaming: boolean;
  /** Its run failed or was cancelled, and the server has not stored it. */
  isIncomplete: boolean;
  /** The number of the shown version, from 1, and the number of versions; 0 if there is only one. */
  place: number;
  count: number;
  /** A run is followed. */
  isBusy: boolean;
  canEdit: boolean;
  canRegenerate: boolean;
  /** Its edit, or its new answer, is being looked up. */
  isLookedUp: boolean;
  actions: Actions;
}

const LABELS: Record<string, string> = { human: "You", ai: "Assistant", system: "System" };
const OF_EDITS = ["checkpoint_not_found", "checkpoint_lookup_failed", "edit_unavailable"];

/** Whether an error says that an edit came to nothing: it is shown beside its message. */
export const isOfEdits = (code: string | undefined): boolean => code !== undefined && OF_EDITS.includes(code);

/** A bubble, a card for each tool call, and what can be done with it. */
export const MessageView = memo(function MessageView(props: Props) {
  const { message, toolCalls, isStreaming, isIncomplete, place, count, isBusy, canEdit, canRegenerate, isLookedUp, actions } = props;
  const [isEdited, setEdited] = useState(false);
  const [problem, setProblem] = useState<{ code?: string; message: string }>();
  const article = useRef<HTMLElement>(null);
  const wasEdited = useRef(false);
  const text = textOf(message);
  const id = message.id;

  useEffect(() => {
    // The focus goes back to the button that opened the field.
    if (wasEdited.current && !isEdited) article.current?.querySelector<HTMLElement>('[data-testid="edit"]')?.focus();
    wasEdited.current = isEdited;
  }, [isEdited]);

  /** If the run succeeds, this message disappears with the part that it replaces. */
  async function follow(run: RunPromise) {
    setProblem(undefined);
    const { error } = await run;
    if (isOfEdits(error?.code)) setProblem(error);
  }
  function close() {
    setEdited(false);
    setProblem(undefined);
  }

  return (
    <article
      ref={article} className="message" data-testid="message" data-role={message.type} data-message-id={id} data-incomplete={isIncomplete} data-streaming={isStreaming}
      aria-label={LABELS[message.type] ?? "Message"}
    >
      {isEdited && id !== undefined && (
        <Editor text={text} isSending={isLookedUp} save={(words) => void follow(actions.edit(id, words))} cancel={close} />
      )}
      <div className="text" data-testid="message-text" hidden={isEdited || text === ""}>{text}</div>
      {toolCalls?.map((tool) => (
        <section key={tool.id} className="card" data-testid="tool-card" data-state={tool.state} aria-label={`Tool ${tool.call.name}`}>
          <h2><code>{tool.call.name}</code> <small>{tool.state}</small></h2>
          <Details value={tool.call.args} />
          {tool.result && <pre tabIndex={0}>{textOf(tool.result)}</pre>}
        </section>
      ))}
      {isIncomplete && <p className="hint">Incomplete: the agent stopped here, and the server has not stored this.</p>}
      {problem && <p className="banner error" role="alert" data-testid="edit-error" data-code={problem.code}>{problem.message}</p>}
      <MessageFoot
        versions={count > 1 ? { place, count } : undefined} isBusy={isBusy} choose={(to) => actions.choose(message, to)}
        edit={canEdit && !isEdited ? () => setEdited(true) : undefined}
        regenerate={canRegenerate && id !== undefined && !isLookedUp ? () => void follow(actions.regenerate(id)) : undefined}
      />
    </article>
  );
});

/** The text of a message, whose content is a string or a list of blocks. */
export function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}
