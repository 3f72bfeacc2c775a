/** Results of tools that ran in the page, held until every call of a turn has one. */
import { bufferToolResult } from "../internal/buffer-tool-result.js";
import { getPendingToolCallGroups, getPendingToolCalls, hasToolResult } from "../messages/tool-calls.js";
import type { LangChainMessage } from "../types.js";
import type { Ownership } from "./ownership.js";
import type { ToolResult } from "./thread.js";

type ToolMessage = LangChainMessage & { type: "tool" };

/** The tool message of a result. */
const messageOf = ({ toolCallId, toolName, result, isError, artifact }: ToolResult): ToolMessage => ({
  type: "tool",
  name: toolName,
  tool_call_id: toolCallId,
  // A result of undefined is written as nothing by JSON, and a message needs content.
  content: JSON.stringify(result) ?? "null",
  artifact,
  status: isError ? "error" : "success",
});

/** Messages that tell the graph that nobody will answer its calls, because a new turn has begun. */
export const cancellations = (messages: LangChainMessage[]): ToolMessage[] =>
  getPendingToolCalls(messages).map(({ id, name }) => ({
    type: "tool",
    name,
    tool_call_id: id,
    content: JSON.stringify({ cancelled: true }),
    status: "error",
  }));

/** Results that wait for their turn's other calls, and batches that wait for the run before them. */
export class ToolResults {
  readonly #buffer = new Map<string, ToolMessage>();
  readonly #batches = new Map<string, ToolMessage[]>();
  readonly #ownership: Ownership;

  constructor(ownership: Ownership) {
    this.#ownership = ownership;
  }

  /** Forgets everything: nobody waits for it any more. */
  clear(): void {
    this.#buffer.clear();
    this.#batches.clear();
  }

  /** Forgets what waits for a run. */
  clearBatches(): void {
    this.#batches.clear();
  }

  /** The batch is on its way: later results go into another one. */
  sent(messages: readonly LangChainMessage[]): void {
    for (const [key, batch] of this.#batches) if (batch === messages) this.#batches.delete(key);
  }

  /** Takes a result. Gives the batch that is to be sent, where this made one whole. */
  add(messages: LangChainMessage[], given: ToolResult): ToolMessage[] | undefined {
    // Answered already, or called off by a new turn: a second answer would run the graph once more.
    if (hasToolResult(messages, given.toolCallId)) return undefined;
    const groups = getPendingToolCallGroups(messages, (message) => `run:${this.#ownership.runOf(message) ?? "unknown"}`);
    const group = groups.find(({ toolCalls }) => toolCalls.some(({ id }) => id === given.toolCallId));
    const key = group?.key ?? `late:${given.toolCallId}`;
    const waiting = this.#batches.get(key);
    const inBatch = new Set(waiting?.map(({ tool_call_id }) => tool_call_id));
    const batch = bufferToolResult(this.#buffer, (group?.toolCalls ?? []).filter(({ id }) => !inBatch.has(id)), messageOf(given));
    if (!batch) return undefined;
    if (!waiting) {
      this.#batches.set(key, batch);
      return batch;
    }
    for (const message of batch) {
      const at = waiting.findIndex(({ tool_call_id }) => tool_call_id === message.tool_call_id);
      if (at >= 0) waiting[at] = message;
      else waiting.push(message);
    }
    return undefined;
  }

  /** The batch was sent, or will not be. */
  done(batch: ToolMessage[]): void {
    this.sent(batch);
  }
}
