/** A stream's subagents with class messages. */
import type { AIMessage, BaseMessage } from "@langchain/core/messages";
import { toolCallsOf as plainToolCallsOf } from "../tool-calls.js";
import type { SubagentStream } from "../types/subagents.js";
import { messagesOf, toolCallsOf, valuesOf, type ClassToolCall } from "./messages.js";

/** A subagent whose messages are instances. */
export type ClassSubagent = Omit<SubagentStream, "messages" | "toolCalls" | "getToolCalls"> & {
  messages: BaseMessage[];
  readonly toolCalls: ClassToolCall[];
  getToolCalls: (message: AIMessage) => ClassToolCall[];
};

/** The fields by which two moments of one subagent differ. */
const FIELDS = ["status", "values", "result", "error", "depth", "parentId", "aiMessageId", "startedAt", "completedAt"] as const;

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((item, at) => item === b[at]);

const same = (a: SubagentStream, b: SubagentStream): boolean =>
  FIELDS.every((name) => a[name] === b[name] || (name === "values" && Object.keys(a.values).length + Object.keys(b.values).length === 0)) &&
  a.toolCall.args === b.toolCall.args &&
  sameItems(a.messages, b.messages) &&
  sameItems(a.namespace, b.namespace);

/** Gives subagents with instances; one that has not changed is the same object. */
export class Subagents {
  readonly #messagesKey: string;
  readonly #shown = new Map<string, { from: SubagentStream; made: ClassSubagent }>();
  readonly #maps = new WeakMap<object, Map<string, ClassSubagent>>();

  constructor(messagesKey: string) {
    this.#messagesKey = messagesKey;
  }

  one = (from: SubagentStream): ClassSubagent => {
    const last = this.#shown.get(from.id);
    if (last && (last.from === from || same(last.from, from))) return last.made;
    const calls = (): ClassToolCall[] => toolCallsOf(plainToolCallsOf(from.messages));
    const { toolCalls: _, getToolCalls: __, ...rest } = Object.getOwnPropertyDescriptors(from);
    const made = Object.defineProperties({}, rest) as ClassSubagent;
    Object.defineProperties(made, {
      messages: { value: messagesOf(from.messages), enumerable: true },
      values: { value: valuesOf(from.values, this.#messagesKey), enumerable: true },
      toolCalls: { get: calls, enumerable: true },
      getToolCalls: { value: (message: AIMessage) => calls().filter(({ aiMessage }) => aiMessage.id === message.id), enumerable: true },
    });
    this.#shown.set(from.id, { from, made });
    return made;
  };

  list = (from: readonly SubagentStream[]): ClassSubagent[] => from.map(this.one);

  map = (from: ReadonlyMap<string, SubagentStream>): Map<string, ClassSubagent> => {
    let made = this.#maps.get(from);
    if (!made) this.#maps.set(from, (made = new Map([...from].map(([id, agent]) => [id, this.one(agent)]))));
    return made;
  };
}
