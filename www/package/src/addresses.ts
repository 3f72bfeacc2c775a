/** Addresses: the server's, and ids that become a part of one. */
import { RejoinError } from "./errors.js";

/** The fault of an id as a path segment: it would climb or lead elsewhere. Equal to `is_usable` of the core. */
export function problemOfId(id: unknown): RejoinError | undefined {
  if (typeof id === "string" && !/^\.{0,2}$|[/\\%\u0000-\u001f\u007f]/.test(id)) return undefined;
  return new RejoinError("invalid_id", `The id ${JSON.stringify(id) ?? "undefined"} cannot be a part of an address, so nothing was sent.`);
}

/** Throws where nothing can be asked of this URL. Never says the URL, which may have a password in it. */
export function checkUrl(url: string): void {
  let parsed: URL;
  try {
    parsed = new URL(url, (globalThis as { location?: { href?: string } }).location?.href);
  } catch {
    throw new RejoinError("invalid_request", "The server URL is not one that can be asked. Outside of a page it must begin with `http://` or `https://`.");
  }
  if (parsed.username || parsed.password) throw new RejoinError("invalid_request", "The server URL has a name or a password in it, with which nothing can be asked. Give them as a header.");
}
