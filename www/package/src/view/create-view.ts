/** A view: a window over the one feed of its stream. */
import { invalidOption, later, type RejoinError } from "../errors.js";
import { disposed } from "../store/commands.js";
import { NO_NODES, type Nodes } from "../store/nodes.js";
import type { BagTemplate, GetToolCallsType } from "../types/bag.js";
import type { Message } from "../types/messages.js";
import type { RunResult, StreamStore, UseStream } from "../types/stream.js";
import type { LoadOlderOptions, SessionNode, StreamView, ViewOptions, ViewSnapshot } from "../types/view.js";
import { setPages, sources, type ViewSource } from "./source.js";

/** The stream of a view or a selector: the result of `useStream` or `createStream`. */
export type StreamSource<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate> =
  | StreamStore<StateType, Bag>
  | Pick<UseStream<StateType, Bag>, "store">;

/** The store of a stream. */
export const storeOf = <StateType extends object, Bag extends BagTemplate>(stream: StreamSource<StateType, Bag>): StreamStore<StateType, Bag> =>
  "store" in stream ? stream.store : stream;

/** The same, of whatever state: a view shows what the session holds. */
export const anyStoreOf = (stream: object): StreamStore => storeOf(stream as StreamSource);

const LIMIT = 50;
const LIMIT_MAX = 1000;

/**
 * Makes a view of a stream's session: the newest messages, older ones page by page, new ones as they come, without a gap and
 * without reading the whole. Nothing is asked before the first listener, or the first `loadOlder()`. Views of one stream
 * share one feed, whatever their limits.
 *
 * On a server without sessions, such as a LangGraph Agent Server, it is a window over the thread's own messages.
 *
 * @throws RejoinError `invalid_option`, naming the option
 */
export function createView<StateType extends object = Record<string, unknown>, Bag extends BagTemplate = BagTemplate>(
  stream: StreamSource<StateType, Bag>,
  options?: ViewOptions,
): StreamView<Message<GetToolCallsType<StateType>>> {
  const problem = problemOf(stream, options);
  if (problem) throw problem;
  return makeView(anyStoreOf(stream), options?.limit) as StreamView<Message<GetToolCallsType<StateType>>>;
}

/** The fault of a view's options, if there is one. */
export function problemOf(stream: unknown, options: ViewOptions | undefined): RejoinError | undefined {
  const { limit = LIMIT } = options ?? {};
  if (typeof stream !== "object" || stream === null || !sources.has(storeOf(stream as StreamSource))) {
    return invalidOption("The option `stream` must be what `createStream` made or `useStream` returned.");
  }
  return Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX ? undefined : invalidOption(`The option \`limit\` must be a whole number from 1 to ${LIMIT_MAX}.`);
}

/** The place of the first node at this position or after it. */
function placeOf(all: Nodes, position: number): number {
  let [from, to] = [0, all.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((all[middle] as SessionNode).position < position) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** From the end, where most happens. */
function isSame(a: Nodes, b: Nodes): boolean {
  let at = a.length;
  if (a === b || at !== b.length) return a === b;
  while (at > 0 && a[at - 1] === b[at - 1]) at--;
  return at === 0;
}

/** The view of options that are right. */
export function makeView(store: StreamStore, limit = LIMIT): StreamView {
  const source = sources.get(store) as ViewSource;
  const { state } = source;
  const listeners = new Set<() => void>();
  let unsubscribe: (() => void) | undefined;
  let isOpen = false;
  let over = false;
  /** The position of the window's start; undefined until there is a page. */
  let from: number | undefined;
  let generation: number | undefined;
  /** Whether the window has been given as many messages as it is to show, where another view's page was smaller. */
  let filled = false;
  let failure: RejoinError | undefined;
  let reading: Promise<number> | undefined;
  let asked: Promise<number> | undefined;
  /** Ends the wait for a first page. */
  let wake = (): void => {};
  const own = { limit, ended: () => wake() };

  const loadOlder = ({ throwOnError = false }: LoadOlderOptions = {}): Promise<number> => {
    asked ??= older();
    return throwOnError ? throwing(asked) : asked;
  };
  const blank: ViewSnapshot = { nodes: NO_NODES, hasOlder: false, loading: store.getServerSnapshot().threadId !== null, error: undefined, connection: { state: "idle" }, loadOlder };
  let shown = blank;

  /** Everything that the feed holds, and where the window begins in it. */
  const window = (): { all: Nodes; start: number } => {
    const { nodes: all, feed } = state.moment;
    if (!feed?.ready) return { all: NO_NODES, start: 0 };
    if (generation !== feed.generation) {
      generation = feed.generation;
      filled = false;
      from = undefined;
    }
    if (from === undefined) {
      // What is only submitted comes on top.
      const newest = Math.max(0, placeOf(all, Infinity) - limit);
      const streaming = all.findIndex(({ status }) => status === "streaming");
      const { position = 0 } = all[streaming < 0 ? newest : Math.min(newest, streaming)] ?? {};
      from = position < Infinity ? position : 0;
    }
    return { all, start: placeOf(all, from) };
  };

  /** The same object while nothing of it is different. */
  const snapshot = (): ViewSnapshot => {
    if (!isOpen) return shown;
    const { feed, status } = state.moment;
    const { all, start } = window();
    const cut = start === 0 ? all : all.slice(start);
    const nodes = isSame(cut, shown.nodes) ? shown.nodes : cut;
    // Without an engine: what is wrong with the stream itself.
    const error = failure ?? feed?.error ?? (state.engine ? undefined : (state.error as RejoinError | undefined));
    const next: ViewSnapshot = {
      nodes,
      hasOlder: start > 0 || (feed?.hasOlder ?? false),
      loading: reading !== undefined || (!feed?.ready && error === undefined && status.threadId !== null),
      error,
      connection: feed?.connection ?? blank.connection,
      loadOlder,
    };
    for (const name of Object.keys(next) as (keyof ViewSnapshot)[]) if (next[name] !== shown[name]) return (shown = next);
    return shown;
  };

  const tell = (): void => {
    const before = shown;
    if (snapshot() === before) return;
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (error) {
        later(error);
      }
    }
  };

  const open = (): void => {
    if (isOpen || over) return;
    isOpen = true;
    state.views.push(own);
    setPages(source);
    unsubscribe = store.subscribe(() => {
      fill();
      tell();
    });
    fill();
  };
  const close = (): void => {
    if (!isOpen) return;
    // What is shown stays as it is, also for who still looks at it.
    snapshot();
    isOpen = false;
    generation = from = undefined;
    unsubscribe?.();
    state.views.splice(state.views.indexOf(own), 1);
    setPages(source);
    wake();
  };

  /** Puts so many more before the first: those that the feed holds already, and pages of the server's. */
  const extend = async (count: number): Promise<number> => {
    // The first page comes before what is older than it.
    await ready();
    const { start: first } = window();
    const begun = generation;
    if (begun === undefined) return 0;
    for (let held = first; held < count && state.moment.feed?.hasOlder; ) {
      const { outcome, error } = (await source.older()) as RunResult;
      const { start } = window();
      if (generation !== begun || over) return 0;
      if (error) failure = error;
      if (outcome !== "finished" || start === held) break;
      held = start;
    }
    const { all, start } = window();
    const more = Math.min(count, start);
    if (more > 0) from = (all[start - more] as SessionNode).position;
    return more;
  };

  /** One at a time. */
  const read = (count: number): Promise<number> => {
    failure = undefined;
    const done = (): void => {
      reading = undefined;
      fill();
      tell();
    };
    reading = extend(count).finally(done);
    tell();
    return reading;
  };

  const older = async (): Promise<number> => {
    try {
      failure = over || state.over ? disposed() : undefined;
      if (failure) return 0;
      open();
      // What brings the window to its size comes first.
      while (reading) await reading;
      return await read(limit);
    } finally {
      asked = undefined;
    }
  };
  const throwing = async (count: Promise<number>): Promise<number> => {
    const more = await count;
    const error = failure ?? shown.error;
    if (error) throw error;
    return more;
  };

  /** Until the first page is there, or will not come. */
  const ready = (): Promise<void> =>
    new Promise((resolve) => {
      const look = (): boolean => !isOpen || over || state.over || state.moment.feed?.ready === true || snapshot().error !== undefined || state.thread === null;
      if (look()) return resolve();
      const end = store.subscribe(() => look() && wake());
      wake = () => {
        end();
        resolve();
      };
    });

  const fill = (): void => {
    const { feed } = state.moment;
    if (!feed?.ready || reading) return;
    const { all, start } = window();
    if (filled) return;
    filled = true;
    const missing = limit - (all.length - start);
    if (missing > 0 && feed.hasOlder) void read(missing);
  };

  return {
    subscribe(listener) {
      if (over) return () => {};
      const told = (): void => listener();
      listeners.add(told);
      open();
      return () => {
        // StrictMode, and another listener's effect, listen again at once.
        if (listeners.delete(told)) queueMicrotask(() => listeners.size > 0 || close());
      };
    },
    getSnapshot: snapshot,
    getServerSnapshot: () => blank,
    loadOlder,
    dispose() {
      close();
      over = true;
      listeners.clear();
    },
  };
}

/** A view that shows what is wrong, and does nothing. */
export function failedView(error: RejoinError): StreamView {
  const loadOlder = ({ throwOnError }: LoadOlderOptions = {}): Promise<number> => (throwOnError ? Promise.reject(error) : Promise.resolve(0));
  const shown: ViewSnapshot = { nodes: NO_NODES, hasOlder: false, loading: false, error, connection: { state: "failed" }, loadOlder };
  return { subscribe: () => () => {}, getSnapshot: () => shown, getServerSnapshot: () => shown, loadOlder, dispose: () => {} };
}
