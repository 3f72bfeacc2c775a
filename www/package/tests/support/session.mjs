// A session as its producer sees it: messages are published past the stream that shows them.

/** Publishes changes. Gives the answer. */
export async function publish(url, session, ...changes) {
  const answer = await fetch(`${url}/sessions/${encodeURIComponent(session)}/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ producer: "test", changes }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A message begins. */
export const started = (id, content = "", more = {}) => ({ type: "started", message: { type: "ai", id, content }, ...more });
/** A piece of it. */
export const appended = (id, at, content) => ({ type: "appended", id, at, chunk: { type: "AIMessageChunk", id, content } });
/** Nothing more of it. */
export const ended = (id, status = "complete", more = {}) => ({ type: "ended", id, status, ...more });
/** All of a message at once. */
export const said = (id, content) => [started(id, content), ended(id)];

/** Publishes messages `m<from>` to `m<to>`. */
export async function seed(url, session, from, to) {
  for (let first = from; first <= to; first += 100) {
    const changes = [];
    for (let at = first; at < first + 100 && at <= to; at++) changes.push(...said(`m${at}`, `message ${at}`));
    await publish(url, session, ...changes);
  }
}

/** The ids `m<from>` to `m<to>`. */
export const span = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => `m${from + at}`);

/** A `fetch` that notes what is asked, and whose responses can be cut, refused or held. */
export function watchedFetch() {
  const watched = { asked: [], cuts: new Set(), answer: undefined };
  watched.fetch = async (url, init) => {
    const { pathname, search } = new URL(url);
    watched.asked.push(`${init.method} ${pathname}${search}`);
    const made = await watched.answer?.(pathname);
    if (made) return made;
    const response = await fetch(url, init);
    if (!response.body || !pathname.endsWith("/stream")) return response;
    const { readable, writable } = new TransformStream();
    const stop = new AbortController();
    const cut = () => stop.abort(new TypeError("network error"));
    watched.cuts.add(cut);
    response.body.pipeTo(writable, { signal: stop.signal }).catch(() => {}).finally(() => watched.cuts.delete(cut));
    return new Response(readable, { status: response.status, headers: response.headers });
  };
  /** Cuts every stream. */
  watched.cut = () => [...watched.cuts].forEach((cut) => cut());
  /** How many requests there were for a path that matches. */
  watched.count = (pattern) => watched.asked.filter((line) => pattern.test(line)).length;
  return watched;
}

/** A refusal as the server words it. */
export const refusal = (status, code, detail = "no") => new Response(JSON.stringify({ detail, code }), { status, headers: { "content-type": "application/json" } });
