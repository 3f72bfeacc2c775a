/** Tool calls with their results. */
import { changeOf, withItems } from "./messages.js";
import type { AIMessage, Message, ToolCallWithResult, ToolMessage } from "./types/messages.js";

/** The result for one list of messages, from which the next result is made. */
interface Known {
  readonly calls: ToolCallWithResult[];
  readonly results: ReadonlyMap<string, ToolMessage>;
  /** The index of the first call of each AI message, by the message's index; only for messages with calls. */
  readonly firsts: ReadonlyMap<number, number>;
  /** The place of the last AI message: the tools before it are done. */
  readonly lastAi: number;
}

const known = /* @__PURE__ */ new WeakMap<readonly Message[], Known>();

const callsIn = (message: Message): NonNullable<AIMessage["tool_calls"]> => (message.type === "ai" ? (message.tool_calls ?? []) : []);

/** The calls of one AI message. */
function callsAt(message: Message, at: number, { results, lastAi }: Pick<Known, "results" | "lastAi">): ToolCallWithResult[] {
  return callsIn(message).map((call, index) => {
    const result = call.id ? results.get(call.id) : undefined;
    const state = result ? (result.status === "error" ? "error" : "completed") : at < lastAi ? "completed" : "pending";
    return { id: call.id ?? `${message.id ?? "unknown"}-${index}`, call, result, aiMessage: message as AIMessage, index, state };
  });
}

function fromStart(messages: readonly Message[]): Known {
  const results = new Map<string, ToolMessage>();
  let lastAi = -1;
  messages.forEach((message, at) => {
    if (message.type === "tool") results.set(message.tool_call_id, message);
    if (message.type === "ai") lastAi = at;
  });
  const firsts = new Map<number, number>();
  const calls: ToolCallWithResult[] = [];
  messages.forEach((message, at) => {
    const own = callsAt(message, at, { results, lastAi });
    if (own.length > 0) firsts.set(at, calls.length);
    calls.push(...own);
  });
  return { calls, results, firsts, lastAi };
}

/** Made from the result for the list before, if neither the results nor the number of calls have changed. */
function continued(messages: readonly Message[]): Known | undefined {
  const change = changeOf(messages);
  const last = change && known.get(change.from);
  if (!last) return undefined;
  const items = new Map<number, ToolCallWithResult>();
  for (const at of change.places) {
    const [before, now] = [change.from[at] as Message, messages[at] as Message];
    if (before.type !== now.type || now.type === "tool" || callsIn(before).length !== callsIn(now).length) return undefined;
    callsAt(now, at, last).forEach((call, index) => items.set((last.firsts.get(at) ?? 0) + index, call));
  }
  return items.size > 0 ? { ...last, calls: withItems(last.calls, items) } : last;
}

/** All tool calls of all AI messages, in order; the same array as long as none of them changes. */
export function toolCallsOf(messages: readonly Message[]): ToolCallWithResult[] {
  let now = known.get(messages);
  if (!now) known.set(messages, (now = continued(messages) ?? fromStart(messages)));
  return now.calls;
}
