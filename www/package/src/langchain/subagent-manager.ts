/** Following subagents by hand, for applications that read a run's events themselves. A stream does it by itself: `subagents`. */
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { withPlainMessages } from "../class-messages.js";
import { listOf, type MessageList } from "../messages.js";
import { newMemory, subagentsOf, type SubagentFact } from "../subagents.js";
import type { DefaultToolCall, Message } from "../types/messages.js";
import { messageOf } from "./messages.js";
import type { SubagentStreamInterface } from "./types/streams.js";

type Values = Record<string, unknown>;

/** Options of {@link SubagentManager}. */
export interface SubagentManagerOptions {
  /** Tools that start subagents. Default `["task"]`. */
  subagentToolNames?: string[];
  /** Called after each change. */
  onSubagentChange?: () => void;
  /** Converts a subagent's messages. Default: plain messages. */
  toMessage?: (message: BaseMessage) => Message | BaseMessage;
}

/** Adds a chunk of an AI message to the message so far; any other message comes whole. */
function joined(before: BaseMessage | undefined, { type, ...fields }: Message): BaseMessage {
  // JavaScript's server calls a chunk `ai`, Python's `AIMessageChunk`.
  if (!/^ai/i.test(type)) return messageOf({ type, ...fields } as Message);
  const chunk = new AIMessageChunk(fields as ConstructorParameters<typeof AIMessageChunk>[0] & object);
  return before instanceof AIMessageChunk ? before.concat(chunk) : chunk;
}

function plain(message: BaseMessage): Message {
  const { tool_call_chunks: _, ...fields } = withPlainMessages(message) as unknown as Message & { tool_call_chunks?: unknown };
  return fields as Message;
}

/** Follows subagents from the tool call that starts them to the tool message that is their result. */
export class SubagentManager<ToolCall = DefaultToolCall> {
  readonly #options: SubagentManagerOptions;
  readonly #toolNames: string[];
  /** The messages that call subagents, and their results, as a thread has them. */
  #thread: Message[] = [];
  /** The streamed messages, by namespace id: the id in the `tools:` part, which is the server's own name for the call. */
  readonly #streamed = new Map<string, Map<string, BaseMessage>>();
  readonly #facts = new Map<string, SubagentFact>();
  /** Tasks of namespaces that no call was found for yet. */
  readonly #unmatched = new Map<string, string>();
  #memory = newMemory();

  /** Follows nothing yet. */
  constructor(options: SubagentManagerOptions = {}) {
    this.#options = options;
    this.#toolNames = options.subagentToolNames ?? ["task"];
  }

  /** All subagents by tool call id, in the order they were called. */
  getSubagents(): Map<string, SubagentStreamInterface<Values, ToolCall>> {
    const lists = new Map<string, MessageList>();
    for (const [id, messages] of this.#streamed) lists.set(`tools:${id}`, listOf([...messages.values()].map(plain)));
    const found = subagentsOf(this.#thread, lists, this.#facts, this.#toolNames, this.#memory);
    const { toMessage } = this.#options;
    if (toMessage) {
      for (const agent of found.values()) {
        const { toolCalls, messages } = agent;
        Object.defineProperties(agent, { toolCalls: { value: toolCalls, enumerable: true }, messages: { value: messages.map((message) => toMessage(messageOf(message))), enumerable: true } });
      }
    }
    return found as Map<string, SubagentStreamInterface<Values, ToolCall>>;
  }

  /** Those that run. */
  getActiveSubagents(): SubagentStreamInterface<Values, ToolCall>[] {
    return this.#those(({ status }) => status === "running");
  }

  /** The one that this tool call started. */
  getSubagent(toolCallId: string): SubagentStreamInterface<Values, ToolCall> | undefined {
    return this.getSubagents().get(toolCallId);
  }

  /** Those of this type. */
  getSubagentsByType(type: string): SubagentStreamInterface<Values, ToolCall>[] {
    return this.#those(({ toolCall }) => toolCall.args.subagent_type === type);
  }

  /** Those that this AI message started. */
  getSubagentsByMessage(messageId: string): SubagentStreamInterface<Values, ToolCall>[] {
    return this.#those(({ aiMessageId }) => aiMessageId === messageId);
  }

  /** Whether there is any. */
  hasSubagents(): boolean {
    return this.getSubagents().size > 0;
  }

  /** Whether calls of this tool start subagents. */
  isSubagentToolCall(toolName: string): boolean {
    return this.#toolNames.includes(toolName);
  }

  /** The tool call that a namespace belongs to; the namespace id itself while that is not known. */
  getToolCallIdFromNamespace(namespaceId: string): string {
    return this.#memory.names.get(namespaceId) ?? namespaceId;
  }

  /** Finds the call that a namespace belongs to by the task that it was given: the same text, one within the other, else any that waits. */
  matchSubgraphToSubagent(namespaceId: string, description: string): string | undefined {
    const known = this.#memory.names.get(namespaceId);
    if (known) return known;
    const taken = new Set(this.#memory.names.values());
    const open = [...this.getSubagents().values()].filter(({ id, status }) => !taken.has(id) && (status === "pending" || status === "running"));
    const byTask = (test: (task: string) => boolean) => open.find(({ toolCall }) => toolCall.args.description && test(toolCall.args.description));
    const found = byTask((task) => task === description) ?? byTask((task) => task.includes(description) || description.includes(task)) ?? open.find(({ status }) => status === "pending");
    if (!found) {
      this.#unmatched.set(namespaceId, description);
      return undefined;
    }
    this.#unmatched.delete(namespaceId);
    this.#memory.names.set(namespaceId, found.id);
    this.#changed();
    return found.id;
  }

  /** Notes the calls of an AI message. Those of other tools, without an id, or with a type that is still streaming in do not count. */
  registerFromToolCalls(toolCalls: { id?: string; name: string; args: Values | string }[], aiMessageId: string | null = null): void {
    const calls = toolCalls.filter(({ id, name }) => id && this.isSubagentToolCall(name));
    if (calls.length === 0) return;
    const ids = new Set(calls.map(({ id }) => id));
    // The same call again has more of its arguments.
    this.#thread = this.#thread.flatMap((message): Message[] => {
      if (message.type !== "ai") return [message];
      const kept = message.tool_calls?.filter(({ id }) => !ids.has(id)) ?? [];
      return kept.length > 0 ? [{ ...message, tool_calls: kept }] : [];
    });
    const results = this.#thread.filter(({ type }) => type === "tool");
    const callers = this.#thread.filter(({ type }) => type === "ai");
    const message = { type: "ai", content: "", tool_calls: calls as DefaultToolCall[], ...(aiMessageId === null ? {} : { id: aiMessageId }) } as Message;
    this.#thread = [...callers, message, ...results];
    for (const [namespaceId, description] of [...this.#unmatched]) this.matchSubgraphToSubagent(namespaceId, description);
    this.#changed();
  }

  /** A subagent streams. */
  markRunning(toolCallId: string, { namespace = [`tools:${toolCallId}`] }: { namespace?: string[] } = {}): void {
    this.#note(toolCallId, { namespace });
  }

  /** The subagent of a namespace streams. */
  markRunningFromNamespace(namespaceId: string, namespace: string[] = [`tools:${namespaceId}`]): void {
    this.#note(namespaceId, { namespace });
  }

  /** A message, or a chunk of one, from within a namespace. A person's message there is the task, which tells whose it is. */
  addMessageToSubagent(namespaceId: string, serialized: Message, _metadata?: Values): void {
    const { id } = serialized;
    if (!id) return;
    let messages = this.#streamed.get(namespaceId);
    if (!messages) this.#streamed.set(namespaceId, (messages = new Map()));
    messages.set(id, joined(messages.get(id), serialized));
    if (serialized.type === "human" && typeof serialized.content === "string") this.matchSubgraphToSubagent(namespaceId, serialized.content);
    this.#changed();
  }

  /** A state from within a namespace. */
  updateSubagentValues(namespaceId: string, values: Values): void {
    this.#note(namespaceId, { values });
  }

  /** A subagent is done. */
  complete(toolCallId: string, result: string, status: "complete" | "error" = "complete"): void {
    this.processToolMessage(toolCallId, result, status === "error" ? "error" : "success");
  }

  /** The tool message of a call has come. */
  processToolMessage(toolCallId: string, content: string, status: "success" | "error" = "success"): void {
    const others = this.#thread.filter((message) => message.type !== "tool" || message.tool_call_id !== toolCallId);
    this.#thread = [...others, { type: "tool", tool_call_id: toolCallId, content, status }];
    this.#changed();
  }

  /** Finds the subagents of a thread's messages. Their own messages are not among these. */
  reconstructFromMessages(messages: Message[], { skipIfPopulated = false }: { skipIfPopulated?: boolean } = {}): void {
    if (skipIfPopulated && this.hasSubagents()) return;
    for (const message of messages) {
      if (message.type === "ai" && message.tool_calls) this.registerFromToolCalls(message.tool_calls as { id?: string; name: string; args: Values }[], message.id ?? null);
    }
    const known = this.getSubagents();
    for (const message of messages) {
      if (message.type !== "tool" || !known.has(message.tool_call_id)) continue;
      this.processToolMessage(message.tool_call_id, typeof message.content === "string" ? message.content : JSON.stringify(message.content), message.status);
    }
  }

  /** Gives a subagent the messages of its own checkpoint. False if it is not known, or has messages already. */
  updateSubagentFromSubgraphState(toolCallId: string, messages: Message[], values: Values = {}): boolean {
    const agent = this.getSubagent(toolCallId);
    if (!agent || agent.messages.length > 0) return false;
    this.#memory.restored.set(toolCallId, { messages, values });
    this.#changed();
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#thread = [];
    this.#streamed.clear();
    this.#unmatched.clear();
    this.#facts.clear();
    this.#memory = newMemory();
    this.#changed();
  }

  #those(filter: (agent: SubagentStreamInterface<Values, ToolCall>) => boolean): SubagentStreamInterface<Values, ToolCall>[] {
    return [...this.getSubagents().values()].filter(filter);
  }

  #note(id: string, fact: Partial<SubagentFact>): void {
    this.#facts.set(id, { namespace: [`tools:${id}`], ...this.#facts.get(id), ...fact });
    this.#changed();
  }

  #changed(): void {
    this.#options.onSubagentChange?.();
  }
}
