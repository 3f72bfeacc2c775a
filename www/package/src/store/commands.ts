/** Commands under way: what was asked, and the promise that waits for it. */
import type { Engine, EngineError, EngineRequests } from "../engine.js";
import { withPlainMessages } from "../class-messages.js";
import { fromEngine, RejoinError } from "../errors.js";
import { snake } from "../names.js";
import type { StreamEvent } from "../types/events.js";
import type { RunCallbackMeta, SubmitOptions } from "../types/options.js";
import type { Outcome, RunPromise, RunResult } from "../types/stream.js";
import type { TransportPayload } from "./network.js";

/** One command. */
export interface Pending {
  kind: "submit" | "join" | "result" | "older";
  /** Nothing is loading on its account: what it waits for comes before a run, and the engine tells of that. */
  quiet?: boolean;
  run: RunCallbackMeta | undefined;
  throwOnError: boolean;
  onError?: ((error: unknown, run: RunCallbackMeta | undefined) => void) | undefined;
  /** The messages that it brings. */
  typed?: unknown;
  /** The payload for a transport. Null: the payload that the engine sends. */
  payload?: TransportPayload | null;
  filter?: { runId: string; keep: (event: StreamEvent) => boolean };
  resolve: (result: RunResult) => void;
  reject: (error: unknown) => void;
}

/** Asks the engine, if it is there. Without a command nobody waits for what comes of it. */
export const ask = <Name extends keyof EngineRequests>(engine: Engine | undefined, name: Name, request: EngineRequests[Name], command = 0): void =>
  engine?.send(name, JSON.stringify(request), command);

/** Settles a command: rejects only where that was asked for. */
export function settle(command: Pending, result: RunResult): void {
  if (command.throwOnError && result.error !== undefined) command.reject(result.error);
  else command.resolve(result);
}

/** A promise, and the command that settles it. */
export function promised(command: Omit<Pending, "resolve" | "reject">): { command: Pending; promise: RunPromise } {
  const whole = command as Pending;
  const promise = new Promise<RunResult>((resolve, reject) => Object.assign(whole, { resolve, reject }));
  return { command: whole, promise: promise as RunPromise };
}

/** The error of a command that comes too late. */
export const disposed = (): RejoinError => new RejoinError("disposed", "This stream was disposed; nothing more can be asked of it.");

/**
 * A result from the engine's words. A run that could not be followed to its end leaves the history on the screen: that is
 * no failure of the stream, yet one for who asked to join. `known` says which.
 */
export function resultOf(outcome: string, error: string | undefined, known: EngineError | null | undefined, failure: unknown): RunResult {
  const said = error ? (JSON.parse(error) as EngineError) : ["expired", "timed_out"].includes(outcome) && known;
  return { outcome: outcome as Outcome, ...(said ? { error: fromEngine(said, failure) } : {}) };
}

const SENT: readonly (keyof SubmitOptions)[] = [
  "command",
  "config",
  "context",
  "metadata",
  "interruptBefore",
  "interruptAfter",
  "multitaskStrategy",
  "strictResume",
  "onCompletion",
  "onDisconnect",
  "streamSubgraphs",
  "streamResumable",
  "durability",
  "feedbackKeys",
  "threadId",
  "threadIsMade",
];

/** The place of an edit, in a submission. */
export interface EditAt {
  kind: "message" | "answer" | "failed";
  message_id?: string;
}

/** The waiting submission that another one replaces. */
export interface InPlaceOf {
  id: string;
}

/** The replacement of a message, as an update of the state. */
export function replacementOf(given: unknown, messagesKey: string): unknown {
  const isContent = typeof given === "string" || Array.isArray(given);
  const message = isContent ? { type: "human", content: given } : given;
  return isContent || (given && typeof given === "object" && "content" in given && "type" in given) ? { [messagesKey]: [message] } : given;
}

/** A submission in the protocol's names. `optimistic`: what to show at once. */
export function submissionOf(values: unknown, options: SubmitOptions, modes: string[], optimistic: object | undefined, edit: EditAt | InPlaceOf | undefined): string {
  const { checkpoint } = options;
  const { thread_id: _, ...place } = (checkpoint ?? {}) as { thread_id?: string };
  const given = options as Record<string, unknown>;
  const made = snake(Object.fromEntries(SENT.map((name) => [name, given[name]])));
  if (values != null) made["input"] = values;
  if (checkpoint !== undefined) made["checkpoint"] = checkpoint && place;
  if (optimistic) made["optimistic_values"] = optimistic;
  made["stream_mode"] = modes;
  return JSON.stringify(withPlainMessages({ ...made, ...edit }));
}
