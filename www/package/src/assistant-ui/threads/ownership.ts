/** The run of each message and tool call, with the config that it was sent with. Kept while the page lives. */
import type { LangChainMessage } from "../types.js";

type Ai = Extract<LangChainMessage, { type: "ai" }>;

/** The known runs, by the messages that they wrote. */
export class Ownership {
  readonly #configs = new Map<string, unknown>();
  readonly #runs = new Map<string, string>();
  #run: string | undefined;
  #count = 0;
  /** The config of the run that asked the questions that wait. */
  interruptConfig: unknown;

  /** A run begins. */
  begin(): void {
    this.#run = String(++this.#count);
  }

  /** Notes that the run wrote these. Known messages stay with the run that wrote them first. */
  remember(messages: readonly LangChainMessage[], runConfig: unknown): void {
    this.#note(messages, runConfig, this.#run);
  }

  /** These were there before any run of this page. */
  seed(messages: readonly LangChainMessage[]): void {
    this.#note(messages, undefined, undefined);
  }

  /** Forgets everything but these. */
  prune(messages: readonly LangChainMessage[]): void {
    const kept = new Set<string>();
    for (const message of messages) {
      if (message.type !== "ai") continue;
      kept.add(messageKey(message));
      for (const { id } of message.tool_calls ?? []) kept.add(toolKey(id));
    }
    for (const map of [this.#configs, this.#runs]) for (const key of map.keys()) if (!kept.has(key)) map.delete(key);
    this.interruptConfig = undefined;
  }

  /** The config of the run that called this tool. */
  configOfTool(toolCallId: string): unknown {
    return this.#configs.get(toolKey(toolCallId));
  }

  /** The run that wrote a message. */
  runOf(message: Ai): string | undefined {
    return this.#runs.get(messageKey(message)) ?? (message.tool_calls ?? []).map(({ id }) => this.#runs.get(toolKey(id))).find(Boolean);
  }

  #note(messages: readonly LangChainMessage[], runConfig: unknown, run: string | undefined): void {
    for (const message of messages) {
      if (message.type !== "ai") continue;
      const own = messageKey(message);
      if (message.id) this.#set(own, runConfig, run);
      const config = message.id ? this.#configs.get(own) : runConfig;
      for (const { id } of message.tool_calls ?? []) if (id) this.#set(toolKey(id), config, run);
    }
  }

  #set(key: string, config: unknown, run: string | undefined): void {
    if (this.#configs.has(key)) return;
    this.#configs.set(key, config);
    if (run) this.#runs.set(key, run);
  }
}

const messageKey = ({ id }: { id?: string }): string => `m:${id ?? ""}`;
const toolKey = (id: string): string => `t:${id}`;
