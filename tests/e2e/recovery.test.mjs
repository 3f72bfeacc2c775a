// A streaming answer survives everything the recovery rules name. Runs against whichever server REJOIN_E2E_SERVER names.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { BLANK } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";
import { serverKind } from "./harness/servers.mjs";
import { seeded, word, words } from "./harness/text.mjs";

const scenario = suite();

/** Long enough to do something in the middle, short enough to wait for. */
const RUN = { n_tokens: 100, delay_ms: 20 };
const ANSWER = words(RUN.n_tokens);
/** A word that comes when about a third of the answer is there. */
const MIDDLE = word(30);

/** A tab that has asked and shows the answer's first third. */
async function streaming(session, query = RUN) {
  const app = await session.open(query);
  await app.send();
  await app.shows(MIDDLE);
  await app.threadKnown();
  return app;
}

scenario("uninterrupted: the answer is what the server has, byte for byte", async (session) => {
  const app = await session.open(RUN);
  assert.equal(await app.connection(), "idle");
  await app.send();
  await app.settled(ANSWER);
  assert.deepEqual(await session.agent.answers(app.thread()), [ANSWER]);
  assert.equal(session.proxy.count("events"), 1, "a healthy stream needs one connection");
  assert.ok(app.log.length > 10, `the answer was shown in only ${app.log.length} steps`);
});

scenario("reload mid-stream", async (session) => {
  const app = await streaming(session);
  const before = await app.answer();
  const [first] = app.log;
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.settled(ANSWER);
  const painted = app.log.find((entry) => entry.document !== first.document && entry.text !== "");
  assert.ok(painted.text.length >= before.length, `the reloaded page first painted ${painted.text.length} of ${before.length} characters`);
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
});

scenario("close the tab and open it again", async (session) => {
  const app = await streaming(session);
  const url = app.page.url();
  await app.page.close();
  const again = await session.tab({ log: app.log });
  await again.goto(url);
  await again.settled(ANSWER);
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
});

scenario("stop, then rejoin: stopping keeps the text and the agent goes on", async (session) => {
  const app = await streaming(session);
  await app.at("stop").click();
  await app.state("disconnected");
  const kept = await app.answer();
  assert.ok(kept.includes(MIDDLE));
  const runs = await session.agent.idle(app.thread());
  assert.deepEqual(runs.map((run) => run.status), ["success"], "stopping cancelled nothing");
  assert.equal(await app.answer(), kept, "nothing was added while disconnected");
  await app.at("rejoin").click();
  await app.settled(ANSWER);
});

scenario("stop before the run id is known, then rejoin", async (session) => {
  const app = await session.open(RUN);
  session.proxy.fault("stream", { kind: "withhold" });
  const asked = session.proxy.next("stream", "fault");
  await app.send();
  await asked;
  await app.at("stop").click();
  await app.state("disconnected");
  assert.equal(await app.at("message").count(), 1, "the question stays");
  await app.at("rejoin").click();
  await app.settled(ANSWER);
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
});

scenario("tab hidden while the connection is cut, then visible again, without a click", async (session) => {
  const app = await streaming(session);
  await app.hide();
  session.proxy.down = true;
  session.proxy.dropAll();
  await app.passed("paused", "reconnecting");
  session.proxy.down = false;
  await app.show();
  await app.settled(ANSWER);
});

scenario("page frozen by the browser, the connection cut meanwhile, then resumed", async (session) => {
  const app = await streaming(session);
  await app.hide();
  const devtools = await session.context.newCDPSession(app.page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  session.proxy.dropAll();
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await app.show();
  await app.settled(ANSWER);
});

scenario("offline, then online", async (session) => {
  const app = await streaming(session);
  await session.context.setOffline(true);
  session.proxy.dropAll();
  await app.passed("offline");
  const calls = session.proxy.count("any");
  await session.agent.idle(app.thread());
  assert.equal(session.proxy.count("any"), calls, "no attempt is spent while offline");
  await session.context.setOffline(false);
  await app.settled(ANSWER);
});

const SEED = Number(process.env.REJOIN_E2E_SEED ?? 20261121);
const CUTS = 20;

scenario(`connection cut at ${CUTS} random byte offsets (seed ${SEED})`, async (session) => {
  const short = { n_tokens: 40, delay_ms: 10 };
  const whole = await session.open(short);
  await whole.send();
  await whole.settled(words(40));
  const { bytes } = session.proxy.calls.find((call) => call.path.endsWith("/runs/stream"));
  await whole.page.close();
  const random = seeded(SEED);
  for (let cut = 0; cut < CUTS; cut += 1) {
    const afterBytes = Math.floor(random() * bytes);
    const kind = cut % 2 === 0 ? "cut" : "reset";
    session.proxy.clearFaults();
    session.proxy.fault("stream", { kind, afterBytes });
    const app = await session.open(short);
    try {
      await app.send();
      await app.settled(words(40));
      assert.equal(session.proxy.calls.filter((call) => call.fault).length, cut + 1, "the cut happened");
      assert.equal((await session.agent.runs(app.thread())).length, 1, "the question was asked once");
    } catch (error) {
      error.message = `${kind} after ${afterBytes} of ${bytes} bytes: ${error.message}`;
      throw error;
    }
    await app.page.close();
  }
}, { timeout: 300_000 });

scenario("cut again and again: every connection of one run is lost once", async (session) => {
  const random = seeded(SEED + 1);
  session.proxy.fault("stream", { kind: "cut", afterBytes: 4000 });
  for (let join = 0; join < 4; join += 1) {
    session.proxy.fault("join", { kind: "cut", afterBytes: 2000 + Math.floor(random() * 3000) });
  }
  const app = await session.open(RUN);
  await app.send();
  await app.settled(ANSWER);
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
  assert.ok(session.proxy.count("join") >= 2);
});

scenario("the server answers 502 three times", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 6000 });
  session.proxy.fault("join", { kind: "status", status: 502 }, 3);
  const app = await session.open(RUN);
  await app.send();
  await app.settled(ANSWER);
  assert.equal(session.proxy.calls.filter((call) => call.status === 502).length, 3);
});

scenario("the server stalls without closing", async (session) => {
  session.proxy.fault("stream", { kind: "stall", afterBytes: 6000 });
  const app = await session.open({ ...RUN, stall_ms: 1500 });
  await app.send();
  await app.passed("stalled", "reconnecting", "catching_up");
  await app.settled(ANSWER);
  assert.ok(session.proxy.count("join") >= 1);
});

scenario("the run finishes while away: the final text at once, the stored run gone", async (session) => {
  const app = await streaming(session);
  const before = await app.answer();
  const url = app.page.url();
  await app.page.close();
  await session.agent.idle(new URL(url).searchParams.get("thread"));
  const again = await session.tab({ log: app.log });
  const shown = app.log.length;
  await again.goto(url);
  await again.settled(ANSWER);
  const texts = new Set(app.log.slice(shown).map((entry) => entry.text).filter((text) => text !== ""));
  assert.ok(texts.size <= 2, `only what was kept and the whole text are painted, not ${texts.size} steps`);
  assert.ok([...texts].every((text) => text.length >= before.length));
});

scenario("run unknown to the server: a message, the history, and the id removed", async (session) => {
  const app = await session.open({ n_tokens: 5, delay_ms: 1 });
  await app.send("first question");
  await app.settled(words(5));
  const thread = app.thread();
  await app.open({ ...RUN, thread });
  await app.send("second question");
  await app.shows(MIDDLE);
  const url = app.page.url();
  const [run] = (await session.agent.runs(thread)).filter((one) => ["pending", "running"].includes(one.status));
  await app.page.goto(session.proxy.origin + BLANK);
  const kept = await app.stored();
  assert.ok(JSON.stringify(kept).includes(run.run_id), "the run in progress is remembered");
  await session.agent.idle(thread);
  // The stored record now names a run that never was, as after the server's own retention.
  await app.page.evaluate(([from, to]) => {
    for (const key of Object.keys(localStorage)) localStorage[key] = localStorage[key].replaceAll(from, to);
  }, [run.run_id, randomUUID()]);
  await app.goto(url);
  await app.state("expired");
  await app.same(ANSWER);
  assert.match(await app.page.getByTestId("messages").innerText(), /first question[\s\S]*second question/);
  const banner = (await app.at("error").count()) > 0 ? await app.at("error").first().getAttribute("data-code") : await app.at("notice").first().getAttribute("data-code");
  assert.equal(banner, "run_expired");
  await app.forgotten();
  await app.healthy();
});

scenario("rejoining hangs: a time limit, then the history, and it says so", async (session) => {
  const app = await streaming(session, { ...RUN, join_timeout_ms: 500 });
  session.proxy.fault("join", { kind: "hang" }, 100);
  // Offline until the run is over: otherwise a slow machine gives up before the history holds the answer.
  await session.context.setOffline(true);
  session.proxy.dropAll();
  await session.agent.idle(app.thread());
  const hung = session.proxy.next("join", "fault");
  await session.context.setOffline(false);
  await hung;
  const state = await app.state("finished", "expired", "failed");
  await app.same(ANSWER);
  assert.ok(session.proxy.count("join") <= 8, "the attempts are bounded");
  assert.ok((await app.at("connection").first().innerText()).trim().length > 0, `${state} says nothing`);
  await app.healthy();
});

scenario("rejoining hangs while the run goes on: that is said in time, and it goes on by itself once it can", async (session) => {
  const long = { n_tokens: 300, delay_ms: 30 };
  const app = await streaming(session, { ...long, join_timeout_ms: 300, attempts_max: 2 });
  session.proxy.fault("join", { kind: "hang" }, 100);
  session.proxy.dropAll();
  await app.error("rejoin_timed_out");
  assert.ok((await app.answer()).includes(MIDDLE), "what was received stays");
  session.proxy.clearFaults();
  await app.settled(words(long.n_tokens));
});

scenario("the answer to the question is lost before its first byte: it is not asked twice", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 0 });
  const app = await session.open(RUN);
  await app.send();
  await app.settled(ANSWER);
  assert.equal((await session.agent.runs(app.thread())).length, 1);
});

scenario("a second tab on the same thread finds the run and shows the same text", async (session) => {
  // Long enough that a busy machine opens the second page in time.
  const long = { ...RUN, n_tokens: 300 };
  const app = await streaming(session, long);
  const second = await session.tab();
  await second.goto(app.page.url());
  await second.settled(words(300));
  await app.page.bringToFront();
  await app.settled(words(300));
  assert.equal((await session.agent.runs(app.thread())).length, 1);
});

scenario("switching to another thread and back loses nothing", async (session) => {
  const app = await streaming(session);
  const thread = app.thread();
  await app.at("new-thread").click();
  await app.page.waitForFunction(() => document.querySelectorAll('[data-testid="message"]').length === 0);
  await app.page.locator(`[data-testid="thread-item"][data-thread-id="${thread}"]`).click();
  await app.settled(ANSWER);
});

scenario("long formatted text with characters outside ASCII, cut in five places: byte for byte the server's", async (session) => {
  const random = seeded(SEED + 2);
  session.proxy.fault("stream", { kind: "cut", afterBytes: 5000 + Math.floor(random() * 5000) });
  for (let join = 0; join < 4; join += 1) {
    session.proxy.fault("join", { kind: "reset", afterBytes: 2000 + Math.floor(random() * 3000) });
  }
  const app = await session.open({ style: "markdown", delay_ms: 5 });
  await app.send();
  await app.state("finished");
  const [answer] = await session.agent.answers(app.thread());
  assert.match(answer, /naïve café, 東京, Ελλάδα, 🚲/);
  await app.settled(answer);
}, { on: ["rejoin"] });

scenario("our server killed with -9 mid-run and started again: an error is shown and what was received stays", async (session) => {
  const app = await streaming(session);
  const thread = app.thread();
  await session.server.kill("SIGKILL");
  await session.server.start();
  await app.state("failed");
  const code = await app.at("error").first().getAttribute("data-code");
  assert.equal(code, "run_failed");
  assert.ok((await app.answer()).includes(MIDDLE), "what was received stays");
  const runs = await session.agent.runs(thread);
  assert.deepEqual(runs.map((run) => run.status), ["error"], "no run is left running");
  await app.forgotten();
  await app.send("and again");
  await app.settled(ANSWER);
}, { on: ["rejoin"] });

scenario("the server restarts mid-run and runs it again from the start: the reader sees one answer", async (session) => {
  const app = await streaming(session, { ...RUN, attempts_max: 60 });
  await session.server.kill("SIGTERM");
  await session.server.start();
  await app.settled(ANSWER, { startsOver: 1 });
}, { on: ["python"] });

scenario("the server restarts and leaves the run running for ever: that is said, and stopping ends it", async (session) => {
  const long = { n_tokens: 400, delay_ms: 20 };
  const app = await streaming(session, { ...long, join_timeout_ms: 500, attempts_max: 3 });
  await session.server.kill("SIGTERM");
  await session.server.start();
  await app.page.locator('[data-testid="error"], [data-testid="notice"]').first().waitFor();
  assert.ok((await app.answer()).includes(MIDDLE), "what was received stays");
  await app.at("composer").press("Escape");
  // At times the server has forgotten the thread: then that was the end.
  await app.state("disconnected", "failed", "expired");
  await app.healthy();
}, { on: ["js"] });

scenario(`the ${serverKind} server killed with -9 forgets the thread: expired or failed, said, and what was received stays`, async (session) => {
  const app = await streaming(session, { ...RUN, attempts_max: 40 });
  await session.server.kill("SIGKILL");
  await session.server.start();
  // The Python server writes its state down every few seconds. If it has just done so, it knows the run, and runs it again.
  if ((await app.state("expired", "failed", "finished")) === "finished") return app.settled(ANSWER, { startsOver: 1 });
  assert.ok((await app.answer()).includes(MIDDLE), "what was received stays");
  await app.healthy();
}, { on: ["python", "js"] });
