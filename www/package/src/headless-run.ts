/** Running headless tools: loaded with the first of them. */
import { toolOfInterrupt, type AnyHeadlessToolImplementation, type HeadlessToolCall, type HeadlessToolImplementation, type OnToolCallback } from "./headless-tools.js";
import type { Interrupt } from "./types/schema.js";

/** How one run of a tool ended. */
export type ToolOutcome<Output = unknown> = { success: true; result: Output } | { success: false; error: Error };

/** The implementation of the tool with that name. */
export const findTool = <Args = unknown, Output = unknown>(tools: readonly AnyHeadlessToolImplementation[], name: string): HeadlessToolImplementation<Args, Output> | undefined =>
  tools.find(({ tool }) => tool.name === name) as HeadlessToolImplementation<Args, Output> | undefined;

/** Runs a tool, and tells of it. Never rejects. */
export async function executeTool<Args, Output>(
  implementation: HeadlessToolImplementation<Args, Output>,
  args: Args,
  onTool?: OnToolCallback,
): Promise<ToolOutcome<Output>> {
  const { name } = implementation.tool;
  const start = Date.now();
  onTool?.({ phase: "start", name, args });
  try {
    const result = await implementation.execute(args);
    onTool?.({ phase: "success", name, args, result, duration: Date.now() - start });
    return { success: true, result };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    onTool?.({ phase: "error", name, args, error, duration: Date.now() - start });
    return { success: false, error };
  }
}

/** Runs the tool of a call. The answer for the graph is its result, or `{error}`. */
export async function runCall({ name, args }: HeadlessToolCall, tools: readonly AnyHeadlessToolImplementation[], onTool?: OnToolCallback): Promise<unknown> {
  const implementation = findTool(tools, name);
  if (!implementation) {
    const known = tools.map(({ tool }) => tool.name).join(", ") || "none";
    const error = new Error(`No headless tool "${name}" was given. Given: ${known}.`);
    onTool?.({ phase: "error", name, args, error, duration: 0 });
    return { error: error.message };
  }
  const outcome = await executeTool(implementation, args, onTool);
  return outcome.success ? outcome.result : { error: outcome.error.message };
}

/**
 * Runs all waiting tools that have not run yet, at once. Gives the value to resume with: the results by interrupt id, each by its tool
 * call's id. `handled` holds the ids of the calls that have run. The new ids are added before anything runs.
 */
export async function runHeadlessTools(
  interrupts: readonly Interrupt[],
  tools: readonly AnyHeadlessToolImplementation[],
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
      const value = await runCall(call, tools, onTool);
      return { id, value: call.id ? { [call.id]: value } : value };
    }),
  );
  const [first] = results;
  if (results.length === 1 && first && !first.id) return first.value;
  return Object.fromEntries(results.flatMap(({ id, value }) => (id ? [[id, value]] : [])));
}
