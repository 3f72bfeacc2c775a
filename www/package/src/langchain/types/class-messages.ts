/** Types of a state once its messages are instances of `@langchain/core`'s classes. */
import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { DefaultToolCall, Message, ToolCallWithResult as PlainToolCallWithResult } from "../../types/messages.js";
import type { SubmitOptions } from "../../types/options.js";
import type { SubagentToolCall } from "../../types/subagents.js";
import type { SubagentStreamInterface } from "./streams.js";

/** A tool call with its result, whose messages are instances. */
export type ToolCallWithResult<ToolCall = DefaultToolCall> = Omit<PlainToolCallWithResult<ToolCall>, "result" | "aiMessage"> & {
  /** The tool's message; undefined while there is none. */
  result: ToolMessage | undefined;
  /** The message that made the call. */
  aiMessage: AIMessage;
};

/** The state as it is shown: `messages` are instances, the rest is as the graph gives it. */
export type ClassState<StateType> = StateType extends { messages: unknown } ? Omit<StateType, "messages"> & { messages: BaseMessage[] } : StateType;

type AnyMessage = BaseMessage | Message;

/** An update in which `messages` may be an instance, a plain message, or a list of either. */
export type ClassUpdate<Update> = Update extends object
  ? { [K in keyof Update]: K extends "messages" ? Update[K] | AnyMessage | AnyMessage[] : Update[K] }
  : Update;

/** Options of a submission, with instances in the optimistic values. */
export type ClassSubmitOptions<StateType, Options = SubmitOptions> = Omit<Options, "optimisticValues"> & {
  /** Shown at once. A function gets the values shown now. */
  optimisticValues?: Partial<ClassUpdate<ClassState<StateType>>> | ((prev: ClassState<StateType>) => Partial<ClassUpdate<ClassState<StateType>>>);
};

/** A subagent's stream whose messages are instances. */
export type ClassSubagentStreamInterface<StateType = Record<string, unknown>, ToolCall = DefaultToolCall, SubagentName extends string = string> = Omit<
  SubagentStreamInterface<StateType, ToolCall, SubagentName>,
  "messages" | "values" | "toolCalls" | "getToolCalls" | "toolCall"
> & {
  /** The call that started it. */
  toolCall: SubagentToolCall<SubagentName>;
  /** Its own messages, as far as they have streamed. */
  messages: BaseMessage[];
  /** The last state that it streamed. */
  values: ClassState<StateType>;
  /** All tool calls of its messages. */
  toolCalls: ToolCallWithResult<ToolCall>[];
  /** The tool calls of one of its messages. */
  getToolCalls: (message: AIMessage) => ToolCallWithResult<ToolCall>[];
};
