/** Helpers for tools that run in the page, for applications that resume the graph themselves. A stream with the option `tools` does all of it. */
import { executeTool, findTool, runCall, runHeadlessTools, type ToolOutcome } from "../headless-run.js";
import { toolOfInterrupt, type AnyHeadlessToolImplementation, type HeadlessToolImplementation, type OnToolCallback } from "../headless-tools.js";
import type { Interrupt } from "../types/schema.js";

/** The value of an interrupt by which the graph asks for a tool. */
export interface HeadlessToolInterrupt {
  /** Tells it from a question to a person. */
  type: "tool";
  /** The call. */
  toolCall: { id: string | undefined; name: string; args: unknown };
}

/** The result of {@link handleHeadlessToolInterrupt}, for {@link headlessToolResumeCommand}. */
export interface HeadlessToolResult {
  /** The call's id. */
  toolCallId: string | undefined;
  /** The tool's result; `{error}` if it failed. */
  value: unknown;
}

/** Options of {@link flushPendingHeadlessToolInterrupts}. */
export interface FlushPendingHeadlessToolInterruptsOptions {
  /** Told each step. */
  onTool?: OnToolCallback;
  /** Resumes the graph. */
  resumeSubmit: (command: { resume: unknown }) => void | Promise<void>;
  /** Says when to begin. Default: at once. */
  defer?: (run: () => void) => void;
}

/** Reads an interrupt's value, in the spelling of JS (`toolCall`) or of Python (`tool_call`). Null if it asks for no tool. */
export function parseHeadlessToolInterruptPayload(value: unknown): HeadlessToolInterrupt | null {
  const toolCall = toolOfInterrupt(value);
  return toolCall ? { type: "tool", toolCall } : null;
}

/** Whether an interrupt's value asks for a tool. */
export const isHeadlessToolInterrupt = (interrupt: unknown): interrupt is HeadlessToolInterrupt => toolOfInterrupt(interrupt) !== undefined;

/** The interrupts that are questions to a person. */
export const filterOutHeadlessToolInterrupts = <T extends { value?: unknown }>(interrupts: readonly T[]): T[] =>
  interrupts.filter(({ value }) => !isHeadlessToolInterrupt(value));

/** The implementation of the tool with that name. */
export const findHeadlessTool = <Args = unknown, Output = unknown>(
  tools: HeadlessToolImplementation[],
  name: string,
): HeadlessToolImplementation<Args, Output> | undefined => findTool(tools, name);

/** Runs a tool. Never rejects. */
export const executeHeadlessTool = <Args = unknown, Output = unknown>(
  implementation: HeadlessToolImplementation<Args, Output>,
  args: Args,
  onTool?: OnToolCallback,
): Promise<ToolOutcome<Output>> => executeTool(implementation, args, onTool);

/** Runs the tool that an interrupt asks for. If no tool has its name, the value is that error. */
export async function handleHeadlessToolInterrupt(
  interrupt: HeadlessToolInterrupt,
  tools: AnyHeadlessToolImplementation[],
  onTool?: OnToolCallback,
): Promise<HeadlessToolResult> {
  const toolCall = toolOfInterrupt(interrupt) ?? interrupt.toolCall;
  return { toolCallId: toolCall.id, value: await runCall(toolCall, tools, onTool) };
}

/** The command that gives a result to the graph: by the call's id if it has one. */
export const headlessToolResumeCommand = ({ toolCallId, value }: HeadlessToolResult): { resume: unknown } => ({
  resume: toolCallId ? { [toolCallId]: value } : value,
});

/**
 * Runs the tools that a state's `__interrupt__` asks for and that have not run yet, and resumes the graph with all results at once.
 * `handledIds` is yours to keep, and to clear when the thread changes.
 */
export function flushPendingHeadlessToolInterrupts(
  values: Record<string, unknown> | null | undefined,
  tools: AnyHeadlessToolImplementation[] | undefined,
  handledIds: Set<string>,
  { onTool, resumeSubmit, defer = (run) => run() }: FlushPendingHeadlessToolInterruptsOptions,
): void {
  const interrupts = values?.["__interrupt__"];
  if (!tools?.length || !Array.isArray(interrupts)) return;
  defer(() => {
    void runHeadlessTools(interrupts as Interrupt[], tools, handledIds, onTool).then((resume) => (resume === undefined ? undefined : resumeSubmit({ resume })));
  });
}
