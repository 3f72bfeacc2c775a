/** Class messages of `@langchain/core` for what a stream shows: one for each dict, the same one as long as the dict is the same. */
import { AIMessage, BaseMessage, ChatMessage, FunctionMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { changeOf, withItems } from "../messages.js";
import type { Message, ToolCallWithResult } from "../types/messages.js";
import type { ThreadState } from "../types/schema.js";
import type { MessageMetadata } from "../types/stream.js";

type Values = Record<string, unknown>;
type Fields = Values & { id: string; content: string; name: string; role: string; tool_call_id: string };

/** Remembers what was made of each object. */
function once<From extends object, To extends object, More extends unknown[]>(make: (from: From, ...more: More) => To): (from: From, ...more: More) => To {
  const made = new WeakMap<From, To>();
  return (from, ...more) => {
    let to = made.get(from);
    if (!to) made.set(from, (to = make(from, ...more)));
    return to;
  };
}

const MAKERS: Readonly<Record<string, (fields: Fields) => BaseMessage>> = {
  human: (fields) => new HumanMessage(fields),
  ai: (fields) => new AIMessage(fields),
  system: (fields) => new SystemMessage(fields),
  tool: (fields) => new ToolMessage(fields),
  function: (fields) => new FunctionMessage(fields),
  remove: (fields) => new RemoveMessage(fields),
};

/** A message's class instance. An instance stays what it is; a type of no class of its own becomes a `ChatMessage` with that role. */
export const messageOf = /* @__PURE__ */ once((message: Message | BaseMessage): BaseMessage => {
  if (BaseMessage.isInstance(message)) return message;
  const { type, content, ...rest } = message as Message;
  // The constructors change what they are given, and read a content that is null.
  const fields = { role: type, ...rest, content: Array.isArray(content) ? [...(content as unknown[])] : (content ?? "") } as Fields;
  const make = MAKERS[type] ?? ((given) => new ChatMessage(given));
  return make(fields);
});

/** The results for lists, and the list behind each result. */
const lists = /* @__PURE__ */ new WeakMap<object, unknown[]>();
const arrays = /* @__PURE__ */ new WeakMap<object, readonly unknown[]>();

/** The results of a function for each item. The same list gives the same array, and a list with some changed items makes only those again. */
function each<From, To>(list: readonly From[], make: (item: From) => To): To[] {
  let made = lists.get(list) as To[] | undefined;
  if (!made) {
    const change = changeOf(list);
    const last = change && (lists.get(change.from) as To[] | undefined);
    made = last ? withItems(last, new Map(change.places.map((at) => [at, make(list[at] as From)]))) : list.map(make);
    lists.set(list, made);
    arrays.set(made, list);
  }
  return made;
}

/** A list's instances: the same array for the same list. */
export const messagesOf = (messages: readonly (Message | BaseMessage)[]): BaseMessage[] =>
  each(messages, (message) => (typeof message === "object" && message !== null ? messageOf(message) : message));

/** The state with its messages as instances. */
export const valuesOf = /* @__PURE__ */ once((values: Values, messagesKey: string): Values => {
  const messages = values[messagesKey];
  return Array.isArray(messages) ? { ...values, [messagesKey]: messagesOf(messages) } : values;
});

/** An application's update of such a state, in which lists that it left alone are the stream's own again. */
export const unchangedLists = (update: Values): Values =>
  Object.fromEntries(Object.entries(update).map(([name, value]) => [name, (typeof value === "object" && value !== null && arrays.get(value)) || value]));

/** A thread's state with instances. */
export const stateOf = /* @__PURE__ */ once(
  (state: ThreadState<Values>, messagesKey: string): ThreadState<Values> =>
    typeof state.values === "object" && state.values !== null ? { ...state, values: valuesOf(state.values, messagesKey) } : state,
);

/** A list of states with instances. */
export const historyOf = /* @__PURE__ */ once((states: ThreadState<Values>[], messagesKey: string): ThreadState<Values>[] => states.map((state) => stateOf(state, messagesKey)));

/** The metadata of a message, with the instances of the state in which it was first seen. */
export const metadataOf = /* @__PURE__ */ once((metadata: MessageMetadata<Values>, messagesKey: string): MessageMetadata<Values> => {
  const { firstSeenState } = metadata;
  return firstSeenState ? { ...metadata, firstSeenState: stateOf(firstSeenState, messagesKey) } : metadata;
});

/** A tool call whose messages are instances. */
export type ClassToolCall = Omit<ToolCallWithResult, "result" | "aiMessage"> & { result: ToolMessage | undefined; aiMessage: AIMessage };

const shownCalls = /* @__PURE__ */ new WeakMap<object, { from: ToolCallWithResult; made: ClassToolCall }>();

/** The stream makes a new one for each list of messages; here it is the same one until something of it changes. */
function toolCallOf(from: ToolCallWithResult): ClassToolCall {
  const { call, result, aiMessage, state } = from;
  const last = shownCalls.get(call);
  if (last && last.from.result === result && last.from.aiMessage === aiMessage && last.from.state === state) return last.made;
  const made = { ...from, result: result && (messageOf(result) as ToolMessage), aiMessage: messageOf(aiMessage) as AIMessage };
  shownCalls.set(call, { from, made });
  return made;
}

/** Tool calls with instances. */
export const toolCallsOf = (calls: readonly ToolCallWithResult[]): ClassToolCall[] => each(calls, toolCallOf);
