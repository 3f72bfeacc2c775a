// What is exported beside the hooks, without React.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as asset from "../../dist/langchain/asset.js";
import * as ours from "../../dist/langchain/index.js";
import * as theirs from "@langchain/react";

const {
  SubagentManager,
  calculateDepthFromNamespace,
  executeHeadlessTool,
  extractParentIdFromNamespace,
  extractToolCallIdFromNamespace,
  filterOutHeadlessToolInterrupts,
  findHeadlessTool,
  flushPendingHeadlessToolInterrupts,
  handleHeadlessToolInterrupt,
  headlessToolResumeCommand,
  isHeadlessToolInterrupt,
  isSubagentNamespace,
  parseHeadlessToolInterruptPayload,
} = ours;

test("every value that @langchain/react exports is there, in both forms", () => {
  const missing = Object.keys(theirs).filter((name) => typeof ours[name] !== typeof theirs[name]);
  assert.deepEqual(missing, []);
  assert.ok(Object.keys(theirs).length > 15);
  assert.deepEqual(Object.keys(asset).toSorted(), Object.keys(ours).toSorted());
});

// --- tools that run in the page ---

const asked = (id, name, args = {}) => ({ id: `i-${id}`, value: { type: "tool", toolCall: { id, name, args } } });
const python = { value: { type: "tool", tool_call: { id: "p", name: "where", args: { deep: 1 } } } };
const where = { tool: { name: "where" }, execute: async (args) => ({ at: args }) };
const broken = {
  tool: { name: "broken" },
  execute: async () => {
    throw new Error("no signal");
  },
};

/** The same of both packages. */
async function both(what) {
  const [our, their] = [await what(ours), await what(theirs)];
  assert.deepEqual(our, their);
  return our;
}

test("payloads are read in both spellings, and questions to a person are none", async () => {
  for (const value of [asked("c", "where").value, python.value, { type: "tool" }, { type: "tool", toolCall: { name: 1 } }, "where", null, { question: "?" }]) {
    await both(({ parseHeadlessToolInterruptPayload: parse }) => parse(value));
    await both(({ isHeadlessToolInterrupt: is }) => is(value));
  }
  assert.deepEqual(parseHeadlessToolInterruptPayload(python.value), { type: "tool", toolCall: { id: "p", name: "where", args: { deep: 1 } } });
  const question = { id: "q", value: "sure?" };
  assert.deepEqual(filterOutHeadlessToolInterrupts([asked("c", "where"), question, python]), [question]);
  assert.ok(isHeadlessToolInterrupt(python.value));
});

test("a tool is found, run, and told of", async () => {
  assert.equal(findHeadlessTool([broken, where], "where"), where);
  assert.equal(findHeadlessTool([where], "elsewhere"), undefined);
  const run = (tool) => async (of) => {
    const told = [];
    const outcome = await of.executeHeadlessTool(tool, { a: 1 }, ({ phase, name, args, result, error, duration }) => told.push([phase, name, args, result, error?.message, typeof duration]));
    return [outcome.success, outcome.result, outcome.error?.message, told];
  };
  assert.deepEqual((await both(run(where))).slice(0, 2), [true, { at: { a: 1 } }]);
  assert.equal((await both(run(broken)))[2], "no signal");
  assert.equal((await executeHeadlessTool(where, {})).success, true);
});

test("an interrupt is answered by its call's id", async () => {
  const answer = (value, tools) => async (of) => of.headlessToolResumeCommand(await of.handleHeadlessToolInterrupt(of.parseHeadlessToolInterruptPayload(value), tools));
  assert.deepEqual(await both(answer(python.value, [where])), { resume: { p: { at: { deep: 1 } } } });
  assert.deepEqual(await both(answer(asked("c", "broken").value, [broken])), { resume: { c: { error: "no signal" } } });
  assert.deepEqual(headlessToolResumeCommand({ toolCallId: undefined, value: 1 }), { resume: 1 });
  const unknown = await handleHeadlessToolInterrupt(parseHeadlessToolInterruptPayload(python.value), [broken]);
  assert.match(unknown.value.error, /"where".*Given: broken/);
});

test("what waits is run once, all at once, and the graph is resumed with all results", async () => {
  const handled = new Set();
  const resumed = [];
  const values = { __interrupt__: [asked("a", "where"), asked("b", "broken"), { id: "q", value: "sure?" }] };
  const flush = () => flushPendingHeadlessToolInterrupts(values, [where, broken], handled, { resumeSubmit: (command) => void resumed.push(command), defer: (run) => queueMicrotask(run) });
  flush();
  flush();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(resumed, [{ resume: { "i-a": { a: { at: {} } }, "i-b": { b: { error: "no signal" } } } }]);
  for (const nothing of [null, undefined, {}, { __interrupt__: [] }]) flushPendingHeadlessToolInterrupts(nothing, [where], new Set(), { resumeSubmit: () => assert.fail() });
  flushPendingHeadlessToolInterrupts(values, undefined, new Set(), { resumeSubmit: () => assert.fail() });
});

// --- namespaces ---

test("namespaces are read as @langchain/react reads them", async () => {
  for (const namespace of [undefined, [], ["agent:1"], ["tools:a"], ["tools:a", "model:1"], ["agent:0", "tools:a", "tools:b", "model:1"]]) {
    for (const name of ["isSubagentNamespace", "extractToolCallIdFromNamespace", "calculateDepthFromNamespace"]) await both((of) => of[name](namespace));
  }
  for (const text of ["tools:a|model:1", "model:1", ""]) await both((of) => of.isSubagentNamespace(text));
  assert.deepEqual([["tools:a"], ["tools:a", "tools:b"], undefined].map(extractParentIdFromNamespace), [null, "a", null]);
  assert.equal(extractToolCallIdFromNamespace(["x", "tools:a"]), "a");
  assert.equal(calculateDepthFromNamespace(["tools:a", "tools:b"]), 2);
  assert.ok(isSubagentNamespace("a:1|tools:b"));
});

// --- SubagentManager ---

const task = (id, description, subagent_type = "researcher") => ({ id, name: "task", args: { description, subagent_type } });
const brief = (manager) => [...manager.getSubagents().values()].map(({ id, status, result, error, messages }) => [id, status, result, error, messages.map(({ content }) => content)]);

test("SubagentManager follows a subagent from its call to its result", async () => {
  const follow = async (of) => {
    let changes = 0;
    const manager = new of.SubagentManager({ onSubagentChange: () => changes++ });
    const steps = [];
    const note = () => steps.push(brief(manager));
    manager.registerFromToolCalls([task("c1", "find birds"), task("c2", "find fish"), { id: "x", name: "search", args: {} }], "a1");
    note();
    steps.push(manager.matchSubgraphToSubagent("n1", "find birds"), manager.getToolCallIdFromNamespace("n1"), manager.getToolCallIdFromNamespace("n9"));
    manager.markRunningFromNamespace("n1", ["tools:n1"]);
    manager.addMessageToSubagent("n1", { type: "ai", id: "s1", content: "bi" });
    manager.addMessageToSubagent("n1", { type: "ai", id: "s1", content: "rds" });
    note();
    manager.processToolMessage("c1", "three birds");
    manager.complete("c2", "net broke", "error");
    steps.push([...manager.getSubagents().values()].map(({ status }) => status), manager.getActiveSubagents().length);
    steps.push(manager.getSubagent("c1").result, manager.getSubagentsByType("researcher").length, manager.getSubagentsByMessage("a1").length, manager.hasSubagents(), manager.isSubagentToolCall("task"), changes > 4);
    manager.clear();
    steps.push(manager.hasSubagents());
    return steps;
  };
  await both(follow);
});

test("SubagentManager: a namespace that comes before its call, half a call, a result in JSON", () => {
  const manager = new SubagentManager({ subagentToolNames: ["delegate"] });
  assert.equal(manager.matchSubgraphToSubagent("n1", "write it"), undefined);
  manager.addMessageToSubagent("n1", { type: "ai", id: "m", content: "early" });
  const call = (args) => ({ id: "c1", name: "delegate", args });
  manager.registerFromToolCalls([call('{"subagent_type": "wri')], "a1");
  assert.equal(manager.hasSubagents(), false);
  manager.registerFromToolCalls([call('{"subagent_type": "writer", "description": "write it"}')], "a1");
  assert.deepEqual(brief(manager), [["c1", "running", null, null, ["early"]]]);
  manager.registerFromToolCalls([{ name: "delegate", args: { subagent_type: "writer" } }], "a1");
  assert.equal(manager.getSubagents().size, 1);
});

test("SubagentManager finds the subagents of a thread's messages, and takes their own from a checkpoint", () => {
  const thread = [
    { type: "human", id: "h", content: "go" },
    { type: "ai", id: "a1", content: "", tool_calls: [task("c1", "find birds"), task("c2", "find fish", "angler")] },
    { type: "tool", id: "t1", tool_call_id: "c1", content: [{ type: "text", text: "birds" }] },
  ];
  const manager = new SubagentManager();
  manager.reconstructFromMessages(thread);
  assert.deepEqual(brief(manager), [["c1", "complete", '[{"type":"text","text":"birds"}]', null, []], ["c2", "pending", null, null, []]]);
  assert.equal(manager.updateSubagentFromSubgraphState("c1", [{ type: "ai", id: "s", content: "inside" }], { found: 3 }), true);
  assert.equal(manager.updateSubagentFromSubgraphState("c1", []), false);
  assert.equal(manager.updateSubagentFromSubgraphState("none", []), false);
  assert.deepEqual([manager.getSubagent("c1").messages[0].content, manager.getSubagent("c1").values], ["inside", { found: 3 }]);
  manager.updateSubagentValues("c2", { depth: 1 });
  assert.deepEqual([manager.getSubagent("c2").status, manager.getSubagent("c2").values], ["running", { depth: 1 }]);
  manager.reconstructFromMessages([], { skipIfPopulated: true });
  assert.equal(manager.getSubagents().size, 2);
});

test("SubagentManager gives messages as toMessage makes them", () => {
  const manager = new SubagentManager({ toMessage: (message) => message });
  manager.registerFromToolCalls([task("c1", "find birds")], "a1");
  manager.addMessageToSubagent("c1", { type: "ai", id: "s", content: "", tool_calls: [{ id: "k", name: "search", args: {} }] });
  const agent = manager.getSubagent("c1");
  assert.equal(agent.messages[0].getType(), "ai");
  assert.equal(agent.toolCalls.length, 1);
});
