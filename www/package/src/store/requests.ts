/** Requests of an application to a stream, checked and handed to the engine. */
import { problemOfId } from "../addresses.js";
import { withPlainMessages } from "../class-messages.js";
import type { Engine } from "../engine.js";
import { RejoinError, requestError } from "../errors.js";
import { EMPTY } from "../messages.js";
import { newMemory } from "../subagents.js";
import type { JoinOptions, SubmitOptions, ToolResultInput } from "../types/options.js";
import type { RunPromise, RunResult } from "../types/stream.js";
import { ask, disposed, promised, submissionOf, type EditAt, type InPlaceOf, type Pending } from "./commands.js";
import { blank, firstMoment } from "./moment.js";
import type { Lifecycle } from "./lifecycle.js";
import { modesOf } from "./modes.js";
import { orderNodes } from "./nodes.js";
import { transportOf } from "./options.js";
import { publish, setPart, showTyped } from "./publish.js";
import type { State, Values } from "./state.js";
import { call, layer } from "./tell.js";

/** The requests of one store. */
export type Requests = ReturnType<typeof requestsOf>;

/** A command before it is asked. */
type Begun = Omit<Pending, "resolve" | "reject">;

/** Makes the requests of a store. */
export function requestsOf(state: State, { start, withEngine, conclude, revive }: Lifecycle) {
  const { commands, waiting, kind } = state;
  let nextCommand = 1;

  const mutate = (update: Values | ((prev: Values) => Values)): void => {
    const layered = layer(state, update);
    if (Object.keys(layered).length === 0) return;
    state.overlay = { ...state.overlay, ...layered };
    withEngine((to) => ask(to, "values", { values: layered }));
  };

  const refusal = (throwOnError: boolean | undefined, result: RunResult): RunPromise =>
    (throwOnError ? Promise.reject(result.error) : Promise.resolve(result)) as RunPromise;
  /** A command that is wrong: it is told, and nothing is sent. */
  const refused = (error: RejoinError, { onError, throwOnError }: Pick<SubmitOptions, "onError" | "throwOnError"> = {}): RunPromise => {
    state.error = error;
    call(state.options.onError, error, undefined);
    call(onError, error, undefined);
    publish(state);
    return refusal(throwOnError, { outcome: "failed", error });
  };
  /** Disposed, or let go. */
  const isClosed = (): boolean => state.over || state.gone;
  const closed = (throwOnError: boolean | undefined): RunPromise =>
    refusal(throwOnError, kind.problem ? { outcome: "failed", error: kind.problem } : { outcome: "disposed", error: disposed() });

  const begin = (command: Begun, send: (engine: Engine, id: number) => void, ofExtras = false): RunPromise => {
    const made = promised(command);
    const id = nextCommand++;
    commands.set(id, made.command);
    if (command.kind !== "older") state.ended = undefined;
    // What is shown stays as it is until there is more than a wish.
    if (!command.quiet) {
      state.error = state.failure = state.thrown = undefined;
      if (state.moment.tools.length > 0) setPart(state, "tools", []);
    }
    withEngine((to) => {
      try {
        send(to, id);
      } catch (cause) {
        // It has ended already where the engine has failed.
        if (!commands.has(id)) return;
        const error = requestError(cause);
        call(state.options.onError, error, undefined);
        conclude(id, { outcome: "failed", error });
      }
    }, { id, extras: ofExtras });
    publish(state);
    return made.promise;
  };

  /** JSON of what an application gave, or the promise of an error. */
  const written = (make: () => string, throwOnError: boolean | undefined): string | RunPromise => {
    try {
      return make();
    } catch (cause) {
      const error = new RejoinError("invalid_input", "What was submitted cannot be written as JSON.", { cause });
      call(state.options.onError, error, undefined);
      return refusal(throwOnError, { outcome: "failed", error });
    }
  };

  const submit = (values: unknown, given?: SubmitOptions, edit?: EditAt | InPlaceOf): RunPromise => {
    const asked = given ?? {};
    const { throwOnError = false, optimisticValues, onError, config, context, command, streamSubgraphs } = asked;
    if (isClosed()) return closed(throwOnError);
    const problem = asked.threadId === undefined ? undefined : problemOfId(asked.threadId);
    if (problem) return refused(problem, asked);
    const submission = written(() => {
      const layered = optimisticValues && layer(state, optimisticValues as Values | ((prev: Values) => Values));
      return submissionOf(values, asked, [...new Set([...(asked.streamMode ?? []), ...modesOf(state)])], layered, edit);
    }, throwOnError);
    if (typeof submission !== "string") return submission;
    const typed = edit ? undefined : (withPlainMessages(values) as Values | null | undefined)?.[state.source.messagesKey];
    const made: Begun = { kind: "submit", quiet: !!edit, run: undefined, throwOnError, onError, typed };
    if (transportOf(state.options)) {
      made.payload = withPlainMessages({ input: values, context, command, config: config as Values | undefined });
      if (streamSubgraphs !== undefined) made.payload.streamSubgraphs = streamSubgraphs;
    }
    return begin(made, (to, id) => to.send(!edit ? "submission" : "id" in edit ? "replace" : "edit", submission, id), !!edit);
  };

  /** Goes on from an earlier message. One without an id is not known to the server, so there is nothing to go on from. */
  const editAt = (kind: EditAt["kind"], messageId: string | undefined, values: unknown, asked: SubmitOptions = {}): RunPromise => {
    if (messageId !== undefined) return submit(values, asked, { kind, message_id: messageId });
    if (isClosed()) return closed(asked.throwOnError);
    return refused(new RejoinError("edit_unavailable", "This message has no id, so it cannot be edited or answered again."), asked);
  };

  const resume = (answer: unknown, asked: SubmitOptions = {}): RunPromise => {
    if (answer !== undefined) return submit(null, { ...asked, command: { ...asked.command, resume: answer } });
    return isClosed() ? closed(asked.throwOnError) : refused(new RejoinError("invalid_input", "No answer was given. Where that is the answer, give null."), asked);
  };

  const addToolResult = ({ toolCallId, result, isError, artifact }: ToolResultInput): RunPromise => {
    if (isClosed()) return closed(false);
    const sent = written(() => JSON.stringify({ tool_call_id: toolCallId, content: result ?? null, is_error: isError, artifact }), false);
    if (typeof sent !== "string") return sent;
    return begin({ kind: "result", quiet: true, run: undefined, throwOnError: false, payload: null }, (to, id) => {
      ask(to, "modes", { modes: modesOf(state) });
      to.send("result", sent, id);
    }, true);
  };

  const join = (runId: string | undefined, lastEventId: string | undefined, given: JoinOptions = {}): RunPromise => {
    const { streamMode, filter, throwOnError = false } = given;
    if (isClosed()) return closed(throwOnError);
    const problem = runId === undefined ? undefined : problemOfId(runId);
    if (problem) return refused(problem, given);
    const asked = { run_id: runId, last_event_id: lastEventId, stream_mode: typeof streamMode === "string" ? [streamMode] : streamMode };
    const run = runId && state.thread ? { run_id: runId, thread_id: state.thread } : undefined;
    if (run) state.run = run;
    const made: Begun = { kind: "join", run, throwOnError };
    if (filter && runId) made.filter = { runId, keep: filter };
    return begin(made, (to, id) => ask(to, "join", asked, id));
  };

  const leave = async (cancels: boolean): Promise<void> => {
    const { engine, options } = state;
    if (isClosed()) return;
    call(options.onStop, { mutate: mutate as (update: unknown) => void });
    // Nothing of it was sent yet, and nothing will be.
    for (const { id = 0 } of waiting.splice(0)) {
      showTyped(state, commands.get(id)?.typed);
      conclude(id, { outcome: "disconnected" });
    }
    if (!engine) revive();
    ask(engine, cancels ? "cancel" : "stop", {});
  };

  const switchThread = (threadId: string | null): void => {
    if (isClosed() || threadId === state.thread) return;
    const problem = threadId === null ? undefined : problemOfId(threadId);
    if (problem) return void refused(problem);
    const { source } = state;
    source.memo.clear();
    source.subagentMemory = newMemory();
    state.handled.clear();
    state.dirty.clear();
    for (const list of state.open.values()) list.ids = EMPTY.ids;
    orderNodes(state.nodes, []);
    state.nodesChanged = false;
    state.thread = threadId;
    state.run = state.error = state.status = undefined;
    state.cancelled = false;
    state.overlay = {};
    state.changes = blank({});
    state.moment = { ...state.moment, status: firstMoment(threadId, threadId !== null, {}, "").status };
    // An engine that is still to be made begins on this thread.
    if (state.engine) ask(state.engine, "thread", { thread_id: threadId });
    else start();
    call(state.options.onThreadId, threadId as string);
    publish(state);
  };

  const older = (): RunPromise =>
    isClosed() ? closed(false) : begin({ kind: "older", quiet: true, run: undefined, throwOnError: false }, (to, id) => ask(to, "older", {}, id), true);

  return { mutate, isClosed, submit, editAt, resume, addToolResult, join, leave, switchThread, older };
}
