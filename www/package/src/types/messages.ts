/** The shapes of LangChain messages on the wire: plain dicts, never class instances. */

/** One block of a message's content. Providers add block types of their own; these two are common to all. */
export type MessageContentComplex =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: string | { url: string; detail?: "auto" | "low" | "high" | undefined } };

/** Plain text, or a list of blocks. */
export type MessageContent = string | MessageContentComplex[];

/** The members of every message. */
export interface MessageBase {
  /** Text or blocks. */
  content: MessageContent;
  /** Unique in its thread. Messages that are submitted without one are given one. */
  id?: string | undefined;
  /** The author, if the graph names one. */
  name?: string | undefined;
  /** The provider's data beside the content. */
  additional_kwargs?: Record<string, unknown> | undefined;
  /** The provider's words on the response: model, finish reason. */
  response_metadata?: Record<string, unknown> | undefined;
}

/** A tool call when the state says nothing more exact. */
export type DefaultToolCall = {
  name: string;
  // Arguments are the tool's own business; `any` as in LangGraph's SDK, so that code written for it compiles.
  args: { [key: string]: any };
  id?: string | undefined;
  type?: "tool_call" | undefined;
};

/** A tool call whose arguments are not (yet) JSON. */
export type InvalidToolCall = {
  name?: string | undefined;
  args?: string | undefined;
  id?: string | undefined;
  error?: string | undefined;
  type?: "invalid_tool_call" | undefined;
};

/** Tokens used. */
export type UsageMetadata = {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  input_token_details?:
    | { audio?: number | undefined; cache_read?: number | undefined; cache_creation?: number | undefined }
    | undefined;
  output_token_details?: { audio?: number | undefined; reasoning?: number | undefined } | undefined;
};

/** A person's message. */
export type HumanMessage = MessageBase & { type: "human"; example?: boolean | undefined };

/** The model's message. `ToolCall` is a union over the tools' names for typed arguments. */
export type AIMessage<ToolCall = DefaultToolCall> = MessageBase & {
  type: "ai";
  example?: boolean | undefined;
  tool_calls?: ToolCall[] | undefined;
  invalid_tool_calls?: InvalidToolCall[] | undefined;
  usage_metadata?: UsageMetadata | undefined;
};

/** A tool's result. */
export type ToolMessage = MessageBase & {
  type: "tool";
  status?: "error" | "success" | undefined;
  /** The call that this answers. */
  tool_call_id: string;
  /** A part of the result that is not for the model. */
  artifact?: any;
};

/** Instructions. */
export type SystemMessage = MessageBase & { type: "system" };
/** The result of a function call in the old sense. */
export type FunctionMessage = MessageBase & { type: "function" };
/** An order to remove the message with this id. */
export type RemoveMessage = MessageBase & { type: "remove" };

/** Any message. */
export type Message<ToolCall = DefaultToolCall> =
  | HumanMessage
  | AIMessage<ToolCall>
  | ToolMessage
  | SystemMessage
  | FunctionMessage
  | RemoveMessage;

/** `pending` until there is a result (or a later AI message), `error` if the result is one. */
export type ToolCallState = "pending" | "completed" | "error";

/** A tool call with its result. */
export type ToolCallWithResult<ToolCall = DefaultToolCall> = {
  /** The call's id, or one made from the message's id and the index. */
  id: string;
  call: ToolCall;
  /** Undefined while there is none. */
  result: ToolMessage | undefined;
  aiMessage: AIMessage<ToolCall>;
  /** Place among the message's tool calls. */
  index: number;
  state: ToolCallState;
};

type ToolInput<T> = T extends { tool: { name: string }; execute: (args: infer Args) => unknown }
  ? Args
  : T extends { _call: (arg: infer Args, ...rest: never[]) => unknown }
    ? Args
    : T extends { schema: { _zod: { input: infer Args } } }
      ? Args
      : T extends { schema: { _input: infer Args } }
        ? Args
        : never;

type ToolName<T> = T extends { tool: { name: infer N extends string } } ? N : T extends { name: infer N } ? N : never;

/** The tool call type of one tool made with LangChain's `tool()`. */
export type ToolCallFromTool<T> =
  ToolInput<T> extends infer Args extends Record<string, unknown>
    ? { name: ToolName<T>; args: Args; id?: string; type?: "tool_call" }
    : never;

/** The union of the tool call types of a tuple of tools. */
export type ToolCallsFromTools<T extends readonly unknown[]> = T extends readonly [infer First, ...infer Rest]
  ? ToolCallFromTool<First> | ToolCallsFromTools<Rest>
  : never;
