/** The parameters and results of the hooks. */
import type { AIMessage, BaseMessage } from "@langchain/core/messages";
import type { DefaultSubagentStates, InferSubagentStates, InferToolCalls, IsAgentLike, IsDeepAgentLike } from "../../types/agents.js";
import type { BagTemplate, GetConfigurableType, GetToolCallsType, GetUpdateType, ShownState, StateRecord } from "../../types/bag.js";
import type { DefaultToolCall, MessageContentComplex } from "../../types/messages.js";
import type { CustomSubmitOptions, Mutate, SubmitOptions, UseStreamCustomOptions as PlainCustomOptions, UseStreamOptions as PlainOptions } from "../../types/options.js";
import type { ThreadState } from "../../types/schema.js";
import type { MessageMetadata, UseStream as PlainStream } from "../../types/stream.js";
import type { ClassState, ClassSubagentStreamInterface, ClassSubmitOptions, ClassUpdate, ToolCallWithResult } from "./class-messages.js";
import type { QueueInterface } from "../../types/queue.js";
import type { BaseStream, UseDeepAgentStream } from "./streams.js";

type WithInitial<Options, StateType> = Omit<Options, "initialValues"> & {
  /** Shown until the thread's state is there. Its messages may be instances. */
  initialValues?: StateType | ClassUpdate<StateType> | null;
};

/** Options of a stream from an Agent Server. */
export type UseStreamOptions<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = WithInitial<
  PlainOptions<StateRecord<StateType>, Bag>,
  StateType
>;
/** The same for an agent. */
export type UseAgentStreamOptions<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = UseStreamOptions<StateType, Bag>;
/** The same for a deep agent. */
export type UseDeepAgentStreamOptions<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = UseStreamOptions<StateType, Bag>;
/** Options of a stream through a transport of your own. */
export type UseStreamCustomOptions<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> = WithInitial<
  PlainCustomOptions<StateRecord<StateType>, Bag>,
  StateType
>;

/** The bag of types as it is given. */
export type InferBag<_T, Bag extends BagTemplate = BagTemplate> = Bag;
/** The options for a type argument. */
export type ResolveStreamOptions<T, Bag extends BagTemplate = BagTemplate> = UseStreamOptions<ShownState<T>, Bag>;
/** The same with a `transport`. */
export type ResolveStreamCustomOptions<T, Bag extends BagTemplate = BagTemplate> = UseStreamCustomOptions<ShownState<T>, Bag>;

/** The members of `rejoin/react` that `@langchain/react` does not have, with instances. */
type Beyond<StateType extends object, Bag extends BagTemplate> = Omit<
  PlainStream<StateType, Bag>,
  keyof UseDeepAgentStream | "getMessage" | "edit" | "mutate"
> & {
  /** One message, by its id or by one of `messageIds`; the same object until it changes. */
  getMessage: (id: string) => BaseMessage | undefined;
  /** Puts something else in the place of a message of a person and of everything after it, as a new branch. */
  edit: (
    messageId: string,
    replacement: string | MessageContentComplex[] | BaseMessage | GetUpdateType<Bag, StateRecord<StateType>>,
    options?: SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>,
  ) => Promise<void>;
  /** Changes the shown values until the server's next ones. */
  mutate: Mutate<StateRecord<ClassState<StateType>>>;
};

type OptionsOf<StateType extends object, Bag extends BagTemplate> = ClassSubmitOptions<StateType, SubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>>;

/** A graph's stream with class messages. */
export type ClassStream<StateType extends object, Bag extends BagTemplate = BagTemplate> = Omit<
  BaseStream<StateType, DefaultToolCall, Bag>,
  "messages" | "values" | "history" | "getMessagesMetadata" | "submit" | "queue"
> &
  Beyond<StateType, Bag> & {
    /** The messages, as far as they have streamed; one that has not changed is the same object. */
    messages: BaseMessage[];
    /** The state, with its messages as instances. */
    values: ClassState<StateType>;
    /** The states of the shown branch, oldest first. Throws without `fetchStateHistory`. */
    history: ThreadState<ClassState<StateType>>[];
    /** The metadata of a message. `index` helps if the message has no id. */
    getMessagesMetadata: (message: BaseMessage, index?: number) => MessageMetadata<ClassState<StateType>> | undefined;
    /** Runs the assistant; queues the submission on the server while a run is active. Resolves when the run is over, or queued. */
    submit: (values: ClassUpdate<GetUpdateType<Bag, StateRecord<StateType>>> | null | undefined, options?: OptionsOf<StateType, Bag>) => Promise<void>;
    /** Submissions that wait on the server. */
    queue: QueueInterface<ClassState<StateType>, OptionsOf<StateType, Bag>>;
  };

type ToolCalls<ToolCall> = {
  /** All tool calls of the messages, with their results. */
  toolCalls: ToolCallWithResult<ToolCall>[];
  /** The tool calls of one message. */
  getToolCalls: (message: AIMessage) => ToolCallWithResult<ToolCall>[];
};

type Subagents<States, ToolCall> = {
  /** Subagents by their tool call's id. */
  subagents: Map<string, ClassSubagentStreamInterface<States[keyof States], ToolCall, keyof States & string>>;
  /** Subagents that run. */
  activeSubagents: ClassSubagentStreamInterface<States[keyof States], ToolCall, keyof States & string>[];
  /** The subagent that this tool call started. */
  getSubagent: (toolCallId: string) => ClassSubagentStreamInterface<States[keyof States], ToolCall, keyof States & string> | undefined;
  /** Subagents of this type. */
  getSubagentsByType: {
    <Name extends keyof States & string>(type: Name): ClassSubagentStreamInterface<States[Name], ToolCall, Name>[];
    (type: string): ClassSubagentStreamInterface<Record<string, unknown>, ToolCall>[];
  };
  /** Subagents that this AI message started. */
  getSubagentsByMessage: (messageId: string) => ClassSubagentStreamInterface<States[keyof States], ToolCall, keyof States & string>[];
};

/** The result of `useStream` for a type argument: with tool calls for an agent, with subagents for a deep agent. */
export type StreamOf<T, Bag extends BagTemplate = BagTemplate> = ClassStream<ShownState<T>, Bag> &
  (IsAgentLike<T> extends true ? ToolCalls<InferToolCalls<T>> : unknown) &
  (IsDeepAgentLike<T> extends true ? ToolCalls<InferToolCalls<T>> & Subagents<InferSubagentStates<T>, InferToolCalls<T>> : unknown);

/** A stream with everything that it has, for a state type. */
export type UseStream<
  StateType extends object = Record<string, unknown>,
  Bag extends BagTemplate = BagTemplate,
  SubagentStates extends object = DefaultSubagentStates,
> = ClassStream<StateType, Bag> & ToolCalls<GetToolCallsType<StateType>> & Subagents<SubagentStates, GetToolCallsType<StateType>>;

/** The same through a transport of your own, without the members that need a thread on a server. */
export type UseStreamCustom<
  StateType extends object = Record<string, unknown>,
  Bag extends BagTemplate = BagTemplate,
  SubagentStates extends object = DefaultSubagentStates,
> = Omit<
  UseStream<StateType, Bag, SubagentStates>,
  "submit" | "queue" | "isThreadLoading" | "history" | "experimental_branchTree" | "joinStream" | "client" | "assistantId" | "toolProgress"
> & {
  /** Sends one submission through the transport. */
  submit: (
    values: ClassUpdate<GetUpdateType<Bag, StateRecord<StateType>>> | null | undefined,
    options?: ClassSubmitOptions<StateType, CustomSubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>>,
  ) => Promise<void>;
  /** Always empty: submissions wait in the page. */
  queue: QueueInterface<StateType, CustomSubmitOptions<StateRecord<StateType>, GetConfigurableType<Bag>>>;
};

/** A stream without the members that `<Suspense>` and error boundaries replace. */
export type WithSuspense<Stream> = Omit<Stream, "isLoading" | "error" | "isThreadLoading"> & {
  /** Whether a run is followed. */
  isStreaming: boolean;
};

/** The result of `useSuspenseStream`, for a state type. */
export type UseSuspenseStream<
  StateType extends object = Record<string, unknown>,
  Bag extends BagTemplate = BagTemplate,
  SubagentStates extends object = DefaultSubagentStates,
> = WithSuspense<UseStream<StateType, Bag, SubagentStates>>;

