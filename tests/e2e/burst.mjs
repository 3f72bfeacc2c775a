// Where the main threads of pages spend their time while an answer of many tokens comes as fast as it can: `node burst.mjs [TOKENS] [TABS]`, with the
// page's production build in REJOIN_DIST and our server in REJOIN_SERVER_BINARY. What is in wasm is all that a worker could take over. Several tabs
// share the connection; the first has it, and is the one in front.
import { Agent } from "./harness/agent.mjs";
import { startBrowser } from "./harness/browser.mjs";
import { startProxy } from "./harness/proxy.mjs";
import { startServer } from "./harness/servers.mjs";
import { word } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const TOKENS = Number(process.argv[2] ?? 20_000);
const TABS = Number(process.argv[3] ?? 1);
const SAMPLE_US = 500;
const WAIT_MS = 600_000;
/** Rarely, as asking takes time of what is measured. */
const POLL_MS = 500;

const server = await startServer("rejoin");
const proxy = await startProxy(server.url);
const browser = await startBrowser();

/** Begins to measure a page. Returns the end of it, which tells the milliseconds of each kind. */
async function measure(page) {
  const cdp = await browser.context.newCDPSession(page);
  for (const domain of ["Performance", "Profiler"]) await cdp.send(`${domain}.enable`);
  const seconds = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await seconds();
  await cdp.send("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  await cdp.send("Profiler.start");
  return async () => {
    const { profile } = await cdp.send("Profiler.stop");
    const after = await seconds();
    const passed = (name) => 1000 * (after[name] - before[name]);
    return { "CPU": passed("ThreadTime"), "all tasks": passed("TaskDuration"), layout: passed("LayoutDuration"), ...kindsOf(profile) };
  };
}

/** How long each kind of code ran, in milliseconds. */
function kindsOf(profile) {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const isWasm = (id) => id !== undefined && (nodes.get(id).callFrame.functionName.startsWith("wasm-") || isWasm(parents.get(id)));
  const sums = { wasm: 0, "other script": 0, "garbage collection": 0 };
  profile.samples.forEach((id, at) => {
    const { functionName } = nodes.get(id).callFrame;
    if (["(idle)", "(program)", "(root)"].includes(functionName)) return;
    const kind = functionName === "(garbage collector)" ? "garbage collection" : isWasm(id) ? "wasm" : "other script";
    sums[kind] += profile.timeDeltas[at] / 1000;
  });
  return sums;
}

const isFinished = (page) => page.evaluate(() => document.querySelector('[data-testid="connection"]').dataset.state === "finished");
const print = (name, times) => console.log(`${name}: ${Object.entries(times).map(([kind, ms]) => `${kind} ${Math.round(ms)} ms`).join(", ")}`);

try {
  const agent = new Agent(server.url);
  const thread = await agent.conversation(["hello"]);
  const share = TABS > 1 ? "headers" : "off";
  const url = `${proxy.origin}/?plain=1&share=${share}&storage=none&thread=${thread}&n_tokens=${TOKENS}&delay_ms=0`;
  const pages = [];
  while (pages.length < TABS) {
    const page = await browser.context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(url);
    await page.getByText(word(2).trim()).waitFor();
    pages.push(page);
  }
  const [first, ...others] = pages;
  await first.bringToFront();
  const ends = await Promise.all(pages.map(measure));
  await first.getByTestId("composer").fill("more");
  await first.getByTestId("send").click();
  for (const page of pages) await until("the run is over", () => isFinished(page), { waitMs: WAIT_MS, pollMs: POLL_MS });
  const times = await Promise.all(ends.map((end) => end()));
  console.log(`${proxy.count("events")} connection(s)`);
  print("the tab in front", times[0]);
  if (others.length > 0) {
    const sum = (some) => Object.fromEntries(Object.keys(times[0]).map((kind) => [kind, some.reduce((all, one) => all + one[kind], 0)]));
    print(`the ${others.length} tabs behind it, together`, sum(times.slice(1)));
    print("all tabs", sum(times));
  }
} finally {
  await browser.close();
  await proxy.close();
  await server.stop();
}
