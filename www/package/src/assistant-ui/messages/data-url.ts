/** `data:` addresses. */

/** The type and the base64 of a `data:` address; null for anything else. */
export function parseDataUrl(value: string): { mimeType: string; data: string } | null {
  const [, mimeType, data] = /^data:([^;,]+)(?:;[^;,]+)*;base64,(.*)$/i.exec(value) ?? [];
  return mimeType === undefined || data === undefined ? null : { mimeType: mimeType.toLowerCase(), data };
}
