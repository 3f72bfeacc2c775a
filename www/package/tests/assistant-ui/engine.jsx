// What the runtime does where runs are followed by this package. Bundled by runtime-engine.test.mjs; the server is the real one.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";
import { unstable_createLangGraphStream } from "../../dist/assistant-ui/index.js";
import { gate, startFake, stateOf } from "../support/fake-server.mjs";
import { memoryStorage, until } from "../support/server.mjs";
import { listOf, mount } from "./runtime.jsx";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function suite(test, apiUrl) {
  const ask = async (path, body) => {
    const answer = await fetch(`${apiUrl}${path}`, body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {});
    return answer.json();
  };
  const knobs = (configurable) => ({ configurable: { n_tokens: 6, delay_ms: 2, ...configurable } });
  /** Mounts on the server's threads. */
  const open = (t, assistantId, more = {}) => mount(t, { apiUrl, assistantId, config: knobs(), storage: "none", ...more });
  const threadOf = (page) => page.at().aui.threadListItem.getState().externalId;
  const headOf = (page) => ask(`/threads/${threadOf(page)}/state`);
  /** Says each of `lines` and waits for the answers. */
  const talk = async (page, ...lines) => {
    await page.ready();
    for (const line of lines) {
      const before = page.texts().length;
      page.say(line);
      await until(() => page.texts().length === before + 2 && page.texts().at(-1).length > 11 && !page.at().thread.isRunning, `an answer to ${line}`);
    }
  };
  /** What the server's newest state holds is what is shown. */
  const agrees = async (page) => {
    const { values } = await headOf(page);
    const plain = values.messages.map(({ type, content }) => `${type === "human" ? "user" : "assistant"}: ${content}`);
    await until(() => page.texts().join("\n") === plain.join("\n"), `the server's messages:\n${plain.join("\n")}`).catch((error) => assert.deepEqual(page.texts(), plain, String(error)));
  };
  const said = (page) => page.texts().filter((line) => line.startsWith("user")).map((line) => line.slice(6));
  const idle = (page) => until(() => !page.at().thread.isRunning, "the run's end");

  test("engine: a conversation is streamed, and the server agrees", async (t) => {
    const page = open(t, "chat");
    await page.ready();
    page.say("hello");
    await until(() => page.texts()[0] === "user: hello" && page.at().thread.isRunning, "the message");
    await until(() => page.texts().length === 2, "the answer");
    await idle(page);
    await agrees(page);
    assert.equal(page.last().status.type, "complete");
    assert.ok(page.at().connection.state);
    assert.equal(page.at().state.messages.length, 2);
    assert.ok(page.at().metadata.get(page.last().id), "what came beside the chunks");
    await talk(page, "again");
    await agrees(page);
  });

  test("engine: the first question stays on the screen while its thread is made", async (t) => {
    const slow = async (url, init) => {
      await pause(100);
      return fetch(url, init);
    };
    const page = open(t, "chat", { callerOptions: { fetch: slow } });
    await page.ready();
    const seen = [];
    const look = setInterval(() => seen.push(page.texts().includes("user: hello")), 1);
    t.after(() => clearInterval(look));
    page.say("hello");
    await until(() => page.texts().length === 2 && !page.at().thread.isRunning, "the answer");
    clearInterval(look);
    const from = seen.indexOf(true);
    assert.ok(from >= 0 && !seen.slice(from).includes(false), `gone ${seen.slice(from).filter((is) => !is).length} of ${seen.length} times`);
  });

  test("engine: a run resumes after a reload", async (t) => {
    const storage = memoryStorage();
    const more = { storage, config: knobs({ n_tokens: 60, delay_ms: 15 }), unstable_threadListAdapter: listOf() };
    const threadId = (await ask("/threads", {})).thread_id;
    const first = open(t, "chat", { ...more, unstable_threadListAdapter: listOf(threadId), threadId });
    await until(() => first.seen.runtime && first.at() && threadOf(first) === threadId && !first.at().thread.isLoading, "the thread");
    first.say("hello");
    await until(() => first.texts()[1]?.length > 40, "some of the answer");
    first.unmount();
    const second = open(t, "chat", { ...more, unstable_threadListAdapter: listOf(threadId), threadId });
    await until(() => second.at()?.thread.isRunning && second.texts()[1]?.length > 40, "the run that goes on");
    await until(() => !second.at().thread.isRunning && second.texts().length === 2, "its end");
    await agrees(second);
    assert.equal((await ask(`/threads/${threadId}/runs`)).length, 1);
  });

  test("engine: a run goes on while another thread is shown, and is there on return", async (t) => {
    const page = open(t, "chat", { config: knobs({ n_tokens: 50, delay_ms: 15 }) });
    await page.ready();
    page.say("hello");
    await until(() => page.texts()[1]?.length > 20, "some of the answer");
    const own = threadOf(page);
    const item = page.seen.runtime.threads.mainItem.getState().id;
    await page.seen.runtime.threads.switchToNewThread();
    await until(() => page.texts().length === 0, "a new thread");
    await pause(100);
    await page.seen.runtime.threads.switchToThread(item);
    await until(() => threadOf(page) === own && page.texts()[1]?.length > 20, "the thread again");
    await until(() => !page.at().thread.isRunning && page.texts().length === 2, "the run's end");
    await agrees(page);
    assert.deepEqual((await ask(`/threads/${own}/runs`)).map(({ status }) => status), ["success"]);
  });

  test("engine: edits find their checkpoints by themselves, and the server agrees", async (t) => {
    const page = open(t, "chat");
    await talk(page, "one", "two", "three");
    for (const [at, line, left] of [[4, "three!", ["one", "two", "three!"]], [2, "two!", ["one", "two!"]], [0, "one!", ["one!"]]]) {
      page.edit(at, line);
      await until(() => said(page).join() === left.join() && page.texts().length === 2 * left.length && !page.at().thread.isRunning, line);
      await agrees(page);
    }
    assert.equal(page.at().failure.error, undefined);
  });

  test("engine: an answer is given again, and branches can be switched, also after a reload", async (t) => {
    const page = open(t, "chat");
    await talk(page, "one", "two");
    const [, first, , second] = page.ids();
    page.message(1).reload();
    await until(() => page.texts().length === 2 && page.ids()[1] !== first && !page.at().thread.isRunning, "the other answer");
    await agrees(page);
    await until(() => page.message(1).getState().branchCount === 2, "two branches");
    assert.equal(page.message(1).getState().branchNumber, 2);
    page.message(1).switchToBranch({ position: "previous" });
    await until(() => page.ids().join().includes(second), "the first branch, to its end");
    assert.deepEqual(said(page), ["one", "two"]);
    // What comes next goes on from what is shown.
    page.say("three");
    await until(() => page.texts().length === 6 && !page.at().thread.isRunning, "an answer");
    await agrees(page);
    assert.deepEqual(said(page), ["one", "two", "three"]);

    const threadId = threadOf(page);
    const again = open(t, "chat", { unstable_threadListAdapter: listOf(threadId), threadId });
    await until(() => again.at() && again.texts().length === 6, "the thread");
    await until(() => again.message(1).getState().branchCount === 2, "its branches");
    again.message(1).switchToBranch({ position: again.message(1).getState().branchNumber === 1 ? "next" : "previous" });
    await until(() => again.texts().length === 2, "the other branch");
    assert.deepEqual(said(again), ["one"]);
  });

  test("engine: a question survives a reload, and its answer is sent", async (t) => {
    const page = open(t, "approval");
    await page.ready();
    page.say("do it");
    await until(() => page.at().interrupt && !page.at().thread.isRunning, "the question");
    const threadId = threadOf(page);
    page.unmount();
    const again = open(t, "approval", { unstable_threadListAdapter: listOf(threadId), threadId });
    await until(() => again.at()?.interrupts.length === 1, "the question again");
    const before = again.texts().length;
    void again.at().respond(true);
    await until(() => again.at().interrupts.length === 0, "that it is answered");
    await until(() => !again.at().thread.isRunning && again.texts().join().length > 0 && again.at().thread.messages.length >= before, "the end");
    const { next } = await headOf(again);
    assert.deepEqual(next, []);
  });

  test("engine: several questions are answered one by one or by a map; one answer for all is refused", async (t) => {
    for (const byMap of [false, true]) {
      const page = open(t, "multi");
      await page.ready();
      page.say("do it");
      await until(() => page.at().interrupts.length === 2 && !page.at().thread.isRunning, "both questions");
      await assert.rejects(page.at().respond(true), { code: "ambiguous_resume" });
      await until(() => page.at().failure.error?.code === "ambiguous_resume", "the error");
      const [one, two] = page.at().interrupts.map(({ id }) => id);
      if (byMap) void page.at().respondAll({ [one]: true, [two]: true });
      else {
        void page.at().respond(true, { interruptId: one });
        await until(() => page.at().interrupts.length === 1 && !page.at().thread.isRunning, "one question");
        assert.equal(page.at().interrupts[0].id, two);
        void page.at().command({ resume: { [two]: true } });
      }
      await until(() => page.at().interrupts.length === 0 && !page.at().thread.isRunning, "no question");
      await until(async () => (await headOf(page)).next.length === 0, "the end");
      page.unmount();
    }
  });

  test("engine: stopping reaches the server, and marks the answer as cancelled", async (t) => {
    const page = open(t, "chat", { config: knobs({ n_tokens: 400, delay_ms: 20 }) });
    await page.ready();
    page.say("hello");
    await until(() => page.texts()[1]?.length > 20, "some of the answer");
    assert.equal(page.at().thread.capabilities.cancel, true);
    page.seen.runtime.thread.cancelRun();
    await idle(page);
    assert.deepEqual([page.last().status.type, page.last().status.reason], ["incomplete", "cancelled"]);
    await until(async () => (await ask(`/threads/${threadOf(page)}/runs`)).every(({ status }) => status !== "running" && status !== "pending"), "the run's end on the server");
    assert.equal(said(page).length, 1);
    assert.ok(page.texts()[1].length > 20, "what had streamed stays");
  });

  test("engine: a graph that fails marks its answer, and is begun again", async (t) => {
    const page = open(t, "boom");
    await page.ready();
    page.say("hello");
    const { error, canRetry } = await until(() => page.at().failure.error && !page.at().thread.isRunning && page.at().failure, "the error");
    assert.equal(error.code, "run_failed");
    await until(() => page.last().status?.type === "incomplete" && page.last().status.reason === "error", "the mark");
    assert.equal(page.last().role, "assistant");
    assert.equal(canRetry, true);
    void page.at().failure.retry();
    await until(() => page.at().thread.isRunning, "another run");
    await until(() => page.at().failure.error && !page.at().thread.isRunning, "the same error");
    assert.deepEqual(said(page), ["hello"]);
  });

  test("engine: without checkpoints nothing can be edited, given again or switched", async (t) => {
    const page = open(t, "chat", { checkpoints: "off" });
    await talk(page, "one");
    const { edit, reload, switchToBranch } = page.at().thread.capabilities;
    assert.deepEqual([edit, reload, switchToBranch], [false, false, false]);
  });

  test("engine: getCheckpointId is used where it is given; where it finds nothing nothing changes", async (t) => {
    const asked = [];
    let answer = async () => null;
    const page = open(t, "chat", { checkpoints: "off", getCheckpointId: (id, parents) => (asked.push([id, parents.map((message) => message.id)]), answer(id, parents)) });
    await talk(page, "one", "two");
    const before = page.texts();
    page.edit(2, "two!");
    await until(() => page.at().failure.error?.code === "checkpoint_not_found", "the error");
    assert.deepEqual(page.texts(), before);
    assert.deepEqual(asked, [[threadOf(page), page.ids().slice(0, 2)]]);
    answer = async (id, parents) => {
      const wanted = parents.map((message) => message.id).join();
      const states = await ask(`/threads/${id}/history`, { limit: 50 });
      return states.find(({ values }) => (values.messages ?? []).map((message) => message.id).join() === wanted).checkpoint.checkpoint_id;
    };
    assert.equal(page.at().failure.canRetry, true);
    void page.at().failure.retry();
    await until(() => said(page)[1] === "two!" && page.texts().length === 4 && !page.at().thread.isRunning, "the edit");
    await agrees(page);
  });

  test("engine: a stream of unstable_createLangGraphStream is followed in the same way", async (t) => {
    const stream = unstable_createLangGraphStream({ client: new Client({ apiUrl }), assistantId: "chat" });
    const page = mount(t, { stream, config: knobs(), storage: "none" });
    await talk(page, "one");
    assert.equal(page.at().thread.capabilities.edit, true);
    page.edit(0, "one!");
    await until(() => said(page).join() === "one!" && page.texts().length === 2 && !page.at().thread.isRunning, "the edit");
    await agrees(page);
  });

  test("engine: the server's threads are the list: titled, renamed, archived, deleted", async (t) => {
    const page = open(t, "chat");
    await talk(page, "a question about lists");
    const id = threadOf(page);
    await until(async () => (await ask(`/threads/${id}`)).metadata.title === "a question about lists", "the title");
    const again = open(t, "chat");
    await again.ready();
    const listed = () => again.at().aui.threads.getState().threadItems.find((item) => item.externalId === id);
    assert.equal((await until(listed, "the thread in the list")).title, "a question about lists");
    await again.seen.runtime.threads.switchToThread(id);
    await until(() => said(again).join() === "a question about lists", "the thread");
    await again.seen.runtime.threads.getItemById(id).rename("lists");
    assert.equal((await ask(`/threads/${id}`)).metadata.title, "lists");
    await again.seen.runtime.threads.getItemById(id).archive();
    assert.equal((await ask(`/threads/${id}`)).metadata.archived, true);
    await again.seen.runtime.threads.getItemById(id).delete();
    assert.equal((await fetch(`${apiUrl}/threads/${id}`)).status, 404);
  });

  test("engine: state that is set is shown and rides the next run", async (t) => {
    const sent = [];
    const callerOptions = { fetch: (url, init) => (sent.push([String(url), init.body && JSON.parse(init.body)]), fetch(url, init)) };
    const page = open(t, "chat", { callerOptions });
    await talk(page, "one");
    page.at().setState((now) => ({ ...now, mood: "good" }));
    await until(() => page.at().state?.mood === "good", "the state");
    page.say("two");
    await until(() => page.texts().length === 4 && !page.at().thread.isRunning, "the answer");
    const inputs = sent.filter(([url]) => url.endsWith("/runs/stream")).map(([, body]) => body.input);
    assert.deepEqual([inputs.length, inputs[1].mood, inputs[1].messages.length], [2, "good", 1]);
  });

  test("engine: events reach their handlers", async (t) => {
    const told = [];
    const names = ["onMessageChunk", "onValues", "onUpdates", "onSubgraphUpdates", "onMetadata", "onError", "onCustomEvent"];
    const eventHandlers = Object.fromEntries(names.map((name) => [name, (...args) => void told.push([name, ...args])]));
    const page = open(t, "chat", { eventHandlers });
    await page.ready();
    page.say("hello");
    await until(() => page.texts().length >= 2 && !page.at().thread.isRunning, "the answer");
    const of = (name) => told.filter(([given]) => given === name);
    for (const name of ["onMessageChunk", "onValues", "onUpdates", "onMetadata"]) assert.ok(of(name).length > 0, name);
    assert.equal(of("onError").length, 0);
    const [, chunk, metadata] = of("onMessageChunk")[0];
    assert.deepEqual([chunk.type, typeof metadata.langgraph_node], ["AIMessageChunk", "string"]);
    assert.ok(Array.isArray(of("onValues").at(-1)[1].messages));
  });

  test("engine: a thread that cannot be made is a visible error, and is made again", async (t) => {
    let fails = true;
    const create = async () => {
      if (fails) throw new Error("HTTP 503");
      return { externalId: (await ask("/threads", {})).thread_id };
    };
    const page = open(t, "chat", { create });
    await page.ready();
    page.say("hello");
    const { error, canRetry } = await until(() => page.at().failure.error && !page.at().thread.isRunning && page.at().failure, "the error");
    assert.deepEqual([error.code, canRetry], ["stream_failed", true]);
    fails = false;
    void page.at().failure.retry();
    await until(() => page.texts().length === 2 && !page.at().thread.isRunning, "the answer");
    await agrees(page);
  });

  test("engine: a message is not lost where the composer's queue is on and its thread cannot be made", async (t) => {
    let fails = true;
    const create = async () => {
      if (fails) throw new Error("HTTP 503");
      return { externalId: (await ask("/threads", {})).thread_id };
    };
    const page = open(t, "chat", { create, unstable_enableMessageQueue: true });
    await page.ready();
    page.say("hello");
    await until(() => page.at().failure.error?.code === "stream_failed" && page.at().failure.canRetry, "the error");
    fails = false;
    void page.at().failure.retry();
    await until(() => page.texts().length === 2 && !page.at().thread.isRunning, "the answer");
    await agrees(page);
  });

  test("engine: a new thread is made with its first message, which waits while the server is away", async (t) => {
    const storage = memoryStorage();
    const network = { away: false };
    const sent = [];
    const callerOptions = {
      fetch: async (url, init) => {
        if (network.away) throw new TypeError("no network");
        sent.push(`${init.method} ${new URL(url).pathname}`);
        return fetch(url, init);
      },
    };
    const page = open(t, "chat", { callerOptions, storage });
    await page.ready();
    network.away = true;
    page.say("hello");
    await until(() => page.at().waits.waiting[0]?.state === "unreachable", "it waits");
    assert.deepEqual([page.texts(), page.at().waits.isUnsent, page.at().waits.waiting[0].isStored, page.at().failure.error], [["user: hello"], true, true, undefined]);
    assert.match(threadOf(page), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    network.away = false;
    await until(() => page.texts().length === 2 && !page.at().thread.isRunning, "the answer", 20_000);
    await agrees(page);
    assert.equal(sent.filter((line) => line === "POST /threads").length, 1);
    const listed = await ask("/threads/search", { metadata: { graph_id: "chat" }, limit: 100 });
    assert.ok(listed.some(({ thread_id }) => thread_id === threadOf(page)), "it is in the server's list");
  });

  test("engine: refetching shows what was done elsewhere", async (t) => {
    const page = open(t, "chat");
    await talk(page, "one");
    const other = open(t, "chat", { unstable_threadListAdapter: listOf(threadOf(page)), threadId: threadOf(page) });
    await until(() => other.at() && said(other).join() === "one", "the thread in the other page");
    await talk(other, "two");
    assert.deepEqual(said(page), ["one"]);
    await page.seen.runtime.threads.reloadMainThread();
    await until(() => said(page).join() === "one,two", "what was said there");
    await agrees(page);
  });

  test("engine: under StrictMode there is one run and one connection", async (t) => {
    const sent = [];
    const callerOptions = { fetch: (url, init) => (sent.push(`${init.method} ${new URL(url).pathname}`), fetch(url, init)) };
    const page = open(t, "chat", { callerOptions, strict: true });
    await talk(page, "one");
    await agrees(page);
    assert.equal(sent.filter((line) => line.endsWith("/runs/stream")).length, 1);
    assert.equal(sent.filter((line) => line === "POST /threads").length, 1);
  });

  /** Mounts on a server that streams what `script` says, on a thread that is there. */
  const fakePage = async (t, script, more = {}) => {
    let states = 1;
    const fake = await startFake(async function* (body) {
      for await (const event of script(body)) {
        yield event;
        // A server's states have checkpoints of their own.
        const [state] = fake.states.get("t1") ?? [];
        if (state) state.checkpoint.checkpoint_id = `c${++states}`;
      }
    });
    fake.states.set("t1", [stateOf({ messages: [] })]);
    const page = mount(t, { apiUrl: fake.url, assistantId: "agent", storage: "none", unstable_threadListAdapter: listOf("t1"), threadId: "t1", ...more });
    await until(() => page.seen.runtime && page.at() && threadOf(page) === "t1" && !page.at().thread.isLoading, "the thread");
    return { ...page, fake };
  };

  test("engine: results of tools in the page are sent together, with the config of the run that called them", async (t) => {
    const call = (id) => ({ id, name: "pick", args: {}, type: "tool_call" });
    const page = await fakePage(t, async function* ({ input }) {
      const asked = input.messages;
      const calls = { type: "ai", id: "a1", content: "", tool_calls: [call("c1"), call("c2")] };
      if (asked[0].type === "human") yield ["values", { messages: [...asked, calls] }];
      else yield ["values", { messages: [{ type: "human", id: "h1", content: "go" }, calls, ...asked.map((message, at) => ({ ...message, id: `r${at}` })), { type: "ai", id: "a2", content: "done" }] }];
    }, { config: { configurable: { mood: "good" } } });
    page.say("go");
    await until(() => page.last()?.status?.type === "requires-action" && !page.at().thread.isRunning, "the calls");
    const answer = (id, result, more) => page.message(1).getMessagePartByToolCallId(id).addToolResult(result, more);
    answer("c1", ["one"]);
    await pause(30);
    assert.equal(page.fake.bodies.length, 1);
    answer("c2", { two: 2 });
    await until(() => page.texts().at(-1).endsWith("done") && !page.at().thread.isRunning, "the answer");
    const { input, config } = page.fake.bodies[1];
    assert.deepEqual(input.messages.map(({ type, tool_call_id, name, content, status }) => [type, tool_call_id, name, content, status]), [
      ["tool", "c1", "pick", '["one"]', "success"],
      ["tool", "c2", "pick", '{"two":2}', "success"],
    ]);
    assert.equal(config.configurable.mood, "good");
  });

  test("engine: a new turn answers tool calls that wait", async (t) => {
    const calls = { type: "ai", id: "a1", content: "", tool_calls: [{ id: "c1", name: "pick", args: {}, type: "tool_call" }] };
    const page = await fakePage(t, async function* ({ input }) {
      yield ["values", { messages: [...(page.fake.bodies.length > 1 ? [{ type: "human", id: "h1", content: "go" }, calls] : []), ...input.messages, ...(page.fake.bodies.length > 1 ? [] : [calls])] }];
    });
    page.say("go");
    await until(() => page.last()?.status?.type === "requires-action" && !page.at().thread.isRunning, "the call");
    page.say("never mind");
    await until(() => page.fake.bodies.length === 2 && !page.at().thread.isRunning, "the next run");
    assert.deepEqual(page.fake.bodies[1].input.messages.map(({ type, content }) => [type, content]), [["tool", '{"cancelled":true}'], ["human", "never mind"]]);
  });

  test("engine: UI messages and events of subgraphs reach the page", async (t) => {
    const told = [];
    const names = ["onCustomEvent", "onSubgraphUpdates", "onSubgraphValues", "onSubgraphError", "onError", "onValues"];
    const eventHandlers = Object.fromEntries(names.map((name) => [name, (...args) => void told.push([name, ...args])]));
    const panel = { type: "ui", id: "u1", name: "chart", props: { n: 1 }, metadata: { message_id: "a1" } };
    const shown = gate();
    const page = await fakePage(t, async function* ({ input }) {
      const messages = [...input.messages, { type: "ai", id: "a1", content: "hi" }];
      yield ["values", { messages }];
      yield ["custom", panel];
      yield ["custom", { progress: 1 }];
      yield ["updates|tools:1", { node: {} }];
      yield ["values|tools:1", { n: 1 }];
      yield await shown;
      yield ["values", { messages, ui: [{ ...panel, id: "u2" }] }];
    }, { eventHandlers });
    page.say("go");
    await until(() => page.at().ui.length === 1 && page.last().content.some((part) => part.type === "data" && part.name === "chart"), "the panel");
    shown.open();
    await until(() => page.at().ui[0]?.id === "u2" && !page.at().thread.isRunning, "the state's panel");
    const of = (name) => told.filter(([given]) => given === name).map(([, ...args]) => args);
    assert.deepEqual(of("onCustomEvent"), [["custom", { progress: 1 }]]);
    assert.deepEqual(of("onSubgraphUpdates"), [["tools:1", { node: {} }]]);
    assert.deepEqual(of("onSubgraphValues"), [["tools:1", { n: 1 }]]);
    assert.equal(of("onValues").length, 2);
    assert.equal(of("onError").length, 0);
  });

  test("engine: an error before the first token marks the new turn, and is told once", async (t) => {
    const told = [];
    const page = await fakePage(t, async function* ({ input }) {
      if (page.fake.bodies.length === 1) yield ["values", { messages: [...input.messages, { type: "ai", id: "a1", content: "hi" }] }];
      else yield ["error", { error: "ValueError", message: "boom" }];
    }, { eventHandlers: { onError: (error) => void told.push([error.code, error.message]) } });
    page.say("one");
    await until(() => page.texts().length === 2 && !page.at().thread.isRunning, "the answer");
    page.say("two");
    await until(() => page.at().failure.error && !page.at().thread.isRunning && page.last().status?.reason === "error", "the mark");
    assert.deepEqual(page.last().status, { type: "incomplete", reason: "error", error: "boom" });
    assert.deepEqual([page.at().thread.messages.length, page.at().thread.messages[1].status.type], [4, "complete"]);
    assert.deepEqual(told, [["run_failed", "boom"]]);
  });
}
