// What a person does with agent-chat-ui, by name. Each works on threads of its own.
import assert from "node:assert/strict";
import { word, words } from "../harness/text.mjs";

const UNTIL_MS = 30_000;

const FAST = { n_tokens: 12, delay_ms: 5 };
const SLOW = { n_tokens: 160, delay_ms: 40 };

/** An assistant of that graph. The app has no place for settings of a run. */
async function assistant(api, graph, configurable = FAST) {
  const body = JSON.stringify({ graph_id: graph, config: { configurable } });
  const response = await fetch(`${api}/assistants`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(response.status, 200, `no assistant of ${graph}`);
  return (await response.json()).assistant_id;
}

/** The app in a tab. */
class Chat {
  constructor(page) {
    this.page = page;
  }

  static async open({ app, api, open }, assistantId, query = {}) {
    const chat = new Chat(await open());
    await chat.page.goto(`${app}/?${new URLSearchParams({ apiUrl: api, assistantId, ...query })}`);
    await chat.input.waitFor();
    return chat;
  }

  get input() {
    return this.page.getByPlaceholder("Type your message...");
  }
  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }
  get threadId() {
    return new URL(this.page.url()).searchParams.get("threadId");
  }
  /** Questions and answers, without blanks at their ends. */
  async said() {
    const texts = await this.page.locator("p.bg-muted, div.group.mr-auto .markdown-content").allInnerTexts();
    return texts.map((text) => text.trim());
  }

  async send(text) {
    await this.input.fill(text);
    await this.button("Send").click();
  }
  async shows(text) {
    await this.page.waitForFunction((wanted) => document.body.innerText.includes(wanted), text.trim());
  }
  /** The run is over, and these are the questions and answers. */
  async rests(...said) {
    const wanted = said.map((text) => text.trim());
    await this.button("Send").waitFor();
    await this.page.waitForLoadState("networkidle");
    await until(async () => JSON.stringify(await this.said()) === JSON.stringify(wanted), async () => `not ${JSON.stringify(wanted)}, but ${JSON.stringify(await this.said())}`);
  }
  async hasNoToast() {
    assert.deepEqual(await this.page.locator("[data-sonner-toast]").allInnerTexts(), []);
  }
}

async function until(is, words) {
  const deadline = Date.now() + UNTIL_MS;
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(await words());
    await new Promise((done) => setTimeout(done, 50));
  }
}

const ANSWER = words(FAST.n_tokens);
const LONG = words(SLOW.n_tokens);

/** A thread with one question and its answer. */
async function answered(world, text = "one", graph = "chat") {
  const chat = await Chat.open(world, await assistant(world.api, graph));
  await chat.send(text);
  await chat.rests(text, ANSWER);
  return chat;
}

/** A long answer that has begun. */
async function begun(world, query) {
  const id = await assistant(world.api, "chat", SLOW);
  const chat = await Chat.open(world, id, query);
  await chat.send("a long one");
  await chat.shows(word(10));
  return { chat, id };
}

/** Cases that are meant to fail with `rejoin/react`, each with the reason. */
export const differs = {
  "the old answer stays until the new one begins": "it leaves the screen at once, so that the click shows an effect (docs/differences.md)",
};

export const cases = {
  async send(world) {
    const chat = await answered(world);
    await chat.send("two");
    await chat.rests("one", ANSWER, "two", ANSWER);
    await chat.hasNoToast();
  },

  async stop(world) {
    const { chat } = await begun(world);
    await chat.button("Cancel").click();
    await chat.button("Send").waitFor();
    const [, answer] = await chat.said();
    assert.ok(answer.includes(word(10).trim()) && answer.length < LONG.trim().length, answer);
    await chat.hasNoToast();
  },

  async "a question after a stop"(world) {
    const { chat } = await begun(world);
    await chat.button("Cancel").click();
    await chat.button("Send").waitFor();
    await chat.send("two");
    // Stopping leaves the run, so both questions are answered whole.
    await chat.rests("a long one", LONG, "two", LONG);
    await chat.hasNoToast();
  },

  async "reload mid-stream"(world) {
    const { chat } = await begun(world);
    await chat.page.reload();
    await chat.shows(word(11));
    await chat.rests("a long one", LONG);
    await chat.hasNoToast();
  },

  async "second tab"(world) {
    const { chat, id } = await begun(world);
    const second = await Chat.open(world, id, { threadId: chat.threadId });
    await second.shows(word(20));
    for (const tab of [chat, second]) await tab.rests("a long one", LONG);
  },

  async "leave and return"(world) {
    const id = await assistant(world.api, "chat", SLOW);
    const chat = await Chat.open(world, id, { chatHistoryOpen: "true" });
    await chat.send("the other thread");
    await chat.rests("the other thread", LONG);
    await chat.page.reload();
    await chat.button("the other thread").waitFor();
    await chat.button("New thread").click();
    await chat.send("a long one");
    await chat.shows("a long one");
    await chat.shows(word(5));
    // The list of threads is read again four seconds after a thread was made. It names a thread by its id until a run has ended.
    const long = chat.page.getByRole("button", { name: new RegExp(`^(${chat.threadId}|a long one)$`) });
    await long.waitFor();
    await chat.button("the other thread").click();
    await until(async () => (await chat.said())[0] === "the other thread", () => "the other thread is not shown");
    await long.click();
    await chat.rests("a long one", LONG);
    await chat.hasNoToast();
  },

  async "edit and branches"(world) {
    const chat = await answered(world);
    await chat.send("two");
    await chat.rests("one", ANSWER, "two", ANSWER);
    await chat.button("Edit").first().click();
    await chat.page.locator("textarea").first().fill("one, edited");
    await chat.button("Submit").click();
    await chat.rests("one, edited", ANSWER);
    await chat.shows("2 / 2");
    const question = chat.page.locator("div.group.ml-auto").first();
    await question.getByRole("button").nth(0).click();
    await chat.rests("one", ANSWER, "two", ANSWER);
    await chat.shows("1 / 2");
    await question.getByRole("button").nth(1).click();
    await chat.rests("one, edited", ANSWER);
    await chat.page.reload();
    await chat.rests("one, edited", ANSWER);
    await chat.shows("2 / 2");
  },

  async regenerate(world) {
    const chat = await answered(world);
    await chat.button("Refresh").last().click();
    await chat.shows("2 / 2");
    await chat.rests("one", ANSWER);
    await chat.page.locator("div.group.mr-auto").last().getByRole("button").nth(0).click();
    await chat.shows("1 / 2");
    await chat.rests("one", ANSWER);
  },

  async "the old answer stays until the new one begins"(world) {
    const chat = await answered(world);
    // The first run of the thread is over, and the next is slow to begin.
    let begin;
    const held = new Promise((done) => (begin = done));
    await chat.page.route("**/runs/stream", async (route) => {
      await held;
      await route.continue();
    });
    await chat.button("Refresh").last().click();
    await chat.button("Cancel").waitFor();
    assert.deepEqual(await chat.said(), ["one", ANSWER.trim()]);
    begin();
    await chat.shows("2 / 2");
    await chat.rests("one", ANSWER);
  },

  async "tool calls"(world) {
    const chat = await Chat.open(world, await assistant(world.api, "tools"));
    await chat.send("the weather");
    await chat.shows("get_weather");
    await chat.shows("22C in Paris");
    await chat.rests("the weather", "Let me look that up.", ANSWER);
    assert.deepEqual((await chat.page.locator("table td").allInnerTexts()).slice(0, 2), ["city", "Paris"]);
    await chat.page.getByLabel("Hide Tool Calls").click();
    await until(async () => (await chat.page.getByText("22C in Paris").count()) === 0, () => "the tool's result is not hidden");
  },

  async "an interrupt, shown and kept over a reload"(world) {
    const chat = await Chat.open(world, await assistant(world.api, "approval"));
    await chat.send("write it");
    await chat.shows("Send this draft?");
    await chat.page.reload();
    await chat.shows("Send this draft?");
  },

  async "a review, approved"(world) {
    const chat = await Chat.open(world, await assistant(world.api, "review"));
    await chat.send("send it");
    await chat.button("Approve").click();
    await chat.rests("send it", "I would send this mail.", "decided approve");
    assert.equal(await chat.button("Approve").count(), 0);
  },

  async "a review, rejected after a reload"(world) {
    const chat = await Chat.open(world, await assistant(world.api, "review"));
    await chat.send("send it");
    await chat.button("Approve").waitFor();
    await chat.page.reload();
    await chat.page.locator("textarea").nth(1).fill("not now");
    await chat.button("Submit rejection").click();
    await chat.rests("send it", "I would send this mail.", "decided reject");
  },

  async "a review, marked as resolved"(world) {
    const chat = await Chat.open(world, await assistant(world.api, "review"));
    await chat.send("send it");
    await chat.button("Mark as Resolved").click();
    await chat.button("Approve").waitFor({ state: "detached" });
    await chat.rests("send it", "I would send this mail.");
  },

  async "generative UI"(world) {
    const chat = await Chat.open(world, "card");
    // The server names the component's script by a path of the page's origin, where a deployment's proxy has the server.
    await chat.page.route(`${world.app}/ui/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: `${world.api}${pathname}` }) });
    });
    await chat.send("a card");
    await chat.rests("a card", "Here is a card.");
    await chat.page.getByText("A card from the server").waitFor();
    await chat.page.reload();
    await chat.page.getByText("A card from the server").waitFor();
  },

  async "a component that the server does not have"(world) {
    const chat = await Chat.open(world, "card");
    await chat.page.route("**/ui/**", (route) => route.fulfill({ status: 404, body: "" }));
    await chat.send("a card");
    await chat.rests("a card", "Here is a card.");
    // The SDK's component catches nothing.
    world.forgive(/404/);
  },

  async "a failed run"(world) {
    const chat = await Chat.open(world, await assistant(world.api, "boom"));
    await chat.send("fail");
    const toast = chat.page.locator("[data-sonner-toast]");
    await toast.first().waitFor();
    assert.match(await toast.first().innerText(), /blew up/);
    assert.equal(await toast.count(), 1);
    await chat.button("Send").waitFor();
    await chat.page.reload();
    await chat.shows("fail");
    await chat.page.waitForLoadState("networkidle");
    await chat.hasNoToast();
  },
};
