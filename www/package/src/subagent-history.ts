/** After a reload: the messages of subagents, which the thread's own state does not have, from their checkpoints. */
import type { SubagentMemory } from "./subagents.js";
import type { Client } from "./types/client.js";
import type { Message } from "./types/messages.js";
import type { ThreadState, ThreadTask } from "./types/schema.js";
import type { SubagentStream } from "./types/subagents.js";

type Values = Record<string, unknown>;
type PushTask = ThreadTask<Values> & { path?: unknown[]; result?: { messages?: { type?: string; tool_call_id?: string }[] } };

/** Tasks that a tool call was sent to; their path's second part is the call's place. */
const pushed = (state: ThreadState<Values>): PushTask[] =>
  ((state.tasks ?? []) as PushTask[]).filter(({ path }) => path?.[0] === "__pregel_push");

/**
 * The checkpoint namespace of each call, as far as it can be told. A finished task has the call's id in its result. An unfinished one has
 * only its place among the newest AI message's calls without an answer.
 */
function namespacesOf(states: readonly ThreadState<Values>[], messagesKey: string): Map<string, string> {
  const found = new Map<string, string>();
  const name = (call: string | undefined, task: PushTask): void => {
    if (call && !found.has(call)) found.set(call, `${task.name}:${task.id}`);
  };
  for (const state of states) {
    for (const task of pushed(state)) {
      for (const message of task.result?.messages ?? []) if (message.type === "tool") name(message.tool_call_id, task);
    }
  }
  for (const state of states) {
    const messages = (state.values?.[messagesKey] ?? []) as Message[];
    const caller = messages.filter((message) => message.type === "ai" && message.tool_calls?.length).pop();
    if (caller?.type !== "ai") continue;
    const answered = new Set(messages.map((message) => message.type === "tool" && message.tool_call_id));
    const open = (caller.tool_calls ?? []).filter(({ id }) => !answered.has(id ?? ""));
    for (const task of pushed(state)) {
      // A longer path is a task of a task, whose place is not among these.
      if ((task.path?.length ?? 0) <= 3 && typeof task.path?.[1] === "number") name(open[task.path[1]]?.id, task);
    }
  }
  return found;
}

/** Reads missing states into `memory`. True if any came. A state that cannot be read is left out, because it is an extra. */
export async function restoreSubagents(
  agents: Iterable<SubagentStream>,
  states: readonly ThreadState<Values>[],
  { client, threadId, messagesKey, memory }: { client: Client; threadId: string; messagesKey: string; memory: SubagentMemory },
): Promise<boolean> {
  const missing = [...agents].filter(({ id, messages }) => messages.length === 0 && !memory.asked.has(id));
  if (missing.length === 0) return false;
  const names = namespacesOf(states, messagesKey);
  const came = await Promise.all(
    missing.map(async ({ id, namespace }) => {
      const checkpoint_ns = names.get(id) ?? namespace.join("|");
      memory.asked.add(id);
      if (!checkpoint_ns) return false;
      try {
        const [state] = await client.threads.getHistory<Values>(threadId, { checkpoint: { checkpoint_ns }, limit: 1 });
        const messages = state?.values?.[messagesKey];
        if (!Array.isArray(messages) || messages.length === 0) return false;
        memory.restored.set(id, { messages, values: state?.values ?? {} });
        return true;
      } catch {
        return false;
      }
    }),
  );
  return came.includes(true);
}
