/** Server-sent events, for transports and filters of the application's own. The Agent Server's are read by the core. */
import type { EngineEvent } from "./engine.js";
import type { FetchStreamTransportOptions } from "./transport.js";
import type { StreamEvent } from "./types/events.js";
import type { UseStreamTransportPayload } from "./types/options.js";

/** The events of a body, their data as it was written. Null is a comment. An event that the body's end cuts off is dropped. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<EngineEvent | null> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  let fields: { id?: string; event?: string } = {};
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
          if (fields.event || data.length > 0) yield { ...fields, event: fields.event || "message", data: data.join("\n") || "null" };
          fields = {};
          data = [];
          continue;
        }
        const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (name === "") yield null;
        else if (name === "id" || name === "event") fields[name] = value;
        else if (name === "data") data.push(value);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** An event as an application sees it. Data that is not JSON stays a text. */
export function parsedEvent({ data, ...rest }: EngineEvent): StreamEvent {
  try {
    return { ...rest, data: JSON.parse(data) };
  } catch {
    return { ...rest, data };
  }
}

async function* parsedEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  for await (const event of readEvents(body)) if (event) yield parsedEvent(event);
}

/** Posts a submission; gives the events of the answer. */
export async function postForEvents(options: FetchStreamTransportOptions, payload: UseStreamTransportPayload): Promise<AsyncGenerator<StreamEvent>> {
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
  return parsedEvents(response.body ?? (new Response("").body as ReadableStream<Uint8Array>));
}
