/** Answers for the engine that are made here, of events or of JSON, with nothing that only some pages have. */
import type { EngineAnswer, EngineEvent } from "./engine.js";
import type { StreamEvent } from "./types/events.js";
import { encodeText } from "./wasm/text.js";

const headersOf = (type: string): EngineAnswer["headers"] => ({ get: (name) => (name === "content-type" ? type : null) });

/** An event as the engine reads it. */
export const writtenEvent = ({ id, event, data }: StreamEvent): EngineEvent => ({ ...(id === undefined ? {} : { id }), event, data: JSON.stringify(data) ?? "null" });

/** The answer that these events are. `failed` is told what they failed with; the body then breaks off. */
export function answerOf<T>(events: AsyncGenerator<T>, written: (event: T) => EngineEvent | null, failed: (error: unknown) => void = () => {}): EngineAnswer {
  const leave = async (): Promise<void> => void (await events.return?.(undefined))?.done;
  const read = async (): Promise<{ done: boolean; value?: EngineEvent | null }> => {
    try {
      const { done = false, value } = await events.next();
      return done ? { done } : { done, value: written(value as T) };
    } catch (error) {
      leave().catch(() => {});
      failed(error);
      throw error;
    }
  };
  return {
    status: 200,
    headers: headersOf("text/event-stream"),
    // A generator that waits is left when it goes on, which nobody waits for.
    body: { getReader: () => ({ read, cancel: async () => void leave().catch(() => {}) }) },
  };
}

/** The answer that this value is. */
export function jsonAnswer(status: number, value: unknown): EngineAnswer {
  let text: string | undefined = JSON.stringify(value) ?? "null";
  const read = async (): Promise<{ done: boolean; value?: Uint8Array }> => {
    if (text === undefined) return { done: true };
    const bytes = encodeText(text);
    text = undefined;
    return { done: false, value: bytes };
  };
  return { status, headers: headersOf("application/json"), body: { getReader: () => ({ read, cancel: async () => {} }) } };
}
