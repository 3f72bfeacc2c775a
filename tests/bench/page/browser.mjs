// One Chromium, a page at a time, each in a context of its own, and what its main thread has spent.
import { chromium } from "playwright-core";

const FLAGS = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-precise-memory-info"];
/** So long nothing happens before and after what is measured. */
const SETTLE_MS = 150;
const POLL_MS = 25;
/** Longer than the slowest contender takes on a busy machine. */
export const WAIT_MS = 120_000;

export async function startBrowser() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  return {
    version: browser.version(),
    close: () => browser.close(),
    /** A page without anything stored. */
    async page() {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      page.setDefaultTimeout(WAIT_MS);
      const cdp = await context.newCDPSession(page);
      await cdp.send("Performance.enable");
      await page.addInitScript(keepMemories);
      return new Page(context, page, cdp);
    },
  };
}

class Page {
  #context;
  #page;
  #cdp;
  #errors = [];

  constructor(context, page, cdp) {
    this.#context = context;
    this.#page = page;
    this.#cdp = cdp;
    page.on("pageerror", (error) => this.#errors.push(String(error)));
  }

  /** What went wrong in the page's own scripts. */
  get errors() {
    return this.#errors;
  }

  async open(url, waitUntil = "load") {
    await this.#page.goto(url, { waitUntil });
  }

  run(work, argument) {
    return this.#page.evaluate(work, argument);
  }

  async until(work, argument) {
    await this.#page.waitForFunction(work, argument, { polling: POLL_MS });
  }

  /** Waits until the page has nothing more to do. */
  settle() {
    return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }

  /** As slow as a phone's network. */
  async slow({ mbit, latency }) {
    await this.#cdp.send("Network.enable");
    const bytes = (mbit * 1e6) / 8;
    await this.#cdp.send("Network.emulateNetworkConditions", { offline: false, latency, downloadThroughput: bytes, uploadThroughput: bytes });
  }

  /** Begins to count what the main thread works. The answer gives the milliseconds until then, without the watch over the texts. */
  async cpu() {
    const now = async () => ({ ...(await this.#metrics()), watched: await this.run(() => window.bench.watchMs / 1000) });
    const start = await now();
    return async () => {
      const end = await now();
      const [thread, tasks, watched] = ["ThreadTime", "TaskDuration", "watched"].map((name) => end[name] - start[name]);
      // Tasks and watch are told in passed time, of which the thread had a part.
      return 1000 * thread * Math.max(0, 1 - watched / tasks);
    };
  }

  /** What is kept when the garbage is gone: JavaScript's heap, nodes and listeners of the document, and the memory of wasm. */
  async kept() {
    // What a finalizer frees is garbage of the second time.
    await this.#cdp.send("HeapProfiler.collectGarbage");
    await this.settle();
    await this.#cdp.send("HeapProfiler.collectGarbage");
    const { JSHeapUsedSize, Nodes, JSEventListeners } = await this.#metrics();
    return { heap: JSHeapUsedSize, nodes: Nodes, listeners: JSEventListeners, wasm: await this.run(() => window.wasmBytes()) };
  }

  async close() {
    await this.#context.close();
  }

  async #metrics() {
    const { metrics } = await this.#cdp.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }
}

/** Remembers the memories of all wasm modules of the page. */
function keepMemories() {
  const memories = new Set();
  const keep = ({ exports }) => {
    for (const value of Object.values(exports)) if (value instanceof WebAssembly.Memory) memories.add(value);
  };
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.apply(WebAssembly, given);
      keep(made.instance ?? made);
      return made;
    };
  }
  window.wasmBytes = () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
