// Tabs of one browser that show one run over one connection.
import { until } from "./until.mjs";
import { words } from "./text.mjs";

/** Long enough for ten tabs to open and for a frozen one to be given up. */
export const RUN = { n_tokens: 400, delay_ms: 50 };
export const ANSWER = words(RUN.n_tokens);

/** The run's streams that were asked for, and those of them that are open. */
export const streams = (session) => session.proxy.calls.filter((call) => call.path.split("?")[0].endsWith("/stream"));
export const open = (session) => streams(session).filter((call) => !call.ended);

/** Begins a run in a tab, whose thread other tabs can open then. */
export async function beginning(session, query = RUN) {
  const first = await session.open({ share: "headers", ...query });
  await first.send();
  await first.shows("bravo1 ");
  await first.threadKnown();
  return first;
}

/**
 * A tab that has begun a run, and others that show it too. `came` tells of each of those what the first showed when it began to load (`there`), and
 * how many events the run's stream had (`events`) and how long it took (`ms`) until it showed the same.
 */
export async function following(session, count, run = RUN) {
  const first = await beginning(session, run);
  const [stream] = streams(session);
  const [tabs, came] = [[], []];
  for (let at = 1; at < count; at++) {
    const tab = await session.tab();
    const there = await first.answer();
    const before = stream.events;
    await tab.goto(first.page.url());
    await until("the text so far", async () => (await tab.answer()).length >= there.length);
    came.push({ there, events: stream.events - before, ms: await tab.page.evaluate(() => Math.round(performance.now())) });
    tabs.push(tab);
  }
  const most = (name) => Math.max(...came.map((one) => one[name]));
  console.log(`${count} tabs: the text so far is shown ${most("ms")} ms, ${most("events")} events of the run, after a tab begins to load, at most`);
  return { first, tabs, came };
}

/** All of them show the whole answer, which was never shorter than before. */
export async function whole(tabs, answer = ANSWER) {
  for (const tab of tabs) {
    await until("the whole answer", async () => (await tab.answer()) === answer);
    await tab.page.bringToFront();
    await tab.settled(answer);
  }
}
