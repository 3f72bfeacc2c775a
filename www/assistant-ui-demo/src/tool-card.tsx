// A tool call with its arguments and its result.
import type { ToolCallMessagePartProps } from "@assistant-ui/react";
import { Details } from "./details";

const WORDS = { running: "calling", "requires-action": "waits", complete: "called", incomplete: "stopped" };

/** Shows any tool; an application would show its own tools in their own way. */
export function ToolCard({ toolName, args, result, isError, status }: ToolCallMessagePartProps) {
  const isDone = result !== undefined;
  const state = isError ? "error" : isDone ? "completed" : "pending";
  return (
    <section className="card" data-testid="tool-card" data-state={state} aria-label={`Tool ${toolName}`}>
      <h2><code>{toolName}</code> <small>{isError ? "failed" : isDone ? "done" : WORDS[status.type]}</small></h2>
      <Details value={args} />
      {isDone && <pre tabIndex={0}>{typeof result === "string" ? result : JSON.stringify(result, null, 2)}</pre>}
    </section>
  );
}
