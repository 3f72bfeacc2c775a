// Medians of the runs, and how pages stand to each other in the same run.
import { SCENARIOS } from "./scenarios.mjs";

/** Who is compared with whom. */
const RATIOS = [["R", "E"], ["R''", "E"], ["L", "R''"], ["A", "E"], ["D", "E"]];
/** Rows that say what a page cost. Their ratios count; those of a heap of half a mebibyte do not. */
const COSTS = new Set(["ms", "cpu", "bytes"]);
/** Rows of every scenario. */
const COMMON = { longestTask: "longest task, ms", longestScript: "longest script, ms" };

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The rows as data, and as a Markdown table. */
export function table(runs, scenarios, contenders) {
  const rows = [];
  for (const scenario of scenarios) {
    const { what, rows: measured } = SCENARIOS[scenario];
    for (const [key, label] of Object.entries({ ...measured, ...COMMON })) {
      const figures = {};
      for (const contender of contenders) {
        const values = runs.filter((run) => run.scenario === scenario && run.contender === contender).map((run) => run[key]).filter((value) => value !== undefined);
        if (values.length > 0) figures[contender] = median(values);
      }
      const ratios = {};
      for (const [one, other] of RATIOS) {
        if (COSTS.has(key) && one in figures && figures[other] > 0) ratios[`${one}/${other}`] = figures[one] / figures[other];
      }
      rows.push({ scenario, what, key, label, figures, ratios });
    }
  }
  return { rows, text: markdown(rows, contenders) };
}

function markdown(rows, contenders) {
  const ratioNames = RATIOS.map((pair) => pair.join("/")).filter((name) => rows.some(({ ratios }) => name in ratios));
  const columns = [...contenders, ...ratioNames];
  const lines = [`| | | ${columns.join(" | ")} |`, `|---|---|${columns.map(() => "--:").join("|")}|`];
  let last;
  for (const { what, label, figures, ratios } of rows) {
    const cells = [...contenders.map((name) => shown(figures[name])), ...ratioNames.map((name) => ratios[name]?.toFixed(2) ?? "")];
    lines.push(`| ${what === last ? "" : what} | ${label} | ${cells.join(" | ")} |`);
    last = what;
  }
  return lines.join("\n");
}

function shown(value) {
  if (value === undefined) return "";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
