// A logout in one tab is one in all tabs of the browser: nothing of before is stored again.
import assert from "node:assert/strict";
import { savedStates } from "./harness/saved.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

const RUN = { n_tokens: 300, delay_ms: 20 };

/** Presses the page's button, which loads the page anew when all is removed. */
async function logOut(tab) {
  await tab.page.evaluate(() => { window.__before = true; });
  await tab.at("this-browser").locator("summary").click();
  await tab.at("clear-stored").click();
  await until("the page is loaded anew", () => tab.page.evaluate(() => window.__before === undefined).catch(() => false));
  await tab.at("composer").waitFor();
}

scenario("logout: what another tab follows and waits to send is stored no more; what it begins later is", async (session) => {
  const first = await session.open(RUN);
  await first.send("first");
  await first.shows(words(3));
  await first.threadKnown();
  await first.send("second");
  await until("a record of the run and of what waits", async () => Object.keys(await first.stored()).length > 1);
  const other = await session.open();
  await logOut(other);
  assert.deepEqual(await other.stored(), {});
  await until("the answer has gone on for long", async () => (await first.answer()).includes(word(200)));
  await first.hide();
  assert.deepEqual(await first.stored(), {});
  await first.show();
  await until("both answers are there", async () => (await session.agent.runs(first.thread())).every(({ status }) => status === "success"));
  await first.state("finished");
  await first.hide();
  assert.deepEqual(await first.stored(), {});
  assert.equal(await savedStates(first.page), 0);
  await first.show();
  await first.page.reload({ waitUntil: "domcontentloaded" });
  await first.shows(word(0));
  await first.hide();
  await until("the page that is new saves the thread", async () => (await savedStates(first.page)) === 1);
  await first.show();
  for (const tab of [first, other]) await tab.healthy();
});
