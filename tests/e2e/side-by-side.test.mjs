// The same conversation, step by step, in the Leptos demo and in the React demo, each on a thread of its own: both show the
// same and leave the same behind.
import assert from "node:assert/strict";
import { App } from "./harness/app.mjs";
import { distOf } from "./harness/apps.mjs";
import { startProxy } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";
import { word } from "./harness/text.mjs";
import { asks, edit, eventually, isHead, isOlderBranch, isVersion, question, regenerate, reply, screen } from "./harness/versions.mjs";

const KNOBS = { assistant: "approval", n_tokens: 12, delay_ms: 5 };
const DISTS = { leptos: distOf("leptos"), react: distOf("react19") };
const scenario = DISTS.leptos && DISTS.react ? suite({ on: ["rejoin"], apps: ["react19"] }) : () => {};

/** Each step, and what has to be on the screen after it. */
const STEPS = {
  async "send"(app) {
    await app.send("draft a note");
    await app.at("interrupt").waitFor();
  },
  async "approve"(app) {
    await app.at("interrupt-approve").click();
    await app.shows("done approved=");
  },
  async "send again"(app) {
    await app.send("and another");
    await app.at("interrupt").waitFor();
  },
  async "edit the first question"(app) {
    await edit(app, 0, "draft a poem");
    await asks(app, "draft a poem");
    await app.at("interrupt").waitFor();
  },
  async "regenerate its draft"(app) {
    const [before] = await reply(app, 0).evaluateAll((all) => all.map((one) => one.dataset.messageId));
    await regenerate(app, 0);
    await eventually(async () => (await reply(app, 0).getAttribute("data-message-id")) !== before, true, "another draft");
    await isVersion(reply(app, 0), "2/2");
    await app.at("interrupt").waitFor();
  },
  async "answer in other words"(app) {
    await app.at("interrupt-answer").fill("only on Mondays");
    await app.at("interrupt-send").click();
    await app.shows("done approved=");
  },
  async "go back to the first question's first version"(app) {
    await question(app, 0).getByTestId("branch-previous").click();
    await asks(app, "draft a note", "and another");
    await app.at("interrupt").waitFor();
  },
  async "reload"(app) {
    await app.page.reload({ waitUntil: "domcontentloaded" });
    await asks(app, "draft a poem");
    await app.shows("done approved=");
  },
};

/** What a person sees, without what differs between two runs of the same. */
const sight = (app) => app.page.evaluate(() => {
  const text = (of, testid) => of.querySelector(`[data-testid="${testid}"]`)?.textContent.trim() ?? "";
  return {
    messages: [...document.querySelectorAll('[data-testid="messages"] [data-testid="message"]')].map((message) => ({
      role: message.dataset.role, text: text(message, "message-text"), version: text(message, "branch"), incomplete: message.dataset.incomplete === "true",
      offers: ["edit", "regenerate"].filter((offer) => message.querySelector(`[data-testid="${offer}"]`)),
    })),
    questions: document.querySelectorAll('[data-testid="interrupt"]').length,
    errors: document.querySelectorAll('[data-testid="error"]').length,
  };
});

/** The tree that the thread's states form, without their ids. */
async function shape(session, thread) {
  const history = (await session.agent.history(thread)).reverse();
  const places = new Map(history.map((state, at) => [state.checkpoint.checkpoint_id, at]));
  return history.map((state) => ({
    parent: places.get(state.parent_checkpoint?.checkpoint_id) ?? null,
    next: state.next,
    asks: state.tasks.flatMap((task) => task.interrupts).length,
    messages: (state.values?.messages ?? []).map((message) => `${message.type}: ${message.content}`),
  }));
}

scenario("one conversation in Leptos and in React: the same on both screens after each step, and the same on the server", async (session) => {
  const proxies = [];
  try {
    const open = async (dist) => {
      const proxy = await startProxy(session.server.url, { dist });
      proxies.push(proxy);
      const app = await App.tab({ context: session.context, proxy, agent: session.agent });
      return app.open(KNOBS);
    };
    const pages = { leptos: await open(DISTS.leptos), react: await open(DISTS.react) };
    for (const [step, act] of Object.entries(STEPS)) {
      const seen = {};
      for (const [name, app] of Object.entries(pages)) {
        await app.page.bringToFront();
        await act(app).catch((error) => {
          error.stack = `${name}, ${step}: ${error.stack}`;
          throw error;
        });
        await session.agent.idle(await app.threadKnown());
        if (step.startsWith("go back")) await isOlderBranch(session, app);
        else await isHead(session, app);
        seen[name] = () => sight(app);
      }
      await eventually(seen.leptos, await seen.react(), `the Leptos demo, against the React demo, after: ${step}`);
    }
    assert.ok((await screen(pages.react))[1].includes(word(11)));
    const [leptos, react] = [pages.leptos, pages.react].map((app) => app.thread());
    assert.notEqual(leptos, react);
    assert.deepEqual(await shape(session, leptos), await shape(session, react));
    for (const app of Object.values(pages)) await app.healthy();
  } finally {
    for (const proxy of proxies) await proxy.close();
  }
}, { timeout: 120_000 });
