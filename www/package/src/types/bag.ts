/** How a state type and a bag of types become the types of one stream. */
import type { InferAgentState } from "./agents.js";
import type { AIMessage, DefaultToolCall } from "./messages.js";

/** Types that are not in the state: give the ones you have. */
export type BagTemplate = {
  /** `config.configurable` and `context` of a submission. */
  ConfigurableType?: Record<string, unknown>;
  /** The value of interrupts. */
  InterruptType?: unknown;
  /** The data of `custom` events. */
  CustomEventType?: unknown;
  /** The type of submitted values. Default: a part of the state. */
  UpdateType?: unknown;
  /** Unused; accepted because the template of LangGraph's SDK has it. */
  MetaType?: unknown;
};

/** The bag's update type, else a part of the state. */
export type GetUpdateType<Bag extends BagTemplate, StateType extends Record<string, unknown>> = Bag extends {
  UpdateType: unknown;
}
  ? Bag["UpdateType"]
  : Partial<StateType>;

/** The bag's configurable type, else any object. */
export type GetConfigurableType<Bag extends BagTemplate> = Bag extends { ConfigurableType: Record<string, unknown> }
  ? Bag["ConfigurableType"]
  : Record<string, unknown>;

/** The bag's interrupt type, else unknown. */
export type GetInterruptType<Bag extends BagTemplate> = Bag extends { InterruptType: unknown }
  ? Bag["InterruptType"]
  : unknown;

/** The bag's custom event type, else unknown. */
export type GetCustomEventType<Bag extends BagTemplate> = Bag extends { CustomEventType: unknown }
  ? Bag["CustomEventType"]
  : unknown;

type ToolCallOf<M> =
  M extends AIMessage<infer TC> ? (TC extends { name: infer N } ? (string extends N ? never : TC) : never) : never;

type ToolCallsOfState<StateType> = StateType extends { messages: readonly (infer M)[] } ? ToolCallOf<M> : never;

/** The tool call type of `state.messages`, else {@link DefaultToolCall}. */
export type GetToolCallsType<StateType> = [ToolCallsOfState<StateType>] extends [never]
  ? DefaultToolCall
  : ToolCallsOfState<StateType>;

/** A state type that may be indexed, whether it was an interface or a type. */
export type StateRecord<T> = T extends object ? T & Record<string, unknown> : Record<string, unknown>;

/** The shown state for a type argument: {@link InferStateType}, known to be an object. */
export type ShownState<T> = InferStateType<T> extends infer S extends object ? S : Record<string, unknown>;

/** The state behind a type argument: itself, an agent's, or a compiled graph's return type. */
export type InferStateType<T> = T extends { "~agentTypes": unknown }
  ? InferAgentState<T>
  : T extends { "~RunOutput": infer S }
    ? S extends object
      ? S
      : Record<string, unknown>
    : T extends { "~OutputType": infer O }
      ? O extends object
        ? O
        : Record<string, unknown>
      : [T] extends [object]
        ? T
        : Record<string, unknown>;
