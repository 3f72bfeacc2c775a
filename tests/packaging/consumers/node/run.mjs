// What a Node program does with the package: import it, render on the server, follow a real run. Prints one JSON object.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const apiUrl = process.argv[2];
const seen = watchWasm();
assert.equal(globalThis.window, undefined);

const [inline, asset, react, assetReact] = await Promise.all(
  ["rejoin", "rejoin/asset", "rejoin/react", "rejoin/asset/react"].map((name) => import(name)),
);
assert.deepEqual(seen, [], "importing the package compiled wasm");

const required = createRequire(import.meta.url)("rejoin");
assert.equal(required.createStream, inline.createStream, "require gives another module than import");

for (const { useStream } of [react, assetReact]) await rendersOnAServer(useStream);
assert.deepEqual(seen, [], "rendering on a server compiled wasm");

const results = [await follows(inline)];
// In Node there is no address to fetch beside a file, so `./asset` is given the bytes.
await asset.loadRejoin(...["rejoin_bg", "rejoin_extras_bg"].map((name) => readFileSync(new URL(import.meta.resolve(`rejoin/${name}.wasm`)))));
results.push(await follows(asset));
console.log(JSON.stringify(results));

async function rendersOnAServer(useStream) {
  const { createElement: h } = await import("react");
  const { renderToString } = await import("react-dom/server");
  const { Chat } = await import("./shared/chat.js");
  const page = renderToString(h(Chat, { useStream, loadRejoin: () => {}, apiUrl }));
  assert.match(page, /<main data-loading="(true|false)" data-thread="" data-errors=""><button/);
}

/** One run to its end; the answer's lengths prove that it streamed. */
async function follows({ createStream }) {
  let thread;
  const lengths = new Set();
  const stream = createStream({ apiUrl, assistantId: "chat", onThreadId: (id) => (thread = id) });
  const answer = () => stream.getSnapshot().messages.find((message) => message.type === "ai")?.content ?? "";
  stream.subscribe(() => lengths.add(answer().length));
  await stream.submit(
    { messages: [{ type: "human", content: "hello" }] },
    { config: { configurable: { n_tokens: 60, delay_ms: 10 } } },
  );
  // The second module's to do.
  const [{ id }] = stream.getSnapshot().messages.filter((message) => message.type === "ai");
  await stream.regenerate(id, { config: { configurable: { n_tokens: 60, delay_ms: 10 } } });
  const { error } = stream.getSnapshot();
  const result = { thread, answer: answer(), lengths: lengths.size, error: error?.message };
  stream.dispose();
  return result;
}

function watchWasm() {
  const calls = [];
  for (const name of ["compile", "instantiate", "compileStreaming", "instantiateStreaming", "Module"]) {
    const real = WebAssembly[name];
    WebAssembly[name] = new Proxy(real, {
      apply: (target, self, args) => (calls.push(name), Reflect.apply(target, self, args)),
      construct: (target, args) => (calls.push(name), Reflect.construct(target, args)),
    });
  }
  return calls;
}
