// assistant-ui's thread on one package, with callbacks on LangGraph's SDK: `?assistant=chat&thread=..`. `under-test` is the package.
import { AssistantRuntimeProvider, useAuiState } from "@assistant-ui/react";
import { Client } from "@langchain/langgraph-sdk";
import { useMemo } from "react";
import { createRoot } from "react-dom/client";
import { useLangGraphInterruptState, useLangGraphRuntime, useLangGraphSendCommand } from "under-test";
import { callbacks } from "../../../www/assistant-ui-demo/src/callbacks.ts";

const asked = new URLSearchParams(location.search);
const client = new Client({ apiUrl: `${location.origin}/api` });
let runs = 0;

/** The thread that the address names, or one that the first message makes. */
const itemOf = (id) => ({ status: "regular", remoteId: id, externalId: id, title: id });
const given = asked.get("thread");
const LIST = {
  list: async () => ({ threads: given ? [itemOf(given)] : [] }),
  fetch: async (id) => itemOf(id),
  async initialize() {
    const { thread_id: id } = await client.threads.create();
    document.body.dataset.thread = id;
    return itemOf(id);
  },
  generateTitle: async () => new ReadableStream({ start: (controller) => controller.close() }),
};

const textOf = (part) => (part.type === "tool-call" ? `${part.toolName}(${part.argsText}) = ${JSON.stringify(part.result)}` : (part.text ?? part.type));

function Chat({ runtime }) {
  const { messages, isRunning } = useAuiState((state) => state.thread);
  const interrupt = useLangGraphInterruptState();
  const sendCommand = useLangGraphSendCommand();
  const say = (text, more) => runtime.thread.append({ role: "user", content: [{ type: "text", text }], ...more });
  return (
    <>
      {messages.map(({ id, role, content }) => <p key={id}>{`${role}: ${content.map(textOf).join(" ")} `}</p>)}
      <p>{`${isRunning ? "busy" : "idle"} after ${runs} runs `}</p>
      {interrupt && <p>{`asked: ${JSON.stringify(interrupt.value)}`}</p>}
      <button id="one" onClick={() => say("one")} />
      <button id="edit" onClick={() => say("edited", { parentId: null, sourceId: messages[0].id })} />
      <button id="again" onClick={() => runtime.thread.startRun({ parentId: messages[0].id })} />
      <button id="yes" onClick={() => sendCommand({ resume: "yes" })} />
    </>
  );
}

function Page() {
  const options = useMemo(() => {
    const { stream, load, getCheckpointId } = callbacks(client, { assistant: asked.get("assistant"), checkpoints: true, knobs: { n_tokens: 4, delay_ms: 5 } });
    return { stream: (...args) => (runs++, stream(...args)), load, getCheckpointId, unstable_threadListAdapter: LIST, ...(given && { threadId: given }) };
  }, []);
  const runtime = useLangGraphRuntime(options);
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <Chat runtime={runtime} />
    </AssistantRuntimeProvider>
  );
}

createRoot(document.getElementById("chat")).render(<Page />);
