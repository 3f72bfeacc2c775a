/**
 * Redirects. A browser that follows one takes the request's headers and body along, an API key and a conversation, wherever it leads.
 * So they are followed here, within the origin that was asked, and refused beyond it.
 */
import { RejoinError } from "./errors.js";

/** Sends one request, as `fetch` does. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

const STATUSES = [301, 302, 303, 307, 308];
/** Redirects of one request that are followed. */
const HOPS_MAX = 5;

/** The target of a redirected answer, if it is one. A browser does not tell the target, so the same address is requested again without secrets. */
async function targetOf(send: Send, response: Response, url: string): Promise<string | undefined> {
  if (response.type === "opaqueredirect") {
    const end = await send(url, { method: "GET", credentials: "omit", cache: "no-store", redirect: "follow" }).catch(() => undefined);
    void end?.body?.cancel().catch(() => {});
    return end?.redirected ? end.url : "";
  }
  return STATUSES.includes(response.status) ? (response.headers.get("location") ?? "") : undefined;
}

const originOf = (url: string, base?: string): string | undefined => {
  try {
    return new URL(url, base).origin;
  } catch {
    return undefined;
  }
};

/** Sends a request, and follows what stays within its origin. Rejects with `redirected` where it does not. */
export async function sendWithinOrigin(send: Send, first: string, given: RequestInit): Promise<Response> {
  let [url, init] = [first, given];
  for (let hops = 0; ; hops++) {
    const response = await send(url, { ...init, redirect: "manual" });
    const target = await targetOf(send, response, url);
    if (target === undefined) return response;
    void response.body?.cancel().catch(() => {});
    const to = originOf(target, url);
    if (!target || to !== originOf(url) || hops === HOPS_MAX) {
      const detail = target ? (to ?? target) : "an address that the browser does not tell";
      throw new RejoinError("redirected", `The server's address leads to ${detail}, and the request was not sent there. If that is the server, give its own address.`, { detail });
    }
    url = new URL(target, url).href;
    // Only these ask for the same again.
    if (init.method === "POST" && [301, 302, 303].includes(response.status)) {
      const { body: _, ...rest } = init;
      init = { ...rest, method: "GET" };
    }
  }
}
