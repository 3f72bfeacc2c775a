// One message. A message that has not changed keeps its identity, so `memo` is all it takes to render only what did.
import { memo } from "react";
import type { Message, ToolCallWithResult } from "rejoin/react";
import { Details } from "./details";

interface Props {
  message: Message;
  toolCalls: ToolCallWithResult[] | undefined;
  /** More of it may come. */
  isStreaming: boolean;
  /** Its run failed or was cancelled, and the server has not stored it. */
  isIncomplete: boolean;
}

const LABELS: Record<string, string> = { human: "You", ai: "Assistant", system: "System" };

/** A bubble, and a card for each tool call. */
export const MessageView = memo(function MessageView({ message, toolCalls, isStreaming, isIncomplete }: Props) {
  const text = textOf(message);
  return (
    <article className="message" data-testid="message" data-role={message.type} data-incomplete={isIncomplete} data-streaming={isStreaming} aria-label={LABELS[message.type] ?? "Message"}>
      <div className="text" data-testid="message-text" hidden={text === ""}>{text}</div>
      {toolCalls?.map((tool) => (
        <section key={tool.id} className="card" data-testid="tool-card" data-state={tool.state} aria-label={`Tool ${tool.call.name}`}>
          <h2><code>{tool.call.name}</code> <small>{tool.state}</small></h2>
          <Details value={tool.call.args} />
          {tool.result && <pre tabIndex={0}>{textOf(tool.result)}</pre>}
        </section>
      ))}
      {isIncomplete && <p className="hint">Not whole: the agent stopped here, and the server has not stored this.</p>}
    </article>
  );
});

/** The text of a message, whose content is a string or a list of blocks. */
export function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}
