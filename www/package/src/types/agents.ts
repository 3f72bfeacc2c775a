/**
 * The facts about a stream in the type of an agent, of a deep agent or of a compiled graph. Such types are recognised by their shape, so
 * that none of their packages is needed.
 */
import type { DefaultToolCall, Message, ToolCallFromTool } from "./messages.js";

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The types of an agent, as `createAgent` notes them under `~agentTypes`. */
export interface AgentTypeConfigLike {
  /** The structured response. */
  Response: unknown;
  /** The schema of the state beside the messages. */
  State: unknown;
  /** The schema of the context. */
  Context: unknown;
  /** The middleware, in order. */
  Middleware: unknown;
  /** The tools. */
  Tools: unknown;
}

/** The types of a deep agent, as `createDeepAgent` notes them under `~deepAgentTypes`. */
export interface DeepAgentTypeConfigLike extends AgentTypeConfigLike {
  /** The subagents' definitions. */
  Subagents: unknown;
}

/** A piece of middleware, as far as its state is concerned. */
export interface AgentMiddlewareLike {
  /** Its name. */
  name: string;
  /** The schema of the state that it adds. */
  stateSchema?: unknown;
}

/** A subagent's definition. */
export interface SubAgentLike {
  /** The name by which the `task` tool calls it. */
  name: string;
  /** Its purpose, as the model reads it. */
  description: string;
  /** Its own middleware. */
  middleware?: readonly AgentMiddlewareLike[];
}

/** A subagent that was compiled already. */
export interface CompiledSubAgentLike {
  /** The name by which the `task` tool calls it. */
  name: string;
  /** Its purpose, as the model reads it. */
  description: string;
  /** The graph. */
  runnable: unknown;
}

/** Whether it is an agent of `createAgent`, which deep agents are too. */
export type IsAgentLike<T> = T extends { "~agentTypes": AgentTypeConfigLike } ? true : false;
/** Whether it is an agent of `createDeepAgent`. */
export type IsDeepAgentLike<T> = T extends { "~deepAgentTypes": DeepAgentTypeConfigLike } ? true : false;
/** An agent's {@link AgentTypeConfigLike}; never for any other type. */
export type ExtractAgentConfig<T> = T extends { "~agentTypes": infer C extends AgentTypeConfigLike } ? C : never;
/** A deep agent's {@link DeepAgentTypeConfigLike}; never for any other type. */
export type ExtractDeepAgentConfig<T> = T extends { "~deepAgentTypes": infer C extends DeepAgentTypeConfigLike } ? C : never;
/** A subagent's middleware; an empty list if it has none. */
export type ExtractSubAgentMiddleware<T> = T extends { middleware?: infer M extends readonly AgentMiddlewareLike[] } ? M : readonly [];

/** The input type of a schema: one of Zod 4, of Zod 3, or of LangGraph. */
export type SchemaInput<S> =
  IsAny<S> extends true
    ? {}
    : [S] extends [never]
      ? {}
      : S extends { _zod: { input: infer Input } }
        ? Input
        : S extends { _input: infer Input }
          ? Input
          : S extends { State: infer State }
            ? State
            : {};

type MiddlewareState<M> = M extends { stateSchema?: infer S } ? SchemaInput<NonNullable<S>> : {};

/** The state that a list of middleware adds. */
export type InferMiddlewareStatesFromArray<T> =
  IsAny<T> extends true
    ? {}
    : T extends readonly [infer First, ...infer Rest]
      ? MiddlewareState<First> & InferMiddlewareStatesFromArray<Rest>
      : T extends readonly []
        ? {}
        : T extends readonly (infer One)[]
          ? MiddlewareState<One>
          : {};

// Langchain's mark for an agent without a structured response.
type ResponseState<R> = R extends { __responseFormatUndefined: true } ? {} : R extends Record<string, unknown> ? { structuredResponse: R } : {};

type LiteralCall<Call> = Call extends { name: infer N } ? (string extends N ? never : Call) : never;
// One by one, so that a call's name tells its arguments.
type CallsOf<Tool> = Tool extends unknown ? LiteralCall<ToolCallFromTool<Tool>> : never;
type ToolsOf<T> = ExtractAgentConfig<T>["Tools"] extends readonly (infer Tool)[] ? CallsOf<Tool> : never;

/** The union of the tool calls that an agent makes; {@link DefaultToolCall} if its tools' names are not known. */
export type InferAgentToolCalls<T> = [ToolsOf<T>] extends [never] ? DefaultToolCall : ToolsOf<T>;

/** An agent's state: the messages, its own schema's, its middleware's, and the structured response if it gives one. */
export type InferAgentState<T> = [ExtractAgentConfig<T>] extends [never]
  ? {}
  : { messages: Message<InferAgentToolCalls<T>>[] } & SchemaInput<NonNullable<ExtractAgentConfig<T>["State"]>> &
      InferMiddlewareStatesFromArray<ExtractAgentConfig<T>["Middleware"]> &
      ResponseState<ExtractAgentConfig<T>["Response"]>;

/** The tool calls of an agent; {@link DefaultToolCall} for anything else. */
export type InferToolCalls<T> = T extends { "~agentTypes": unknown } ? InferAgentToolCalls<T> : DefaultToolCall;

/** A deep agent's subagents, as a tuple of their definitions; never for any other type. */
export type InferDeepAgentSubagents<T> = [ExtractDeepAgentConfig<T>] extends [never] ? never : ExtractDeepAgentConfig<T>["Subagents"];

type OneSubagent<T> = InferDeepAgentSubagents<T> extends readonly (infer One)[] ? One : never;

/** The definition of the subagent with this name. */
export type InferSubagentByName<T, TName extends string> = Extract<OneSubagent<T>, { name: TName }>;
/** The names of a deep agent's subagents. */
export type InferSubagentNames<T> = OneSubagent<T> extends { name: infer N extends string } ? N : never;

/** The common state of all subagents. */
export type BaseSubagentState<ToolCall = DefaultToolCall> = {
  /** Its own messages. */
  messages: Message<ToolCall>[];
};

/** The state of the subagent with this name: its messages and its middleware's additions. */
export type InferSubagentState<T, TName extends string, ToolCall = DefaultToolCall> = [InferSubagentByName<T, TName>] extends [never]
  ? Record<string, unknown>
  : BaseSubagentState<ToolCall> & InferMiddlewareStatesFromArray<ExtractSubAgentMiddleware<InferSubagentByName<T, TName>>>;

/** The states of a deep agent's subagents, by name. */
export type SubagentStateMap<T, ToolCall = DefaultToolCall> = {
  [Name in InferSubagentNames<T>]: InferSubagentState<T, Name, ToolCall>;
};

/** The states of subagents of which nothing is known. */
export type DefaultSubagentStates = Record<string, Record<string, unknown>>;

/** {@link SubagentStateMap} of a deep agent, {@link DefaultSubagentStates} for anything else. */
export type InferSubagentStates<T> = T extends { "~deepAgentTypes": unknown } ? SubagentStateMap<T, InferAgentToolCalls<T>> : DefaultSubagentStates;

/** The names of a compiled graph's nodes. */
export type InferNodeNames<T> = T extends { "~NodeType": infer N extends string } ? Exclude<N, "__start__"> : string;
