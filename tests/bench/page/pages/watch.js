// What every page of the bench has before its own script: the expected text, and a watch over each text that is shown.
//
// A page's script sets `bench.mount`, and `bench.send` unless it shows a button `#send`. Its answer is seen in the document: the child
// of `#list` behind the earlier messages and the question. A page with the hook alone shows nothing and calls `bench.seen` instead.
import { earlier, text } from "../script.mjs";

const config = JSON.parse(new URLSearchParams(location.search).get("config"));
const whole = text(config.tokens);
const LONG_MS = 50;

const bench = {
  config,
  /** Times, as `performance.now()` gives them. */
  mountedAt: undefined,
  firstAt: undefined,
  wholeAt: undefined,
  shownAt: undefined,
  /** How many texts were seen, and how many were shorter than the one before. */
  texts: 0,
  shorter: 0,
  wrong: undefined,
  /** What looking at the texts cost. It is taken off. */
  watchMs: 0,
  length: 0,
  busy: undefined,
  /** The longest task and the longest script of ours, from 50 ms on. */
  longestTask: 0,
  longestScript: 0,
  isBusy: () => bench.busy ?? document.getElementById("list")?.dataset.busy === "true",
  isEnded: () => bench.wholeAt !== undefined && !bench.isBusy(),
  begin() {
    bench.mountedAt = performance.now();
    bench.mount(document.getElementById("chat"));
  },
  submit() {
    if (bench.send) bench.send();
    else document.getElementById("send").click();
  },
  seen(now) {
    const began = performance.now();
    if (now.length > 0 && now !== bench.last) {
      bench.texts += 1;
      bench.firstAt ??= began;
      if (now.length < bench.length) bench.shorter += 1;
      if (whole.slice(0, now.length) !== now) bench.wrong ??= difference(now);
      bench.length = now.length;
      bench.last = now;
      if (now.length === whole.length) bench.wholeAt ??= began;
    }
    bench.watchMs += performance.now() - began;
  },
  /** So many messages are there, shown or not. */
  counted(messages) {
    if (messages >= config.before) bench.shownAt ??= performance.now();
  },
  /** Whether all earlier messages are shown as they are. */
  checkEarlier() {
    const shown = [...document.getElementById("list").children].map((row) => row.textContent);
    const at = shown.slice(0, config.before).findIndex((one, place) => one !== earlier(place));
    if (at !== -1) return `message ${at} is shown as ${JSON.stringify(shown[at].slice(0, 80))}`;
    return shown.length < config.before ? `${shown.length} of ${config.before} messages are shown` : undefined;
  },
};
window.bench = bench;

function difference(now) {
  let at = 0;
  while (now[at] === whole[at]) at += 1;
  return `at character ${at} of ${whole.length}: ${JSON.stringify(now.slice(at, at + 40))} in place of ${JSON.stringify(whole.slice(at, at + 40))}`;
}

new MutationObserver(() => {
  const began = performance.now();
  const rows = document.getElementById("list")?.children;
  if (rows) bench.counted(rows.length);
  const row = rows?.[config.before + 1];
  bench.watchMs += performance.now() - began;
  if (row) bench.seen(row.textContent);
}).observe(document.getElementById("chat"), { childList: true, characterData: true, subtree: true });

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) bench.longestTask = Math.max(bench.longestTask, duration);
}).observe({ type: "longtask" });
new PerformanceObserver((list) => {
  for (const { scripts } of list.getEntries()) {
    for (const { duration } of scripts) if (duration >= LONG_MS) bench.longestScript = Math.max(bench.longestScript, duration);
  }
}).observe({ type: "long-animation-frame" });
