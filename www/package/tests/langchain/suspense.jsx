// Suspense and context.
import assert from "node:assert/strict";
import * as React from "react";
import { Component, StrictMode, Suspense, useState } from "react";
import { renderToString } from "react-dom/server";
import { StreamProvider, createSuspenseCache, invalidateSuspenseCache, useStreamContext, useSuspenseStream } from "../../dist/langchain/index.js";
import { gate, startFake, stateOf } from "../support/fake-server.mjs";
import { human, until } from "../support/server.mjs";
import { base, render } from "./mount.jsx";

const ai = (content, id) => ({ type: "ai", content, id });
const thread = (...texts) => stateOf({ messages: texts.map((text, at) => (at % 2 ? ai(text, text) : human(text, text))) });

class Boundary extends Component {
  state = { error: null };
  static getDerivedStateFromError = (error) => ({ error });
  render() {
    this.props.handle.reset = () => this.setState({ error: null });
    return this.state.error ? `failed: ${this.state.error.code}` : this.props.children;
  }
}

/** A chat below `<Suspense>` and an error boundary; `shows` notes each thing that was on the screen. */
function chat(t, options, { strict = false } = {}) {
  const seen = { stream: undefined, set: undefined, renders: [], handle: {} };
  function Chat(given) {
    seen.stream = useSuspenseStream(given);
    return `${seen.stream.isStreaming ? "* " : ""}${seen.stream.messages.map((one) => one.text).join("|")}`;
  }
  function Host() {
    const [given, set] = useState(options);
    seen.set = (next) => set((old) => ({ ...old, ...next }));
    return (
      <Boundary handle={seen.handle}>
        <Suspense fallback="loading">
          <Chat {...given} />
        </Suspense>
      </Boundary>
    );
  }
  const page = render(t, strict ? <StrictMode><Host /></StrictMode> : <Host />);
  const visible = () => [...page.node.childNodes].filter((node) => node.style?.display !== "none").map((node) => node.textContent).join("");
  return { seen, ...page, visible, shows: (text) => until(() => page.text().includes(text), `${text} (${page.text()})`) };
}

/** A server whose threads' states come when `open` is called. */
async function slow(threads, script = () => []) {
  const fake = await startFake(script);
  for (const [id, state] of Object.entries(threads)) fake.hold(id, state);
  const asked = [];
  let opened = gate();
  const callerOptions = {
    maxRetries: 0,
    fetch: async (url, init) => {
      asked.push(`${init.method} ${new URL(url).pathname}`);
      if (/\/(state|history)$/.test(new URL(url).pathname)) await opened;
      return fetch(url, init);
    },
  };
  return { fake, asked, options: { ...base(fake), callerOptions, suspenseCache: createSuspenseCache() }, open: () => opened.open(), hold: () => (opened = gate()) };
}

export function suspense(test) {
  test("without a thread nothing is waited for; submitting shows what streams", async (t) => {
    const { options, open } = await slow({}, () => [["values", { messages: [human("hi", "h1"), ai("yes", "a1")] }]]);
    open();
    const { seen, shows } = chat(t, options);
    await until(() => seen.stream);
    for (const name of ["isLoading", "error", "isThreadLoading"]) assert.ok(!(name in seen.stream), name);
    assert.equal(seen.stream.isStreaming, false);
    await seen.stream.submit({ messages: [human("hi", "h1")] });
    await shows("hi|yes");
    await until(() => !seen.stream.isStreaming);
  });

  for (const strict of [false, true]) {
    test(`a thread suspends until it is loaded, and is loaded once${strict ? " (StrictMode)" : ""}`, async (t) => {
      const { options, open, asked } = await slow({ t1: thread("one", "two") });
      const { seen, shows, visible } = chat(t, { ...options, threadId: "t1" }, { strict });
      await shows("loading");
      assert.equal(seen.stream, undefined);
      open();
      await shows("one|two");
      assert.equal(visible().includes("loading"), false);
      assert.equal(asked.filter((line) => line.endsWith("/t1/state")).length, 1, asked.join());
      await until(() => options.suspenseCache.size === 0, "it is taken out");
    });
  }

  test("another thread suspends again; leaving it shows it no more", async (t) => {
    const { options, open, hold } = await slow({ t1: thread("one"), t2: thread("three") });
    const { seen, shows, visible } = chat(t, { ...options, threadId: "t1" });
    open();
    await shows("one");
    hold();
    seen.set({ threadId: "t2" });
    await shows("loading");
    assert.ok(!visible().includes("one"), visible());
    open();
    await shows("three");
    await until(() => !visible().includes("loading"));
  });

  test("a thread that a submission made, and that comes back as a prop, does not suspend", async (t) => {
    const { options, open } = await slow({}, () => [["values", { messages: [human("hi", "h1"), ai("yes", "a1")] }]]);
    open();
    const { seen, shows, visible } = chat(t, { ...options, threadId: null, onThreadId: (threadId) => seen.set({ threadId }) });
    await until(() => seen.stream);
    let suspended = false;
    const watch = setInterval(() => (suspended ||= visible().includes("loading")), 1);
    t.after(() => clearInterval(watch));
    await seen.stream.submit({ messages: [human("hi", "h1")] });
    await shows("yes");
    assert.equal(suspended, false);
  });

  test("what loading fails with goes to the boundary, and invalidateSuspenseCache loads anew", async (t) => {
    const { options, open, fake } = await slow({});
    open();
    const { seen, shows } = chat(t, { ...options, threadId: "gone" });
    await shows("failed: ");
    seen.handle.reset();
    await shows("failed: ");
    fake.hold("gone", thread("back"));
    invalidateSuspenseCache(options.suspenseCache);
    seen.handle.reset();
    await shows("back");
  });

  test("what a run fails with goes to the boundary; a thread whose last run failed can be shown again", async (t) => {
    const failed = { ...thread("one"), next: ["agent"], tasks: [{ id: "k", name: "agent", error: "ValueError('no')", interrupts: [], checkpoint: null, state: null }] };
    const { options, open, fake } = await slow({ t1: thread("one") }, () => [["error", { error: "ValueError", message: "no" }]]);
    open();
    const { seen, shows } = chat(t, { ...options, threadId: "t1" });
    await shows("one");
    fake.hold("t1", failed);
    await seen.stream.submit({ messages: [human("hi", "h1")] });
    await shows("failed: run_failed");
    invalidateSuspenseCache(options.suspenseCache);
    seen.handle.reset();
    await shows("one");
  });

  test("invalidateSuspenseCache lets go of threads that nobody has shown", async (t) => {
    const { options, open } = await slow({ t1: thread("one") });
    const { shows, unmount } = chat(t, { ...options, threadId: "t1" });
    await shows("loading");
    unmount();
    open();
    const entry = () => [...options.suspenseCache.values()][0];
    await until(() => entry()?.status === "resolved");
    const { store } = entry().data;
    invalidateSuspenseCache(options.suspenseCache);
    assert.equal(options.suspenseCache.size, 0);
    // Its last listener is gone, and it with that.
    await until(async () => (await store.rejoin()).outcome === "disposed");
  });

  test("StreamProvider gives one stream to everything below it, useStreamContext throws elsewhere", async (t) => {
    const fake = await startFake(() => [["values", { messages: [human("hi", "h1"), ai("yes", "a1")] }]]);
    let streams = {};
    const List = () => {
      streams.list = useStreamContext();
      return <p>{streams.list.messages.map((one) => `${one.getType()}:${one.text}`).join()}</p>;
    };
    const Input = () => ((streams.input = useStreamContext()), (<b>{streams.input.isLoading ? "busy" : "idle"}</b>));
    const Orphan = () => {
      try {
        useStreamContext();
      } catch (error) {
        return <i>{error.message}</i>;
      }
      return null;
    };
    const { node } = render(t, <><StreamProvider {...base(fake)}><List /><Input /></StreamProvider><Orphan /></>);
    await until(() => streams.input);
    assert.match(node.querySelector("i").textContent, /^useStreamContext must be used within a <StreamProvider>/);
    assert.equal(streams.input.store, streams.list.store);
    await streams.input.submit({ messages: [human("hi", "h1")] });
    await until(() => node.querySelector("p").textContent === "human:hi,ai:yes" && node.querySelector("b").textContent === "idle");
  });

  test("on a server the initial values are rendered, and nothing is loaded", () => {
    const Page = () => {
      const { messages } = useStreamContext();
      return messages.map((one) => `${one.getType()}:${one.text}`).join();
    };
    const html = renderToString(<StreamProvider apiUrl="http://127.0.0.1:1" assistantId="agent" initialValues={{ messages: [ai("kept", "a1")] }}><Page /></StreamProvider>);
    assert.match(html, /ai:kept/);
  });
}
