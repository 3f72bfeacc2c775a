/** Requests and answers that are rewritten: transports and filters of the application's own. The engine is given events, not bytes. */
import type { EngineEvent, EngineEvents } from "../engine.js";
import { parsedEvent, readEvents } from "../sse.js";
import type { StreamEvent } from "../types/events.js";
import type { NetworkSource, TransportPayload } from "./network.js";
import type { AnyOptions } from "./options.js";

/** A request's body as a transport takes it. */
const sentIn = ({ input, context, command, config }: Record<string, any>): TransportPayload => ({ input, context, command, config });

/** An object as a literal makes it, in whatever window. An instance of a class is the application's to name. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * The input as it was given, its messages under the ids by which they are shown, as the engine would send them: what the endpoint
 * streams back is then known. Answers to tool calls that are open come before what was given.
 */
function withIds(given: unknown, sent: unknown, key: string): unknown {
  const messages = isPlain(sent) && sent[key];
  if (!isPlain(given) || !Array.isArray(messages)) return given;
  const own = [given[key]].flat();
  const before = messages.length - own.length;
  return {
    ...given,
    [key]: messages.map((message, at) => {
      const mine = own[at - before];
      if (at < before || typeof mine === "string") return message;
      return isPlain(mine) && isPlain(message) ? { ...mine, id: message["id"] } : mine;
    }),
  };
}

/** The body of an answer made of events. `onError` is told what they failed with; the body then breaks off. */
function bodyOf<T>(events: AsyncGenerator<T>, written: (event: T) => EngineEvent | null, onError: (error: unknown) => void): EngineEvents["body"] {
  const leave = (): void => void events.return?.(undefined).catch(() => {});
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (done) controller.close();
        else controller.enqueue(written(value));
      } catch (error) {
        leave();
        onError(error);
        controller.error(error);
      }
    },
    cancel: leave,
  });
}

const writtenEvent = ({ id, event, data }: StreamEvent): EngineEvent => ({ ...(id === undefined ? {} : { id }), event, data: JSON.stringify(data) ?? "null" });

/** Sends a request through the application's transport. */
export async function viaTransport(request: Request, { options, payload, failed }: NetworkSource): Promise<EngineEvents> {
  // It may have been stopped while this was loaded.
  request.signal.throwIfAborted();
  const thread = /\/threads\/([^/]+)\//.exec(request.url)?.[1];
  const sent = JSON.parse(await request.text());
  const { transport, messagesKey = "messages" } = options();
  const { input, config, ...rest } = payload() ?? sentIn(sent);
  try {
    const events = await (transport as NonNullable<AnyOptions["transport"]>).stream({
      ...(rest as any),
      input: withIds(input, sent.input, messagesKey),
      config: { ...config, configurable: { thread_id: thread && decodeURIComponent(thread), ...(config?.["configurable"] as object) } },
      signal: request.signal,
    });
    return { status: 200, headers: new Headers({ "content-type": "text/event-stream" }), body: bodyOf(events, writtenEvent, failed) };
  } catch (error) {
    if (!request.signal.aborted) failed(error);
    throw error;
  }
}

/** The answer without what the filter does not keep. Of that the engine is given the ids, or it would think that events are missing. */
export function filtered(response: Response, keep: (event: StreamEvent) => boolean): Response | EngineEvents {
  if (!response.body) return response;
  const kept = (event: EngineEvent | null) => (event && !keep(parsedEvent(event)) ? { ...event, event: "left-out", data: "null" } : event);
  const { status, headers, body } = response;
  return { status, headers, body: bodyOf(readEvents(body), kept, () => {}) };
}
