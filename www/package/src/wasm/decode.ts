/** Reads what `crates/xtask/src/inline.rs` has written. */

/** Wasm as text: a byte is one printable character or two. */
export interface InlineWasm {
  /** All bytes, the most frequent first: a character, or a pair, gives a place in it. */
  bytesByRank: readonly number[];
  text: string;
}

/** Printable ASCII, without the quote and the backslash. */
const DIGITS = 93;
/** The digits from here on begin a pair. */
const SINGLES = 91;

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code - 0x20 - (code > 0x22 ? 1 : 0) - (code > 0x5c ? 1 : 0);
}

/** The bytes. */
export function decode({ bytesByRank, text }: InlineWasm): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = digitAt(text, at);
    const rank = digit < SINGLES ? digit : SINGLES + (digit - SINGLES) * DIGITS + digitAt(text, (at += 1));
    bytes[length++] = bytesByRank[rank] as number;
  }
  return bytes.slice(0, length);
}
