/** A person's text and attachments, as LangChain's content. */
import type { AppendMessage } from "@assistant-ui/core";
import type { UserMessageContent } from "../types.js";
import { parseDataUrl } from "./data-url.js";

type Part = AppendMessage["content"][number] | NonNullable<AppendMessage["attachments"]>[number]["content"][number];
type Block = Exclude<UserMessageContent, string>[number];

/**
 * Audio types that models take. LangChain passes the part after the slash on as the format, and the only formats are wav and
 * mp3. Any other audio goes as a file.
 */
const AUDIO_TYPES = new Map([
  ["audio/mp3", "audio/mp3"],
  ["audio/mpeg", "audio/mp3"],
  ["audio/wav", "audio/wav"],
  ["audio/wave", "audio/wav"],
  ["audio/x-wav", "audio/wav"],
]);

const audioBlock = (data: string, type: string): Block => ({ type: "audio", data, mime_type: type, source_type: "base64" });

function fileBlock(part: Extract<Part, { type: "file" }>): Block {
  const { data: given, mimeType: mime_type, sourceType, filename = "file" } = part;
  const named = { filename, metadata: { filename } };
  if (sourceType === "id") return { type: "file", id: given, mime_type, ...named, source_type: "id" };
  if (sourceType === "url" || /^https?:\/\//i.test(given)) return { type: "file", url: given, mime_type, ...named, source_type: "url" };
  const { data, mimeType } = parseDataUrl(given) ?? part;
  const audio = AUDIO_TYPES.get(mimeType.toLowerCase());
  return audio ? audioBlock(data, audio) : { type: "file", data, mime_type: mimeType, ...named, source_type: "base64" };
}

function blocksOf(part: Part): Block[] {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: part.text }];
    case "image":
      return [{ type: "image_url", image_url: { url: part.image } }];
    case "file":
      return [fileBlock(part)];
    case "audio":
      return [audioBlock(parseDataUrl(part.audio.data)?.data ?? part.audio.data, `audio/${part.audio.format}`)];
    case "data":
      return [];
    case "tool-call":
      throw new Error("Tool call appends are not supported.");
    default:
      throw new Error(`Unsupported append message part type: ${part.type}`);
  }
}

const isMedia = ({ type }: Part): boolean => type === "file" || type === "image" || type === "audio";

/**
 * The content of a message to send: its parts and those of its attachments, and plain text when that is all. Media alone
 * get a blank before them, because models want some text. Throws for parts that only an answer has.
 */
export function getMessageContent(message: AppendMessage): UserMessageContent {
  const parts: Part[] = [...message.content, ...(message.attachments ?? []).flatMap(({ content }) => content)];
  if (parts.some(isMedia) && !parts.some(({ type }) => type === "text")) parts.unshift({ type: "text", text: " " });
  const blocks = parts.flatMap(blocksOf);
  const [only] = blocks;
  return blocks.length === 1 && only?.type === "text" ? only.text : blocks;
}
