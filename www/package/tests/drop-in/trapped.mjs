// One program whose wasm has too little memory. Prints what its stream said of that, and of the command after it.
import { createStream } from "../../dist/index.js";

const [apiUrl, how] = process.argv.slice(2);
const until = async (test) => {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const say = (content) => ({ messages: [{ type: "human", content }] });
const told = [];
const options = { apiUrl, assistantId: "chat", storage: "none", onError: (error) => told.push(error.code), limits: { lineBytesMax: 2 ** 28, frameBytesMax: 2 ** 28, bufferBytesMax: 2 ** 28 } };
const stream = createStream({ ...options, ...(how === "load" ? { threadId: "large" } : {}) });
stream.subscribe(() => {});

const begin = {
  stream: () => [stream.submit(say("large")), stream.submit(say("waits"))],
  submit: () => [stream.submit(say("y".repeat(12 * 2 ** 20)))],
  load: () => [],
};
const results = await Promise.all(begin[how]());
await until(() => stream.getSnapshot().error !== undefined);
const { error, isLoading, connection, messages } = stream.getSnapshot();
const first = { results: results.map(({ outcome, error: of }) => [outcome, of?.code]), error: error?.code, isLoading, state: connection.state, told: [...told], kept: messages.map(({ content }) => String(content).slice(0, 20)) };

stream.switchThread(null);
const { outcome } = await stream.submit(say("small"));
const after = stream.getSnapshot();
console.log(JSON.stringify({ ...first, next: { outcome, answer: after.messages.at(-1)?.content, error: after.error?.code ?? null } }));
process.exit(0);
