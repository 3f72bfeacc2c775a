// What the tests of edits and of answers share: threads on the real server, and runs that a test scripts.
import assert from "node:assert/strict";
import { startFake } from "../support/fake-server.mjs";
import { configured, human, until } from "../support/server.mjs";
import { mount } from "./suite.jsx";

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** What the components of these tests read. */
export const read = (s) => [s.messages, s.values, s.isLoading, s.error, s.interrupts, s.editing, s.canEdit, s.canRegenerate, s.canRetry, s.branch];
/** What people said. */
export const said = (messages) => messages.filter(({ type }) => type === "human").map(({ content }) => (typeof content === "string" ? content : content[0].text));

/** Helpers for one server. */
export function threadsOn(apiUrl) {
  const real = { apiUrl, assistantId: "chat", storage: "none" };
  const quick = configured({ n_tokens: 6, delay_ms: 2 });
  const ask = async (path, body) => (await fetch(`${apiUrl}${path}`, body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {})).json();
  /** What the server has is what is shown. */
  const agrees = async (at) => {
    await until(() => !at().isLoading);
    const { values } = await ask(`/threads/${at().threadId}/state`);
    const plain = (messages) => messages.map(({ id, type, content }) => ({ id, type, content }));
    await until(() => at().messages.length === values.messages.length, "as many messages as the server has");
    assert.deepEqual(plain(at().messages), plain(values.messages));
  };
  /** Mounts on the real server, and says each of `lines`. */
  const talk = async (t, options, ...lines) => {
    const host = mount(t, { ...real, ...options }, { read });
    await host.ready();
    for (const line of lines) assert.equal((await host.at().submit({ messages: [human(line)] }, quick)).outcome, "finished");
    await until(() => !host.at().isLoading && host.at().messages.length === 2 * lines.length);
    return host;
  };
  const against = async (t, script, options = {}, reads = read) => {
    const fake = await startFake(script);
    const host = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", ...options }, { read: reads });
    await host.ready();
    return { fake, ...host };
  };
  return { real, quick, ask, agrees, talk, against };
}
