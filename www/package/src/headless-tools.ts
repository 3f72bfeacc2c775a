/** Tools that the graph only declares and this page runs. Their calls come as interrupts; their results resume the graph. */

/** The result of `tool({...}).implement(...)`. */
export interface HeadlessToolImplementation<Args = unknown, Output = unknown> {
  /** The tool as the graph declares it; its name is what counts. */
  tool: { name: string };
  /** Runs it here. The graph gets the result, or the error if it rejects. */
  execute: (args: Args) => Promise<Output>;
}

/** Any headless tool: what it takes is between it and the graph. */
export type AnyHeadlessToolImplementation = HeadlessToolImplementation<never>;

/** A step in a headless tool's life. */
export interface ToolEvent {
  /** The step of its life cycle. */
  phase: "start" | "success" | "error";
  /** The tool. */
  name: string;
  /** The arguments of the call. */
  args: unknown;
  /** With `success`. */
  result?: unknown;
  /** With `error`. */
  error?: Error;
  /** Milliseconds. */
  duration?: number;
}

/** Called at each step. */
export type OnToolCallback = (event: ToolEvent) => void;

/** A tool call that came as an interrupt. */
export interface HeadlessToolCall {
  id: string | undefined;
  name: string;
  args: unknown;
}

/** The tool call in an interrupt's value: `{type: "tool", toolCall}` from JS, `tool_call` from Python. */
export function toolOfInterrupt(value: unknown): HeadlessToolCall | undefined {
  if (typeof value !== "object" || value === null || (value as { type?: unknown }).type !== "tool") return undefined;
  const { toolCall, tool_call } = value as { toolCall?: unknown; tool_call?: unknown };
  const call = (toolCall ?? tool_call) as { id?: unknown; name?: unknown; args?: unknown } | null | undefined;
  if (typeof call !== "object" || call === null || typeof call.name !== "string") return undefined;
  return { id: typeof call.id === "string" ? call.id : undefined, name: call.name, args: call.args };
}
