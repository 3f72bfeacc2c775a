/** Requests and answers that are rewritten: transports and filters of the application's own. The engine is given events, not bytes. */
import { answerOf, writtenEvent } from "../answers.js";
import { isPlain } from "../class-messages.js";
import type { EngineAnswer, EngineEvent, EngineInit } from "../engine.js";
import { parsedEvent, readEvents } from "../sse.js";
import type { BagTemplate } from "../types/bag.js";
import type { StreamEvent } from "../types/events.js";
import type { UseStreamTransportPayload } from "../types/options.js";
import type { NetworkSource, TransportPayload } from "./network.js";
import { transportOf } from "./options.js";
import { inTime } from "../in-time.js";

/** A request's body as a transport takes it. */
const sentIn = ({ input, context, command, config }: TransportPayload): TransportPayload => ({ input, context, command, config });

/**
 * The input as it was given, its messages under the ids by which they are shown, as the engine would send them: what the endpoint
 * streams back is then known. Answers to tool calls that are open come before what was given. An instance of a class that is no
 * message stays as it is.
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

/** Sends a request through the application's transport. */
export async function viaTransport(url: string, { body, signal }: EngineInit, { options, payload, failed }: NetworkSource): Promise<EngineAnswer> {
  // It may have been stopped while this was loaded.
  signal.throwIfAborted();
  const thread = /\/threads\/([^/]+)\//.exec(url)?.[1];
  const sent = JSON.parse(body ?? "{}") as TransportPayload;
  const { messagesKey = "messages", timeouts } = options();
  const { input, config, ...rest } = payload() ?? sentIn(sent);
  try {
    const asked = transportOf(options())?.stream({
      ...rest,
      input: withIds(input, sent.input, messagesKey),
      config: { ...config, configurable: { thread_id: thread && decodeURIComponent(thread), ...(config?.["configurable"] as object) } },
      signal,
    } as UseStreamTransportPayload<Record<string, unknown>, BagTemplate>);
    const events = await inTime(asked, timeouts?.headers, "The transport's `stream` has not answered");
    return answerOf(events as AsyncGenerator<StreamEvent>, writtenEvent, failed);
  } catch (error) {
    if (!signal.aborted) failed(error);
    throw error;
  }
}

/** The answer without what the filter does not keep. Of that the engine is given the ids, or it would think that events are missing. */
export function filtered(response: Response, keep: (event: StreamEvent) => boolean): Response | EngineAnswer {
  if (!response.body) return response;
  const kept = (event: EngineEvent | null) => (event && !keep(parsedEvent(event)) ? { ...event, event: "left-out", data: "null" } : event);
  const { status, headers, body } = response;
  return { ...answerOf(readEvents(body), kept), status, headers };
}
