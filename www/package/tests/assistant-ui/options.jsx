// Options of the runtime that @assistant-ui/react-langgraph's own tests leave out. Bundled with one version of React by lib-options.test.mjs.
import assert from "node:assert/strict";
import { MessagePrimitiveParts, MessageByIndexProvider, AssistantRuntimeProvider } from "@assistant-ui/core/react";
import { useAuiState } from "@assistant-ui/store";
import { createRoot } from "react-dom/client";
import { useLangGraphCanEdit, useLangGraphCanRegenerate } from "../../dist/assistant-ui/index.js";
import { startFake, stateOf } from "../support/fake-server.mjs";
import { until } from "../support/server.mjs";
import { agent, ai, human, listOf, mount, useLangGraphRuntime } from "./runtime.jsx";

const saying = (text) => [human("h1", "hi"), ai("a1", text)];

export function suite(test) {
  test("option delete deletes a thread at the server", async (t) => {
    const { stream, run } = agent();
    const deleted = [];
    const page = mount(t, { stream, create: async () => ({ externalId: "srv-1" }), delete: async (id) => void deleted.push(id) });
    await page.ready();
    page.say("hello");
    (await run(0)).end();
    await page.idle();
    const item = page.seen.runtime.threads.mainItem;
    await until(() => item.getState().externalId === "srv-1", "the thread's id");
    await item.delete();
    assert.deepEqual(deleted, ["srv-1"]);
  });

  test("option cloud keeps the list of threads, and deletes there too", async (t) => {
    const { stream, run } = agent();
    const [asked, made, deleted, loads] = [[], [], [], []];
    const known = { id: "cloud-1", title: "Before", external_id: "srv-7", is_archived: false, last_message_at: new Date() };
    const cloud = {
      threads: {
        list: async (query) => (asked.push(query), { threads: query?.is_archived ? [] : [known] }),
        get: async () => known,
        create: async (fields) => (made.push(fields), { thread_id: "cloud-2" }),
        delete: async (id) => void deleted.push(["cloud", id]),
        messages: () => ({ list: async () => ({ messages: [] }) }),
      },
      runs: { stream: async () => new ReadableStream({ start: (controller) => controller.close() }) },
      files: {},
    };
    const page = mount(t, {
      stream,
      cloud,
      create: async () => ({ externalId: "srv-8" }),
      delete: async (id) => void deleted.push(["server", id]),
      load: async (id) => (loads.push(id), { messages: saying("hello") }),
    });
    await page.runtime();
    await until(() => asked.length > 0 && page.seen.runtime.threads.getState().threadIds.length === 1, "the list");
    await page.seen.runtime.threads.switchToThread("cloud-1");
    await until(() => page.texts().length === 2, "the thread");
    assert.deepEqual(loads, ["srv-7"]);
    await page.seen.runtime.threads.switchToNewThread();
    await until(() => page.texts().length === 0, "a new thread");
    page.say("new");
    (await run(0)).end();
    await until(() => made.length > 0, "the thread in the list");
    assert.equal(made[0].external_id, "srv-8");
    await page.idle();
    await page.seen.runtime.threads.getItemById("cloud-1").delete();
    assert.deepEqual(deleted, [
      ["server", "cloud-1"],
      ["cloud", "cloud-1"],
    ]);
  });

  test("option initialThreadId is the thread shown first", async (t) => {
    const { stream } = agent();
    const loads = [];
    const page = mount(t, { stream, initialThreadId: "t2", unstable_threadListAdapter: listOf("t1", "t2"), load: async (id) => (loads.push(id), { messages: saying(id) }) });
    await page.ready();
    await until(() => page.texts()[1] === "assistant: t2", "the thread");
    assert.deepEqual(loads, ["t2"]);
  });

  test("option threadId: the thread is loading from its first frame on", async (t) => {
    const frames = [];
    const options = { stream: agent().stream, threadId: "t1", unstable_threadListAdapter: listOf("t1"), load: () => new Promise(() => {}) };
    function Probe() {
      frames.push([useAuiState((state) => state.threads.mainThreadId), useAuiState((state) => state.thread.isLoading)]);
      return null;
    }
    function Host() {
      return (
        <AssistantRuntimeProvider runtime={useLangGraphRuntime(options)}>
          <Probe />
        </AssistantRuntimeProvider>
      );
    }
    const root = createRoot(document.createElement("div"));
    t.after(() => root.unmount());
    root.render(<Host />);
    const first = await until(() => frames.find(([id]) => id === "t1"), "a frame of the thread");
    assert.equal(first[1], true);
  });

  test("option uiComponents shows components by name, and any other with the fallback", async (t) => {
    const uiMessages = ["chart", "unknown"].map((name, at) => ({ type: "ui", id: `u${at}`, name, props: { value: at }, metadata: { message_id: "a1" } }));
    const { stream } = agent();
    const components = (label) => ({
      renderers: { chart: ({ data }) => <b>{`${label} ${data.value}`}</b> },
      fallback: ({ name, data }) => <i>{`${name} ${data.value}`}</i>,
    });
    const options = { stream, threadId: "t1", unstable_threadListAdapter: listOf("t1"), load: async () => ({ messages: saying("look:"), uiMessages }) };
    function Answer() {
      const count = useAuiState((state) => state.thread.messages.length);
      if (count < 2) return null;
      return (
        <MessageByIndexProvider index={1}>
          <MessagePrimitiveParts components={{ Text: ({ text }) => <p>{text}</p> }} />
        </MessageByIndexProvider>
      );
    }
    function Host({ label }) {
      const runtime = useLangGraphRuntime({ ...options, uiComponents: label ? components(label) : undefined });
      return (
        <AssistantRuntimeProvider runtime={runtime}>
          <Answer />
        </AssistantRuntimeProvider>
      );
    }
    const place = document.createElement("div");
    const root = createRoot(place);
    t.after(() => root.unmount());
    const shows = async (html) => until(() => place.innerHTML === html, `${html}, not ${place.innerHTML}`);
    root.render(<Host label="Chart" />);
    await shows("<p>look:</p><b>Chart 0</b><i>unknown 1</i>");
    root.render(<Host label="Diagram" />);
    await shows("<p>look:</p><b>Diagram 0</b><i>unknown 1</i>");
    root.render(<Host />);
    await shows("<p>look:</p>");
  });

  test("useLangGraphCanEdit and useLangGraphCanRegenerate follow getCheckpointId", async (t) => {
    const options = { stream: agent().stream, threadId: "t1", unstable_threadListAdapter: listOf("t1"), load: async () => ({ messages: saying("hello") }) };
    let now;
    function Probe() {
      now = [useAuiState((state) => state.thread.messages.length), useLangGraphCanEdit("h1"), useLangGraphCanRegenerate("a1")];
      return null;
    }
    function Host({ getCheckpointId }) {
      const runtime = useLangGraphRuntime({ ...options, ...(getCheckpointId && { getCheckpointId }) });
      return (
        <AssistantRuntimeProvider runtime={runtime}>
          <Probe />
        </AssistantRuntimeProvider>
      );
    }
    const root = createRoot(document.createElement("div"));
    t.after(() => root.unmount());
    root.render(<Host />);
    await until(() => now?.[0] === 2, "the thread");
    assert.deepEqual(now, [2, false, false]);
    const other = createRoot(document.createElement("div"));
    t.after(() => other.unmount());
    root.unmount();
    now = undefined;
    other.render(<Host getCheckpointId={async () => null} />);
    await until(() => now?.[0] === 2, "the thread");
    assert.deepEqual(now, [2, true, true]);
  });

  test("options isDisabled, isSendDisabled, suggestions and unstable_capabilities are assistant-ui's own", async (t) => {
    const { stream } = agent();
    const suggestions = [{ prompt: "What is new?" }];
    const page = mount(t, { stream, unstable_threadListAdapter: listOf(), isDisabled: true, isSendDisabled: true, suggestions, unstable_capabilities: { copy: false } });
    await page.ready();
    const { isDisabled, capabilities, suggestions: shown } = page.at().thread;
    assert.deepEqual([isDisabled, capabilities.unstable_copy, shown], [true, false, suggestions]);
    page.seen.runtime.thread.composer.setText("something to send");
    assert.equal(page.seen.runtime.thread.composer.getState().canSend, false);
    page.setOptions({ isDisabled: false, isSendDisabled: false });
    await until(() => !page.at().thread.isDisabled && page.seen.runtime.thread.composer.getState().canSend, "the thread to be open");
  });

  test("without stream, each request and each run carries what the options say", async (t) => {
    const fake = await startFake(async function* ({ input }) {
      yield ["values", { talk: [...input.talk, ai("a1", "hi")] }];
    });
    const asked = [];
    const seeing = (url, init) => (asked.push({ url: `${url}`, init }), fetch(url, init));
    const page = mount(t, {
      apiUrl: fake.url,
      assistantId: "chat",
      apiKey: "key",
      defaultHeaders: { "x-own": "1" },
      headers: async () => ({ authorization: "Bearer token" }),
      callerOptions: { fetch: seeing },
      credentials: "include",
      config: { configurable: { mood: "good" } },
      messagesKey: "talk",
      fetchStateHistory: { limit: 7 },
      storage: "none",
      unstable_threadListAdapter: listOf("t1"),
      threadId: "t1",
    });
    await page.ready();
    await until(() => page.seen.runtime.threads.getState().mainThreadId === "t1", "the switch to its thread");
    page.say("hello");
    await until(() => page.texts().join() === "user: hello,assistant: hi" && !page.at().thread.isRunning, "the answer");
    const run = asked.find(({ url }) => url.endsWith("/runs/stream"));
    const headers = new Headers(run.init.headers);
    assert.deepEqual(["x-api-key", "x-own", "authorization"].map((name) => headers.get(name)), ["key", "1", "Bearer token"]);
    assert.equal(run.init.credentials, "include");
    const body = JSON.parse(run.init.body);
    assert.equal(body.config.configurable.mood, "good");
    assert.equal(body.assistant_id, "chat");
    assert.deepEqual(body.input.talk.map(({ type, content }) => [type, content]), [["human", "hello"]]);
    const histories = asked.filter(({ url }) => url.includes("/history")).map(({ url, init }) => Number(new URL(url).searchParams.get("limit") ?? JSON.parse(init.body).limit));
    assert.ok(histories.length > 0 && histories.every((limit) => limit === 7), `${histories}`);
  });

  test("without stream, timeouts and retry are createStream's", async (t) => {
    const fake = await startFake(async function* () {});
    fake.states.set("t1", [stateOf({ messages: saying("stored") })]);
    const tries = [];
    const hanging = (url, init) => {
      if (!`${url}`.includes("/history") || tries.length === 4) return fetch(url, init);
      tries.push(performance.now());
      // Answers nothing until it is given up.
      return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
    };
    mount(t, { apiUrl: fake.url, assistantId: "chat", callerOptions: { fetch: hanging }, timeouts: { request: 40 }, retry: { backoffBase: 10, backoffMax: 20 }, storage: "none", unstable_threadListAdapter: listOf("t1"), threadId: "t1" });
    await until(() => tries.length === 4, "the fourth try");
    // By default each is given up after 15 seconds.
    assert.ok(tries[3] - tries[0] < 5000, `${tries[3] - tries[0]} ms`);
  });
}
