/** A window over a session: its messages page by page, and the new ones as they come. */
import type { RejoinError } from "../errors.js";
import type { Message } from "./messages.js";
import type { Connection } from "./options.js";

/**
 * Whether more of a message will come. `streaming`: yes, as long as its producer lives. `complete`: it is whole.
 * `cancelled`: a person stopped it. `aborted`: it was not finished; {@link SessionNode.reason} says why.
 */
export type NodeStatus = "streaming" | "complete" | "cancelled" | "aborted";

/** A message of a session, as streamed so far. The same object until it changes. */
export interface SessionNode<MessageType = Message> {
  /** The message's id. */
  readonly id: string;
  /** The message, a plain LangChain dict; the same object until it changes. */
  readonly message: MessageType;
  /** Whether more of it will come. */
  readonly status: NodeStatus;
  /** The reason of `aborted`: `lease_expired`, `agent_failed`, `message_too_large` or another word of its producer. */
  readonly reason?: string;
  /** The run that wrote it, if a run did. */
  readonly runId?: string;
  /** Present if it was submitted here and the session does not have it yet. */
  readonly pending?: true;
  /** Its place: the list is sorted by it. Compare it within one list only, and do not count with it. Infinity while it is `pending`. */
  readonly position: number;
}

/** Options of a view. */
export interface ViewOptions {
  /** The number of messages at first, and of further messages for each `loadOlder()`: 1 to 1000. Default 50. */
  limit?: number;
}

/** Options of `loadOlder`. */
export interface LoadOlderOptions {
  /** Whether the promise rejects, with the view's `error`, if the page could not be read. Default false. */
  throwOnError?: boolean;
}

/** Everything that a view shows. Immutable: each change makes a new snapshot, in which unchanged objects keep their identity. */
export interface ViewSnapshot<MessageType = Message> {
  /** The messages from the window's first to the newest, without a hole, oldest first. */
  readonly nodes: readonly SessionNode<MessageType>[];
  /** Whether there are messages before the first. */
  readonly hasOlder: boolean;
  /** Whether a page is being read: the first one, or older messages. */
  readonly loading: boolean;
  /** The last failure: the feed was refused, or older messages could not be read. The next try clears it. */
  readonly error: RejoinError | undefined;
  /** The state of the feed's connection, apart from a run's: `catching_up`, then `live`. `idle` before it is opened. */
  readonly connection: Connection;
  /**
   * Shows `limit` more messages before the first, or as many as there are. Calls while it reads get the same promise.
   * Resolves to the number of new messages. It is 0 if there are no more, if the thread was switched meanwhile, and if the page
   * could not be read; `error` is then set. Rejects only with `throwOnError`. The same function while the view lives.
   */
  readonly loadOlder: (options?: LoadOlderOptions) => Promise<number>;
}

/** A framework-free view. */
export interface StreamView<MessageType = Message> {
  /** Calls `listener` after each change, at most once a frame. Returns a function that ends it. The first listener opens the feed, the last one's end closes it. */
  subscribe: (listener: () => void) => () => void;
  /** The current snapshot; the same object until something changes. */
  getSnapshot: () => ViewSnapshot<MessageType>;
  /** The snapshot for a server, and for a page before it is hydrated: no messages. */
  getServerSnapshot: () => ViewSnapshot<MessageType>;
  /** As the snapshot's. */
  loadOlder: ViewSnapshot<MessageType>["loadOlder"];
  /** Ends the view: its listeners are let go, and the feed is closed if no other view of the stream is open. A second call does nothing. */
  dispose: () => void;
}
