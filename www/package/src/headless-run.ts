/** Running headless tools: loaded with the first of them. */
import { toolOfInterrupt, type AnyHeadlessToolImplementation, type HeadlessToolCall, type OnToolCallback } from "./headless-tools.js";
import type { Interrupt } from "./types/schema.js";

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
