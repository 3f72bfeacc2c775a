/**
 * The types of `rejoin/assistant-ui`: LangChain's messages as they are on the wire, and their companions. The names and
 * shapes are those of `@assistant-ui/react-langgraph`, so that an application's own annotations keep their meaning.
 */
import type { MessageStatus } from "@assistant-ui/core";

export type * from "./types-events.js";
export type * from "./types-options.js";

/** A value that JSON can carry, not to be changed. */
export type ReadonlyJSONValue = null | string | number | boolean | ReadonlyJSONObject | readonly ReadonlyJSONValue[];

/** An object that JSON can carry, not to be changed. */
export type ReadonlyJSONObject = { readonly [key: string]: ReadonlyJSONValue };

/** A piece of a tool call while the model writes it. */
export type LangChainToolCallChunk = {
  /** The index of its tool call in the message, from 0. */
  index: number;
  /** The call's id; empty when only the first piece carries it. */
  id: string;
  /** The tool's name; empty when only the first piece carries it. */
  name: string;
  /** The next characters of the arguments' JSON. */
  args?: string;
  /** The same, under the name some servers use. */
  args_json?: string;
};

/** A tool call, whole or as far as it has come. */
export type LangChainToolCall = {
  /** Its place among the message's calls, from 0. */
  index?: number;
  /** Its id; empty while it is not known. */
  id: string;
  /** The tool's name. */
  name: string;
  /** The arguments, as far as they can be read. */
  args: ReadonlyJSONObject;
  /** The arguments' JSON as the model wrote it, as far as it has come. */
  partial_json?: string;
};

/** The place of a block in a streamed message. */
export type MessageContentIndex = {
  /** Blocks of one type with the same index are one block. Without it, a block belongs to the last one if that is of its type. */
  index?: number | string;
};

/** A block of text. */
export type MessageContentText = MessageContentIndex & {
  /** `text_delta` comes from streams only, and is shown as `text`. */
  type: "text" | "text_delta";
  /** The text, or the next characters of it. */
  text: string;
  /** The sources of the text, in the provider's own form. */
  citations?: unknown[];
};

/** An image by its address, which may be a `data:` address. */
export type MessageContentImageUrl = {
  type: "image_url";
  image_url: string | { url?: string };
};

/** The model's thoughts before its answer, as Anthropic sends them. */
export type MessageContentThinking = MessageContentIndex & {
  type: "thinking";
  thinking: string;
  /** The provider's proof that the text is its own. */
  signature?: string;
};

/** A paragraph of a summary of the model's reasoning. */
export type MessageContentReasoningSummaryText = MessageContentIndex & {
  type: "summary_text";
  text?: string;
};

/** The model's reasoning: a summary in paragraphs, or the text itself. */
export type MessageContentReasoning = MessageContentIndex & {
  type: "reasoning";
  summary?: MessageContentReasoningSummaryText[];
  reasoning?: string;
  /** The provider's proof that the text is its own. */
  signature?: string;
};

/** A tool call among the content. `tool_calls` says the same in full, so it is not shown from here. */
export type MessageContentToolUse = MessageContentIndex & {
  type: "tool_use" | "input_json_delta";
};

/** An action the model wants to be done at a computer, as OpenAI sends it. */
export type MessageContentComputerCall = {
  type: "computer_call";
  call_id: string;
  id: string;
  action: unknown;
  pending_safety_checks: unknown[];
  index: number;
};

/** A file: its bytes, an address, or the id a provider gave it. */
export type MessageContentFile =
  | {
      type: "file";
      /** The bytes in base64. */
      data: string;
      mime_type: string;
      source_type?: "base64";
      metadata?: { filename?: string };
    }
  | {
      type: "file";
      url: string;
      mime_type?: string;
      source_type: "url";
      metadata?: { filename?: string };
    }
  | {
      type: "file";
      id: string;
      mime_type?: string;
      source_type: "id";
      metadata?: { filename?: string };
    };

/** Sound. */
export type MessageContentAudio = {
  type: "audio";
  /** The bytes in base64. */
  data: string;
  mime_type: string;
  source_type: "base64";
};

/** The parts of a person's message. */
export type UserMessageContent =
  | string
  | (MessageContentText | MessageContentImageUrl | MessageContentFile | MessageContentAudio)[];

/** The parts of an answer. */
export type AssistantMessageContent =
  | string
  | (
      | MessageContentText
      | MessageContentImageUrl
      | MessageContentToolUse
      | MessageContentFile
      | MessageContentReasoning
      | MessageContentThinking
      | MessageContentComputerCall
    )[];

/** A message of a thread, as LangGraph's servers send and store it. */
export type LangChainMessage =
  | {
      id?: string;
      type: "system";
      content: string;
      additional_kwargs?: Record<string, unknown>;
    }
  | {
      id?: string;
      type: "human";
      content: UserMessageContent;
      additional_kwargs?: Record<string, unknown>;
    }
  | {
      id?: string;
      type: "tool";
      content: string;
      /** The call that this is the result of. */
      tool_call_id: string;
      name: string;
      /** The tool's data that the model does not read; the application knows its shape. */
      artifact?: any;
      status: "success" | "error";
    }
  | {
      /** The message that is to be taken away; `__remove_all__` is every one. */
      id: string;
      type: "remove";
      content: string | [];
      additional_kwargs?: Record<string, unknown>;
    }
  | {
      id?: string;
      type: "ai";
      content: AssistantMessageContent;
      /** Pieces of tool calls, in a message that came as a chunk. */
      tool_call_chunks?: LangChainToolCallChunk[];
      tool_calls?: LangChainToolCall[];
      /** Its end, if assistant-ui would show another by itself. */
      status?: MessageStatus;
      additional_kwargs?: {
        reasoning?: MessageContentReasoning;
        tool_outputs?: MessageContentComputerCall[];
        /** Becomes `metadata.custom` of the message shown. */
        metadata?: Record<string, unknown>;
        /** Speech; its transcript is shown when there is no text. */
        audio?: { id?: string; data?: string; expires_at?: number; transcript?: string };
      };
    };

/** An answer, whole or as far as it has come. */
export type LangChainAiMessage = Extract<LangChainMessage, { type: "ai" }>;

/** The next piece of an answer. */
export type LangChainMessageChunk = {
  id?: string | undefined;
  type: "AIMessageChunk";
  content?: AssistantMessageContent | undefined;
  tool_call_chunks?: LangChainToolCallChunk[] | undefined;
};

/** The server's metadata of a message: its node, step, run, tags; `namespace` is added for a subgraph's. */
export type LangGraphTupleMetadata = Record<string, unknown>;

/** A component the graph wants shown (LangGraph's `typed_ui`). */
export type UIMessage<TName extends string = string, TProps extends Record<string, unknown> = Record<string, unknown>> = {
  type: "ui";
  id: string;
  /** The name of the component. */
  name: TName;
  /** Its properties. */
  props: TProps;
  metadata?: {
    /** Properties are added to those of the same id, instead of taking their place. */
    merge?: boolean;
    run_id?: string;
    name?: string;
    tags?: string[];
    /** The message it belongs to, as Python's SDK writes it; JavaScript's writes `id`. */
    message_id?: string;
    [key: string]: unknown;
  };
};

/** Takes a component away. */
export type RemoveUIMessage = {
  type: "remove-ui";
  id: string;
};
