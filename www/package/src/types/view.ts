/** A window over a session: its messages page by page, and the new ones as they come. */
import type { RejoinError } from "../errors.js";
import type { Message } from "./messages.js";
import type { Connection } from "./options.js";

/**
 * Whether more of a message will come. `streaming`: yes, as long as its producer lives. `complete`: it is whole.
 * `cancelled`: a person stopped it. `aborted`: it was not finished; {@link SessionNode.reason} says why.
 */
export type NodeStatus = "streaming" | "complete" | "cancelled" | "aborted";

/** A message of a session, as far as it has come. The same object until it changes. */
export interface SessionNode<MessageType = Message> {
  /** The message's id. */
  readonly id: string;
  /** The message, a plain LangChain dict; the same object until it changes. */
  readonly message: MessageType;
  /** Whether more of it will come. */
  readonly status: NodeStatus;
  /** Why it is `aborted`: `lease_expired`, `agent_failed`, `message_too_large` or another word of its producer. */
  readonly reason?: string;
  /** The run that says it, where one does. */
  readonly runId?: string;
  /** Present where it was submitted here, and the session does not have it yet. */
  readonly pending?: true;
  /** Its place: the list is sorted by it. To be compared only within one list, and never to be counted with. Infinity while it is `pending`. */
  readonly position: number;
}

/** How a view is made. */
export interface ViewOptions {
  /** How many messages are shown at first, and how many more each `loadOlder()` brings: 1 to 1000. Default 50. */
  limit?: number;
}

/** How older messages are asked for. */
export interface LoadOlderOptions {
  /** Whether the promise rejects, with the view's `error`, where the page could not be read. Default false. */
  throwOnError?: boolean;
}

/** What a view shows. Immutable: a new one for each change, in which what has not changed keeps its identity. */
export interface ViewSnapshot<MessageType = Message> {
  /** The messages from the window's first to the newest, without a hole, oldest first. */
  readonly nodes: readonly SessionNode<MessageType>[];
  /** Whether there are messages before the first. */
  readonly hasOlder: boolean;
  /** Whether a page is being read: the first one, or older messages. */
  readonly loading: boolean;
  /** What went wrong last: the feed was refused, or older messages could not be read. The next try clears it. */
  readonly error: RejoinError | undefined;
  /** How the feed stands, apart from that of a run: `catching_up`, then `live`. `idle` before it is opened. */
  readonly connection: Connection;
  /**
   * Shows `limit` more messages before the first, or as many as there are. Calls while it reads get the same promise.
   * Resolves to how many came: 0 where there are no more, where the thread was switched meanwhile, and where it failed,
   * which `error` then says. Rejects only with `throwOnError`. The same function while the view lives.
   */
  readonly loadOlder: (options?: LoadOlderOptions) => Promise<number>;
}

/** A framework-free view. */
export interface StreamView<MessageType = Message> {
  /** Calls `listener` after each change, at most once a frame. Returns what ends it. The first one opens the feed, the last closes it. */
  subscribe: (listener: () => void) => () => void;
  /** What is shown now; the same object until something changes. */
  getSnapshot: () => ViewSnapshot<MessageType>;
  /** What a server renders, and a page before it is hydrated: no messages. */
  getServerSnapshot: () => ViewSnapshot<MessageType>;
  /** As the snapshot's. */
  loadOlder: ViewSnapshot<MessageType>["loadOlder"];
  /** Ends it: its listeners are let go, and the feed is closed where no other view of the stream is open. Twice is once. */
  dispose: () => void;
}
