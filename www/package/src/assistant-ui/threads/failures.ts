/** Errors of a thread, with the codes of `docs/errors.md`. */
import { RejoinError } from "../../errors.js";
import { idOf, isObject, namedBy, wordsOf } from "./events.js";
import type { LangGraphInterruptState } from "../types.js";

/** The error of a run, from an error event or thrown by the stream. */
export function runError(failure: unknown, thrown: boolean): RejoinError {
  if (failure instanceof RejoinError) return failure;
  const name = failure instanceof Error ? failure.name : isObject(failure) && typeof failure["error"] === "string" ? failure["error"] : undefined;
  return new RejoinError(thrown ? "stream_failed" : "run_failed", wordsOf(failure), { ...(name ? { name } : {}), cause: failure });
}

/** The thread could not be read. */
export const loadFailure = (cause: unknown): RejoinError =>
  cause instanceof RejoinError ? cause : new RejoinError("history_unavailable", `The thread could not be loaded: ${wordsOf(cause)}`, { cause });

/** `getCheckpointId` failed. */
export const lookupFailed = (cause: unknown): RejoinError =>
  new RejoinError("checkpoint_lookup_failed", `The checkpoint to go on from could not be looked up: ${wordsOf(cause)}`, { cause });

/** There is no checkpoint that holds exactly what would be kept. */
export const notFound = (): RejoinError =>
  new RejoinError("checkpoint_not_found", "The thread has no checkpoint that holds exactly the messages before this one; nothing was sent.");

/** Editing is off, or the message is not one that can be edited. */
export const unavailable = (why: string): RejoinError => new RejoinError("edit_unavailable", why);

/** A submission that waited is not sent in its turn. */
export const dropped = (): RejoinError => new RejoinError("dropped", "This was not sent: it was taken back or replaced, or the run before it failed.");

/** The answer cannot be sent as it is: which question is meant cannot be told. */
export function refusedResume(resume: unknown, waiting: readonly LangGraphInterruptState[]): RejoinError | undefined {
  if (waiting.length < 2 || waiting.some((interrupt) => idOf(interrupt) === undefined) || namedBy(resume, waiting)) return undefined;
  const ids = waiting.map((interrupt) => idOf(interrupt)).join(", ");
  return new RejoinError("ambiguous_resume", `${waiting.length} questions wait, so an answer must name its own by its id: ${ids}.`);
}
