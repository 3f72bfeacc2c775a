// The types of `rejoin/langchain`, beside @langchain/react's. Compiled, never run: `npm run check`.
import type { AIMessage as CoreAIMessage, BaseMessage, ToolMessage as CoreToolMessage } from "@langchain/core/messages";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { Client } from "@langchain/langgraph-sdk";
import type * as Theirs from "@langchain/react";
import * as theirs from "@langchain/react";
import type * as Ours from "rejoin/langchain";
import * as ours from "rejoin/langchain";
import { useStream as assetHook } from "rejoin/asset/langchain";
import { useStream as plainHook } from "rejoin/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** The first may be given where the second is wanted. */
type Fits<A, B> = [A] extends [B] ? true : false;
type Has<T, K extends PropertyKey> = K extends keyof T ? true : false;
const yes = <T extends true>(): T => true as T;
const no = <T extends false>(): T => false as T;

const options = { assistantId: "agent", apiUrl: "/api" };

// --- agents, as `createAgent`, `createDeepAgent` and `compile` type them ---
type Schema<Input> = { _zod: { input: Input } };
interface Tool<Name extends string, Args> {
  name: Name;
  schema: Schema<Args>;
}
interface AgentTypes<Tools, Middleware = readonly [], State = undefined, Response = { __responseFormatUndefined: true }> {
  Response: Response;
  State: State;
  Context: undefined;
  Middleware: Middleware;
  Tools: Tools;
}
type Weather = Tool<"weather", { city: string }>;
type Search = Tool<"search", { query: string; limit?: number }>;
type Todos = { name: "todos"; stateSchema?: Schema<{ todos: string[] }> };
type Agent = { "~agentTypes": AgentTypes<readonly (Weather | Search)[], readonly [Todos], Schema<{ session: string }>, { degrees: number }> };
type Untyped = { "~agentTypes": AgentTypes<readonly { name: string }[]> };
type Researcher = { name: "researcher"; description: string; middleware: readonly [{ name: "notes"; stateSchema?: Schema<{ notes: string[] }> }] };
type Writer = { name: "writer"; description: string };
type Deep = Agent & { "~deepAgentTypes": AgentTypes<readonly (Weather | Search)[]> & { Subagents: readonly [Researcher, Writer] } };
type Graph = { "~RunOutput": { messages: BaseMessage[]; topic: string }; "~NodeType": "__start__" | "write" | "read" };

// --- a state type, and nothing ---
{
  interface State {
    messages: Ours.Message[];
    title?: string;
  }
  const stream = ours.useStream<State>(options);
  yes<Equal<typeof stream.messages, BaseMessage[]>>();
  yes<Equal<typeof stream.values.messages, BaseMessage[]>>();
  yes<Equal<typeof stream.values.title, string | undefined>>();
  yes<Equal<(typeof stream.history)[number]["values"]["messages"], BaseMessage[]>>();
  yes<Equal<ReturnType<typeof stream.submit>, Promise<void>>>();
  yes<Equal<typeof stream.error, unknown>>();
  const handler: (text: string) => Promise<void> = (text) => stream.submit({ messages: [{ type: "human", content: text }] });
  void handler;
  void stream.submit({ messages: [new HumanMessage("hi")] });
  void stream.submit({ messages: new HumanMessage("hi") }, { optimisticValues: (prev) => ({ messages: [...prev.messages, new HumanMessage("hi")] }) });
  void stream.submit({ title: "t" }, { threadId: "t", metadata: { a: 1 }, multitaskStrategy: "enqueue" });
  void stream.submit(null, { command: { resume: "yes" } });
  const last = stream.messages.at(-1);
  if (AIMessage.isInstance(last)) yes<Equal<typeof last.type, "ai">>();
  yes<Equal<NonNullable<ReturnType<typeof stream.getMessagesMetadata>>["branchOptions"], string[] | undefined>>();
  yes<Equal<typeof stream.queue.size, number>>();
  yes<Equal<(typeof stream.queue.entries)[number]["values"], Partial<Ours.ClassState<State>> | null | undefined>>();
  yes<Equal<typeof stream.connection, Ours.Connection>>();
  for (const name of ["toolCalls", "getToolCalls", "subagents", "getSubagentsByType"] as const) void name;
  no<Has<typeof stream, "toolCalls">>();
  no<Has<typeof stream, "subagents">>();
  const nothing = ours.useStream(options);
  yes<Equal<typeof nothing.messages, BaseMessage[]>>();
  void assetHook<State>({ ...options, initialValues: { messages: [new AIMessage("hi")] } });
  const custom = ours.useStream<State>({ transport: new ours.FetchStreamTransport({ apiUrl: "/chat" }) });
  yes<Equal<typeof custom.messages, BaseMessage[]>>();
}

// --- typeof agent ---
{
  const stream = ours.useStream<Agent>(options);
  type Call = (typeof stream.toolCalls)[number];
  yes<Equal<Call["call"]["name"], "weather" | "search">>();
  yes<Equal<Extract<Call["call"], { name: "search" }>["args"], { query: string; limit?: number }>>();
  yes<Equal<Call["result"], CoreToolMessage | undefined>>();
  yes<Equal<Call["aiMessage"], CoreAIMessage>>();
  yes<Equal<typeof stream.values.todos, string[]>>();
  yes<Equal<typeof stream.values.session, string>>();
  yes<Equal<typeof stream.values.structuredResponse, { degrees: number }>>();
  yes<Equal<typeof stream.values.messages, BaseMessage[]>>();
  no<Has<typeof stream, "subagents">>();
  void stream.submit({ todos: [] });
  const untyped = ours.useStream<Untyped>(options);
  yes<Equal<(typeof untyped.toolCalls)[number]["call"], Ours.DefaultToolCall>>();
  no<Has<typeof untyped.values, "structuredResponse">>();
  const asked = ours.useStream<Agent, { InterruptType: { question: string } }>(options);
  yes<Equal<NonNullable<typeof asked.interrupt>["value"], { question: string } | undefined>>();
  // In `rejoin/react` too, with plain messages.
  const plain = plainHook<Agent>(options);
  yes<Equal<(typeof plain.toolCalls)[number]["call"]["name"], "weather" | "search">>();
  yes<Equal<typeof plain.values.todos, string[]>>();
}

// --- deep agents ---
{
  const stream = ours.useStream<Deep>({ ...options, filterSubagentMessages: true });
  const [researcher] = stream.getSubagentsByType("researcher");
  yes<Equal<NonNullable<typeof researcher>["values"]["notes"], string[]>>();
  yes<Equal<NonNullable<typeof researcher>["toolCall"]["args"]["subagent_type"], "researcher" | undefined>>();
  yes<Equal<NonNullable<typeof researcher>["messages"], BaseMessage[]>>();
  const any = [...stream.subagents.values()][0];
  yes<Equal<NonNullable<typeof any>["toolCall"]["args"]["subagent_type"], "researcher" | "writer" | undefined>>();
  yes<Equal<(typeof stream.toolCalls)[number]["call"]["name"], "weather" | "search">>();
  yes<Equal<Ours.InferSubagentNames<Deep>, Theirs.InferSubagentNames<Deep>>>();
  yes<Equal<Ours.InferSubagentByName<Deep, "writer">, Theirs.InferSubagentByName<Deep, "writer">>>();
}

// --- compiled graphs ---
{
  const stream = ours.useStream<Graph>(options);
  yes<Equal<typeof stream.values.topic, string>>();
  no<Has<typeof stream, "toolCalls">>();
  yes<Equal<Ours.InferNodeNames<Graph>, Theirs.InferNodeNames<Graph>>>();
  yes<Equal<Ours.InferNodeNames<Graph>, "write" | "read">>();
}

// --- suspense and context ---
{
  const stream = ours.useSuspenseStream<Agent>({ ...options, suspenseCache: ours.createSuspenseCache() });
  yes<Equal<typeof stream.isStreaming, boolean>>();
  for (const name of ["isLoading", "error", "isThreadLoading"] as const) void name;
  no<Has<typeof stream, "isLoading">>();
  no<Has<typeof stream, "error">>();
  no<Has<typeof stream, "isThreadLoading">>();
  yes<Has<typeof stream, "toolCalls">>();
  const shared = ours.useStreamContext<Agent>();
  yes<Equal<typeof shared, ReturnType<typeof ours.useStream<Agent>>>>();
  const props: Ours.StreamProviderProps<Agent> = { ...options, children: null };
  void ours.StreamProvider<Agent>(props);
}

// --- what an application's own types are made of: either package's may be given where the other's is wanted ---
type Untouched = { messages: BaseMessage[] };
yes<Fits<Ours.HeadlessToolInterrupt, Theirs.HeadlessToolInterrupt>>();
yes<Fits<Ours.FlushPendingHeadlessToolInterruptsOptions, Theirs.FlushPendingHeadlessToolInterruptsOptions>>();
yes<Fits<Theirs.FlushPendingHeadlessToolInterruptsOptions, Ours.FlushPendingHeadlessToolInterruptsOptions>>();
yes<Equal<Ours.IsAgentLike<Agent>, Theirs.IsAgentLike<Agent>>>();
yes<Equal<Ours.IsDeepAgentLike<Deep>, Theirs.IsDeepAgentLike<Deep>>>();
yes<Equal<Ours.ExtractAgentConfig<Agent>, Theirs.ExtractAgentConfig<Agent>>>();
yes<Equal<Ours.ExtractDeepAgentConfig<Deep>["Subagents"], Theirs.ExtractDeepAgentConfig<Deep>["Subagents"]>>();
yes<Equal<Ours.InferDeepAgentSubagents<Deep>, Theirs.InferDeepAgentSubagents<Deep>>>();
yes<Equal<Ours.InferAgentToolCalls<Agent>["name"], Theirs.InferAgentToolCalls<Agent>["name"]>>();
yes<Equal<Ours.InferToolCalls<Graph>["name"], Theirs.InferToolCalls<Graph>["name"]>>();
yes<Equal<Ours.InferSubagentStates<Agent>, Theirs.InferSubagentStates<Agent>>>();
yes<Equal<Ours.InferStateType<Graph>["topic"], Theirs.InferStateType<Graph>["topic"]>>();
yes<Equal<Ours.GetToolCallsType<Untouched>["name"], Theirs.GetToolCallsType<Untouched>["name"]>>();
yes<Equal<Ours.ToolCallState, Theirs.ToolCallState>>();
yes<Equal<Ours.SubagentStatus, Theirs.SubagentStatus>>();
yes<Fits<Ours.ToolEvent, Theirs.ToolEvent>>();
yes<Fits<Theirs.ToolEvent, Ours.ToolEvent>>();
yes<Equal<Ours.SubagentStateMap<Deep>["researcher"]["notes"], string[]>>();
yes<Equal<Ours.InferSubagentState<Deep, "writer">["messages"], Ours.Message[]>>();
yes<Fits<Ours.BaseSubagentState, { messages: Ours.Message[] }>>();

/** Every type that @langchain/react exports, used as an application uses it. */
export type Used = [
  Ours.AgentTypeConfigLike, Ours.AnyHeadlessToolImplementation, Ours.BaseStream<Untouched>, Ours.ClassSubagentStreamInterface, Ours.CompiledSubAgentLike,
  Ours.DeepAgentTypeConfigLike, Ours.DefaultSubagentStates, Ours.ExtractSubAgentMiddleware<Researcher>, Ours.HeadlessToolImplementation, Ours.InferBag<Agent>,
  Ours.MessageMetadata<Untouched>, Ours.OnToolCallback, Ours.QueueEntry<Untouched>, Ours.QueueInterface<Untouched>, Ours.ResolveStreamInterface<Deep>["subagents"],
  Ours.ResolveStreamOptions<Agent>, Ours.StreamProviderCustomProps<Untouched>, Ours.SubAgentLike, Ours.SubagentStream<Deep>["values"], Ours.SubagentStreamInterface,
  Ours.SubagentToolCall<"a">, Ours.SuspenseCache, Ours.ToolCallFromTool<Weather>, Ours.ToolCallWithResult["aiMessage"], Ours.ToolCallsFromTools<[Weather, Search]>,
  Ours.UseAgentStream<Untouched>["toolCalls"], Ours.UseAgentStreamOptions<Untouched>, Ours.UseDeepAgentStream<Untouched>["subagents"], Ours.UseDeepAgentStreamOptions<Untouched>,
  Ours.UseStream<Untouched>["toolCalls"], Ours.UseStreamCustom<Untouched>["messages"], Ours.UseStreamCustomOptions<Untouched>, Ours.UseStreamOptions<Untouched>,
  Ours.UseStreamThread<Untouched>, Ours.UseStreamTransport<Untouched>, Ours.UseSuspenseStream<Untouched>["isStreaming"],
];
void theirs;

// --- `client` is the SDK's `Client`, as @langchain/react's ---
{
  const stream = ours.useStream(options);
  const sdk: Client = stream.client;
  yes<Has<typeof sdk, "crons">>();
}
