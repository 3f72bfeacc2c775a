// assistant-ui's thread on rejoin/assistant-ui, which follows the runs itself: what its reader does and sees.
import assert from "node:assert/strict";
import { agrees, shown, shows, turn } from "./harness/conversation.mjs";
import { JOINT } from "./harness/recorder.mjs";
import { savedStates } from "./harness/saved.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";
import { eventually } from "./harness/versions.mjs";

const scenario = suite({ apps: ["assistant-ui"] });
const QUICK = { n_tokens: 12, delay_ms: 8 };
const ANSWER = words(12);
const SLOW = { n_tokens: 100, delay_ms: 20 };
const WHOLE = words(100);
/** Longer than a busy machine takes to load the page. */
const AWAY_MS = 8000;
/** What has nothing to do with the server is tested on our own only. */
const OURS = { on: ["rejoin"] };

/** Asks and waits for the whole answer. */
async function ask(app, question, answer = ANSWER) {
  await app.send(question);
  await app.page.waitForFunction((wanted) => {
    const turns = [...document.querySelectorAll('[data-testid="message"]')];
    return turns.at(-2)?.innerText.includes(wanted);
  }, question);
  await app.page.waitForFunction((wanted) => window.__rejoinAnswer().text === wanted, answer);
  await app.state("finished");
}

/** A tab that shows one turn, or one for each question. */
async function asked(session, ...questions) {
  const app = await session.open(QUICK);
  for (const question of questions) await ask(app, question);
  return app;
}

/** Changes the question at this place, and waits for the new answer. */
async function edit(app, at, text) {
  await app.at("edit").nth(at).click();
  await app.at("edit-text").fill(text);
  await app.at("edit-save").click();
  await shows(app, [...(await shown(app)).slice(0, 2 * at), ...turn(text, ANSWER)]);
  await app.state("finished");
}

/** The labels of the branch pickers, from the top. */
const labels = (app) => app.at("branch").allInnerTexts();

scenario("a question is answered, byte for byte what the server has, over one connection", async (session) => {
  const app = await session.open(QUICK);
  await app.send("hello");
  await app.settled(ANSWER);
  await agrees(session, app);
  assert.equal(session.proxy.count("events"), 1, "a healthy stream needs one connection");
});

scenario("tools: the call is a card between the texts, with arguments and result", async (session) => {
  const app = await session.open({ assistant: "tools", n_tokens: 20, delay_ms: 15 });
  await app.send("weather?");
  await app.settled(`Let me look that up. ${JOINT}${words(20)}`);
  assert.equal(await app.at("tool-card").count(), 1);
  assert.match(await app.at("tool-card").innerText(), /get_weather[^]*Paris[^]*22C in Paris/);
  await agrees(session, app);
}, OURS);

scenario("edit: the last, a middle and the first message; branches are switched, also after a reload", async (session) => {
  const app = await asked(session, "one", "two", "three");
  await edit(app, 2, "three, edited");
  await agrees(session, app);
  await edit(app, 1, "two, edited");
  await agrees(session, app);
  await edit(app, 0, "one, edited");
  await agrees(session, app);
  assert.deepEqual(await labels(app), ["2/2"]);
  await app.at("branch-previous").first().click();
  await shows(app, [...turn("one", ANSWER), ...turn("two, edited", ANSWER)]);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await agrees(session, app);
  assert.deepEqual(await labels(app), ["2/2"]);
  await app.at("branch-previous").first().click();
  // assistant-ui shows the version that was looked at last, and after a reload the first one.
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER), ...turn("three", ANSWER)]);
  assert.deepEqual(await labels(app), ["1/2", "1/2", "1/2"]);
  await app.at("branch-next").nth(2).click();
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER), ...turn("three, edited", ANSWER)]);
  await app.at("branch-next").nth(1).click();
  await shows(app, [...turn("one", ANSWER), ...turn("two, edited", ANSWER)]);
  await app.healthy();
});

scenario("a saved thread is on screen before the API answers, and its versions keep their numbers when they come", async (session) => {
  const app = await asked(session, "one");
  await edit(app, 0, "one, edited");
  await app.page.waitForFunction(() => document.querySelector('[data-testid="branch"]')?.innerText === "2/2");
  await app.hide();
  await until("the thread is saved", async () => (await savedStates(app.page)) > 0);
  await app.show();
  session.proxy.fault("any", { kind: "delay", ms: AWAY_MS }, 20);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.state("saved");
  await shows(app, turn("one, edited", ANSWER));
  assert.deepEqual(await labels(app), [], "the history is not there yet");
  session.proxy.clearFaults();
  await eventually(() => labels(app), ["2/2"], "the version that is shown");
  await app.at("branch-previous").click();
  await shows(app, turn("one", ANSWER));
  assert.deepEqual(await labels(app), ["1/2"]);
  await app.healthy();
}, OURS);

scenario("answer again, show the first answer again, and go on from there: the server goes on from there too", async (session) => {
  const app = await asked(session, "one", "two");
  await app.at("regenerate").last().click();
  await app.at("branch").waitFor();
  await app.state("finished");
  assert.deepEqual(await labels(app), ["2/2"]);
  await agrees(session, app);
  await app.at("branch-previous").click();
  await app.page.waitForFunction(() => document.querySelector('[data-testid="branch"]').innerText === "1/2");
  await app.at("regenerate").first().click();
  await shows(app, turn("one", ANSWER));
  await app.state("finished");
  await agrees(session, app);
  await app.at("branch-previous").click();
  await shows(app, [...turn("one", ANSWER), ...turn("two", ANSWER)]);
  await ask(app, "three");
  await agrees(session, app);
  assert.equal((await shown(app)).length, 6, "it went on from the branch that was shown");
  await app.healthy();
});

scenario("approval: the card is there again after a reload, and is gone as soon as it is answered", async (session) => {
  const app = await session.open({ assistant: "approval", ...QUICK });
  await app.send("write it");
  await app.at("interrupt-card").waitFor();
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.at("interrupt-card").waitFor();
  assert.match(await app.at("interrupt-card").innerText(), /Send this draft\?/);
  await app.at("interrupt-approve").click();
  await app.at("interrupt-card").waitFor({ state: "detached" });
  await app.shows("done approved=");
  await app.state("finished");
  assert.match(await app.answer(), new RegExp(`^${ANSWER}${JOINT}done approved=[Tt]rue$`));
  await agrees(session, app);
  await app.healthy();
});

scenario("approval: rejected, after another conversation was looked at", async (session) => {
  const app = await session.open({ assistant: "approval", ...QUICK });
  await app.send("write it");
  await app.at("interrupt-card").waitFor();
  const thread = await app.threadKnown();
  await app.at("new-thread").click();
  await app.at("interrupt-card").waitFor({ state: "detached" });
  await app.page.locator(`[data-thread-id="${thread}"]`).click();
  await app.at("interrupt-card").waitFor();
  await app.at("interrupt-reject").click();
  await app.shows("done approved=");
  assert.match(await app.answer(), /done approved=[Ff]alse$/);
  await agrees(session, app);
});

scenario("two questions at once: one is answered, the other waits, also after a reload; or both at once", async (session) => {
  const app = await session.open({ assistant: "multi" });
  await app.send("ask me");
  await app.at("interrupt-card").nth(1).waitFor();
  const thread = await app.threadKnown();
  await app.at("interrupt-approve").first().click();
  await app.page.waitForFunction(() => document.querySelectorAll('[data-testid="interrupt-card"]').length === 1);
  await session.agent.idle(thread, 2);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.at("interrupt-card").first().waitFor();
  assert.equal(await app.at("interrupt-card").count(), 1);
  await app.at("interrupt-reject").click();
  await app.at("interrupt-card").waitFor({ state: "detached" });
  await eventually(async () => Object.values(await session.agent.given(thread)).sort(), [false, true], "the answers in the thread");
  await app.at("new-thread").click();
  await app.send("ask me again");
  await app.at("interrupts-approve-all").click();
  await app.at("interrupt-card").first().waitFor({ state: "detached" });
  await app.page.waitForURL((url) => ![null, thread].includes(url.searchParams.get("thread")), { waitUntil: "commit" });
  await eventually(async () => Object.values(await session.agent.given(app.thread())), [true, true], "both answers in the other thread");
  await app.healthy();
});

for (const narrow of [false, true]) {
  scenario(`reload mid-stream${narrow ? ", behind a proxy that drops Last-Event-ID" : ""}: the text goes on, nothing is lost or doubled`, async (session) => {
    session.proxy.narrow = narrow;
    const app = await session.open(SLOW);
    await app.send("hello");
    await app.shows(word(30));
    await app.threadKnown();
    await app.page.reload({ waitUntil: "domcontentloaded" });
    await app.settled(WHOLE);
    await agrees(session, app);
    assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
  });
}

scenario("the connection is cut mid-stream: the text goes on by itself", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 6000 });
  const app = await session.open(SLOW);
  await app.send("hello");
  await app.settled(WHOLE);
  await app.passed("reconnecting", "catching_up");
  await agrees(session, app);
}, OURS);

scenario("stop: the server's run ends, what was received stays and is marked, the next question works", async (session) => {
  const app = await session.open({ ...SLOW, n_tokens: 400 });
  await app.send("hello");
  await app.shows(word(10));
  const thread = await app.threadKnown();
  await app.at("cancel").click();
  const [run] = await session.agent.idle(thread);
  assert.equal(run.status, "interrupted");
  await app.at("send").waitFor();
  await app.at("cancelled").waitFor();
  assert.ok((await app.answer()).startsWith(words(10)), "what was received stays");
  await app.send("again");
  await app.shows(word(10));
  await app.at("cancel").click();
  await session.agent.idle(thread);
  await app.healthy();
});

scenario("another conversation while a run streams, and back: the run is there, and each thread has its own", async (session) => {
  const app = await session.open(SLOW);
  await app.send("first question");
  await app.shows(word(10));
  const first = await app.threadKnown();
  await app.at("new-thread").click();
  await app.page.waitForFunction(() => document.querySelectorAll('[data-testid="message"]').length === 0);
  await app.send("second question");
  await app.shows(word(10));
  await app.page.locator(`[data-thread-id="${first}"]`).click();
  await app.page.waitForFunction(() => document.querySelector('[data-testid="message"]')?.innerText.includes("first question"));
  await shows(app, turn("first question", WHOLE));
  await agrees(session, app);
  await app.page.goBack();
  await shows(app, turn("second question", WHOLE));
  await agrees(session, app);
  assert.equal(session.proxy.count("stream"), 2, "each question was asked once");
  await app.healthy();
});

scenario("boom: the agent's words are shown with the text before them, and retry asks again", async (session) => {
  const app = await session.open({ assistant: "boom", delay_ms: 5 });
  await app.send("hello");
  assert.match(await app.error("run_failed"), /model blew up after 5 tokens/);
  assert.equal(await app.answer(), words(5));
  const again = session.proxy.next("stream");
  await app.at("retry").click();
  await again;
  await app.error("run_failed");
  const questions = (await shown(app)).filter(({ role }) => role === "human");
  assert.equal(questions.length, 1, "the question is not shown twice");
}, OURS);

scenario("a server that refuses the question: an error, and retry asks it", async (session) => {
  session.proxy.fault("stream", { kind: "status", status: 500 });
  const app = await session.open(QUICK);
  await app.send("a question worth keeping");
  await app.error("server_error");
  const kept = (await app.at("messages").innerText()) + (await app.at("composer").inputValue());
  assert.match(kept, /a question worth keeping/);
  await app.at("retry").click();
  await app.state("finished");
  await shows(app, turn("a question worth keeping", ANSWER));
  assert.equal(await app.at("error").count(), 0, "the error is gone");
  await agrees(session, app);
}, OURS);

scenario("rejoining hangs while the run goes on: that is said in time, and it goes on by itself once it can", async (session) => {
  const app = await session.open({ ...SLOW, n_tokens: 150, delay_ms: 30, join_timeout_ms: 300, attempts_max: 2 });
  await app.send("hello");
  await app.shows(word(10));
  session.proxy.fault("join", { kind: "hang" }, 100);
  session.proxy.dropAll();
  await app.error("rejoin_timed_out");
  assert.ok((await app.answer()).startsWith(words(10)), "what was received stays");
  session.proxy.clearFaults();
  await app.settled(words(150));
  assert.equal(session.proxy.count("stream"), 1, "the question was asked once");
}, OURS);

scenario("the module's script does not come: load_failed, what was typed is kept, and retry works once it does", async (session) => {
  const app = await session.tab();
  await app.page.route("**/inline-*.js", (route) => route.abort());
  await app.open(QUICK);
  await app.send("a question worth keeping");
  await app.error("load_failed");
  assert.match((await app.at("messages").innerText()) + (await app.at("composer").inputValue()), /a question worth keeping/);
  await app.page.unroute("**/inline-*.js");
  await app.at("retry").click();
  await shows(app, turn("a question worth keeping", ANSWER));
  assert.equal(await app.at("error").count(), 0, "the error is gone");
}, OURS);

scenario("an edit whose checkpoint cannot be looked up changes nothing, and says so", async (session) => {
  const app = await asked(session, "one", "two");
  const before = await shown(app);
  // With one state at hand the one to go on from has to be looked up.
  await app.open({ ...QUICK, states: 1, thread: app.thread() });
  await shows(app, before);
  session.proxy.fault((call) => /\/history/.test(call.path), { kind: "status", status: 500 }, 20);
  const posts = session.proxy.count("stream");
  await app.at("edit").first().click();
  await app.at("edit-text").fill("one, edited");
  await app.at("edit-save").click();
  await app.error("checkpoint_lookup_failed");
  assert.deepEqual(await shown(app), before);
  assert.equal(session.proxy.count("stream"), posts, "nothing was sent");
  await agrees(session, app);
  session.proxy.clearFaults();
  await edit(app, 0, "one, edited");
  await agrees(session, app);
}, OURS);

scenario("an edit while a run streams ends that run, and what is shown is what the server has", async (session) => {
  const app = await session.open({ ...SLOW, n_tokens: 40 });
  await app.send("one");
  await app.state("finished");
  await app.at("edit").click();
  await app.at("edit-text").fill("one, edited");
  await app.at("composer").fill("two");
  await app.at("send").click();
  await app.page.waitForFunction((wanted) => [...document.querySelectorAll('[data-testid="message-text"]')].at(-1)?.textContent.includes(wanted), word(3));
  await app.at("edit-save").click();
  await shows(app, turn("one, edited", words(40)));
  await app.state("finished");
  await agrees(session, app);
  await app.healthy();
}, OURS);

scenario("checkpoints=off: editing and answering again are not offered", async (session) => {
  const app = await session.open({ ...QUICK, checkpoints: "off" });
  await app.send("hello");
  await app.settled(ANSWER);
  await app.at("copy").waitFor();
  for (const button of ["edit", "regenerate"]) assert.equal(await app.at(button).count(), 0, button);
}, OURS);

scenario("keyboard: Enter sends, Shift+Enter makes a line, and every button has a name", async (session) => {
  const app = await session.open(QUICK);
  await app.at("composer").focus();
  await app.page.keyboard.type("one");
  await app.page.keyboard.press("Shift+Enter");
  await app.page.keyboard.type("two");
  await app.page.keyboard.press("Enter");
  await app.settled(ANSWER);
  await shows(app, turn("one\ntwo", ANSWER));
  const nameless = await app.page.locator("button").evaluateAll((all) => all.filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.title)).length);
  assert.equal(nameless, 0, "a button has no name");
}, OURS);

scenario("keyboard: what waits to be sent is reached, said in words and taken back; the field has the focus and the text", async (session) => {
  const app = await session.open(QUICK);
  session.proxy.down = true;
  const waiting = app.page.getByRole("region", { name: "Not sent yet" });
  const back = waiting.getByRole("button", { name: "Take back: two" });
  await app.at("composer").focus();
  for (const text of ["one", "two"]) {
    await app.page.keyboard.type(text);
    await app.page.keyboard.press("Enter");
    await waiting.getByRole("button", { name: `Take back: ${text}` }).waitFor();
  }
  assert.deepEqual(await waiting.getByRole("status").allInnerTexts(), Array(2).fill("Not sent yet. It is sent when the server can be reached."));
  assert.equal(await app.page.getByText("Thinking").count(), 0, "nobody thinks: nothing was sent");
  const focused = () => app.page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  // Backwards from the field, as it is the last thing of the page.
  for (let times = 0; times < 20 && (await focused()) !== "Take back: two"; times++) await app.page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "Take back: two");
  await app.page.keyboard.press("Enter");
  await back.waitFor({ state: "detached" });
  assert.deepEqual([await focused(), await app.at("composer").inputValue()], ["Your message", "two"]);
  session.proxy.down = false;
  await app.settled(ANSWER);
  await shows(app, turn("one", ANSWER));
  await app.healthy();
}, OURS);
