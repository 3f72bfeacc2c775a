// The types of `rejoin/react`, beside the SDK's for the common forms. Compiled, never run: `npm run check`.
import { useStream as theirs } from "@langchain/langgraph-sdk/react";
import type { Client as TheirClient, Message as TheirMessage, ThreadState as TheirState } from "@langchain/langgraph-sdk";
import { LoadExternalComponent } from "@langchain/langgraph-sdk/react-ui";
import {
  FetchStreamTransport,
  useMessage,
  useMessages,
  useStream as ours,
  type AIMessage,
  type Client,
  type Outcome,
  type DefaultToolCall,
  type Interrupt,
  type Message,
  type RunResult,
  type ThreadState,
  type ToolCallWithResult,
} from "rejoin/react";
import { createStream, type StreamStore } from "rejoin";
import { createStream as fromAsset } from "rejoin/asset";
import { useStream as assetHook } from "rejoin/asset/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Either may stand for the other: what a drop-in needs, whatever the types are called. */
type Mutual<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const yes = <T extends true>(): T => true as T;

const options = { assistantId: "agent", apiUrl: "/api" };

// --- no type arguments ---
{
  const a = theirs(options);
  const b = ours(options);
  yes<Equal<typeof b.values, typeof a.values>>();
  yes<Equal<typeof b.values, Record<string, unknown>>>();
  yes<Mutual<typeof b.messages, typeof a.messages>>();
  yes<Mutual<typeof b.interrupt, typeof a.interrupt>>();
  yes<Equal<typeof b.isLoading, boolean>>();
  yes<Equal<typeof b.error, unknown>>();
  yes<Mutual<Parameters<typeof b.submit>[0], Parameters<typeof a.submit>[0]>>();
}

// --- useStream<State>: an interface and a type ---
interface State {
  messages: Message[];
  title?: string;
}
type TheirStateType = { messages: TheirMessage[]; title?: string };
{
  const a = theirs<TheirStateType>(options);
  const b = ours<State>(options);
  yes<Equal<typeof b.values, State>>();
  yes<Mutual<typeof b.values, typeof a.values>>();
  yes<Mutual<(typeof b.messages)[number], (typeof a.messages)[number]>>();
  yes<Mutual<(typeof b.history)[number]["values"], (typeof a.history)[number]["values"]>>();
  yes<Mutual<ThreadState<State>, TheirState<TheirStateType>>>();
  yes<Mutual<Parameters<typeof b.submit>[0], Parameters<typeof a.submit>[0]>>();
  void b.submit({ messages: [{ type: "human", content: "hi" }] });
  void b.submit({ title: "t" }, { optimisticValues: (prev) => ({ messages: [...prev.messages] }) });
  void b.submit(null, { command: { resume: true } });
  void b.submit(undefined);
  // @ts-expect-error a part of the state that is not in the state's type
  void b.submit({ title: 3 });
  const metadata = b.getMessagesMetadata(b.messages[0]!, 0);
  yes<Equal<NonNullable<typeof metadata>["branchOptions"], string[] | undefined>>();
  const first: string | undefined = metadata?.firstSeenState?.values.messages[0]?.id;
  void first;
}

// --- useStream<State, Bag> ---
type Bag = {
  UpdateType: { messages: Message[] | string };
  InterruptType: { question: string };
  CustomEventType: { progress: number };
  ConfigurableType: { model: string };
};
{
  const listening = {
    ...options,
    onCustomEvent: (data: { progress: number }) => void data,
    onFinish: (state: ThreadState<State & Record<string, unknown>>) => void state.values.title,
  };
  const a = theirs<TheirStateType, Bag>(options);
  const b = ours<State, Bag>(listening);
  yes<Mutual<Parameters<typeof b.submit>[0], Parameters<typeof a.submit>[0]>>();
  yes<Equal<typeof b.interrupt, Interrupt<{ question: string }> | undefined>>();
  yes<Mutual<NonNullable<typeof b.interrupt>["value"], NonNullable<typeof a.interrupt>["value"]>>();
  yes<Mutual<NonNullable<NonNullable<Parameters<typeof b.submit>[1]>["config"]>["configurable"], NonNullable<NonNullable<Parameters<typeof a.submit>[1]>["config"]>["configurable"]>>();
  void b.submit({ messages: "hi" }, { config: { configurable: { model: "m" } }, context: { model: "m" } });
  // @ts-expect-error the update type is the bag's
  void b.submit({ title: "t" });
  // @ts-expect-error the configurable type is the bag's
  void b.submit({ messages: "hi" }, { config: { configurable: { model: 3 } } });
  ours<State, Bag>({
    ...options,
    // Inferred from the bag, not annotated.
    onCustomEvent: (data, { mutate, namespace }) => {
      yes<Equal<typeof data, { progress: number }>>();
      yes<Equal<typeof namespace, string[] | undefined>>();
      mutate((prev) => ({ title: `${prev.title} ${data.progress}` }));
    },
    onUpdateEvent: (data) => yes<Equal<typeof data, { [node: string]: Bag["UpdateType"] }>>(),
    onCreated: (run) => yes<Equal<typeof run, { run_id: string; thread_id: string }> | Mutual<typeof run, { run_id: string; thread_id: string }>>(),
  });
  ours<State, { InterruptType: string }>(options).interrupt?.value?.toUpperCase();
}

// --- typed tool calls come from the state's messages ---
type Calls = { name: "weather"; args: { city: string }; id?: string } | { name: "search"; args: { q: string }; id?: string };
{
  const b = ours<{ messages: Message<Calls>[] }>(options);
  yes<Equal<typeof b.toolCalls, ToolCallWithResult<Calls>[]>>();
  for (const { call } of b.toolCalls) if (call.name === "weather") call.args.city.toUpperCase();
  yes<Equal<ReturnType<typeof ours<State>>["toolCalls"], ToolCallWithResult<DefaultToolCall>[]>>();
  const message: AIMessage<Calls> = { type: "ai", content: "" };
  void b.getToolCalls(message);
}

// --- a compiled graph's type ---
{
  type Graph = { "~RunOutput": { messages: Message[]; count: number } };
  const b = ours<Graph>(options);
  yes<Equal<typeof b.values, { messages: Message[]; count: number }>>();
}

// --- promises may stand where the SDK's do, and tell more ---
{
  const b = ours<State>(options);
  const submit: () => Promise<void> = () => b.submit(null);
  const join: (runId: string) => Promise<void> = b.joinStream;
  void submit;
  void join;
  const result = async (): Promise<RunResult> => {
    const { outcome, error } = await b.joinStream("run", undefined, { throwOnError: true, filter: ({ event }) => event !== "custom" });
    void (outcome === "expired" && error?.code);
    return b.rejoin();
  };
  void result;
}

// --- options are checked ---
{
  // @ts-expect-error assistantId is required
  ours({ apiUrl: "/api" });
  // @ts-expect-error a callback with the wrong type
  ours({ ...options, onError: "no" });
  ours({ ...options, reconnectOnMount: () => window.localStorage, threadId: null, fetchStateHistory: { limit: 5 } });
  ours({ ...options, headers: async (refresh) => ({ authorization: refresh ? "new" : "old" }), storage: "session", throttle: 50 });
}

// --- transports ---
{
  const transport = new FetchStreamTransport<State & Record<string, unknown>>({ apiUrl: "/run" });
  const b = ours<State>({ transport, threadId: "t", onThreadId: (id: string) => void id });
  void b.submit({ title: "t" }, { context: {} });
  const loose = ours({ transport: new FetchStreamTransport({ apiUrl: "/run" }) });
  yes<Equal<typeof loose.isLoading, boolean>>();
}

// --- the store, the selectors, the other entries ---
{
  const store: StreamStore<State> = createStream<State>(options);
  yes<Equal<ReturnType<typeof store.getSnapshot>["values"], State>>();
  yes<Equal<ReturnType<typeof fromAsset<State>>, StreamStore<State>>>();
  const hooked = assetHook<State>(options);
  yes<Mutual<ReturnType<typeof useMessages<State>>, typeof hooked.messages>>();
  useMessage(hooked, "id")?.content;
  useMessage(store, "id");
  const stop: () => void = store.subscribe(() => {});
  stop();
}

// --- edits and answers ---
{
  const b = ours<State, { InterruptType: { question: string }; ConfigurableType: { model: string } }>({
    ...options,
    checkpoints: "automatic",
    getCheckpointId: async (threadId: string, parentMessages: Message[]) => (parentMessages.length > 0 ? threadId : null),
    cancelPendingToolCalls: true,
  });
  void b.edit("id", "text");
  void b.edit("id", [{ type: "text", text: "part" }]);
  void b.edit("id", { type: "human", content: "whole" }, { config: { configurable: { model: "m" } }, throwOnError: true });
  void b.edit("id", { title: "t" });
  // @ts-expect-error what is said is of no use without what it is said to
  void b.edit("id");
  void b.regenerate("id", { onError: () => {} });
  void b.retry();
  // @ts-expect-error the run is as it was
  void b.retry({ config: {} });
  void b.respond({ any: "thing" }, { interruptId: "i", metadata: { k: 1 } });
  void b.respondAll({ i: true, j: "yes" });
  void b.addToolResult({ toolCallId: "c", result: { celsius: 22 }, isError: false });
  yes<Equal<typeof b.canRetry, boolean>>();
  yes<Equal<typeof b.editing, string | null>>();
  yes<Equal<ReturnType<typeof b.canEdit>, boolean>>();
  yes<Equal<Awaited<ReturnType<typeof b.retry>>["outcome"], Outcome>>();
  const dropped: Outcome[] = ["superseded", "dropped"];
  void dropped;
  // @ts-expect-error a word of the engine's own
  ours({ ...options, checkpoints: "asked" });
}

// --- a hook's type by its arguments, as applications name it: it is the server's, not the transport's ---
{
  interface State {
    messages: Message[];
    topic: string;
  }
  type Stream = ReturnType<typeof ours<State, { InterruptType: string }>>;
  const use = (stream: Stream, message: Message): void => {
    void stream.submit({ topic: "a" }, { streamMode: ["values"], checkpoint: null, multitaskStrategy: "enqueue" });
    // What `message.id` is.
    if (stream.canEdit(message.id)) void stream.edit(message.id, "other");
    if (stream.canRegenerate(message.id)) void stream.regenerate(message.id);
    yes<Equal<ReturnType<Stream["getMessage"]>, ReturnType<typeof stream.getMessage>>>();
    stream.getMessage(message.id);
    stream.getMessageOrigin(message.id);
    useMessage(stream, message.id);
    yes<Equal<typeof stream.interrupt, Interrupt<string> | undefined>>();
  };
  const done: (values: Partial<State>) => Promise<void> = (values) => (undefined as unknown as Stream).submit(values);
  void [use, done];
}

// --- headers in every form, and the SDK's names for the server's own stream ---
{
  ours({ ...options, headers: new Headers() });
  ours({ ...options, headers: [["a", "b"]], defaultHeaders: new Headers({ a: "b" }) });
  ours({ ...options, headers: new Map([["a", "b"]]) });
  ours({ ...options, headers: async () => new Headers() });
  ours({ ...options, headers: () => ({ a: undefined, b: null }) });
  ours({ ...options, transport: undefined });
  ours({ ...options, transport: "sse" });
  // @ts-expect-error no such stream
  ours({ ...options, transport: "websocket" });
  // @ts-expect-error no headers
  ours({ ...options, headers: 7 });
}

// --- components of generative UI ---
{
  const component: Promise<string> = ours(options).client["~ui"].getComponent("agent", "card");
  void component;
}

// --- with the SDK installed `client` is the SDK's `Client` too, and a stream goes where the SDK's is wanted ---
{
  const stream = ours<{ messages: Message[] }>(options);
  const sdk: TheirClient = stream.client;
  const own: Client = stream.client;
  const ofStore: TheirClient = stream.store.client;
  const crons: Promise<{ cron_id: string }[]> = stream.client.crons.search();
  yes<Equal<0 extends 1 & typeof stream.client ? true : false, false>>();
  type Wanted = Parameters<typeof LoadExternalComponent>[0]["stream"];
  const plain: Wanted = ours(options);
  const cast: Wanted = stream as unknown as ReturnType<typeof ours>;
  void [sdk, own, ofStore, crons, plain, cast];
}
