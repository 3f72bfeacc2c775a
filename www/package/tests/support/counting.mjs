// Counts what the package's own code does, in numbers that are the same on every machine: how often each of its functions and blocks runs
// (V8's precise coverage), how many elements the built-ins visit that it calls, and how many bytes come out of the wasm.
import { Session } from "node:inspector";

const DIST = new URL("../../dist/", import.meta.url).href;
const counted = { elements: 0, bytes: 0 };
let isOn = false;

/** The caller's frames, as V8 has them: their text takes ten times as long to make, and assistant-ui calls built-ins often. */
function callers() {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = 6;
  Error.prepareStackTrace = (_, frames) => frames;
  const { stack } = new Error();
  Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  return stack;
}

/** Whether the package calls what runs now. Frames of the built-ins themselves have no file. */
function isOurs() {
  for (const frame of callers()) {
    const file = frame.getFileName();
    if (file?.includes("://") && file !== import.meta.url) return file.startsWith(DIST);
  }
  return false;
}

/** Counts the elements of what `name` of `owner` is called on, or of its first argument. */
function watch(owner, name, sizeOf) {
  const original = owner[name];
  const counting = function (...args) {
    if (isOn) {
      isOn = false;
      if (isOurs()) counted.elements += sizeOf(this, args);
      isOn = true;
    }
    return original.apply(this, args);
  };
  Object.defineProperty(owner, name, { value: counting, writable: true, configurable: true });
}

const length = (self) => self.length;
const size = (self) => self.size;
const keys = (_, [of]) => Reflect.ownKeys(Object(of)).length;
for (const name of [Symbol.iterator, "slice", "concat", "map", "filter", "flatMap", "indexOf", "includes", "find", "findIndex", "findLast", "findLastIndex", "forEach", "reduce", "some", "every", "join", "sort", "reverse", "splice", "shift", "unshift", "entries", "keys", "values", "flat"]) {
  watch(Array.prototype, name, length);
}
for (const { prototype } of [Map, Set]) for (const name of [Symbol.iterator, "forEach", "entries", "keys", "values"]) watch(prototype, name, size);
for (const name of ["keys", "values", "entries", "fromEntries", "getOwnPropertyDescriptors"]) watch(Object, name, keys);
watch(Array, "from", (_, [of]) => of?.length ?? of?.size ?? 0);
watch(JSON, "parse", (_, [text]) => text.length);
watch(TextDecoder.prototype, "decode", (_, [bytes]) => ((counted.bytes += bytes?.byteLength ?? 0), 0));

const session = new Session();
session.connect();
const ask = (method, params) => {
  let answer;
  session.post(method, params, (error, result) => (answer = error ?? result));
  if (answer instanceof Error) throw answer;
  return answer;
};
ask("Profiler.enable");
ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/** Runs `work` and gives what was done meanwhile: `{runs, elements, bytes}`, and the functions that ran most. */
export async function countOf(work) {
  ask("Profiler.takePreciseCoverage");
  Object.assign(counted, { elements: 0, bytes: 0 });
  isOn = true;
  try {
    await work();
  } finally {
    isOn = false;
  }
  const functions = ask("Profiler.takePreciseCoverage").result.filter(({ url }) => url.startsWith(DIST)).flatMap(({ url, functions: all }) =>
    all.map(({ functionName, ranges }) => ({ name: `${url.slice(DIST.length)} ${functionName}`, runs: ranges.reduce((sum, { count }) => sum + count, 0) })),
  );
  const most = functions.sort((a, b) => b.runs - a.runs).slice(0, 12).map(({ name, runs }) => `${runs} ${name}`);
  return { runs: functions.reduce((sum, { runs }) => sum + runs, 0), ...counted, most };
}
