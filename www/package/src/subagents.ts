/** Subagents, computed from what is shown: the calls that start them, their results, and the messages of their namespaces. */
import { readList, type MessageList } from "./messages.js";
import { toolCallsOf } from "./tool-calls.js";
import type { AIMessage, Message } from "./types/messages.js";
import type { SubagentStream, SubagentToolCall } from "./types/subagents.js";

/** The facts that events told about a namespace, by the id in its first `tools:` part. */
export interface SubagentFact {
  namespace: string[];
  values?: Record<string, unknown>;
}

/** All that was told. Replaced, never changed. */
export type SubagentFacts = ReadonlyMap<string, SubagentFact>;

/** The memory between two computations. */
export interface SubagentMemory {
  /** Namespace id to tool call id. */
  names: Map<string, string>;
  started: Map<string, Date>;
  completed: Map<string, Date>;
  /** Messages and values that were read from the server's history, by tool call id. */
  restored: Map<string, { messages: Message[]; values: Record<string, unknown> }>;
  /** Tool calls whose history was asked for. */
  asked: Set<string>;
}

/** Nothing remembered. */
export const newMemory = (): SubagentMemory => ({ names: new Map(), started: new Map(), completed: new Map(), restored: new Map(), asked: new Set() });

/** The id in a namespace's first `tools:` part; undefined where it is no tool's. */
export const toolPart = (namespace: readonly string[]): string | undefined =>
  namespace.find((part) => part.startsWith("tools:"))?.slice(6);

const text = (content: unknown): string => (typeof content === "string" ? content : JSON.stringify(content));

/** A call that starts a subagent has a whole, plausible type: while it streams in, it does not count. */
function argsOf(raw: unknown): SubagentToolCall["args"] | undefined {
  let args = raw;
  if (typeof raw === "string") {
    try {
      args = JSON.parse(raw);
    } catch {
      return undefined;
    }
  }
  const type = (args as { subagent_type?: unknown } | null | undefined)?.subagent_type;
  return typeof type === "string" && /^[a-zA-Z][\w-]{2,49}$/.test(type) ? (args as SubagentToolCall["args"]) : undefined;
}

interface Streamed {
  namespace: string[];
  messages: Message[];
  values: Record<string, unknown> | undefined;
}

/** The streamed messages, by namespace id. */
function streamedOf(lists: ReadonlyMap<string, MessageList>, facts: SubagentFacts): Map<string, Streamed> {
  const found = new Map<string, Streamed>();
  for (const [id, { namespace, values }] of facts) found.set(id, { namespace, messages: [], values });
  for (const [name, list] of lists) {
    const namespace = name.split("|");
    const id = toolPart(namespace);
    if (id === undefined || list.ids.length === 0) continue;
    const known = found.get(id) ?? { namespace, messages: [], values: undefined };
    found.set(id, { ...known, messages: [...known.messages, ...readList(list)] });
  }
  return found;
}

/** The first human message is the task that the subagent was given: it tells whose a namespace is. */
function taskOf({ messages, values }: Streamed): string | undefined {
  const known: unknown = values?.["messages"];
  const all = [...messages, ...(Array.isArray(known) ? (known as Message[]) : [])];
  const first = all.find((message) => message?.type === "human");
  return typeof first?.content === "string" ? first.content : undefined;
}

/** Finds out whose each namespace is: by the id itself, by the same task, by a task within the other. */
function match(agents: Map<string, SubagentStream>, streamed: Map<string, Streamed>, names: Map<string, string>): void {
  const taken = new Set(names.values());
  const claim = (test: (task: string, description: string) => boolean): void => {
    for (const [id, one] of streamed) {
      const task = taskOf(one);
      if (names.has(id) || !task) continue;
      for (const [call, { toolCall }] of agents) {
        const description = toolCall.args.description;
        if (taken.has(call) || !description || !test(task, description)) continue;
        names.set(id, call);
        taken.add(call);
        break;
      }
    }
  };
  for (const id of streamed.keys()) {
    if (!names.has(id) && agents.has(id)) {
      names.set(id, id);
      taken.add(id);
    }
  }
  claim((task, description) => task === description);
  claim((task, description) => task.includes(description) || description.includes(task));
}

function stamp(times: Map<string, Date>, id: string): Date {
  let at = times.get(id);
  if (!at) times.set(id, (at = new Date()));
  return at;
}

/** All subagents by tool call id, in the order they were called. */
export function subagentsOf(
  messages: readonly Message[],
  lists: ReadonlyMap<string, MessageList>,
  facts: SubagentFacts,
  toolNames: readonly string[],
  memory: SubagentMemory,
): Map<string, SubagentStream> {
  const agents = new Map<string, SubagentStream>();
  const calls = toolCallsOf(messages);
  for (const { call, aiMessage } of calls) {
    const args = call.id && toolNames.includes(call.name) ? argsOf(call.args) : undefined;
    if (args && call.id) agents.set(call.id, pending({ id: call.id, name: call.name, args }, aiMessage));
  }
  if (agents.size === 0) return agents;
  const streamed = streamedOf(lists, facts);
  match(agents, streamed, memory.names);
  for (const [id, one] of streamed) {
    const agent = agents.get(memory.names.get(id) ?? "");
    if (agent) fill(agent, one.messages, one.values, one.namespace, memory);
  }
  for (const [id, { messages: restored, values }] of memory.restored) {
    const agent = agents.get(id);
    if (agent && agent.messages.length === 0) fill(agent, restored, values, agent.namespace, memory);
  }
  for (const { call, result } of calls) {
    const agent = result && agents.get(call.id ?? "");
    if (!agent) continue;
    const failed = result.status === "error";
    agent.status = failed ? "error" : "complete";
    agent.isLoading = false;
    agent[failed ? "error" : "result"] = text(result.content);
    agent.completedAt = stamp(memory.completed, agent.id);
  }
  return agents;
}

function fill(
  agent: SubagentStream,
  messages: Message[],
  values: Record<string, unknown> | undefined,
  namespace: string[],
  memory: SubagentMemory,
): void {
  const tools = namespace.filter((part) => part.startsWith("tools:"));
  agent.status = "running";
  agent.isLoading = true;
  agent.messages = messages;
  if (values) agent.values = values;
  agent.namespace = namespace;
  agent.depth = tools.length;
  agent.parentId = tools.length > 1 ? (tools[tools.length - 2]?.slice(6) ?? null) : null;
  agent.startedAt = stamp(memory.started, agent.id);
}

function pending(toolCall: SubagentToolCall, message: AIMessage): SubagentStream {
  return {
    id: toolCall.id,
    toolCall,
    status: "pending",
    values: {},
    messages: [],
    get toolCalls() {
      return toolCallsOf(this.messages);
    },
    getToolCalls(of) {
      return this.toolCalls.filter(({ aiMessage }) => aiMessage.id === of.id);
    },
    result: null,
    error: null,
    isLoading: false,
    namespace: [],
    aiMessageId: message.id ?? null,
    parentId: null,
    depth: 0,
    startedAt: null,
    completedAt: null,
    interrupt: undefined,
    interrupts: [],
    switchThread: () => {},
    subagents: new Map(),
    activeSubagents: [],
    getSubagent: () => undefined,
    getSubagentsByType: () => [],
    getSubagentsByMessage: () => [],
  };
}
