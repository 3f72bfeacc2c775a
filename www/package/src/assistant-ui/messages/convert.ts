/** LangChain's messages as those of assistant-ui. */
import type { CompleteAttachment, MessageTiming, ToolCallMessagePart } from "@assistant-ui/core";
import type { useExternalMessageConverter } from "@assistant-ui/core/react";
import type { LangChainAiMessage, LangChainMessage, UIMessage } from "../types.js";
import { argsOf, type KeyOrders, stableArgsText } from "./args-text.js";
import { withoutAttached } from "./attachments.js";
import { type ContentBlock, type ContentPart, partOf, withTranscript } from "./content-parts.js";

/** The data for a conversion, besides the messages. */
export type LangGraphConverterMetadata = useExternalMessageConverter.Metadata & {
  /** Remembers the order of keys in tools' arguments. */
  toolArgsKeyOrderCache?: KeyOrders;
  /** Components by the message they belong to. */
  uiMessagesByParent?: Map<string, UIMessage[]>;
  /** How long answers took, by message. */
  messageTiming?: Record<string, MessageTiming>;
  /** Attachments of messages sent from here, by message. */
  attachmentsByMessageId?: Map<string, readonly CompleteAttachment[]>;
};

type Converted = ReturnType<useExternalMessageConverter.Callback<LangChainMessage>>;
type Kwargs = Record<string, unknown> | undefined;

declare const process: { env: { NODE_ENV?: string } } | undefined;

const warned = new Set<string>();

/** Says once, while developing, that something is not shown. */
function warn(what: string): void {
  if (typeof process === "undefined" || process.env.NODE_ENV !== "development" || warned.has(what)) return;
  warned.add(what);
  console.warn(`[rejoin] ${what} is not shown`);
}

const keyOf = (id: string | undefined, kind: string, call: string): string => `${id ?? "unknown"}:${kind}:${call}`;

/** Content as a list. Servers store what agents give them, so it may be anything. */
function blocksOf(content: unknown): readonly (ContentBlock | string)[] {
  if (typeof content === "string") return [content];
  if (Array.isArray(content)) return content;
  if (content) warn(`content that is neither text nor a list`);
  return [];
}

function partsOf(content: unknown, orders: KeyOrders | undefined, id: string | undefined): ContentPart[] {
  const parts: ContentPart[] = [];
  for (const block of blocksOf(content)) {
    if (typeof block === "string") parts.push({ type: "text", text: block });
    else if (block?.type === "computer_call") {
      const { action, call_id: toolCallId } = block;
      const argsText = stableArgsText(orders, keyOf(id, "computer", toolCallId), action);
      parts.push({ type: "tool-call", toolCallId, toolName: "computer_call", args: action as ToolCallMessagePart["args"], argsText });
    } else if (block) {
      const part = partOf(block);
      if (part) parts.push(part);
      else if (part === undefined) warn(`content of type ${block.type}`);
    }
  }
  return parts;
}

function toolCallParts({ id, tool_calls: calls, tool_call_chunks: chunks }: LangChainAiMessage, orders: KeyOrders | undefined): ToolCallMessagePart[] {
  return (calls ?? []).flatMap((call, place): ToolCallMessagePart[] => {
    if (!call) return [];
    const index = call.index ?? place;
    const toolCallId = call.id || `lc-toolcall-${id ?? "unknown"}-${index}`;
    const chunk = chunks?.find((known) => known && (call.id ? known.id === call.id : known.index === index));
    return [{ type: "tool-call", toolCallId, toolName: call.name, ...argsOf(call, chunk, orders, keyOf(id, "tool", toolCallId)) }];
  });
}

const customOf = (kwargs: Kwargs): Record<string, unknown> => (kwargs?.["metadata"] as Record<string, unknown> | undefined) ?? {};

function answer(message: LangChainAiMessage, metadata: LangGraphConverterMetadata): Converted {
  const { id, additional_kwargs: kwargs, status } = message;
  const orders = metadata.toolArgsKeyOrderCache;
  const blocks = [...(kwargs?.reasoning ? [kwargs.reasoning] : []), ...blocksOf(message.content), ...(kwargs?.tool_outputs ?? [])];
  const components = (id && metadata.uiMessagesByParent?.get(id)) || [];
  const timing = id ? metadata.messageTiming?.[id] : undefined;
  return {
    role: "assistant",
    id,
    content: [
      ...withTranscript(partsOf(blocks, orders, id), kwargs?.audio),
      ...toolCallParts(message, orders),
      ...components.map(({ name, props }) => ({ type: "data" as const, name, data: props })),
    ] as never,
    metadata: { custom: customOf(kwargs), ...(timing && { timing }) },
    ...(status && { status }),
  };
}

/** A message as assistant-ui shows it; several answers and results in a row become one message there. */
export const convertLangChainMessages: useExternalMessageConverter.Callback<LangChainMessage> = (
  message,
  metadata: LangGraphConverterMetadata = {},
) => {
  const { id, type } = message;
  switch (type) {
    case "system": {
      const texts = partsOf(message.content, undefined, id).map((part) => (part.type === "text" ? part.text : ""));
      return { role: "system", id, content: [{ type: "text", text: texts.join("") }], metadata: { custom: customOf(message.additional_kwargs) } };
    }
    case "human": {
      const attachments = (id && metadata.attachmentsByMessageId?.get(id)) || [];
      // Only an answer can reason and call tools; assistant-ui would refuse the whole thread.
      const parts = partsOf(message.content, undefined, id).filter(({ type }) => type !== "reasoning" && type !== "tool-call");
      return {
        role: "user",
        id,
        content: withoutAttached(parts, attachments) as never,
        metadata: { custom: customOf(message.additional_kwargs) },
        ...(attachments.length ? { attachments } : {}),
      };
    }
    case "ai":
      return answer(message, metadata);
    case "tool":
      return {
        role: "tool",
        // Null from Python's servers is no name.
        toolName: message.name || undefined,
        toolCallId: message.tool_call_id,
        result: message.content,
        artifact: message.artifact,
        isError: message.status === "error",
      };
    case "remove":
      return [];
    default:
      warn(`a message of type ${String(type)}`);
      return [];
  }
};
