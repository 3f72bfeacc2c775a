/** The data of the events that callbacks are given. */
import type { Config, Interrupt, Metadata, ThreadTask } from "./schema.js";

/** `metadata`: the run that streams. */
export type MetadataEventData = { run_id: string; thread_id: string };

/** `updates`: the return value of each node. */
export type UpdatesEventData<UpdateType> = { [node: string]: UpdateType };

/** `checkpoints`: a checkpoint that was written. */
export type CheckpointsEventData<StateType> = {
  values: StateType;
  next: string[];
  config: Config;
  metadata: Metadata;
  tasks: ThreadTask[];
};

/** `tasks`: a node starts, ends, or fails. */
export type TasksEventData<StateType, UpdateType> =
  | { id: string; name: string; interrupts: Interrupt[]; input: StateType; triggers: string[] }
  | { id: string; name: string; interrupts: Interrupt[]; result: [string, UpdateType][] }
  | { id: string; name: string; interrupts: Interrupt[]; error: string };

/** `events`: one of LangChain's own events. */
export type LangChainEventData = {
  event:
    | `on_${"chat_model" | "llm" | "chain" | "tool" | "retriever" | "prompt"}_${"start" | "stream" | "end"}`
    | (string & {});
  name: string;
  tags: string[];
  run_id: string;
  metadata: Record<string, unknown>;
  parent_ids: string[];
  data: unknown;
};

/** `tools`: a tool starts, reports, ends, or fails. */
export type ToolsEventData =
  | { event: "on_tool_start"; toolCallId?: string; name: string; input: unknown }
  | { event: "on_tool_event"; toolCallId?: string; name: string; data: unknown }
  | { event: "on_tool_end"; toolCallId?: string; name: string; output: unknown }
  | { event: "on_tool_error"; toolCallId?: string; name: string; error: unknown };

/** The progress of a tool, collected from `tools` events. */
export type ToolProgress = {
  toolCallId?: string;
  name: string;
  state: "starting" | "running" | "completed" | "error";
  input?: unknown;
  data?: unknown;
  result?: unknown;
  error?: unknown;
};

/** An event of a stream as a filter or a transport sees it. */
export type StreamEvent = { id?: string; event: string; data: unknown };
