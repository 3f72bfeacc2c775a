// What is measured. Each scenario drives one page and returns figures; `rows` says how they stand in the table.
import { text } from "./script.mjs";

const MANY = 20_000;
const HALF = 10_000;
const FEW = 1_000;
const LONG = 1_000;
const SHORT = 10;
const RATE = 200;
const PHONE = { mbit: 9, latency: 85 };
const MIB = 1024 * 1024;

const ALL = ["R", "R'", "R''", "A", "D", "E", "E'", "F"];
const HOOKS = ["R", "R'", "R''", "A", "D", "E", "E'"];

/** The scenarios by name. `what` is the work, `of` are the contenders that do it. */
export const SCENARIOS = {
  "burst-20k": {
    what: "burst of 20,000 tokens", of: ALL, run: burst(MANY, false),
    rows: { cpu: "CPU ms per 1,000", wasm: "wasm memory after, MiB", heap: "JS heap kept, MiB" },
  },
  "burst-1k": { what: "burst of 1,000 tokens", of: ALL, run: burst(FEW, false), rows: { cpu: "CPU ms per 1,000" } },
  "hook-20k": { what: "the hook alone, burst of 20,000", of: ALL, run: burst(MANY, true), rows: { cpu: "CPU ms per 1,000" } },
  thread: { what: "thread of 1,000 messages", of: ALL, run: thread, rows: { ms: "mount to shown, ms", cpu: "CPU ms", bytes: "bytes fetched" } },
  cut: { what: "cut at 10,000 of 20,000", of: HOOKS, run: cut, rows: { ms: "whole text after, ms", waited: "of these, until asked again", cpu: "CPU ms" } },
  reload: { what: "reload at 10,000 of 20,000", of: HOOKS, run: reload, rows: { ms: "mount to whole text, ms", cpu: "CPU ms", bytes: "bytes fetched" } },
};

/** The contenders' order in the table. */
export const CONTENDER_NAMES = ["R", "R'", "R''", "I", "A", "D", "E", "E'", "F"];

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

function burst(tokens, alone) {
  return async (at) => {
    const { page, server } = at;
    server.prepare({ tokens });
    await open(at, { tokens, alone });
    await mount(at);
    const before = await page.kept();
    const cpu = await page.cpu();
    await page.run(() => window.bench.submit());
    await page.until(() => window.bench.isEnded());
    await page.settle();
    const spent = (await page.cpu()) - cpu;
    const after = await page.kept();
    return { cpu: (1000 * spent) / tokens, heap: (after.heap - before.heap) / MIB, wasm: after.wasm / MIB };
  };
}

async function thread(at) {
  const { page, server } = at;
  const id = server.prepare({ tokens: 0, before: LONG });
  await open(at, { tokens: 0, before: LONG, thread: id });
  server.mark();
  const cpu = await page.cpu();
  await page.run(() => window.bench.begin());
  await page.until(() => window.bench.shownAt !== undefined && !window.bench.isBusy());
  await page.settle();
  const spent = (await page.cpu()) - cpu;
  const wrong = at.contender === "F" ? undefined : await page.run(() => window.bench.checkEarlier());
  const { shownAt, mountedAt } = await times(at);
  return { ms: shownAt - mountedAt, cpu: spent, bytes: server.bytes, wrong };
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
  const cpu = await page.cpu();
  server.mark();
  const lost = performance.timeOrigin + performance.now();
  server.cut();
  await page.until(() => window.bench.isEnded());
  await page.settle();
  const spent = (await page.cpu()) - cpu;
  const { wholeAt, origin } = await times(at);
  const asked = server.calls.find(({ path }) => path.endsWith("/stream") || path.includes("/stream?"));
  return { ms: origin + wholeAt - lost, waited: asked && asked.at - lost, cpu: spent, bytes: server.bytes };
}

async function reload(at) {
  const { page, server } = at;
  const thread = server.prepare({ tokens: MANY, hold: HALF });
  await half(at, { thread });
  await page.open("about:blank");
  await open(at, { tokens: MANY, thread });
  server.mark();
  const cpu = await page.cpu();
  await page.run(() => window.bench.begin());
  await page.until(() => window.bench.isEnded());
  await page.settle();
  const spent = (await page.cpu()) - cpu;
  const { wholeAt, mountedAt } = await times(at);
  return { ms: wholeAt - mountedAt, cpu: spent, bytes: server.bytes };
}

