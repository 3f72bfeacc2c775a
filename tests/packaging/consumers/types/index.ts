// Compiled, never run: every entry has types, in every way TypeScript has of finding them.
import { createStream, loadRejoin, type Client } from "rejoin";
import { createStream as createOnAsset } from "rejoin/asset";
import { useStream } from "rejoin/react";
import { useStream as useOnAsset } from "rejoin/asset/react";

interface State extends Record<string, unknown> {
  messages: { id?: string; type: string; content: unknown }[];
  topic?: string;
}

export const streams = [createStream, createOnAsset].map((create) => create({ apiUrl: "http://127.0.0.1", assistantId: "chat" }));
export const ready: Promise<unknown> = loadRejoin();

export function Both(): number {
  const inline = useStream<State>({ apiUrl: "http://127.0.0.1", assistantId: "chat" });
  const asset = useOnAsset<State>({ apiUrl: "http://127.0.0.1", assistantId: "chat" });
  const topic: string | undefined = inline.values.topic;
  void inline.submit({ messages: [{ type: "human", content: topic }] });
  // @ts-expect-error the assistant must be named
  useStream<State>({ apiUrl: "http://127.0.0.1" });
  // Without the SDK `client` is ours, and not `any`.
  const threads: Client["threads"] = inline.client.threads;
  // @ts-expect-error no such part
  void [threads, asset.client.agents];
  return inline.messages.length + asset.messages.length;
}
