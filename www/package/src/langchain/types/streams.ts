/** The members of streams of graphs, agents and deep agents, with plain messages. Applications use these names in types of their own. */
import type {
  DefaultSubagentStates,
  InferAgentState,
  InferAgentToolCalls,
  InferSubagentNames,
  InferSubagentStates,
  InferToolCalls,
  IsAgentLike,
  IsDeepAgentLike,
  SubagentStateMap,
} from "../../types/agents.js";
import type { BagTemplate, GetConfigurableType, GetInterruptType, GetUpdateType, ShownState, StateRecord } from "../../types/bag.js";
import type { StreamClient } from "../../types/sdk-client.js";
import type { ToolProgress } from "../../types/events.js";
import type { AIMessage, DefaultToolCall, Message, ToolCallWithResult } from "../../types/messages.js";
import type { JoinOptions, SubmitOptions } from "../../types/options.js";
import type { Interrupt, ThreadState } from "../../types/schema.js";
import type { MessageMetadata, Sequence } from "../../types/stream.js";
import type { SubagentStream as PlainSubagentStream, SubagentToolCall } from "../../types/subagents.js";
import type { QueueInterface } from "../../types/queue.js";

/** The members of any graph's stream. */
export interface BaseStream<StateType extends object = Record<string, unknown>, ToolCall = DefaultToolCall, Bag extends BagTemplate = BagTemplate> {
  /** The state, with the messages as far as they have streamed. */
  values: StateType;
  /** The last failure; undefined again when something new starts. */
  error: unknown;
  /** Whether a run is submitted, followed, or about to be rejoined. */
  isLoading: boolean;
  /** Whether the thread is loaded for the first time. */
  isThreadLoading: boolean;
  /** The messages. */
  messages: Message<ToolCall>[];
  /** The first question that waits for an answer. */
  interrupt: Interrupt<GetInterruptType<Bag>> | undefined;
  /** All questions that wait for an answer. */
  interrupts: Interrupt<GetInterruptType<Bag>>[];
  /** Disconnects from the run. */
  stop: () => Promise<void>;
  /** Runs the assistant; queues the submission on the server while a run is active. */
  submit: (
    values: GetUpdateType<Bag, StateRecord<StateType>> | null | undefined,
    options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => Promise<void>;
  /** The branch shown; "" is the newest. */
  branch: string;
  /** Shows another branch. */
  setBranch: (branch: string) => void;
  /** The states of the shown branch, oldest first. Throws without `fetchStateHistory`. */
  history: ThreadState<StateType>[];
  /** All branches. Throws without `fetchStateHistory`. */
  experimental_branchTree: Sequence<StateType>;
  /** The metadata of a message. */
  getMessagesMetadata: (message: Message<ToolCall>, index?: number) => MessageMetadata<StateRecord<StateType>> | undefined;
  /** How far tools are. */
  toolProgress: ToolProgress[];
  /** For requests of your own. */
  client: StreamClient;
  /** The assistant that was given. */
  assistantId: string;
  /** Follows a run. */
  joinStream: (runId: string, lastEventId?: string, options?: JoinOptions) => Promise<void>;
  /** Enters another thread; null: a new one. */
  switchThread: (newThreadId: string | null) => void;
  /** Submissions that wait on the server. */
  queue: QueueInterface<StateType, SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>>;
}

/** The further members of an agent's stream. */
export interface UseAgentStream<StateType extends object = Record<string, unknown>, ToolCall = DefaultToolCall, Bag extends BagTemplate = BagTemplate>
  extends BaseStream<StateType, ToolCall, Bag> {
  /** All tool calls of the messages, with their results. */
  toolCalls: ToolCallWithResult<ToolCall>[];
  /** The tool calls of one message. */
  getToolCalls: (message: AIMessage<ToolCall>) => ToolCallWithResult<ToolCall>[];
}

/** One subagent's stream. */
export interface SubagentStreamInterface<StateType = Record<string, unknown>, ToolCall = DefaultToolCall, SubagentName extends string = string>
  extends Omit<PlainSubagentStream<StateType, ToolCall>, "toolCall"> {
  /** The call that started it. */
  toolCall: SubagentToolCall<SubagentName>;
}

type OneOf<States> = States[keyof States];
type NameOf<States> = keyof States & string;

/** The further members of a deep agent's stream. */
export interface UseDeepAgentStream<
  StateType extends object = Record<string, unknown>,
  ToolCall = DefaultToolCall,
  SubagentStates extends object = DefaultSubagentStates,
  Bag extends BagTemplate = BagTemplate,
> extends UseAgentStream<StateType, ToolCall, Bag> {
  /** Subagents by their tool call's id. */
  subagents: Map<string, SubagentStreamInterface<OneOf<SubagentStates>, ToolCall, NameOf<SubagentStates>>>;
  /** Subagents that run. */
  activeSubagents: SubagentStreamInterface<OneOf<SubagentStates>, ToolCall, NameOf<SubagentStates>>[];
  /** The subagent that this tool call started. */
  getSubagent: (toolCallId: string) => SubagentStreamInterface<OneOf<SubagentStates>, ToolCall, NameOf<SubagentStates>> | undefined;
  /** Subagents of this type. */
  getSubagentsByType: {
    <Name extends NameOf<SubagentStates>>(type: Name): SubagentStreamInterface<SubagentStates[Name], ToolCall, Name>[];
    (type: string): SubagentStreamInterface<Record<string, unknown>, ToolCall>[];
  };
  /** Subagents that this AI message started. */
  getSubagentsByMessage: (messageId: string) => SubagentStreamInterface<OneOf<SubagentStates>, ToolCall, NameOf<SubagentStates>>[];
}

/** A subagent's stream, from the type of a deep agent, of an agent, or of a state. */
export type SubagentStream<T = Record<string, unknown>, ToolCall = DefaultToolCall> =
  IsDeepAgentLike<T> extends true
    ? SubagentStreamInterface<OneOf<SubagentStateMap<T, InferAgentToolCalls<T>>>, InferAgentToolCalls<T>, InferSubagentNames<T>>
    : IsAgentLike<T> extends true
      ? SubagentStreamInterface<InferAgentState<T>, InferAgentToolCalls<T>>
      : SubagentStreamInterface<T, ToolCall>;

/** The stream that belongs to a type argument: a deep agent's, an agent's, or a graph's. */
export type ResolveStreamInterface<T, Bag extends BagTemplate = BagTemplate> =
  IsDeepAgentLike<T> extends true
    ? UseDeepAgentStream<ShownState<T>, InferToolCalls<T>, InferSubagentStates<T>, Bag>
    : IsAgentLike<T> extends true
      ? UseAgentStream<ShownState<T>, InferToolCalls<T>, Bag>
      : BaseStream<ShownState<T>, InferToolCalls<T>, Bag>;
