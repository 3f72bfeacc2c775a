// The page: the conversations and the thread, on a runtime that the address chooses.
import { lazy, Suspense } from "react";
import { type AssistantRuntime, AssistantRuntimeProvider, useAuiState } from "@assistant-ui/react";
import { addressOf } from "./address";
import { useEngineRuntime } from "./engine-runtime";
import type { Setup } from "./setup";
import { Thread } from "./thread";
import { ThisBrowser } from "./this-browser";
import { Threads } from "./threads";

// LangGraph's SDK is loaded where it is used only.
const OnCallbacks = lazy(() => import("./callback-runtime"));

/** Runs the thread in the way that the address asks for. */
export function App({ setup }: { setup: Setup }) {
  if (setup.mode === "engine") return <OnEngine setup={setup} />;
  return (
    <Suspense fallback={<p className="boot">Loading…</p>}>
      <OnCallbacks setup={setup} />
    </Suspense>
  );
}

function OnEngine({ setup }: { setup: Setup }) {
  return <Page runtime={useEngineRuntime(setup)} shares={setup.share !== false} />;
}

/** Everything under one runtime. */
export function Page({ runtime, shares }: { runtime: AssistantRuntime; shares: boolean }) {
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <header className="top">
        <h1>Rejoin <small>assistant-ui</small></h1>
        <Threads />
        <SecondTab shares={shares} />
      </header>
      <main aria-label="Conversation">
        <Thread />
      </main>
    </AssistantRuntimeProvider>
  );
}

function SecondTab({ shares }: { shares: boolean }) {
  const thread = useAuiState((state) => state.threadListItem.remoteId);
  return <ThisBrowser address={thread === undefined ? undefined : addressOf(thread).href} shares={shares} />;
}
