// Runs the tests of @assistant-ui/react-langgraph, as they come with its package, on Rejoin's code: what they import from
// beside them is taken from here, everything else from node_modules. They are run where they lie and never copied.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startVitest } from "vitest/node";

const here = new URL(".", import.meta.url);
const root = fileURLToPath(new URL("../../..", here));
const peer = fileURLToPath(new URL("../../../node_modules/@assistant-ui/react-langgraph/src/", here));
const source = (path) => fileURLToPath(new URL(`../../../src/assistant-ui/${path}`, here));

/** Where each of the peer's own modules is here. */
const MODULES = {
  LangGraphMessageAccumulator: source("messages/accumulator.ts"),
  abortableIterable: source("internal/abortable-iterable.ts"),
  appendLangChainChunk: source("messages/append-chunk.ts"),
  bufferToolResults: source("internal/buffer-tool-result.ts"),
  convertLangChainMessages: fileURLToPath(new URL("convert.ts", here)),
  createLangGraphStream: source("create-langgraph-stream.ts"),
  hooks: source("hooks.ts"),
  messageHelpers: source("internal.ts"),
  serialRunQueue: source("internal/serial-run-queue.ts"),
  testUtils: fileURLToPath(new URL("test-utils.ts", here)),
  useLangGraphMessages: source("use-langgraph-messages.ts"),
  useLangGraphRuntime: source("runtime/use-langgraph-runtime.ts"),
  useLangGraphStreamingTiming: source("streaming-timing.ts"),
};

const ours = {
  name: "rejoin-in-place-of-the-peer",
  enforce: "pre",
  resolveId(id, importer) {
    // The wasm is written by the build, beside the sources.
    if (["./inline.js", "./inline-extras.js", "./rejoin.js"].includes(id)) return fileURLToPath(new URL(`../../../generated/wasm/${id}`, here));
    if (!importer?.startsWith(peer) || !id.startsWith("./") || id === "./types") return null;
    return MODULES[id.slice(2)] ?? assert.fail(`${importer} imports ${id}, which has no counterpart here`);
  },
};

/** Tests that are meant to end otherwise here, each with the reason. */
const differing = JSON.parse(readFileSync(new URL("differs.json", here), "utf8"));
/** Tests that fail by chance on a busy machine, whatever they are run on, each with the reason: how they end says nothing. */
const racing = JSON.parse(readFileSync(new URL("races.json", here), "utf8"));

const nameOf = (test) => `${test.module.moduleId.split("/").at(-1)} > ${test.fullName}`;

/**
 * Runs the named test files. Every test must pass, except those in differs.json, which must not: one that passes is no
 * longer a difference. What races.json names is run, and may end as it likes. Gives the closing line.
 */
export async function runPeerSuite(label, files) {
  const vitest = await startVitest("test", [], {
    config: false,
    root,
    watch: false,
    include: files.map((file) => `${peer}${file}`),
    exclude: [],
    environment: "happy-dom",
    globals: true,
    reporters: [{}],
    setupFiles: [fileURLToPath(new URL("setup.ts", here))],
    testTimeout: 60_000,
    pool: "forks",
    maxWorkers: 1,
    server: { deps: { inline: [/react-langgraph\/src\//] } },
  }, { plugins: [ours], cacheDir: "node_modules/.tests/vite", oxc: { jsx: { runtime: "automatic" } }, server: { watch: null } });
  try {
    const modules = vitest.state.getTestModules();
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const broken = [...modules.flatMap((module) => module.errors()), ...vitest.state.getUnhandledErrors()];
    const expected = new Map(Object.entries(differing).filter(([name]) => files.some((file) => name.startsWith(`${file} > `))));
    const failed = tests.filter((test) => test.result().state === "failed" && !(nameOf(test) in racing));
    const wrong = [
      ...broken.map((error) => `${error?.stack ?? error?.message ?? error}`),
      ...failed.filter((test) => !expected.has(nameOf(test))).map((test) => `${nameOf(test)}\n    ${test.result().errors?.map(({ message }) => message).join("\n    ")}`),
      ...[...expected.keys()].filter((name) => !failed.some((test) => nameOf(test) === name)).map((name) => `listed in differs.json, but did not fail: ${name}`),
    ];
    const races = tests.filter((test) => nameOf(test) in racing).length;
    const passed = tests.filter((test) => test.result().state === "passed" && !(nameOf(test) in racing)).length;
    const skipped = tests.length - passed - failed.length - races;
    const line = `${label}: ${passed} of the peer's ${tests.length} tests pass, ${expected.size} differ on purpose, ${races} left to chance, ${skipped} skipped`;
    assert.equal(modules.length, files.length, `files run: ${modules.map(({ moduleId }) => moduleId).join(", ")}`);
    assert.ok(wrong.length === 0, `${line}\n\n${wrong.join("\n\n")}`);
    return line;
  } finally {
    await vitest.close();
    // Set by vitest where a test failed, also one that is meant to.
    process.exitCode = undefined;
  }
}
