/** Server-sent events, for transports of the application's own. The Agent Server's are read by the core. */
import type { FetchStreamTransportOptions } from "./transport.js";
import type { StreamEvent } from "./types/events.js";
import type { UseStreamTransportPayload } from "./types/options.js";

const encoder = new TextEncoder();

/** One event as bytes. */
export function encodeEvent({ id, event, data }: StreamEvent): Uint8Array {
  return encoder.encode(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data ?? null)}\n\n`);
}

/** The events of a body. Comments are left out; data is JSON; an event that the body's end cuts off is dropped. */
export async function* decodeEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  let id: string | undefined;
  let event = "";
  let data: string[] = [];
  try {
    for (let done = false; !done; ) {
      const read = await reader.read();
      done = read.done;
      buffer += read.value ? decoder.decode(read.value, { stream: true }) : "";
      // A \r at the very end may be the first half of \r\n.
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (event || data.length > 0) {
            const parsed: unknown = data.length > 0 ? JSON.parse(data.join("\n")) : null;
            yield { ...(id === undefined ? {} : { id }), event: event || "message", data: parsed };
          }
          event = "";
          data = [];
          continue;
        }
        const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (name === "id") id = value;
        else if (name === "event") event = value;
        else if (name === "data") data.push(value);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** A body made of events. `onError` is told what the events failed with; the body then breaks off. */
export function bodyOf(events: AsyncGenerator<StreamEvent | undefined>, onError: (error: unknown) => void): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (done) controller.close();
        // What a filter leaves out is still a sign of life.
        else controller.enqueue(value ? encodeEvent(value) : encoder.encode(":\n\n"));
      } catch (error) {
        onError(error);
        controller.error(error);
      }
    },
    cancel() {
      void events.return?.(undefined).catch(() => {});
    },
  });
}

/** Posts a submission; gives the events of the answer. */
export async function postForEvents(options: FetchStreamTransportOptions, payload: UseStreamTransportPayload<any, any>): Promise<AsyncGenerator<StreamEvent>> {
  const { signal, ...body } = payload;
  const { apiUrl, defaultHeaders, fetch: send = fetch, onRequest } = options;
  const headers = new Headers(defaultHeaders);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  let init: RequestInit = {
    method: "POST",
    headers: Object.fromEntries(headers as unknown as Iterable<[string, string]>),
    body: JSON.stringify(body),
    signal,
  };
  if (onRequest) init = await onRequest(apiUrl, init);
  const response = (await send(apiUrl, init)) as Response;
  if (!response.ok) throw new Error(`The stream was refused: ${response.status} ${response.statusText}`.trim());
  return decodeEvents(response.body ?? (new Response("").body as ReadableStream<Uint8Array>));
}
