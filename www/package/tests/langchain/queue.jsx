// Submissions while a run is active.
import assert from "node:assert/strict";
import { gate } from "../support/fake-server.mjs";
import { human, until } from "../support/server.mjs";
import { against, reading } from "./mount.jsx";

const ai = (content, id) => ({ type: "ai", content, id });
const ask = (content) => ({ messages: [human(content, content)] });
const texts = ({ messages }) => messages.map((one) => one.text);
const shown = ({ queue }) => queue.entries.map(({ values }) => values.messages[0].content);

/** Each run adds the question and an answer to the thread, when its gate is open. */
function conversation() {
  const gates = { one: gate(), two: gate(), three: gate() };
  const said = [];
  async function* script({ input }) {
    const [{ content, id }] = input.messages;
    said.push(human(content, id ?? content));
    yield ["values", { messages: [...said] }];
    await gates[content];
    said.push(ai(`re ${content}`, `a-${content}`));
    yield ["values", { messages: [...said] }];
  }
  return { gates, script, open: () => Object.values(gates).forEach((one) => one.open()) };
}

async function begun(t, options = {}) {
  const talk = conversation();
  t.after(talk.open);
  const made = await against(t, talk.script, options);
  void made.at().submit(ask("one"));
  return { ...talk, ...made };
}

export function queue(test) {
  test("a submission while a run is active is queued on the server, shown, and followed when its turn comes", async (t) => {
    const { at, seen, fake, gates, open } = await begun(t);
    const submit = at().submit;
    const [two, three] = [submit(ask("two"), { metadata: { a: 1 }, config: { tags: ["t"] } }), submit(ask("three"))];
    await until(() => at().queue.size === 2);
    assert.deepEqual(shown(at()), ["two", "three"]);
    await Promise.all([two, three]);
    assert.equal(fake.queued.length, 2);
    const [{ input, multitask_strategy, stream_resumable, stream_mode, metadata, config, assistant_id }] = fake.queued;
    assert.deepEqual({ input, multitask_strategy, stream_resumable, metadata, config, assistant_id }, { input: ask("two"), multitask_strategy: "enqueue", stream_resumable: true, metadata: { a: 1 }, config: { tags: ["t"] }, assistant_id: "agent" });
    assert.deepEqual(stream_mode.toSorted(), ["messages-tuple", "values"]);
    await until(() => at().queue.entries.every(({ id }) => fake.runs.has(id)), "the runs' own ids");
    assert.ok(at().queue.entries[0].createdAt instanceof Date);
    assert.deepEqual(texts(at()), ["one"]);
    const before = seen.length;
    gates.one.open();
    await until(() => at().queue.size === 1);
    assert.deepEqual(shown(at()), ["three"]);
    open();
    await until(() => at().queue.size === 0 && !at().isLoading && at().messages.length === 6);
    assert.deepEqual(texts(at()), ["one", "re one", "two", "re two", "three", "re three"]);
    const last = seen.slice(before).findLastIndex(({ isLoading }) => isLoading);
    assert.ok(seen.slice(before, before + last).every(({ isLoading }) => isLoading), "between two runs nobody is told that nothing runs");
  });

  test("the queue is the same object until it changes", async (t) => {
    const { at, seen } = await begun(t);
    const { queue: empty } = at();
    assert.deepEqual([empty.entries, empty.size], [[], 0]);
    await until(() => texts(at()).length === 1);
    assert.equal(at().queue, empty);
    await at().submit(ask("two"));
    await until(() => at().queue.size === 1);
    assert.ok(seen.length > 2);
  });

  test("what is submitted before the first run has its id, also from onCreated, keeps its order", async (t) => {
    let submit;
    let asked = false;
    const onCreated = () => {
      if (asked) return;
      asked = true;
      void submit(ask("two"));
      void submit(ask("three"));
    };
    const { at, fake, open } = await begun(t, { onCreated });
    submit = at().submit;
    await until(() => at().queue.size === 2 && fake.queued.length === 2);
    open();
    await until(() => at().queue.size === 0 && !at().isLoading && at().messages.length === 6);
    assert.deepEqual(fake.queued.map(({ input }) => input.messages[0].content), ["two", "three"]);
    assert.deepEqual(texts(at()), ["one", "re one", "two", "re two", "three", "re three"]);
  });

  test("cancel takes one out, whether the server has it or not", async (t) => {
    const { at, fake, open } = await begun(t);
    void at().submit(ask("two"));
    await until(() => at().queue.size === 1 && fake.runs.has(at().queue.entries[0].id));
    await at().submit(ask("three"));
    const [{ id }] = at().queue.entries;
    assert.equal(await at().queue.cancel(id), true);
    await until(() => at().queue.size === 1);
    assert.equal(fake.runs.get(id).status, "interrupted");
    assert.equal(await at().queue.cancel(id), false, "it is not there any more");
    open();
    await until(() => at().queue.size === 0 && !at().isLoading && at().messages.length === 4);
    assert.deepEqual(texts(at()), ["one", "re one", "three", "re three"]);

    // Before the server has it: nothing is sent.
    const sent = fake.queued.length;
    const run = at().submit(ask("one"));
    void at().submit(ask("two"));
    await until(() => at().queue.size === 1);
    assert.equal(await at().queue.cancel(at().queue.entries[0].id), true);
    await run;
    await until(() => !at().isLoading);
    assert.equal(at().queue.size, 0);
    assert.ok([...fake.runs.values()].every(({ status }) => !["running", "pending"].includes(status)));
    assert.ok(fake.queued.length <= sent + 1);
  });

  test("clear cancels all", async (t) => {
    const { at, fake, open } = await begun(t);
    await Promise.all([at().submit(ask("two")), at().submit(ask("three"))]);
    await until(() => at().queue.size === 2);
    await at().queue.clear();
    await until(() => at().queue.size === 0);
    open();
    await until(() => !at().isLoading);
    assert.deepEqual(texts(at()), ["one", "re one"]);
    assert.equal([...fake.runs.values()].filter(({ status }) => status === "interrupted").length, 2);
  });

  test("switchThread cancels what waits; a thread that is left by its prop goes on", async (t) => {
    const { at, fake } = await begun(t);
    await Promise.all([at().submit(ask("two")), at().submit(ask("three"))]);
    await until(() => at().queue.size === 2);
    at().switchThread("other");
    await until(() => at().queue.size === 0 && at().messages.length === 0);
    await until(() => [...fake.runs.values()].filter(({ status }) => status === "interrupted").length === 2);

    const again = await begun(t, { threadId: "mine" });
    await again.at().submit(ask("two"));
    await until(() => again.at().queue.size === 1);
    again.setOptions({ threadId: "elsewhere" });
    await until(() => again.at().queue.size === 0);
    assert.ok([...again.fake.runs.values()].every(({ status }) => status !== "interrupted"));
  });

  test("a queued submission that the server refuses is told, and is no entry", async (t) => {
    const told = [];
    const { at, fake, open } = await begun(t, { onError: (error) => told.push(["stream", error.status]) });
    await until(() => texts(at()).length === 1);
    fake.refuseQueued = 422;
    await at().submit(ask("two"), { onError: (error) => told.push(["submission", error.status]) });
    await assert.rejects(at().submit(ask("three"), { throwOnError: true }), { status: 422 });
    assert.deepEqual(told, [["stream", 422], ["submission", 422], ["stream", 422]]);
    await until(() => at().queue.size === 0);
    open();
    await until(() => !at().isLoading);
    assert.deepEqual(texts(at()), ["one", "re one"]);
  });

  test("an entry that cannot be cancelled stays; one that is over does not", async (t) => {
    const answers = [503, 404];
    const callerOptions = {
      maxRetries: 0,
      fetch: (url, init) => (String(url).includes("/cancel") && answers.length > 0 ? Promise.resolve(new Response("{}", { status: answers.shift() })) : fetch(url, init)),
    };
    const { at } = await begun(t, { callerOptions });
    await Promise.all([at().submit(ask("two")), at().submit(ask("three"))]);
    await until(() => at().queue.size === 2);
    assert.equal(await at().queue.cancel(at().queue.entries[0].id), false);
    await until(() => at().queue.size === 2);
    assert.deepEqual(shown(at()), ["two", "three"]);
    assert.equal(await at().queue.cancel(at().queue.entries[0].id), false);
    await until(() => at().queue.size === 1);
  });

  for (const multitaskStrategy of ["interrupt", "rollback"]) {
    test(`multitaskStrategy ${multitaskStrategy} replaces the run and does not wait`, async (t) => {
      const { at, fake, open } = await begun(t);
      await until(() => texts(at()).length === 1);
      void at().submit(ask("two"), { multitaskStrategy });
      await until(() => fake.bodies.length === 2);
      assert.equal(fake.bodies[1].multitask_strategy, multitaskStrategy);
      assert.deepEqual([fake.queued.length, at().queue.size], [0, 0]);
      open();
    });
  }

  test("a mock client is called", async (t) => {
    const calls = [];
    const runs = (fake) => ({ apiUrl: fake.url, create: async (...args) => (calls.push(args), { run_id: "q1", created_at: "2026-01-01T00:00:00Z" }), cancel: async (...args) => void calls.push(args) });
    const { at, open } = await begun(t, (fake) => ({ client: { threads: { apiUrl: fake.url }, runs: runs(fake) } }));
    await until(() => texts(at()).length === 1);
    await at().submit(ask("two"), { streamSubgraphs: true });
    await until(() => at().queue.entries[0]?.id === "q1");
    const { threadId } = at();
    assert.deepEqual([calls[0][0], calls[0][1], calls[0][2].multitaskStrategy, calls[0][2].streamSubgraphs, calls[0][2].input], [threadId, "agent", "enqueue", true, ask("two")]);
    assert.equal(at().queue.entries[0].createdAt.getFullYear(), 2026);
    await at().queue.clear();
    assert.deepEqual(calls[1], [threadId, "q1"]);
    open();
  });

  test("with a transport submissions wait in the page, and the queue is empty", async (t) => {
    const opened = gate();
    const inputs = [];
    const transport = {
      async stream({ input }) {
        inputs.push(input.messages[0].content);
        return (async function* () {
          await opened;
          yield { event: "values", data: { messages: [ai(input.messages[0].content, "x")] } };
        })();
      },
    };
    const { at } = await against(t, [], { transport, apiUrl: undefined, assistantId: undefined }, reading);
    const first = at().submit(ask("one"));
    const second = at().submit(ask("two"));
    await until(() => inputs.length === 1);
    assert.equal(at().queue.size, 0);
    opened.open();
    await Promise.all([first, second]);
    assert.deepEqual(inputs, ["one", "two"]);
  });
}
