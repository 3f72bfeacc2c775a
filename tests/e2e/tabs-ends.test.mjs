// Whatever becomes of a run while tabs share its connection, each tab ends as a tab alone does: where tabs show the thread, and where they show its
// session. A command of any tab reaches the server once.
import assert from "node:assert/strict";
import { appKind } from "./harness/apps.mjs";
import { suite } from "./harness/session.mjs";
import { beginning } from "./harness/tabs.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";
import { edit } from "./harness/versions.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

/** A run's answer; a run that is left before its end is so long that a busy machine opens all tabs in time. */
const TOKENS = 80;
const LONG_TOKENS = 400;
const SLOW_MS = 50;
const QUICK_MS = 5;
const TABS = 3;
const TIMEOUT_MS = 120_000;
/** A connection is counted: a slow machine must not take painting for a silent network. */
const VIEWS = { thread: {}, session: { view: "session", stall_ms: 60_000 } };
const QUIET = ["finished", "failed", "expired", "disconnected", "idle"];

/** What a reader sees on a page. */
const seen = (app) => app.page.evaluate(() => {
  const all = (testid) => [...document.querySelectorAll(`[data-testid="${testid}"]`)];
  return {
    connection: all("connection")[0]?.dataset.state,
    feed: all("feed")[0]?.dataset.state,
    errors: [...all("error"), ...all("session-error"), ...all("edit-error")].map(({ dataset }) => dataset.code),
    notices: all("notice").map(({ dataset }) => dataset.code),
    questions: all("interrupt-card").length,
    messages: all("message").map((message) => {
      const { messageId: id, role, status, incomplete, streaming } = message.dataset;
      return { id, role, status, incomplete, streaming, text: message.querySelector('[data-testid="message-text"]')?.textContent };
    }),
  };
});

/** The same of another thread, whose ids are others and whose answer has its own length; and a text that was cut is longer or shorter. */
function comparable(shown, answer) {
  const kind = (text) => (text === answer ? "the answer" : text !== "" && answer.startsWith(text) ? "a beginning of the answer" : text);
  return { ...shown, messages: shown.messages.map(({ id: _, text, ...rest }) => ({ ...rest, text: kind(text) })) };
}

/** So often a tab is looked at before it is taken to be at rest. */
const LOOKS = 10;

/** Waits until nothing goes on in a tab, and what it shows fulfils `more`. Returns that. */
async function quiet(tab, more) {
  const isQuiet = ({ connection, feed, messages }) => QUIET.includes(connection) && (feed === undefined || feed === "live") && messages.every(({ streaming }) => streaming !== "true");
  let [shown, looks] = ["", 0];
  await until("the tab is at rest", async () => {
    const now = await seen(tab);
    const text = isQuiet(now) && more(now) ? JSON.stringify(now) : "";
    looks = text !== "" && text === shown ? looks + 1 : 0;
    shown = text;
    return looks === LOOKS;
  });
  return JSON.parse(shown);
}

/** The messages that the session holds. */
async function held(session, thread) {
  const { nodes } = (await session.agent.call("GET", `/sessions/${thread}/messages?limit=100`)).body;
  return nodes.map(({ message, status }) => ({ id: message.id, role: message.type, status, text: message.content }));
}

/** What `count` tabs show of a run of their own, at each moment that `act` tells. */
async function endings(session, view, { act, assistant = "chat", isLeft = false }, count) {
  const isAlone = count === 1;
  const tokens = isLeft && !isAlone ? LONG_TOKENS : TOKENS;
  const delay = isLeft || !isAlone ? SLOW_MS : QUICK_MS;
  const first = await beginning(session, { ...VIEWS[view], assistant, n_tokens: tokens, delay_ms: delay, share: isAlone ? "off" : "headers" });
  const thread = first.thread();
  const url = new URL(first.page.url());
  url.searchParams.set("delay_ms", QUICK_MS);
  const opened = [first];
  const another = async () => {
    const tab = await session.tab();
    opened.push(tab);
    return tab.goto(url.href);
  };
  while (opened.length < count) await (await another()).shows("bravo1 ");
  const tabs = [...opened];
  /** A tab that can do all that a person can: one of these, or, as a session's page cannot, one more that shows the thread. */
  const by = async () => {
    if (view === "session") url.searchParams.delete("view");
    const tab = view === "session" ? await another() : tabs.at(-1);
    await tab.page.bringToFront();
    return tab;
  };
  const answer = words(tokens);
  const moments = [];
  const told = async (more = () => true) => {
    const moment = [];
    for (const tab of tabs) {
      await tab.page.bringToFront();
      moment.push(await quiet(tab, more));
    }
    moments.push(moment);
  };
  // The session's page of the React demo shows messages only.
  await act({ tabs, by, told, answer, showsQuestions: view === "thread" || appKind === "leptos" });
  for (const tab of tabs) await tab.healthy();
  // A tab that has come later has read the beginning by itself.
  const feeds = () => session.proxy.count(({ path, ended }) => path.includes(`/sessions/${thread}/stream`) && !ended);
  if (view === "session") await until("the tabs share one feed", () => feeds() === 1);
  for (const tab of opened) await tab.page.close();
  return { thread, answer, moments };
}

const last = ({ messages }) => messages.at(-1);

/** What becomes of a run. `isLeft`: it does not come to its end. */
const WAYS = {
  ends: {
    act: ({ told, answer }) => told((shown) => last(shown).text === answer),
  },
  "is cancelled": {
    isLeft: true,
    act: async ({ tabs, told }) => {
      await tabs.at(-1).page.bringToFront();
      await tabs.at(-1).at("cancel").click();
      await told();
    },
    posts: { "/runs/stream": 1, "/cancel": 1 },
  },
  "is edited": {
    isLeft: true,
    act: async ({ by, told, answer }) => {
      await edit(await by(), 0, "another question");
      await told((shown) => shown.messages[0].text === "another question" && last(shown).text === answer);
    },
    posts: { "/runs/stream": 2, "/cancel": 0 },
  },
  "asks a question": {
    assistant: "approval",
    act: async ({ by, told, answer, showsQuestions }) => {
      await told((shown) => last(shown).text === answer && shown.questions === (showsQuestions ? 1 : 0));
      await (await by()).at("interrupt-approve").click();
      await told((shown) => /done approved=/.test(last(shown).text));
    },
    posts: { "/runs/stream": 2, "/cancel": 0 },
  },
};

for (const view of Object.keys(VIEWS)) {
  for (const [name, way] of Object.entries(WAYS)) {
    scenario(`tabs that show the ${view} of a run that ${name}: each ends as a tab alone does`, async (session) => {
      const alone = await endings(session, view, way, 1);
      const before = session.proxy.calls.length;
      const shared = await endings(session, view, way, TABS);
      for (const [at, moment] of shared.moments.entries()) {
        // A session's page reads no state, so it may keep a question that was answered elsewhere.
        const isLax = view === "session" && at > 0;
        const [expected, ...shownBy] = [alone.moments[at][0], ...moment].map(({ questions, ...rest }) => (isLax ? rest : { questions, ...rest }));
        for (const shown of shownBy) {
          assert.deepEqual(shown, shownBy[0], "each tab shows the same");
          assert.deepEqual(comparable(shown, shared.answer), comparable(expected, alone.answer), "as a tab alone");
        }
      }
      for (const { thread, moments } of view === "session" ? [alone, shared] : []) {
        const shown = moments.at(-1)[0].messages.map(({ id, role, status, text }) => ({ id, role, status, text }));
        assert.deepEqual(shown, await held(session, thread), "what the session holds");
      }
      const calls = session.proxy.calls.slice(before);
      for (const [part, count] of Object.entries(way.posts ?? { "/runs/stream": 1, "/cancel": 0 })) {
        assert.equal(calls.filter(({ method, path }) => method === "POST" && path.split("?")[0].endsWith(part)).length, count, `${part}: ${session.proxy.describe()}`);
      }
      // A run that is over as soon as it has begun may be asked for again.
      const [begun] = (await session.agent.runs(shared.thread)).sort((one, other) => Date.parse(one.created_at) - Date.parse(other.created_at));
      const joins = calls.filter(({ path }) => path.includes(`/runs/${begun.run_id}/stream`));
      assert.deepEqual(joins, [], `all tabs follow the connection that the run was begun with: ${session.proxy.describe()}`);
    }, { timeout: TIMEOUT_MS });
  }
}
