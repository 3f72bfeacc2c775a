/** The data that the runtime gives to its own hooks through assistant-ui's `thread.extras`, marked by a brand. */
import { useAuiState, type AssistantClient } from "@assistant-ui/store";
import type { RejoinError } from "../errors.js";
import type { Connection } from "../types/options.js";
import type { WaitingSubmission } from "../types/stream.js";
import type { GraphState, LangGraphThread } from "./threads/thread.js";
import type { LangGraphInterruptState, LangGraphTupleMetadata, UIMessage } from "./types.js";

/** The commands of a thread that hooks give. */
export type ThreadCommand = "send" | "setState" | "respond" | "respondAll" | "retry" | "takeBack" | "sendNow" | "replaceWaiting";

/** The content of `thread.extras` under this runtime. */
export interface LangGraphRuntimeExtras extends Pick<LangGraphThread, ThreadCommand> {
  /** The first question that waits. */
  interrupt: LangGraphInterruptState | undefined;
  /** All questions that wait. */
  interrupts: readonly LangGraphInterruptState[];
  /** The graph's state. */
  state: GraphState | undefined;
  /** The metadata of a message's chunks, by message id. */
  messageMetadata: Map<string, LangGraphTupleMetadata>;
  /** UI messages. */
  uiMessages: readonly UIMessage[];
  /** The last failure. */
  error: RejoinError | undefined;
  /** Whether `retry` has something to do. */
  canRetry: boolean;
  /** The message whose edit or regeneration waits for its checkpoint. */
  editing: string | null;
  /** How the connection stands. */
  connection: Connection | undefined;
  /** Submissions that the server is not known to have, oldest first. */
  waiting: readonly WaitingSubmission[];
  /** Whether no submission is known to have reached the server. */
  isUnsent: boolean;
  /** Whether this message can be edited. */
  canEdit: (messageId: string) => boolean;
  /** Whether this answer can be given again. */
  canRegenerate: (messageId: string) => boolean;
}

/** One symbol for each copy of this package: extras of another copy are not ours. */
const brand = Symbol("rejoin/assistant-ui");

/** Marks extras as this runtime's. */
export function provide(extras: LangGraphRuntimeExtras): LangGraphRuntimeExtras {
  Object.defineProperty(extras, brand, { value: true });
  return extras;
}

/** The extras, where they are this runtime's. */
export const ours = (extras: unknown): LangGraphRuntimeExtras | undefined =>
  typeof extras === "object" && extras !== null && brand in extras ? (extras as unknown as LangGraphRuntimeExtras) : undefined;

/** The extras of the thread that is shown. Throws under another runtime. */
export function extrasOf(client: AssistantClient): LangGraphRuntimeExtras {
  const extras = ours(client.thread.getState().extras);
  if (!extras) throw new Error("This hook needs a thread of `useLangGraphRuntime` of rejoin/assistant-ui; the one that is shown has another runtime.");
  return extras;
}

/** Reads from the extras; `otherwise` under another runtime. */
export const useExtras = <S>(select: (extras: LangGraphRuntimeExtras) => S, otherwise: S): S =>
  useAuiState((state) => {
    const extras = ours(state.thread.extras);
    return extras ? select(extras) : otherwise;
  });
