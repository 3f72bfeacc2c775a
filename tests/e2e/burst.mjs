// Where a page's main thread spends its time while an answer of many tokens comes as fast as it can: `node burst.mjs [TOKENS]`, with the
// page's production build in REJOIN_DIST and our server in REJOIN_SERVER_BINARY. What is in wasm is all that a worker could take over.
import { startBrowser } from "./harness/browser.mjs";
import { startProxy } from "./harness/proxy.mjs";
import { startServer } from "./harness/servers.mjs";

const TOKENS = Number(process.argv[2] ?? 20_000);
const SAMPLE_US = 500;
const WAIT_MS = 300_000;

const server = await startServer("rejoin");
const proxy = await startProxy(server.url);
const browser = await startBrowser();
try {
  const page = await browser.context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`${proxy.origin}/?plain=1&share=off&storage=none&n_tokens=${TOKENS}&delay_ms=0`);
  await page.getByTestId("composer").fill("hello");
  const cdp = await browser.context.newCDPSession(page);
  for (const domain of ["Performance", "Profiler"]) await cdp.send(`${domain}.enable`);
  const seconds = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await seconds();
  await cdp.send("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  await cdp.send("Profiler.start");
  await page.getByTestId("send").click();
  await page.locator('[data-testid="connection"][data-state="finished"]').first().waitFor({ state: "attached" });
  const { profile } = await cdp.send("Profiler.stop");
  const after = await seconds();
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
  for (const [name, label] of [["TaskDuration", "all tasks"], ["LayoutDuration", "layout"]]) console.log(`${label}: ${Math.round(1000 * (after[name] - before[name]))} ms`);
  for (const [kind, ms] of Object.entries(sums)) console.log(`${kind}: ${Math.round(ms)} ms`);
} finally {
  await browser.close();
  await proxy.close();
  await server.stop();
}
