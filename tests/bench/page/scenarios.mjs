// What is measured. Each scenario drives one page and returns figures; `rows` says how they stand in the table.
import { text } from "./script.mjs";

const MANY = 20_000;
const HALF = 10_000;
const FEW = 1_000;
const LONG = 1_000;
const SHORT = 10;
/** Tokens a second of a model. */
const RATE = 200;
const PHONE = { mbit: 9, latency: 85 };
const MOUNTS = 10_000;
const WARM_MOUNTS = 500;
/** One of so many mounts waits until its thread is shown. The others go while it loads. */
const WAITED = 10;
const MIB = 1024 * 1024;

const HOOKS = ["R", "R'", "R''", "A", "D", "E", "E'"];
const PAGES = ["R", "R'", "R''", "L", "A", "D", "E", "E'"];
const CPU = { cpu: "CPU ms per 1,000" };

/** The scenarios by name. `what` is the work, `of` are the pages that do it, `rows` the figures in the table. */
export const SCENARIOS = {
  "burst-20k": {
    what: "burst of 20,000 tokens", of: [...PAGES, "F"], run: burst(MANY, { alone: false }),
    rows: { ...CPU, wasm: "wasm memory after, MiB", heap: "JS heap kept, MiB" },
  },
  "burst-1k": { what: "burst of 1,000 tokens", of: [...PAGES, "F"], run: burst(FEW, { alone: false }), rows: CPU },
  "hook-20k": { what: "the hook alone, burst of 20,000", of: [...HOOKS, "F"], run: burst(MANY, { alone: true }), rows: CPU },
  "hook-1k": { what: "the hook alone, burst of 1,000", of: [...HOOKS, "F"], run: burst(FEW, { alone: true }), rows: CPU },
  thread: { what: "thread of 1,000 messages", of: [...PAGES, "F"], run: thread, rows: { ms: "mount to shown, ms", cpu: "CPU ms", bytes: "bytes fetched" } },
  cut: { what: "cut at 10,000 of 20,000", of: PAGES, run: cut, rows: { ms: "whole text after, ms", waited: "of these, until asked again", cpu: "CPU ms" } },
  reload: { what: "reload at 10,000 of 20,000", of: PAGES, run: reload, rows: { ms: "mount to whole text, ms", cpu: "CPU ms", bytes: "bytes fetched" } },
  "paced-10": { what: "the hook alone, 200 tokens/s, 10 messages before", of: HOOKS, run: burst(FEW, { alone: true, rate: RATE, before: SHORT }), rows: CPU },
  "paced-1000": { what: "the hook alone, 200 tokens/s, 1,000 messages before", of: HOOKS, run: burst(FEW, { alone: true, rate: RATE, before: LONG }), rows: CPU },
  navigation: { what: "9 Mbit/s and 85 ms, nothing cached", of: ["R", "I", "R''", "L", "A", "D", "E"], run: navigation, rows: { ms: "navigation to first token, ms", bytes: "page downloaded, bytes" } },
  mounts: {
    what: "10,000 mounts and unmounts", of: ["R", "R''", "L", "E"], once: true, run: mounts,
    rows: {
      heap: "JS heap grown, MiB", lateHeap: "of this in the second half", wasm: "wasm memory grown, MiB", lateWasm: "of this in the second half",
      nodes: "nodes of the document grown", listeners: "listeners grown",
    },
  },
};

/** The contenders' order in the table. */
export const CONTENDER_NAMES = ["R", "R'", "R''", "I", "L", "A", "D", "E", "E'", "F"];

const { length: HALF_LENGTH } = text(HALF);

async function open({ page, server, folder }, config) {
  const asked = { apiUrl: "/api", before: 0, thread: null, alone: false, now: false, ...config };
  await page.open(`${server.origin}${folder}/?config=${encodeURIComponent(JSON.stringify(asked))}`);
}

async function mount({ page, hasWasm }) {
  await page.run(() => window.bench.begin());
  if (hasWasm) await page.until(() => window.wasmBytes() > 0);
  await page.settle();
}

const times = ({ page }) => page.run(() => ({ ...window.bench, origin: performance.timeOrigin }));

/** A run of that many tokens, as fast as they are read or `rate` a second. */
function burst(tokens, { alone, rate = 0, before = 0 }) {
  return async (at) => {
    const { page, server } = at;
    const thread = server.prepare({ tokens, rate, before });
    await open(at, { tokens, alone, before, thread: before > 0 ? thread : null });
    await mount(at);
    if (before > 0) await page.until(() => window.bench.shownAt !== undefined);
    const start = await page.kept();
    const spent = await page.cpu();
    await page.run(() => window.bench.submit());
    await page.until(() => window.bench.isEnded());
    await page.settle();
    const cpu = (1000 * (await spent())) / tokens;
    const end = await page.kept();
    return { cpu, heap: (end.heap - start.heap) / MIB, wasm: end.wasm / MIB };
  };
}

async function thread(at) {
  const { page, server } = at;
  const id = server.prepare({ tokens: 0, before: LONG });
  await open(at, { tokens: 0, before: LONG, thread: id });
  server.mark();
  const spent = await page.cpu();
  await page.run(() => window.bench.begin());
  await page.until(() => window.bench.shownAt !== undefined && !window.bench.isBusy());
  await page.settle();
  const cpu = await spent();
  const wrong = at.contender === "F" ? undefined : await page.run(() => window.bench.checkEarlier());
  const { shownAt, mountedAt } = await times(at);
  return { ms: shownAt - mountedAt, cpu, bytes: server.bytes, wrong };
}

async function half(at, config) {
  const { page } = at;
  await open(at, { tokens: MANY, ...config });
  await mount(at);
  await page.run(() => window.bench.submit());
  await page.until((length) => window.bench.length >= length, HALF_LENGTH);
  await page.settle();
}

async function cut(at) {
  const { page, server } = at;
  server.prepare({ tokens: MANY, hold: HALF });
  await half(at, {});
  const spent = await page.cpu();
  server.mark();
  const lost = performance.timeOrigin + performance.now();
  server.cut();
  await page.until(() => window.bench.isEnded());
  await page.settle();
  const cpu = await spent();
  const { wholeAt, origin } = await times(at);
  const asked = server.calls.find(({ path }) => path.endsWith("/stream") || path.includes("/stream?"));
  return { ms: origin + wholeAt - lost, waited: asked && asked.at - lost, cpu, bytes: server.bytes };
}

async function reload(at) {
  const { page, server } = at;
  const thread = server.prepare({ tokens: MANY, hold: HALF });
  await half(at, { thread });
  await page.open("about:blank");
  await open(at, { tokens: MANY, thread });
  server.mark();
  const spent = await page.cpu();
  await page.run(() => window.bench.begin());
  await page.until(() => window.bench.isEnded());
  await page.settle();
  const cpu = await spent();
  const { wholeAt, mountedAt } = await times(at);
  return { ms: wholeAt - mountedAt, cpu, bytes: server.bytes };
}


async function navigation(at) {
  const { page, server } = at;
  server.prepare({ tokens: SHORT });
  await page.slow(PHONE);
  await open(at, { tokens: SHORT, now: true });
  await page.until(() => window.bench?.isEnded());
  const { firstAt } = await times(at);
  return { ms: firstAt, bytes: server.pageBytes };
}

async function mounts(at) {
  const { page, server } = at;
  const thread = server.prepare({ tokens: 0, before: SHORT });
  await open(at, { tokens: 0, before: SHORT, thread });
  await mount(at);
  await page.run(() => window.bench.unmount());
  await page.run(remount, { count: WARM_MOUNTS, waited: WAITED });
  const start = await page.kept();
  await page.run(remount, { count: MOUNTS / 2, waited: WAITED });
  const middle = await page.kept();
  await page.run(remount, { count: MOUNTS / 2, waited: WAITED });
  const end = await page.kept();
  return {
    heap: (end.heap - start.heap) / MIB, wasm: (end.wasm - start.wasm) / MIB,
    lateHeap: (end.heap - middle.heap) / MIB, lateWasm: (end.wasm - middle.wasm) / MIB,
    nodes: end.nodes - start.nodes, listeners: end.listeners - start.listeners,
  };
}

/** Mounts and unmounts in the page. */
async function remount({ count, waited }) {
  const { bench } = window;
  const { port1, port2 } = new MessageChannel();
  const turn = () => new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  for (let at = 0; at < count; at += 1) {
    bench.shownAt = undefined;
    bench.begin();
    await turn();
    await turn();
    while (at % waited === 0 && bench.shownAt === undefined) await turn();
    bench.unmount();
    await turn();
  }
  port1.close();
}
