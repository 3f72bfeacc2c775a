/** Blocks of LangChain's content as parts of a message in assistant-ui. */
import type { ThreadAssistantMessage, ThreadUserMessage } from "@assistant-ui/core";
import type { AssistantMessageContent, MessageContentReasoning, UserMessageContent } from "../types.js";

/** A part of a message in assistant-ui. */
export type ContentPart = ThreadUserMessage["content"][number] | ThreadAssistantMessage["content"][number];

/** A block of content. */
export type ContentBlock = Exclude<AssistantMessageContent | UserMessageContent, string>[number];

const BYTES = "application/octet-stream";

/** Reasoning as one text: the paragraphs of its summary once they say something, else what it says itself. */
function reasoningText({ summary, reasoning }: MessageContentReasoning): string | undefined {
  return summary?.some((part) => part?.text) ? summary.map((part) => part?.text ?? "").join("\n\n\n") : reasoning;
}

/** Nothing while there is no text: a signature alone is nothing to show. */
const reasoningPart = (text: string | undefined): ContentPart | null => (text ? { type: "reasoning", text } : null);

function filePart(block: Extract<ContentBlock, { type: "file" }>): ContentPart {
  const filename = block.metadata?.filename ?? "file";
  const mimeType = block.mime_type ?? BYTES;
  if (block.source_type === "url") return { type: "file", filename, data: block.url, mimeType, sourceType: "url" };
  if (block.source_type === "id") return { type: "file", filename, data: block.id, mimeType, sourceType: "id" };
  return { type: "file", filename, data: block.data, mimeType };
}

function audioPart({ data, mime_type: mimeType = BYTES }: { data: string; mime_type?: string }): ContentPart {
  const [kind, subtype] = mimeType.split("/");
  return { type: "file", filename: kind === "audio" && subtype ? `audio.${subtype}` : "audio", data, mimeType };
}

/** The part that shows a block. Null: nothing is to be shown of it; undefined: its type is not known. */
export function partOf(block: Exclude<ContentBlock, { type: "computer_call" }>): ContentPart | null | undefined {
  switch (block.type) {
    case "text":
    case "text_delta":
      return { type: "text", text: block.text };
    case "thinking":
      return reasoningPart(block.thinking);
    case "reasoning":
      return reasoningPart(reasoningText(block));
    case "image_url": {
      const image = typeof block.image_url === "string" ? block.image_url : block.image_url?.url;
      return image ? { type: "image", image } : null;
    }
    case "file":
      return filePart(block);
    case "audio":
      return audioPart(block);
    case "tool_use":
    case "input_json_delta":
      return null;
    default:
      return undefined;
  }
}

const isVisible = (text: unknown): boolean => typeof text === "string" && text.trim() !== "";

/**
 * The parts, with the transcript of spoken audio in the place of text when there is none. Providers leave the content of a
 * spoken answer empty; its sound is not shown, because nobody says what format it is in.
 */
export function withTranscript(parts: ContentPart[], audio: { transcript?: unknown } | undefined): ContentPart[] {
  const text = audio?.transcript;
  if (!isVisible(text) || parts.some((part) => part.type === "text" && isVisible(part.text))) return parts;
  return [...parts.filter(({ type }) => type !== "text"), { type: "text", text: text as string }];
}
