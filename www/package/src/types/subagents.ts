/** Agents that a tool call starts, and that stream beside the thread's own messages. */
import type { AIMessage, DefaultToolCall, Message, ToolCallWithResult } from "./messages.js";
import type { Interrupt } from "./schema.js";

/** The tool call that started a subagent. */
export interface SubagentToolCall<SubagentName extends string = string> {
  /** The call's id. */
  id: string;
  /** The tool, usually `task`. */
  name: string;
  /** Its task, and the kind of subagent that does it. */
  args: { description?: string; subagent_type?: SubagentName; [key: string]: unknown };
}

/** `pending` until something of it streams, then `running`; `complete` or `error` when its tool message is there. */
export type SubagentStatus = "pending" | "running" | "complete" | "error";

/** A subagent's own stream. Members that only a thread has are there, and empty. */
export interface SubagentStream<StateType = Record<string, unknown>, ToolCall = DefaultToolCall> {
  /** The tool call's id. */
  id: string;
  /** The call that started it. */
  toolCall: SubagentToolCall;
  /** Its status. */
  status: SubagentStatus;
  /** The last state that it streamed; empty until then. */
  values: StateType;
  /** Its own messages, as far as they have streamed. */
  messages: Message<ToolCall>[];
  /** All tool calls of its messages. */
  toolCalls: ToolCallWithResult<ToolCall>[];
  /** The tool calls of one of its messages. */
  getToolCalls: (message: AIMessage<ToolCall>) => ToolCallWithResult<ToolCall>[];
  /** The tool message's content when complete. */
  result: string | null;
  /** The tool message's content when it failed. */
  error: unknown;
  /** Whether it runs. */
  isLoading: boolean;
  /** The namespace of its events; empty until one came. */
  namespace: string[];
  /** The AI message that called it. */
  aiMessageId: string | null;
  /** The tool call of the subagent that started it, for nested ones. */
  parentId: string | null;
  /** The depth of its nesting: 1 if the thread's agent started it, 0 while that is unknown. */
  depth: number;
  /** When it was first seen; null until it runs. */
  startedAt: Date | null;
  /** When its tool message was seen. */
  completedAt: Date | null;
  /** Always undefined: questions are the thread's. */
  interrupt: Interrupt | undefined;
  /** Always empty. */
  interrupts: Interrupt[];
  /** Does nothing. */
  switchThread: (threadId: string | null) => void;
  /** Always empty: nested ones are among the stream's own, and name it as their `parentId`. */
  subagents: Map<string, SubagentStream>;
  /** Always empty. */
  activeSubagents: SubagentStream[];
  /** Always undefined. */
  getSubagent: (toolCallId: string) => SubagentStream | undefined;
  /** Always empty. */
  getSubagentsByType: (type: string) => SubagentStream[];
  /** Always empty. */
  getSubagentsByMessage: (messageId: string) => SubagentStream[];
}
