/**
 * Texts on their way to the wasm and back, as UTF-8. Nothing is made before the first of them, and where there is no encoder, as in
 * Jest's page, there is another way.
 */

/** Safari's decoder stops after 2 GiB in all. */
const DECODED_BYTES_MAX = 2 ** 31 - 2 ** 20;
/** Arguments that one call takes anywhere. */
const CHARACTERS_AT_ONCE = 8_192;

let encoder: TextEncoder | undefined;
let decoder: TextDecoder | undefined;
let decodedBytes = 0;

/** A text's bytes. Half of a surrogate pair becomes U+FFFD. */
export function encodeText(text: string): Uint8Array {
  if (typeof TextEncoder === "undefined") return encodeWithout(text);
  return (encoder ??= new TextEncoder()).encode(text);
}

/** The text of these bytes. */
export function decodeText(bytes: Uint8Array): string {
  if (typeof TextDecoder === "undefined") return decodeWithout(bytes);
  decodedBytes += bytes.length;
  if (!decoder || decodedBytes >= DECODED_BYTES_MAX) {
    decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    decodedBytes = bytes.length;
  }
  return decoder.decode(bytes);
}

/** `unescape` and `escape` take a character for a byte, `encodeURIComponent` and its reverse know UTF-8. */
function encodeWithout(text: string): Uint8Array {
  const wellFormed = text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  return Uint8Array.from(unescape(encodeURIComponent(wellFormed)), (character) => character.charCodeAt(0));
}

function decodeWithout(bytes: Uint8Array): string {
  let characters = "";
  for (let at = 0; at < bytes.length; at += CHARACTERS_AT_ONCE) characters += String.fromCharCode(...bytes.subarray(at, at + CHARACTERS_AT_ONCE));
  return decodeURIComponent(escape(characters));
}
