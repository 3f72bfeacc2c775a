import { createStream } from "rejoin";

export const dynamic = "force-dynamic";

/** A run that the server itself follows to its end. */
export async function GET(request) {
  const apiUrl = new URL(request.url).searchParams.get("api");
  let thread;
  const stream = createStream({ apiUrl, assistantId: "chat", onThreadId: (id) => (thread = id) });
  await stream.submit({ messages: [{ type: "human", content: "hello" }] }, { config: { configurable: { n_tokens: 20, delay_ms: 5 } } });
  const { messages, error } = stream.getSnapshot();
  stream.dispose();
  return Response.json({ thread, answer: messages.at(-1)?.content, error: error?.message });
}
