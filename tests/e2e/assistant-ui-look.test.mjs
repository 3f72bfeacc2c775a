// What a person sees of assistant-ui's thread: screenshots for its README, and that everything fits.
import { turn, shows } from "./harness/conversation.mjs";
import { fits, shot, SIZES } from "./harness/look.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["assistant-ui"] });

/** Two conversations, one of them with two versions of a question and of its answer. */
async function versions(app) {
  await app.open({ assistant: "tools", n_tokens: 20, delay_ms: 5 });
  await app.send("What is the weather in Paris?");
  await app.state("finished");
  await shot(app, `${app.shots}-tools`);
  await fits(app);
  await app.open({ n_tokens: 60, delay_ms: 2 });
  await app.send("Tell me about radio alphabets.");
  await app.state("finished");
  await app.at("edit").click();
  await app.at("edit-text").fill("Tell me about radio alphabets, in one paragraph.");
  await shot(app, `${app.shots}-editing`);
  await fits(app);
  await app.at("edit-save").click();
  await shows(app, turn("Tell me about radio alphabets, in one paragraph.", words(60)));
  await app.state("finished");
  await app.at("regenerate").click();
  await app.at("branch").nth(1).waitFor();
  await app.state("finished");
  await shot(app, `${app.shots}-chat`);
  await fits(app);
}

/** One question, then two at once. */
async function questions(app) {
  await app.open({ assistant: "approval", n_tokens: 10, delay_ms: 5 });
  await app.send("Draft a note to the team.");
  await app.at("interrupt-card").waitFor();
  await shot(app, `${app.shots}-approval`);
  await fits(app);
  await app.open({ assistant: "multi" });
  await app.send("Ask me everything.");
  await app.at("interrupts-approve-all").waitFor();
  await shot(app, `${app.shots}-questions`);
  await fits(app);
}

/** A question that waits for the answer before it, and two that could not be sent. */
async function unsent(app, session) {
  await app.open({ n_tokens: 200, delay_ms: 25 });
  await app.send("Tell me something long.");
  await app.shows(word(40));
  await app.send("And now something short, so that I can read it on the train before the next tunnel.");
  await app.at("waiting-item").waitFor();
  await shot(app, `${app.shots}-waiting`);
  await fits(app);
  await app.open({ n_tokens: 10, delay_ms: 5 });
  session.proxy.down = true;
  for (const [at, text] of ["Is anybody there?", "Hello?"].entries()) {
    await app.send(text);
    await app.at("waiting-item").nth(at).waitFor();
  }
  await shot(app, `${app.shots}-unsent`);
  await fits(app);
  session.proxy.down = false;
}

/** A failure of the agent, and a lost connection. */
async function trouble(app, session) {
  await app.open({ assistant: "boom", delay_ms: 5 });
  await app.send("What could go wrong?");
  await app.error("run_failed");
  await shot(app, `${app.shots}-failed`);
  await fits(app);
  await app.open({ n_tokens: 120, delay_ms: 25 });
  await app.send("Tell me something long.");
  await app.shows(word(40));
  session.proxy.fault("join", { kind: "hang" }, 3);
  session.proxy.dropAll();
  await app.state("reconnecting", "catching_up");
  await shot(app, `${app.shots}-reconnecting`);
  await fits(app);
}

for (const [name, viewport, colorScheme] of SIZES) {
  scenario(`${name}: versions, tools, questions, a failure, a lost connection and waiting questions fit and can be read`, async (session) => {
    const app = await session.tab();
    app.shots = name;
    await app.page.setViewportSize(viewport);
    await app.page.emulateMedia({ colorScheme });
    await versions(app);
    await questions(app);
    await trouble(app, session);
    await unsent(app, session);
    await app.healthy();
  });
}
