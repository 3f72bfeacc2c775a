/** Blocks of a message's content, joined as they are streamed. Nothing that was handed in is changed. */
import type {
  LangChainAiMessage,
  MessageContentReasoning,
  MessageContentReasoningSummaryText,
  MessageContentText,
  MessageContentThinking,
} from "../types.js";

type Block = Exclude<LangChainAiMessage["content"], string>[number];
type Index = number | string | undefined;

/** The values that say something: a later piece repeats fields as null or empty, and does not mean to erase them. */
function said<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== "")) as Partial<T>;
}

/** Both texts, and no field when there is none. */
function joined<K extends string>(key: K, before: { [key in K]?: string }, next: { [key in K]?: string }): { [key in K]?: string } {
  const text = (before[key] ?? "") + (next[key] ?? "");
  return (text ? { [key]: text } : {}) as { [key in K]?: string };
}

/** Paragraphs of a summary: by index where they have one, else by place. */
function mergeSummary(
  before: MessageContentReasoningSummaryText[] = [],
  next: MessageContentReasoningSummaryText[] = [],
): MessageContentReasoningSummaryText[] {
  const merged = [...before];
  next.forEach((part, place) => {
    if (!part) return;
    const at = part.index === undefined ? place : merged.findIndex((known) => known?.index === part.index);
    const known = merged[at];
    if (known) merged[at] = { ...known, text: (known.text ?? "") + (part.text ?? "") };
    else merged.push(part);
  });
  return merged;
}

function mergeText(before: MessageContentText, next: MessageContentText): MessageContentText {
  const citations = [...(before.citations ?? []), ...(next.citations ?? [])];
  return { ...before, ...said(next), text: before.text + next.text, ...(citations.length ? { citations } : {}) };
}

function mergeThinking(before: MessageContentThinking, next: MessageContentThinking): MessageContentThinking {
  return { ...before, ...said(next), ...joined("thinking", before, next), ...joined("signature", before, next) };
}

/** A block of reasoning with the next piece of it. */
export function mergeReasoning(before: MessageContentReasoning, next: MessageContentReasoning): MessageContentReasoning {
  const summary = mergeSummary(before.summary, next.summary);
  const texts = { ...joined("reasoning", before, next), ...joined("signature", before, next) };
  return { ...before, ...said(next), ...texts, ...(summary.length ? { summary } : {}) };
}

/** The index of the block that the next one belongs to: the one of the same type and index; without an index, the last if it is of that type. */
function placeOf(blocks: readonly Block[], type: string, index: Index, last: boolean): number {
  if (index !== undefined && index !== null) return blocks.findIndex((block) => block.type === type && (block as { index?: Index }).index === index);
  return last && blocks.at(-1)?.type === type ? blocks.length - 1 : -1;
}

/** Joins the block to the one it belongs to, or puts it behind the others. */
function join<T extends Block>(blocks: Block[], next: T, last: boolean, merge: (before: T, next: T) => T): void {
  const at = placeOf(blocks, next.type, (next as { index?: Index }).index, last);
  if (at < 0) blocks.push(next);
  else blocks[at] = merge(blocks[at] as T, next);
}

function addText(blocks: Block[], piece: MessageContentText): void {
  const next: MessageContentText = { ...piece, type: "text", text: piece.text ?? "" };
  // What opens a block is empty. A block that only cites has no text at all.
  const opens = piece.text === "" && placeOf(blocks, "text", next.index, true) < 0;
  if (!opens) join(blocks, next, true, mergeText);
}

function addBlock(blocks: Block[], piece: Block | string | null | undefined): void {
  if (typeof piece === "string") return addText(blocks, { type: "text", text: piece });
  if (!piece?.type) return;
  switch (piece.type) {
    // The message's tool calls say the same, and say it whole.
    case "tool_use":
    case "input_json_delta":
      return;
    case "text":
    case "text_delta":
      return addText(blocks, piece);
    case "thinking":
      return join(blocks, { ...piece, thinking: piece.thinking ?? "" }, true, mergeThinking);
    case "reasoning":
      return join(blocks, piece, true, mergeReasoning);
    default:
      join<Block>(blocks, piece, false, (before, next) => ({ ...before, ...said(next) }) as Block);
  }
}

/** The blocks with the next piece of the content. */
export function mergeContent(
  before: LangChainAiMessage["content"] | null | undefined,
  next: LangChainAiMessage["content"] | null | undefined,
): Block[] {
  const blocks: Block[] = typeof before === "string" ? [{ type: "text", text: before }] : [...(before ?? [])];
  if (typeof next === "string") {
    // Text that comes bare belongs to the last block of text, or is one, even when it is empty.
    join<MessageContentText>(blocks, { type: "text", text: next }, true, mergeText);
  } else if (Array.isArray(next)) for (const piece of next) addBlock(blocks, piece);
  return blocks;
}
