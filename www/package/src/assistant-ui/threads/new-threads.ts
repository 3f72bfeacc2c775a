/** Threads whose ids this page has made: each is made at the server when its first submission is sent, so it may wait in the outbox. */

const ids = new Set<string>();

/** A random UUID. `crypto.randomUUID` is missing in pages without HTTPS. */
export function newThreadId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte, at) => {
    const marked = at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte;
    return marked.toString(16).padStart(2, "0");
  }).join("");
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  ids.add(id);
  return id;
}

/** Whether nobody has made this thread at the server before its first submission. */
export const isUnmade = (id: string): boolean => ids.has(id);
