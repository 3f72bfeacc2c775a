/** Requests and answers that are rewritten: transports and filters of the application's own. */
import { bodyOf, decodeEvents } from "../sse.js";
import type { StreamEvent } from "../types/events.js";
import type { NetworkSource, TransportPayload } from "./network.js";
import type { AnyOptions } from "./options.js";

/** A request's body as a transport takes it. */
const sentIn = ({ input, context, command, config }: Record<string, any>): TransportPayload => ({ input, context, command, config });

/** Sends a request through the application's transport. */
export async function viaTransport(request: Request, { options, payload, failed }: NetworkSource): Promise<Response> {
  // It may have been stopped while this was loaded.
  request.signal.throwIfAborted();
  const thread = /\/threads\/([^/]+)\//.exec(request.url)?.[1];
  const { config, ...rest } = payload() ?? sentIn(JSON.parse(await request.text()));
  try {
    const events = await (options().transport as NonNullable<AnyOptions["transport"]>).stream({
      ...(rest as any),
      config: { ...config, configurable: { thread_id: thread && decodeURIComponent(thread), ...(config?.["configurable"] as object) } },
      signal: request.signal,
    });
    return new Response(bodyOf(events, failed), { headers: { "content-type": "text/event-stream" } });
  } catch (error) {
    if (!request.signal.aborted) failed(error);
    throw error;
  }
}

/** The body without the events that the filter does not keep. */
export function filtered(response: Response, keep: (event: StreamEvent) => boolean): Response {
  if (!response.body) return response;
  const events = decodeEvents(response.body);
  const kept = (async function* () {
    for await (const event of events) yield keep(event) ? event : undefined;
  })();
  return new Response(bodyOf(kept, () => {}), { status: response.status, headers: response.headers });
}
