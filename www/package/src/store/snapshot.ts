/** The snapshot: a moment with names that people read. Everything derived is computed when first read, and kept. */
import { flatten, treeOf } from "../branches.js";
import type { EngineMessageMetadata } from "../engine.js";
import { fromEngine } from "../errors.js";
import { interruptsOf } from "../interrupts.js";
import { cellWith, readCell, readList } from "../messages.js";
import { subagentsOf, type SubagentMemory } from "../subagents.js";
import { toolCallsOf } from "../tool-calls.js";
import type { AIMessage, Message } from "../types/messages.js";
import type { StreamMode, ThreadState } from "../types/schema.js";
import type { MessageMetadata, StreamSnapshot } from "../types/stream.js";
import type { SubagentStream } from "../types/subagents.js";
import type { Moment, Part } from "./moment.js";

/** The parts of a store that a snapshot needs. */
export interface SnapshotSource {
  messagesKey: string;
  hasHistory: boolean;
  /** Told what is read: it decides what the next run streams. */
  track(...modes: StreamMode[]): void;
  /** Told that something is read which only the second module knows. */
  wantExtras(): void;
  messageMetadata(id: string): EngineMessageMetadata | undefined;
  subagentNames(): readonly string[];
  subagentMemory: SubagentMemory;
  /** The last value of each derived part, with what it was derived from. */
  memo: Map<string, { from: readonly unknown[]; value: unknown }>;
}

/** The parts of a moment that each member is made of. The members that a component has read decide when it renders again. */
export const PARTS: Readonly<Record<string, readonly Part[]>> = {
  values: ["values", "list", "interrupts"],
  messages: ["list"],
  messageIds: ["ids"],
  error: ["status", "head"],
  isLoading: ["status"],
  isThreadLoading: ["status"],
  interrupt: ["interrupts", "status", "head"],
  interrupts: ["interrupts", "status", "head"],
  toolCalls: ["list"],
  toolProgress: ["tools"],
  branch: ["status"],
  history: ["history", "tree", "status"],
  experimental_branchTree: ["history", "tree"],
  connection: ["status"],
  threadId: ["status"],
  runId: ["status"],
  canStop: ["status"],
  canRejoin: ["status"],
  isUnsent: ["status"],
  waiting: ["waiting"],
  canRetry: ["editable"],
  canEdit: ["editable"],
  canRegenerate: ["editable"],
  editing: ["status"],
  subagents: ["list", "lists", "facts"],
  activeSubagents: ["list", "lists", "facts"],
  getToolCalls: ["list"],
  getMessagesMetadata: ["list", "history", "tree", "head"],
  getMessage: ["list"],
  getMessageOrigin: ["list"],
  getSubagent: ["list", "lists", "facts"],
  getSubagentsByType: ["list", "lists", "facts"],
  getSubagentsByMessage: ["list", "lists", "facts"],
};

const same = (a: readonly unknown[], b: readonly unknown[]): boolean => a.every((item, at) => item === b[at]);

/** A snapshot with what it is made of. */
export interface InnerSnapshot extends StreamSnapshot {
  moment: Moment;
  /** The values, read without asking for their stream mode. */
  peek: () => Record<string, unknown>;
}

/** The subagents of a moment. */
export const subagentsIn = ({ list, lists, facts }: Moment, source: SnapshotSource): Map<string, SubagentStream> =>
  subagentsOf(readList(list), lists, facts, source.subagentNames(), source.subagentMemory);

/** Makes the snapshot of a moment. */
export function snapshotOf(moment: Moment, source: SnapshotSource): InnerSnapshot {
  const { status, list } = moment;
  const own = new Map<string, unknown>();
  // Own first: an old snapshot that is read late must not give what a newer one has derived.
  const derive = <T>(name: string, from: readonly unknown[], make: () => T): T => {
    if (own.has(name)) return own.get(name) as T;
    const last = source.memo.get(name);
    const value = last && same(last.from, from) ? (last.value as T) : make();
    source.memo.set(name, { from, value });
    own.set(name, value);
    return value;
  };
  // A state that is still being read has no interrupts yet; that is no breakpoint.
  const head = (): ThreadState | undefined => (status.isLoading || status.isThreadLoading || status.cancelled ? undefined : moment.head());
  const taskError = (): unknown =>
    derive("taskError", [moment.head, status.isLoading, status.isThreadLoading, status.cancelled], () => {
      const said = head()?.tasks?.reduce<unknown>((found, task) => task.error ?? found, undefined);
      if (said == null) return undefined;
      let data: unknown = said;
      try {
        data = typeof said === "string" ? JSON.parse(said) : said;
      } catch {
        // Python gives `ValueError('words')`, which is no JSON.
      }
      // A value that is no error stays as it is, as in LangGraph's SDK: an application that tells each `error.message` as it comes up would
      // tell an old failure whenever its thread is opened.
      const isError = typeof data === "object" && data !== null && "message" in data;
      return isError ? fromEngine({ code: "run_failed", message: String(said) }, data) : data;
    });
  // What the server says of a run that failed before the thread was opened comes after what its state says.
  const ownError = (): unknown => (status.runId === null && status.said?.code === "run_failed" ? undefined : status.error);
  const needHistory = (name: string): void => {
    if (!source.hasHistory) throw new Error(`\`${name}\` needs the option \`fetchStateHistory\`.`);
  };
  const agents = (): Map<string, SubagentStream> => {
    source.track("updates", "messages-tuple");
    return derive("subagents", [list, moment.lists, moment.facts], () => subagentsIn(moment, source));
  };
  const agentsWhere = (filter: (agent: SubagentStream) => boolean): SubagentStream[] => [...agents().values()].filter(filter);
  const tree = () => derive("tree", [moment.tree, moment.history], () => treeOf(moment.tree(), moment.history()));

  // Without a history there is one state to look at.
  const headWith = (id: string): ThreadState | undefined => {
    const state = source.hasHistory ? undefined : moment.head();
    const messages = state?.values?.[source.messagesKey];
    return Array.isArray(messages) && messages.some((message: Message) => message.id === id) ? state : undefined;
  };

  const editable = () => {
    source.wantExtras();
    return derive("editable", [moment.editable], () => {
      const { edit, regenerate, retry } = moment.editable();
      return { edit: new Set(edit), regenerate: new Set(regenerate), retry };
    });
  };

  const { connection, isLoading, isThreadLoading, threadId, runId, canStop, canRejoin, isUnsent, branch, editing } = status;
  const peek = (): Record<string, unknown> =>
    derive("values", [moment.values, list, moment.interrupts], () => {
      const values = { ...moment.values() };
      const waiting = moment.interrupts();
      if (list.ids.length > 0 || source.messagesKey in values) values[source.messagesKey] = readList(list);
      if (waiting.length > 0) values["__interrupt__"] = waiting;
      return values;
    });

  return {
    moment,
    peek,
    connection: connection as StreamSnapshot["connection"],
    isLoading,
    isThreadLoading,
    threadId,
    runId,
    canStop,
    canRejoin,
    isUnsent,
    branch,
    editing,
    get canRetry() {
      return editable().retry;
    },
    canEdit: (id) => editable().edit.has(id ?? ""),
    canRegenerate: (id) => editable().regenerate.has(id ?? ""),
    get values() {
      source.track("values");
      return peek();
    },
    get messages() {
      source.track("messages-tuple", "values");
      return readList(list);
    },
    get messageIds() {
      source.track("messages-tuple", "values");
      return moment.ids;
    },
    get waiting() {
      return moment.waiting() as StreamSnapshot["waiting"];
    },
    get error() {
      return ownError() ?? taskError() ?? status.error ?? status.threadError ?? undefined;
    },
    get interrupt() {
      const all = this.interrupts;
      // Several come as an array: the type in LangGraph's SDK does not say so, its code does.
      return (all.length > 1 ? all : all[0]) as (typeof all)[0] | undefined;
    },
    get interrupts() {
      return derive("interrupts", [moment.interrupts, moment.head, status], () => interruptsOf(moment.interrupts(), head(), status.error == null && taskError() == null));
    },
    get toolCalls() {
      source.track("messages-tuple", "values");
      return derive("toolCalls", [list], () => toolCallsOf(readList(list)));
    },
    get toolProgress() {
      source.track("tools");
      return moment.tools;
    },
    get history() {
      needHistory("history");
      return derive("history", [moment.tree, moment.history, status.branch], () => flatten(tree(), status.branch));
    },
    get experimental_branchTree() {
      needHistory("experimental_branchTree");
      return tree();
    },
    get subagents() {
      return agents();
    },
    get activeSubagents() {
      return derive("activeSubagents", [agents()], () => agentsWhere((agent) => agent.status === "running"));
    },
    getToolCalls(message: AIMessage) {
      return this.toolCalls.filter(({ aiMessage }) => aiMessage.id === message.id);
    },
    getMessagesMetadata(message: Message, index?: number): MessageMetadata<Record<string, unknown>> | undefined {
      source.track("values");
      const id = message.id ?? (index === undefined ? undefined : list.ids[index]);
      if (id === undefined) return undefined;
      return derive(`metadata ${id}`, [moment.history, moment.tree, moment.head, cellWith(list, id)], () => {
        const known = source.messageMetadata(id);
        if (!known) return undefined;
        const { first_seen, branch, branch_options, stream } = known;
        return {
          messageId: id,
          firstSeenState: first_seen === undefined ? headWith(id) : moment.history()[first_seen],
          branch,
          branchOptions: branch_options,
          streamMetadata: stream,
        };
      });
    },
    getMessage(id) {
      source.track("messages-tuple", "values");
      const cell = id === undefined ? undefined : cellWith(list, id);
      return cell && readCell(cell);
    },
    getMessageOrigin: (id) => (id === undefined ? undefined : cellWith(list, id)?.origin),
    getSubagent: (id) => agents().get(id ?? ""),
    getSubagentsByType: (type: string) => agentsWhere(({ toolCall }) => toolCall.args.subagent_type === type),
    getSubagentsByMessage: (id) => agentsWhere(({ aiMessageId }) => aiMessageId === id),
  };
}
