/** A stream's snapshot in the form that a thread shows. Unchanged parts keep their identity. */
import { RejoinError } from "../../errors.js";
import type { Sequence, StreamSnapshot } from "../../types/stream.js";
import { filterUIMessagesBySurvivingIds } from "../messages/ui.js";
import type { LangChainMessage, LangGraphInterruptState, LangGraphTupleMetadata, UIMessage } from "../types.js";
import { runError } from "./failures.js";
import { sameIds } from "./reconcile.js";
import type { Branch, GraphState, ThreadSnapshot } from "./thread.js";

/** The facts of a thread that are not in the stream's snapshot. Changed in place. */
export interface EngineFacts {
  /** Messages that are sent when the thread is made. */
  pending: readonly LangChainMessage[];
  /** Messages that wait for a run to send them. */
  staged: readonly LangChainMessage[];
  /** Whether something is about to be sent. */
  isStarting: boolean;
  /** Does again what failed before anything was sent. */
  again: (() => Promise<void>) | undefined;
  /** The error from before anything was sent. */
  error: RejoinError | undefined;
  /** Messages that were not finished as their run was cancelled. */
  cancelled: ReadonlySet<string>;
  /** UI messages as events have changed them since the state said which there are. */
  uiMessages: UIMessage[] | undefined;
  /** Those of the last state. */
  stateUI: UIMessage[] | undefined;
  /** Whether the server is only asked whether there is something to follow. */
  isReading: boolean;
  readonly uiStateKey: string;
  readonly canEdit: boolean;
  /** The last value of each derived part, with what it was derived from. */
  readonly cache: Record<string, { from: readonly unknown[]; value: unknown }>;
}

type Shown = StreamSnapshot;

/** Errors that are no failure of a turn: nothing was sent, or it was sent and goes on. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "checkpoint_not_found",
  "checkpoint_lookup_failed",
  "edit_unavailable",
  "ambiguous_resume",
  "cancel_failed",
  "no_run_to_cancel",
  "history_unavailable",
  "thread_not_found",
  "run_expired",
]);

const NO_FAILURES: ReadonlyMap<string, string> = new Map();

function derived<T>(facts: EngineFacts, name: string, from: readonly unknown[], make: () => T): T {
  const last = facts.cache[name];
  if (last && from.every((item, at) => item === last.from[at])) return last.value as T;
  const value = make();
  facts.cache[name] = { from, value };
  return value;
}

/** All ways through a tree, each by the state it ends with. */
function leaves({ items }: Sequence): { key: string; messages: LangChainMessage[] }[] {
  const last = items.at(-1);
  if (!last) return [];
  if (last.type === "fork") return last.items.flatMap(leaves);
  const messages = (last.value.values as { messages?: unknown } | null | undefined)?.messages;
  return [{ key: last.path.join(">"), messages: Array.isArray(messages) ? (messages as LangChainMessage[]) : [] }];
}

/** The ways that assistant-ui can tell apart: of two with the same messages, the newer. */
function branchesOf(tree: Sequence): Branch[] {
  const all = leaves(tree).filter(({ messages }) => messages.length > 0);
  return all.filter((branch, at) => !all.slice(at + 1).some((later) => sameIds(later.messages, branch.messages)));
}

/** The error as one of ours. */
const asError = (error: unknown): RejoinError | undefined => (error == null ? undefined : error instanceof RejoinError ? error : runError(error, true));

/** The places at which a turn that failed without an answer shows its error. */
function failuresOf(error: RejoinError | undefined, messages: readonly LangChainMessage[], isRunning: boolean): ReadonlyMap<string, string> {
  const last = messages.at(-1);
  if (!error || isRunning || !last || ELSEWHERE.has(error.code)) return NO_FAILURES;
  return new Map([[last.id ?? "", error.message]]);
}

/** Makes the snapshot. */
export function engineSnapshot(facts: EngineFacts, shown: Shown): ThreadSnapshot {
  const { pending, staged, isStarting, cancelled, uiStateKey } = facts;
  const streamed = shown.messages as LangChainMessage[];
  const { waiting } = shown;
  const messages = derived(facts, "messages", [streamed, pending, staged, waiting], () => {
    if (pending.length + staged.length === 0) return streamed;
    const ids = new Set([...streamed, ...waiting.flatMap((one) => one.messages)].map(({ id }) => id));
    return [...streamed, ...[...pending, ...staged].filter(({ id }) => !ids.has(id))];
  });
  const state = derived(facts, "state", [shown.values], () => {
    const { __interrupt__: _, ...values } = shown.values as GraphState;
    return Object.keys(values).length > 0 ? values : undefined;
  });
  const fromState = state?.[uiStateKey];
  if (Array.isArray(fromState) && fromState !== facts.stateUI) {
    // A state says which there are.
    facts.stateUI = fromState as UIMessage[];
    facts.uiMessages = undefined;
  }
  const everyUI = facts.uiMessages ?? facts.stateUI;
  const interrupts = derived(facts, "interrupts", [shown.interrupts], () =>
    // A stop before a node is no question.
    (shown.interrupts as LangGraphInterruptState[]).filter((interrupt) => interrupt.when !== "breakpoint"),
  );
  const error = facts.error ?? asError(shown.error);
  const isOnlyAsked = facts.isReading && ["idle", "connecting"].includes(shown.connection.state);
  const isRunning = (shown.isLoading && !isOnlyAsked) || isStarting;
  // Which messages there are, and not what they say: tokens change nothing of it. The server may rename some when the run is over.
  const uiMessages = derived(facts, "ui", [everyUI, shown.messageIds, pending, staged, isRunning], () => filterUIMessagesBySurvivingIds(everyUI ?? [], messages));
  const tree = shown.experimental_branchTree;
  return {
    messages,
    uiMessages,
    get messageMetadata() {
      return derived(facts, "metadata", [messages], () => {
        const found = messages.flatMap((message) => {
          const metadata = shown.getMessagesMetadata(message as never)?.streamMetadata as LangGraphTupleMetadata | undefined;
          return metadata && message.id ? [[message.id, metadata] as const] : [];
        });
        return new Map(found);
      });
    },
    state,
    interrupts,
    isRunning,
    isLoading: shown.isThreadLoading,
    editing: shown.editing,
    error,
    canRetry: facts.again !== undefined || shown.canRetry || (error !== undefined && ["history_unavailable", "unreachable"].includes(error.code)),
    cancelled,
    failures: derived(facts, "failures", [error, messages, isRunning], () => failuresOf(error, messages, isRunning)),
    canEdit: facts.canEdit,
    editable: { edit: (id) => shown.canEdit(id), regenerate: (id) => shown.canRegenerate(id) },
    connection: shown.connection,
    waiting,
    isUnsent: shown.isUnsent,
    hasStaged: staged.length > 0,
    branches: derived(facts, "branches", [tree], () => branchesOf(tree)),
  };
}
