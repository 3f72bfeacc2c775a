// The bench: `node run.mjs [--rounds N] [--only SCENARIO,..] [--contenders R,E,..] [--json FILE]`. `cargo xtask bench` builds and calls it.
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { CONTENDER_NAMES, SCENARIOS } from "./scenarios.mjs";
import { table } from "./table.mjs";

const options = {
  rounds: { type: "string", default: "5" },
  only: { type: "string" },
  contenders: { type: "string" },
  json: { type: "string" },
  check: { type: "boolean", default: false },
};

/** What the command line asks for; an error names what it does not know. */
function asked() {
  const { values } = parseArgs({ options });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds is a number from 1 on, not ${values.rounds}`);
  const listed = (flag, given, known) => {
    const names = given?.split(",") ?? known;
    for (const name of names) if (!known.includes(name)) throw new Error(`--${flag}: there is no ${JSON.stringify(name)}; there are ${known.join(", ")}`);
    return names;
  };
  const scenarios = listed("only", values.only, Object.keys(SCENARIOS));
  const contenders = listed("contenders", values.contenders, CONTENDER_NAMES);
  return { rounds, scenarios, contenders, json: values.json, check: values.check };
}

async function main({ rounds, scenarios, contenders, json }) {
  // Only now, as these are installed on demand.
  const [{ buildPages, CONTENDERS, folderOf }, { startBrowser }, { startServer }] = await Promise.all([import("./build.mjs"), import("./browser.mjs"), import("./server.mjs")]);
  const used = contenders.filter((name) => scenarios.some((scenario) => SCENARIOS[scenario].of.includes(name)));
  if (used.length === 0) throw new Error(`none of ${contenders.join(", ")} takes part in ${scenarios.join(", ")}`);
  console.log(`building the pages of ${used.join(", ")}`);
  const server = await startServer(await buildPages(used));
  const runs = [];
  const began = Date.now();
  let version;
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const browser = await startBrowser();
      ({ version } = browser);
      const measure = (scenario, contender) =>
        one({ browser, server, scenario, contender, folder: folderOf(contender), hasWasm: (CONTENDERS[contender].rejoin ?? CONTENDERS[contender].leptos) !== undefined });
      try {
        for (const [at, scenario] of scenarios.entries()) {
          if (SCENARIOS[scenario].once && round > 1) continue;
          // Another one begins in each round.
          const order = SCENARIOS[scenario].of.filter((name) => used.includes(name));
          const turned = order.map((_, place) => order[(place + round - 1) % order.length]);
          // A browser that has just begun has more to do than to show a page.
          if (at === 0) await measure(scenario, turned[0]);
          for (const contender of turned) {
            const figures = await measure(scenario, contender);
            runs.push({ round, scenario, contender, load: loadavg()[0], ...figures });
            const seconds = Math.round((Date.now() - began) / 1000);
            console.log(`[${seconds} s] round ${round}/${rounds}, ${scenario}, ${contender}: ${short(figures)}`);
          }
        }
      } finally {
        await browser.close();
      }
    }
  } finally {
    await server.close();
  }
  const about = { chromium: version, node: process.version, processor: cpus()[0].model, cores: cpus().length, rounds, at: new Date().toISOString() };
  const figures = table(runs, scenarios, used);
  console.log(`\n${figures.text}`);
  if (json) writeFileSync(json, `${JSON.stringify({ about, rows: figures.rows, runs }, null, 1)}\n`);
}

/** One scenario on one page. A wrong text fails, as its figures are worth nothing. */
async function one({ browser, server, scenario, contender, folder, hasWasm }) {
  server.forget();
  const page = await browser.page();
  const fail = (what) => new Error(`${scenario}, ${contender}: ${what}${page.errors.length > 0 ? `; the page's errors: ${page.errors.join("; ")}` : ""}`);
  try {
    const figures = await SCENARIOS[scenario].run({ page, server, folder, contender, hasWasm }).catch(async (error) => {
      const state = await page.run(() => JSON.stringify(window.bench, (key, value) => (key === "last" ? undefined : value))).catch(String);
      throw fail(`${error.message}\nthe page: ${state}\ncalls: ${server.calls.map(({ method, path }) => `${method} ${path}`).join(", ")}`);
    });
    const { wrong, shorter, texts, longestTask, longestScript } = await page.run(() => window.bench);
    if (wrong ?? figures.wrong) throw fail(`a wrong text: ${wrong ?? figures.wrong}`);
    return { ...figures, texts, shorter, longestTask, longestScript };
  } finally {
    await page.close();
  }
}

const short = (figures) =>
  Object.entries(figures)
    .filter(([, value]) => typeof value === "number" && value !== 0)
    .map(([name, value]) => `${name} ${value >= 100 ? Math.round(value) : Number(value.toFixed(2))}`)
    .join(", ");

try {
  const wanted = asked();
  if (!wanted.check) await main(wanted);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
