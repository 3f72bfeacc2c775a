/** Tools that the graph only declares and this page runs. Their calls come as interrupts; their results resume the graph. */
import type { Interrupt } from "./types/schema.js";

/** What `tool({...}).implement(...)` gives. */
export interface HeadlessToolImplementation<Args = unknown, Output = unknown> {
  /** The tool as the graph declares it; its name is what counts. */
  tool: { name: string };
  /** Runs it here. What it resolves to goes to the graph; where it rejects the graph is told the error. */
  execute: (args: Args) => Promise<Output>;
}

/** Any headless tool. */
export type AnyHeadlessToolImplementation = HeadlessToolImplementation<any, any>;

/** A step in a headless tool's life. */
export interface ToolEvent {
  /** What has happened. */
  phase: "start" | "success" | "error";
  /** The tool. */
  name: string;
  /** What it was called with. */
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

async function run(call: HeadlessToolCall, tools: AnyHeadlessToolImplementation[], onTool?: OnToolCallback): Promise<unknown> {
  const { name, args } = call;
  const implementation = tools.find(({ tool }) => tool.name === name);
  if (!implementation) {
    const known = tools.map(({ tool }) => tool.name).join(", ") || "none";
    const error = new Error(`No headless tool "${name}" was given. Given: ${known}.`);
    onTool?.({ phase: "error", name, args, error, duration: 0 });
    return { error: error.message };
  }
  const start = Date.now();
  onTool?.({ phase: "start", name, args });
  try {
    const result: unknown = await implementation.execute(args);
    onTool?.({ phase: "success", name, args, result, duration: Date.now() - start });
    return result;
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    onTool?.({ phase: "error", name, args, error, duration: Date.now() - start });
    return { error: error.message };
  }
}

/**
 * Runs what waits and has not run yet, all at once, and gives the value to resume with: by interrupt id, each by its tool
 * call's id. `handled` is what has run; it is added to before anything runs.
 */
export async function runHeadlessTools(
  interrupts: readonly Interrupt[],
  tools: AnyHeadlessToolImplementation[],
  handled: Set<string>,
  onTool?: OnToolCallback,
): Promise<unknown> {
  const calls = interrupts.flatMap((interrupt) => {
    const call = toolOfInterrupt(interrupt.value);
    const id = interrupt.id ?? call?.id ?? "";
    if (!call || handled.has(id) || (call.id && handled.has(call.id))) return [];
    handled.add(id);
    if (call.id) handled.add(call.id);
    return [{ id: interrupt.id, call }];
  });
  if (calls.length === 0) return undefined;
  const results = await Promise.all(
    calls.map(async ({ id, call }) => {
      const value = await run(call, tools, onTool);
      return { id, value: call.id ? { [call.id]: value } : value };
    }),
  );
  const [first] = results;
  if (results.length === 1 && first && !first.id) return first.value;
  return Object.fromEntries(results.flatMap(({ id, value }) => (id ? [[id, value]] : [])));
}
