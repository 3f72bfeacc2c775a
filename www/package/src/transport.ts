/** Streams from an endpoint of the application's own. */
import type { BagTemplate } from "./types/bag.js";
import type { StreamEvent } from "./types/events.js";
import type { FetchLike, UseStreamTransport, UseStreamTransportPayload } from "./types/options.js";

/** Options of {@link FetchStreamTransport}. */
export interface FetchStreamTransportOptions {
  /** The address for the POST. */
  apiUrl: string;
  /** Sent with each request. */
  defaultHeaders?: HeadersInit;
  /** Instead of the global `fetch`. */
  fetch?: FetchLike;
  /** May change a request before it is sent. */
  onRequest?: (url: string, init: RequestInit) => Promise<RequestInit> | RequestInit;
}

/**
 * Posts `{input, context, command, config}` as JSON and reads the answer as server-sent events, as
 * `toLangGraphEventStreamResponse` makes them. Rejects if the answer's status is not 2xx.
 */
export class FetchStreamTransport<
  StateType extends Record<string, unknown> = Record<string, unknown>,
  Bag extends BagTemplate = BagTemplate,
> implements UseStreamTransport<StateType, Bag>
{
  readonly #options: FetchStreamTransportOptions;

  /** Sends nothing yet. */
  constructor(options: FetchStreamTransportOptions) {
    this.#options = options;
  }

  /** Sends one submission. */
  async stream(payload: UseStreamTransportPayload<StateType, Bag>): Promise<AsyncGenerator<StreamEvent>> {
    // Few pages have one.
    const { postForEvents } = await import("./sse.js");
    return postForEvents(this.#options, payload);
  }
}
