// The other graphs: tool calls, interrupts, failures and cancelling, each also across a lost connection.
import assert from "node:assert/strict";
import { suite } from "./harness/session.mjs";
import { assertNeverShrinks, JOINT } from "./harness/recorder.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite();
const TOOL_ANSWER = `Let me look that up. ${JOINT}${words(20)}`;
const DRAFT = words(10);

scenario("tools: a call is a card with its arguments and result, the answer follows", async (session) => {
  const app = await session.open({ assistant: "tools", n_tokens: 20, delay_ms: 15 });
  await app.send("weather?");
  await app.settled(TOOL_ANSWER);
  const card = await app.at("tool-card").first().innerText();
  assert.match(card, /get_weather/);
  assert.match(card, /Paris/);
  assert.match(await app.at("messages").innerText(), /22C in Paris/);
});

for (const afterBytes of [2500, 5000, 9000]) {
  scenario(`tools: cut after ${afterBytes} bytes, the call's arguments are whole all the same`, async (session) => {
    session.proxy.fault("stream", { kind: "cut", afterBytes });
    const app = await session.open({ assistant: "tools", n_tokens: 20, delay_ms: 15 });
    await app.send("weather?");
    await app.settled(TOOL_ANSWER);
    assert.equal(await app.at("tool-card").count(), 1, "one call, one card");
    assert.match(await app.at("tool-card").first().innerText(), /Paris/);
  });
}

scenario("tools: reload in the middle of the call", async (session) => {
  const app = await session.open({ assistant: "tools", n_tokens: 20, delay_ms: 40 });
  await app.send("weather?");
  await app.at("tool-card").first().waitFor();
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.settled(TOOL_ANSWER);
  assert.equal(await app.at("tool-card").count(), 1);
});

/** A tab that shows the question whether to send the draft. */
async function asked(session) {
  const app = await session.open({ assistant: "approval", n_tokens: 10, delay_ms: 15 });
  await app.send("write it");
  await app.at("interrupt-card").waitFor();
  await app.same(DRAFT);
  return app;
}

scenario("approval: the card shows the question and approving finishes the run", async (session) => {
  const app = await asked(session);
  assert.match(await app.at("interrupt-card").innerText(), /Send this draft\?/);
  await app.at("interrupt-approve").click();
  await app.shows("done approved=");
  await app.state("finished");
  assert.match(await app.answer(), new RegExp(`^${DRAFT}${JOINT}done approved=[Tt]rue$`));
  await app.at("interrupt-card").waitFor({ state: "detached" });
  await app.healthy();
});

scenario("approval: the card survives a reload, and a reader who comes later", async (session) => {
  const app = await asked(session);
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.at("interrupt-card").waitFor();
  await app.same(DRAFT);
  const later = await session.tab();
  await later.goto(app.page.url());
  await later.at("interrupt-card").waitFor();
  await later.at("interrupt-reject").click();
  await later.shows("done approved=");
  assert.match(await later.answer(), /done approved=[Ff]alse$/);
});

scenario("approval: the answer can be edited", async (session) => {
  const app = await asked(session);
  await app.at("interrupt-answer").fill("send it tomorrow");
  // It can be sent once the run that asks is over, as its button says.
  await app.at("interrupt-send").click({ trial: true });
  await app.at("interrupt-answer").press("Enter");
  await app.shows("done approved=");
  assert.match(await app.answer(), /done approved=['"]send it tomorrow['"]$/);
});

scenario("approval: the connection is cut while the draft streams", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 4000 });
  const app = await asked(session);
  await app.at("interrupt-approve").click();
  await app.shows("done approved=");
});

scenario("boom: the agent's own words are shown and the text before them stays", async (session) => {
  const app = await session.open({ assistant: "boom", delay_ms: 30 });
  await app.send();
  await app.state("failed");
  assert.match(await app.error("run_failed"), /model blew up after 5 tokens/);
  assert.equal(await app.answer(), words(5));
  assertNeverShrinks(app.log, words(5));
  await app.forgotten();
  await app.healthy();
});

scenario("boom: the error is shown even when the connection was lost before it", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 2000 });
  const app = await session.open({ assistant: "boom", delay_ms: 30 });
  await app.send();
  await app.state("failed");
  assert.match(await app.error("run_failed"), /model blew up after 5 tokens/);
  assertNeverShrinks(app.log, words(5));
});

scenario("boom: retry asks again", async (session) => {
  const app = await session.open({ assistant: "boom", delay_ms: 5 });
  await app.send();
  await app.error("run_failed");
  const again = session.proxy.next("stream");
  await app.at("retry").click();
  await again;
  await app.error("run_failed");
  await session.agent.idle(app.thread());
  const { values } = await session.agent.state(app.thread());
  assert.equal(values.messages.filter((message) => message.type === "human").length, 1, "the question is asked once");
});

scenario("cancel: the server's run ends, what was received stays, the next question works", async (session) => {
  const app = await session.open({ n_tokens: 400, delay_ms: 20 });
  await app.send();
  await app.shows(word(10));
  const thread = await app.threadKnown();
  await app.at("cancel").click();
  const [run] = await session.agent.idle(thread);
  assert.equal(run.status, "interrupted");
  await app.state("finished", "failed", "disconnected");
  assert.ok((await app.answer()).includes(word(10)), "what was received stays");
  await app.forgotten();
  await app.send("shorter, please");
  await app.shows(word(10));
  await app.at("cancel").click();
  await session.agent.idle(thread);
  await app.healthy();
});

scenario("a server on another origin works, with only what its CORS answers expose", async (session) => {
  const app = await session.open({ server: session.server.url, n_tokens: 60, delay_ms: 20 });
  await app.send();
  await app.shows(word(20));
  await app.page.reload({ waitUntil: "domcontentloaded" });
  await app.settled(words(60));
  assert.equal(session.proxy.calls.length, 0, "the proxy was not asked");
});
