/** The common exports of both entries, besides those that load the wasm. */
export { RejoinError } from "../errors.js";
export { FetchStreamTransport, type FetchStreamTransportOptions } from "../transport.js";
export type { AnyHeadlessToolImplementation, HeadlessToolImplementation, OnToolCallback, ToolEvent } from "../headless-tools.js";
export type { ToolOutcome } from "../headless-run.js";
export type { WasmSource } from "../engine.js";
export { useStreamContext, type StreamProviderCustomProps, type StreamProviderProps } from "./context.js";
export * from "./headless.js";
export * from "./namespaces.js";
export { SubagentManager, type SubagentManagerOptions } from "./subagent-manager.js";
export { createSuspenseCache, invalidateSuspenseCache, type SuspenseCache } from "./suspense.js";
export type { ClassState, ClassSubagentStreamInterface, ClassSubmitOptions, ClassUpdate, ToolCallWithResult } from "./types/class-messages.js";
export type {
  ClassStream,
  InferBag,
  ResolveStreamCustomOptions,
  ResolveStreamOptions,
  StreamOf,
  UseAgentStreamOptions,
  UseDeepAgentStreamOptions,
  UseStream,
  UseStreamCustom,
  UseStreamCustomOptions,
  UseStreamOptions,
  UseSuspenseStream,
  WithSuspense,
} from "./types/hooks.js";
export type { QueueEntry, QueueInterface } from "../types/queue.js";
export type { BaseStream, ResolveStreamInterface, SubagentStream, SubagentStreamInterface, UseAgentStream, UseDeepAgentStream } from "./types/streams.js";
// The rest of what `rejoin/react` exports, without the plain messages, whose names are those of the classes.
export type { DefaultToolCall, Message, ToolCallFromTool, ToolCallsFromTools, ToolCallState } from "../types/messages.js";
export type * from "../types/agents.js";
export type * from "../types/bag.js";
export type * from "../types/client.js";
export type * from "../types/events.js";
export type * from "../types/options.js";
export type * from "../types/schema.js";
export type * from "../types/stream.js";
export type * from "../types/subagents.js";
