// The application follows the runs: `stream`, `load` and `getCheckpointId` on LangGraph's SDK, as assistant-ui's own runtime takes them.
import type { Client } from "@langchain/langgraph-sdk";
import type { LangChainMessage, UseLangGraphRuntimeOptions } from "rejoin/assistant-ui";
import type { Setup } from "./setup";

const PAGE_STATES = 100;

/** The callbacks for one server and assistant; `create` makes a thread of this id. */
export function callbacks(client: Client, { assistant, checkpoints, knobs }: Setup) {
  const stream: UseLangGraphRuntimeOptions["stream"] = async (messages, { initialize, command, checkpointId, abortSignal }) => {
    const { externalId } = await initialize();
    if (!externalId) throw new Error("The thread has no id.");
    return client.runs.stream(externalId, assistant, {
      input: messages.length > 0 ? { messages } : null,
      streamMode: ["messages-tuple", "updates", "values"],
      config: { configurable: knobs },
      signal: abortSignal,
      onDisconnect: "cancel",
      ...(command && { command }),
      ...(checkpointId && { checkpointId }),
    }) as ReturnType<NonNullable<UseLangGraphRuntimeOptions["stream"]>>;
  };

  const load: UseLangGraphRuntimeOptions["load"] = async (threadId) => {
    const { values, tasks } = await client.threads.getState<{ messages?: LangChainMessage[] }>(threadId);
    return { messages: values.messages ?? [], interrupts: tasks.flatMap((task) => task.interrupts ?? []) as never };
  };

  /** The state that holds exactly these messages. A page of states would do for short threads only. */
  async function getCheckpointId(threadId: string, parents: LangChainMessage[]): Promise<string | null> {
    const wanted = parents.map((message) => message.id).join();
    let before: string | undefined;
    for (;;) {
      const states = await client.threads.getHistory<{ messages?: LangChainMessage[] }>(threadId, {
        limit: PAGE_STATES,
        ...(before !== undefined && { before: { configurable: { checkpoint_id: before } } as never }),
      });
      const found = states.find(({ values }) => (values.messages ?? []).map((message) => message.id).join() === wanted);
      if (found) return found.checkpoint.checkpoint_id ?? null;
      before = states.at(-1)?.checkpoint.checkpoint_id ?? undefined;
      if (states.length < PAGE_STATES || before === undefined) return null;
    }
  }

  return {
    stream,
    load,
    create: async (id: string) => void (await client.threads.create({ threadId: id })),
    ...(checkpoints && { getCheckpointId }),
  };
}
