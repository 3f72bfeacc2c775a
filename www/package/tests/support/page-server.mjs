// An Agent Server within the page, as a `fetch`: a thread and one run whose events come when a test tells them.
import { stateOf } from "./fake-server.mjs";

const json = (value) => new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });

/** A server whose thread `t` has these values, until an event says otherwise. */
export function pageServer(values) {
  let controller;
  let sent = 0;
  return {
    /** Whether the run has begun. */
    get isOpen() {
      return controller !== undefined;
    },
    /** Sends an event of the run. */
    tell(event, data) {
      if (event === "values") values = data;
      controller.enqueue(new TextEncoder().encode(`id: ${++sent}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
    },
    /** Ends the run. */
    end: () => controller.close(),
    fetch: async (url, { method }) => {
      const { pathname } = new URL(url);
      if (method === "POST" && pathname.endsWith("/runs/stream")) {
        const body = new ReadableStream({ start: (made) => void (controller = made) });
        return new Response(body, { headers: { "content-type": "text/event-stream", "content-location": "/threads/t/runs/r" } });
      }
      if (pathname.endsWith("/history")) return json([stateOf(values)]);
      if (pathname.endsWith("/runs")) return json([]);
      return json(stateOf(values));
    },
  };
}
