/** Agents that a tool call starts, and that stream beside the thread's own messages. */
import type { AIMessage, DefaultToolCall, Message, ToolCallWithResult } from "./messages.js";
import type { Interrupt } from "./schema.js";

/** The tool call that started a subagent. */
export interface SubagentToolCall<SubagentName extends string = string> {
  id: string;
  /** The tool, usually `task`. */
  name: string;
  args: { description?: string; subagent_type?: SubagentName; [key: string]: unknown };
}

/** `pending` until something of it streams, then `running`; `complete` or `error` when its tool message is there. */
export type SubagentStatus = "pending" | "running" | "complete" | "error";

/** A subagent's own stream. Members that only a thread has are there, and empty. */
export interface SubagentStream<StateType = Record<string, unknown>, ToolCall = DefaultToolCall> {
  /** The tool call's id. */
  id: string;
  toolCall: SubagentToolCall;
  status: SubagentStatus;
  /** The last state that it streamed; empty until then. */
  values: StateType;
  messages: Message<ToolCall>[];
  toolCalls: ToolCallWithResult<ToolCall>[];
  getToolCalls: (message: AIMessage<ToolCall>) => ToolCallWithResult<ToolCall>[];
  /** The tool message's content when complete. */
  result: string | null;
  /** The tool message's content when it failed. */
  error: unknown;
  isLoading: boolean;
  namespace: string[];
  /** The AI message that called it. */
  aiMessageId: string | null;
  /** The tool call of the subagent that started it, for nested ones. */
  parentId: string | null;
  /** How deep it is nested; 1 for one that the thread's agent started, 0 while that is not known. */
  depth: number;
  startedAt: Date | null;
  completedAt: Date | null;
  interrupt: Interrupt | undefined;
  interrupts: Interrupt[];
  switchThread: (threadId: string | null) => void;
  subagents: Map<string, SubagentStream>;
  activeSubagents: SubagentStream[];
  getSubagent: (toolCallId: string) => SubagentStream | undefined;
  getSubagentsByType: (type: string) => SubagentStream[];
  getSubagentsByMessage: (messageId: string) => SubagentStream[];
}
