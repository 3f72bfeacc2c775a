// A session's producer: what it says reaches a page through the session alone.

/** Publishes changes, past the proxy. */
export async function publish(server, thread, ...changes) {
  const answer = await fetch(`${server.url}/sessions/${thread}/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ producer: "e2e", changes }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

/** A message begins. */
export const started = (id, type = "ai", content = "") => ({ type: "started", message: { type, id, content } });
/** A piece of it. */
export const appended = (id, at, content) => ({ type: "appended", id, at, chunk: { type: "AIMessageChunk", id, content } });
/** Nothing more of it. */
export const ended = (id, status = "complete", reason) => ({ type: "ended", id, status, reason });

/** Publishes whole messages `m<from>` to `m<to>`. */
export async function seed(server, thread, from, to) {
  for (let first = from; first <= to; first += 250) {
    const changes = [];
    for (let at = first; at < first + 250 && at <= to; at++) {
      changes.push(started(`m${at}`, at % 2 ? "human" : "ai", `message ${at} ${"and more of it ".repeat(at % 5)}`), ended(`m${at}`));
    }
    await publish(server, thread, ...changes);
  }
}

/** The ids `m<from>` to `m<to>`. */
export const span = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => `m${from + at}`);

/** The ids of the messages that are shown, in order. */
export const shownIds = (app) => app.page.evaluate(() => [...document.querySelectorAll('[data-testid="message"]')].map((message) => message.dataset.messageId));

/** Waits until that many messages are shown. */
export const shows = (app, count) => app.page.waitForFunction((wanted) => document.querySelectorAll('[data-testid="message"]').length === wanted, count);
