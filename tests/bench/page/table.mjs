// Medians of the runs, and how each stands to what was written by hand in the same run.
import { SCENARIOS } from "./scenarios.mjs";

const BY_HAND = "E";
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
      const ratio = "R" in figures && figures[BY_HAND] > 0 && !(key in COMMON) ? figures.R / figures[BY_HAND] : undefined;
      rows.push({ scenario, what, key, label, figures, ratio });
    }
  }
  return { rows, text: markdown(rows, contenders) };
}

function markdown(rows, contenders) {
  const lines = [`| | | ${contenders.join(" | ")} | R/E |`, `|---|---|${contenders.map(() => "--:").join("|")}|--:|`];
  let last;
  for (const { what, label, figures, ratio } of rows) {
    const cells = contenders.map((name) => (name in figures ? shown(figures[name]) : ""));
    lines.push(`| ${what === last ? "" : what} | ${label} | ${cells.join(" | ")} | ${ratio === undefined ? "" : ratio.toFixed(2)} |`);
    last = what;
  }
  return lines.join("\n");
}

const shown = (value) => (value >= 100 ? Math.round(value).toLocaleString("en-US") : value >= 10 ? value.toFixed(1) : value.toFixed(2));
