// What the hook does, for whichever React it is bundled with. Run by react-18.test.mjs and react-19.test.mjs.
import assert from "node:assert/strict";
import * as React from "react";
import { StrictMode, memo, useState, version } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { useConnection, useMessage, useMessageIds, useMessages, useStream } from "../../dist/react/index.js";
import { configured, human, memoryStorage, setFaults, until } from "../support/server.mjs";

export const reactVersion = version;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Renders a component that calls the hook; `at()` is what it returned last. */
export function mount(t, options, { strict = false, read = () => {} } = {}) {
  const seen = { now: undefined, renders: 0, mounted: true };
  let setOptions;
  function Host() {
    const [given, set] = useState(options);
    setOptions = set;
    const stream = useStream(given);
    read(stream);
    seen.now = stream;
    seen.renders++;
    return null;
  }
  const root = createRoot(document.createElement("div"), { onUncaughtError: (error) => (seen.crash = error) });
  root.render(strict ? <StrictMode><Host /></StrictMode> : <Host />);
  const unmount = () => {
    if (seen.mounted) root.unmount();
    seen.mounted = false;
  };
  t.after(unmount);
  return {
    seen,
    unmount,
    setOptions: (next) => setOptions((old) => ({ ...old, ...next })),
    ready: () => until(() => seen.now, "the first render"),
    at: () => seen.now,
  };
}

export function suite(test, apiUrl) {
  const base = { apiUrl, assistantId: "chat", storage: "none" };
  const quick = configured({ n_tokens: 12, delay_ms: 5 });
  const reading = { read: (stream) => [stream.messages, stream.isLoading, stream.values] };

  test("submit streams messages into the component", async (t) => {
    const { ready, at } = mount(t, base, reading);
    const stream = await ready();
    assert.equal(stream.isLoading, false);
    assert.deepEqual(stream.messages, []);
    const done = stream.submit({ messages: [human("hello")] }, quick);
    await until(() => at().isLoading && at().messages.length === 2);
    await done;
    await until(() => !at().isLoading);
    assert.equal(at().messages[1].type, "ai");
    assert.match(at().messages[1].content, /alpha0/);
    assert.equal(at().values.messages, at().messages);
  });

  test("StrictMode keeps one connection and one run", async (t) => {
    const sent = [];
    const callerOptions = { fetch: (url, init) => (sent.push(`${init.method} ${new URL(url).pathname}`), fetch(url, init)) };
    const { ready, at } = mount(t, { ...base, callerOptions }, { ...reading, strict: true });
    await (await ready()).submit({ messages: [human("hello")] }, quick);
    await until(() => !at().isLoading);
    assert.equal(sent.filter((line) => line.includes("/runs/stream")).length, 1);
    assert.equal(at().messages.length, 2);
  });

  test("unmounting closes the socket and lets the run go on", async (t) => {
    let aborted = 0;
    const callerOptions = {
      fetch: (url, init) => {
        if (url.includes("/stream")) init.signal.addEventListener("abort", () => aborted++);
        return fetch(url, init);
      },
    };
    const { ready, at, unmount } = mount(t, { ...base, callerOptions }, reading);
    const done = (await ready()).submit({ messages: [human("hello")] }, configured({ n_tokens: 150, delay_ms: 10 }));
    await until(() => at().messages.length === 2);
    const { threadId, runId, client } = at();
    unmount();
    assert.equal((await done).outcome, "disconnected");
    assert.equal(aborted, 1);
    await until(async () => (await client.runs.get(threadId, runId)).status === "success", "the run's own end");
    assert.equal((await at().submit({})).outcome, "disposed");
  });

  test("methods stay the same from render to render", async (t) => {
    const { ready, at } = mount(t, base, reading);
    const first = await ready();
    await first.submit({ messages: [human("hello")] }, quick);
    for (const name of ["submit", "stop", "cancel", "joinStream", "rejoin", "switchThread", "setBranch", "client"]) {
      assert.equal(at()[name], first[name], name);
    }
  });

  test("a component renders for what it has read, and for nothing else", async (t) => {
    const quiet = mount(t, base, { read: (stream) => stream.submit });
    const stream = await quiet.ready();
    await stream.submit({ messages: [human("hello")] }, quick);
    await pause(40);
    assert.equal(quiet.seen.renders, 1);
    assert.equal(stream.messages.length, 2);
  });

  test("one token renders one message", async (t) => {
    const renders = {};
    const Row = memo(function Row({ stream, id }) {
      const message = useMessage(stream, id);
      renders[message.type] = (renders[message.type] ?? 0) + 1;
      return <p>{message.content}</p>;
    });
    let lists = 0;
    function List({ stream }) {
      lists++;
      return useMessageIds(stream).map((id) => <Row key={id} stream={stream.store} id={id} />);
    }
    let stream;
    let hosts = 0;
    function Host() {
      stream = useStream(base);
      hosts++;
      return <List stream={stream} />;
    }
    const div = document.createElement("div");
    const root = createRoot(div);
    t.after(() => root.unmount());
    root.render(<Host />);
    await until(() => stream);
    await stream.submit({ messages: [human("hello")] }, configured({ n_tokens: 80, delay_ms: 20 }));
    await until(() => /79/.test(div.textContent));
    assert.equal(hosts, 1);
    assert.ok(lists <= 4, `the list rendered ${lists} times`);
    assert.ok(renders.human <= 2, `the question rendered ${renders.human} times`);
    assert.ok(renders.ai > 10, `the answer rendered ${renders.ai} times`);
  });

  test("useMessages and useConnection work on a hook's stream", async (t) => {
    const seen = [];
    let stream;
    function Inner({ of }) {
      seen.push([useMessages(of).length, useConnection(of).state]);
      return null;
    }
    function Host() {
      stream = useStream(base);
      return <Inner of={stream} />;
    }
    const root = createRoot(document.createElement("div"));
    t.after(() => root.unmount());
    root.render(<Host />);
    await until(() => stream);
    await stream.submit({ messages: [human("hello")] }, quick);
    await until(() => seen.at(-1)[1] === "finished");
    assert.deepEqual(seen[0], [0, "idle"]);
    assert.equal(seen.at(-1)[0], 2);
  });

  test("callbacks are always the latest", async (t) => {
    const told = [];
    const { ready, at, setOptions } = mount(t, { ...base, onFinish: () => told.push("old") }, reading);
    const done = (await ready()).submit({ messages: [human("hello")] }, configured({ n_tokens: 100, delay_ms: 10 }));
    await until(() => at().messages.length === 2);
    setOptions({ onFinish: () => told.push("new") });
    await done;
    assert.deepEqual(told, ["new"]);
  });

  test("threadId: a controlled thread follows the prop; its own id coming back is no switch", async (t) => {
    const ids = [];
    const host = mount(t, { ...base, threadId: null, onThreadId: (id) => (ids.push(id), host.setOptions({ threadId: id })) }, reading);
    const { ready, at, setOptions } = host;
    await (await ready()).submit({ messages: [human("hello")] }, quick);
    await until(() => !at().isLoading);
    assert.equal(ids.length, 1);
    assert.equal(at().messages.length, 2);
    setOptions({ threadId: null });
    await until(() => at().messages.length === 0);
    setOptions({ threadId: ids[0] });
    await until(() => at().messages.length === 2);
    assert.equal(ids.length, 3);
  });

  test("a wrong option is an error, not a blank page", async (t) => {
    const errors = [];
    const { ready, at } = mount(t, { apiUrl, onError: (error) => errors.push(error) }, { read: (stream) => [stream.error, stream.messages] });
    await ready();
    assert.equal(at().error.code, "invalid_option");
    assert.match(at().error.message, /assistantId/);
    const { outcome, error } = await at().submit({ messages: [] });
    assert.equal(outcome, "failed");
    assert.equal(error.code, "invalid_option");
    await until(() => errors.length > 0);
    assert.equal(errors.length, 1);
  });

  test("a server renders the initial values, and the page hydrates without a mismatch", async (t) => {
    const mismatches = [];
    function Page() {
      const { messages, isLoading, isThreadLoading } = useStream({
        ...base,
        threadId: "11111111-1111-4111-8111-111111111111",
        initialValues: { messages: [human("from the cache", "c1")] },
      });
      return <p>{messages.map((message) => message.content).join() + String(isLoading) + String(isThreadLoading)}</p>;
    }
    const { document: page } = globalThis;
    const html = renderToString(<Page />);
    assert.equal(html, "<p>from the cachefalsetrue</p>");
    const div = page.createElement("div");
    div.innerHTML = html;
    const root = hydrateRoot(div, <Page />, { onRecoverableError: (error) => mismatches.push(error) });
    t.after(() => root.unmount());
    await pause(60);
    assert.deepEqual(mismatches, []);
  });

  test("reconnectOnMount: a function's storage brings a run back after a reload", async (t) => {
    const storage = memoryStorage();
    const options = { ...base, storage: undefined, threadId: undefined, reconnectOnMount: () => storage };
    const first = mount(t, options, reading);
    const done = (await first.ready()).submit({ messages: [human("hello")] }, configured({ n_tokens: 100, delay_ms: 10 }));
    await until(() => first.at().messages[1]?.content.length > 30);
    const { threadId } = first.at();
    first.unmount();
    await done;
    assert.ok(storage.items.size > 0);
    const second = mount(t, { ...options, threadId }, reading);
    await until(() => /99/.test(second.at()?.messages[1]?.content ?? ""));
    assert.equal(second.at().messages.length, 2);
    await until(() => !second.at().isLoading);
    assert.deepEqual([...storage.items.keys()], []);
  });

  test("an error of the server is thrown away neither by React nor by us", async (t) => {
    await setFaults(apiUrl, { match: "stream", fault: { kind: "status", status: 403, body: "no" }, times: 2 });
    const { ready, at } = mount(t, base, { read: (stream) => stream.error });
    await (await ready()).submit({ messages: [human("hello")] }, quick);
    await until(() => at().error);
    assert.equal(at().error.code, "forbidden");
    await setFaults(apiUrl);
  });

  test("a hidden Activity lets go, and comes back", { skip: !React.Activity }, async (t) => {
    const { Activity } = React;
    let show;
    let now;
    function Inner() {
      now = useStream(base);
      return <p>{now.messages.map((message) => message.content).join(" ")}</p>;
    }
    function Host() {
      const [mode, set] = useState("visible");
      show = (visible) => set(visible ? "visible" : "hidden");
      return <Activity mode={mode}><Inner /></Activity>;
    }
    const div = document.createElement("div");
    const root = createRoot(div);
    t.after(() => root.unmount());
    root.render(<Host />);
    await until(() => now);
    const run = now.submit({ messages: [human("hello")] }, configured({ n_tokens: 60, delay_ms: 10 }));
    await until(() => /alpha0/.test(div.textContent));
    show(false);
    assert.equal((await run).outcome, "disconnected");
    show(true);
    await until(() => /59/.test(div.textContent));
    assert.equal(div.textContent.match(/alpha0/g).length, 1);
  });

  test("a stored run that is gone is forgotten without an error", async (t) => {
    const storage = memoryStorage();
    const options = { ...base, storage: undefined, reconnectOnMount: () => storage };
    const first = mount(t, options, reading);
    void (await first.ready()).submit({ messages: [human("hello")] }, configured({ n_tokens: 100, delay_ms: 10 }));
    await until(() => first.at().messages.length === 2 && storage.items.size > 0);
    const { threadId, runId, client } = first.at();
    first.unmount();
    await pause(20);
    const kept = new Map(storage.items);
    await until(async () => (await client.runs.get(threadId, runId)).status === "success");
    await client.runs.delete(threadId, runId);
    for (const [key, value] of kept) storage.setItem(key, value);
    const errors = [];
    const second = mount(t, { ...options, threadId, onError: (error) => errors.push(error) }, { read: (stream) => [stream.messages, stream.isLoading, stream.error] });
    await until(() => second.at()?.messages.length === 2 && !second.at().isLoading && !second.at().isThreadLoading);
    await until(() => storage.items.size === 0);
    assert.equal(second.at().error, undefined);
    assert.deepEqual(errors, []);
  });

  test("joinStream on a page without a thread finds the stored run's", async (t) => {
    const storage = memoryStorage();
    const options = { ...base, storage };
    const first = mount(t, options, reading);
    void (await first.ready()).submit({ messages: [human("hello")] }, configured({ n_tokens: 80, delay_ms: 10 }));
    await until(() => first.at().messages[1]?.content.length > 20);
    const { threadId, runId } = first.at();
    first.unmount();
    const ids = [];
    const second = mount(t, { ...options, onThreadId: (id) => ids.push(id) }, reading);
    const { outcome } = await (await second.ready()).joinStream(runId);
    assert.ok(["finished", "replayed"].includes(outcome), outcome);
    await until(() => /79/.test(second.at().messages[1].content));
    assert.deepEqual(ids, [threadId]);
  });
}
