// The page: one runtime, the conversations, and the thread.
import { type AssistantRuntime, AssistantRuntimeProvider } from "@assistant-ui/react";
import { useCallbackRuntime, useEngineRuntime } from "./runtime";
import type { Setup } from "./setup";
import { Thread } from "./thread";
import { Threads } from "./threads";

/** Runs the thread in the way that the address asks for. */
export function App({ setup }: { setup: Setup }) {
  return setup.mode === "callback" ? <OnCallbacks setup={setup} /> : <OnEngine setup={setup} />;
}

function OnEngine({ setup }: { setup: Setup }) {
  return <Page runtime={useEngineRuntime(setup)} />;
}

function OnCallbacks({ setup }: { setup: Setup }) {
  return <Page runtime={useCallbackRuntime(setup)} />;
}

function Page({ runtime }: { runtime: AssistantRuntime }) {
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <header className="top">
        <h1>Rejoin <small>assistant-ui</small></h1>
        <Threads />
      </header>
      <main aria-label="Conversation">
        <Thread />
      </main>
    </AssistantRuntimeProvider>
  );
}
