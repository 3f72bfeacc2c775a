/** Attachments of a message that was sent from here: they are shown as such, so their copies in the content are not. */
import type { CompleteAttachment } from "@assistant-ui/core";
import type { ContentPart } from "./content-parts.js";
import { parseDataUrl } from "./data-url.js";

/** The key by which two parts are copies of each other; null for a part that is never left out. */
function payload(part: CompleteAttachment["content"][number] | ContentPart): string | null {
  const bare = (kind: string, value: string): string => `${kind}:${parseDataUrl(value)?.data ?? value}`;
  if (part.type === "image") return bare("image", part.image);
  if (part.type === "file") return bare("file", part.data);
  return part.type === "audio" ? bare("file", part.audio.data) : null;
}

/**
 * The parts without the copies of attachments: one for each attached part. The last ones are left out, because what is
 * attached goes behind what was written when a message is sent.
 */
export function withoutAttached(parts: ContentPart[], attachments: readonly CompleteAttachment[]): ContentPart[] {
  const attached = attachments.flatMap(({ content }) => content.map(payload)).filter((key) => key !== null);
  const kept: ContentPart[] = [];
  for (const part of [...parts].reverse()) {
    const at = attached.indexOf(payload(part) ?? "");
    if (at < 0) kept.push(part);
    else attached.splice(at, 1);
  }
  return kept.reverse();
}
