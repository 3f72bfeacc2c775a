// The bench's server against the recorded one: the same bytes, but for ids and times.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startServer } from "./server.mjs";
import { text } from "./script.mjs";
import { eventsOf, human } from "./wire.mjs";

const recorded = readFileSync(new URL("../../fixtures/wire/run-resumable.py.http", import.meta.url), "latin1");
const UUIDS = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const alike = (bytes) => String(bytes).replaceAll("\r\n", "\n").replace(UUIDS, "UUID").replace(/^id: \d{13}-0$/gm, "id: TIME");

test("a run's events are those of the recorded server", () => {
  const start = recorded.indexOf("event: metadata");
  const body = recorded.slice(start, recorded.indexOf("#####", start) === -1 ? undefined : recorded.indexOf("#####", start));
  const question = human("hello", "015b8e31-d0b5-4fc5-b0cf-b3ed0a3d0363");
  const tokens = 6;
  const modes = new Set(["messages-tuple", "values"]);
  const [thread, run] = [crypto.randomUUID(), crypto.randomUUID()];
  const after = [question, JSON.parse(body.match(/data: (\{"messages":.*"type":"ai".*\})/)[1]).messages[1]];
  const { bytes, ends } = eventsOf({ thread, run, tokens, modes, resumable: true, before: [question], after });
  assert.equal(alike(bytes).trim(), alike(body).trim());
  assert.equal(ends.at(-1), bytes.length);
  assert.equal(String(bytes).split(run).length - 1, tokens + 3, "each event names its run");
});

test("a join gets what comes behind its last event", async () => {
  const server = await startServer(new Map());
  try {
    const tokens = 100;
    const thread = server.prepare({ tokens, hold: tokens / 2 });
    const url = `${server.origin}/api/threads/${thread}/runs`;
    const sent = { assistant_id: "chat", input: { messages: [{ type: "human", content: "hi" }] }, stream_mode: ["messages-tuple", "values"], stream_resumable: true };
    const posted = await fetch(`${url}/stream`, { method: "POST", body: JSON.stringify(sent) });
    const path = posted.headers.get("content-location");
    let seen = "";
    const reader = posted.body.getReader();
    while (tokensOf(seen).length < text(tokens / 2).length) seen += Buffer.from((await reader.read()).value);
    const lost = reader.read();
    server.cut();
    await assert.rejects(lost);
    const status = async () => (await (await fetch(`${server.origin}/api${path}`)).json()).status;
    assert.equal(await status(), "running");
    const lastId = seen.match(/id: (\d{13}-0)\r\n\r\n$/)[1];
    const rest = await (await fetch(`${server.origin}/api${path}/stream`, { headers: { "last-event-id": lastId } })).text();
    assert.equal(tokensOf(seen) + tokensOf(rest), text(tokens));
    assert.equal(await status(), "success");
    const state = await (await fetch(`${server.origin}/api/threads/${thread}/state`)).json();
    assert.equal(state.values.messages[1].content, text(tokens));
    const all = await (await fetch(`${server.origin}/api${path}/stream`, { headers: { "last-event-id": "-1" } })).text();
    assert.equal(tokensOf(all), text(tokens));
    const live = await (await fetch(`${server.origin}/api${path}/stream`)).text();
    assert.equal(live, "", "without an id only what comes from now on");
  } finally {
    await server.close();
  }
});

/** The text of the events of tokens. */
const tokensOf = (body) => [...body.matchAll(/data: \[\{"content":"([^"]*)"/g)].map(([, content]) => content).join("");
