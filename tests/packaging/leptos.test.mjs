// An application outside of this repository with the packaged `rejoin-leptos`: its ten steps in Chromium, each on a page that its
// server has rendered and that goes on from there, under a content security policy.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "../e2e/harness/agent.mjs";
import { freePort, killGroup } from "../e2e/harness/processes.mjs";
import { startServer } from "../e2e/harness/servers.mjs";
import { startBrowser } from "./harness/browser.mjs";
import { WORK, start } from "./harness/project.mjs";

const SOURCES = new URL("leptos/", import.meta.url).pathname;
const EXAMPLE = new URL("../../crates/leptos/examples/ssr/src/", import.meta.url).pathname;
const DIR = join(WORK, "leptos");
const BINARY = process.env.TEN_STEPS_BINARY ?? join(WORK, "../debug/ten-steps");
const ISLANDS = "rejoin-example-islands";
const TIMEOUT_MS = 180_000;
const WAIT_MS = 60_000;
const POLL_MS = 50;
const QUICK = { n_tokens: 12, delay_ms: 5, steps: 4, step_ms: 20 };
const SLOW = { n_tokens: 120, delay_ms: 50, steps: 40, step_ms: 200 };

/** The files that hold each step's code. A page's file counts whole. */
const STEPS = {
  "chat": ["steps/chat.rs"],
  "typed state": ["steps/state.rs"],
  "interrupts": ["steps/questions.rs"],
  "edit, regenerate, branches": ["steps/versions.rs"],
  "custom events": ["steps/progress.rs"],
  "tool cards": ["steps/tools.rs"],
  "reload in the middle of a stream": ["steps/reload.rs"],
  "two streams, context, unmount and remount": ["steps/together.rs"],
  "rendered on a server, hydrated, content security policy": ["main.rs", "policy.rs", "lib.rs"],
};

describe("leptos", () => {
  let agent;
  let browser;
  const running = [];
  let server;
  let site;
  let started;
  let starting;

  /** Starts what all steps share, when the first of them runs: a filter may leave out all. */
  async function begin() {
    [browser, server] = await Promise.all([startBrowser(), startServer("rejoin")]);
    agent = new Agent(server.url);
  }

  /** Runs an application's server, and gives its address once this page of it answers. */
  async function serve(binary, name, files, path) {
    assert.ok(existsSync(binary), `${binary} is not there: cargo xtask packaging leptos builds it`);
    const address = `127.0.0.1:${await freePort()}`;
    const env = { AGENT_URL: server.url, LEPTOS_OUTPUT_NAME: name, LEPTOS_SITE_ROOT: files, LEPTOS_SITE_ADDR: address };
    const child = start(files, binary, [], { env });
    running.push(child);
    await answers(`http://${address}${path}`, child);
    return `http://${address}`;
  }
  after(async () => {
    if (!started) return;
    await Promise.all([...running.map((child) => killGroup(child)), browser?.close(), server?.stop()]);
    for (const [name, files] of Object.entries(STEPS)) console.log(`${String(lines(files)).padStart(4)} lines  ${name}`);
  });

  /** Registers a step's test: `work` gets the step's page, whose runs are as quick as `knobs` say. */
  function step(name, path, work, { knobs = QUICK } = {}) {
    test(`leptos: ${name}`, { timeout: TIMEOUT_MS }, async () => {
      await (started ??= begin());
      site = await (starting ??= serve(BINARY, "ten-steps", join(DIR, "site"), "/chat"));
      const page = await open(`${site}${path}`, knobs);
      try {
        await work(page);
        assert.deepEqual(page.trouble, []);
      } finally {
        await page.close();
      }
    });
  }

  /** A page of the application, hydrated. `trouble` collects exceptions, and what the console warns of. */
  async function open(url, knobs) {
    const page = await browser.newPage();
    page.setDefaultTimeout(WAIT_MS);
    const trouble = [];
    page.on("pageerror", (error) => trouble.push(`exception: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) trouble.push(`console ${message.type()}: ${message.text()}`);
    });
    // The agent's pace is the test's to choose, not the application's.
    await page.route("**/runs/stream", (route) => {
      const body = route.request().postDataJSON();
      return route.continue({ postData: JSON.stringify({ ...body, config: { configurable: knobs } }) });
    });
    await page.goto(url);
    return Object.assign(page, { trouble });
  }

  step("chat", "/chat", async (page) => {
    await send(page, "hello");
    await says(page, "Finished.");
    assert.deepEqual(await texts(page), ["hello", words(QUICK)]);
    await send(page, "again");
    await page.waitForFunction(() => document.querySelectorAll("p").length === 4);
    await says(page, "Finished.");
    assert.deepEqual(await texts(page), ["hello", words(QUICK), "again", words(QUICK)]);
  });

  step("a run is stopped", "/chat", async (page) => {
    await send(page, "hello");
    await page.locator("p.ai").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await says(page, "Stopped.");
  }, { knobs: SLOW });

  step("typed state", "/state", async (page) => {
    assert.equal(await page.locator("output").innerText(), "");
    await send(page, "look it up");
    await says(page, "Finished.");
    assert.equal(await page.locator("output").innerText(), String(QUICK.steps));
  });

  step("interrupts, which a reload restores", "/questions", async (page) => {
    await send(page, "write to them");
    const question = page.getByRole("group", { name: "Send this draft?" });
    await question.waitFor();
    await says(page, "The agent waits for your answer.");
    await page.reload();
    await question.getByRole("button", { name: "Yes" }).click();
    await says(page, "Finished.");
    assert.equal(await question.count(), 0);
    assert.equal((await texts(page)).at(-1), "done approved=True");
  });

  step("edit, regenerate, branches", "/versions", async (page) => {
    await send(page, "first");
    await says(page, "Finished.");
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByText("Edited", { exact: true }).waitFor();
    await says(page, "Finished.");
    assert.deepEqual(await texts(page), ["Edited", words(QUICK)]);
    await page.getByRole("button", { name: "Version 1" }).click();
    await page.getByText("first", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Version 2" }).click();
    await page.getByText("Edited", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Again" }).click();
    // The question's two versions, and the two answers to its second one.
    await page.waitForFunction(() => [...document.querySelectorAll("main button")].filter((button) => button.textContent.startsWith("Version")).length === 4);
    await says(page, "Finished.");
    assert.deepEqual(await texts(page), ["Edited", words(QUICK)]);
  });

  step("custom events, which a reload restores", "/progress", async (page) => {
    await send(page, "look it up");
    await page.waitForFunction(() => document.querySelector("progress").value >= 10);
    const before = await page.locator("progress").evaluate((bar) => bar.value);
    await page.reload();
    await page.waitForFunction((value) => document.querySelector("progress").value >= value, before);
    await page.waitForFunction(() => document.querySelector("progress").value === 100);
    await says(page, "Finished.");
    assert.ok((await page.locator("output").innerText()).length > 0);
    assert.ok(Number(await page.locator("main b").innerText()) > 0, "no event was heard after the reload");
  }, { knobs: { ...QUICK, steps: 20, step_ms: 100 } });

  step("tool cards", "/tools", async (page) => {
    await send(page, "what is the weather?");
    await says(page, "Finished.");
    const card = page.locator("article");
    assert.equal(await card.count(), 1);
    assert.equal(await card.locator("h2").innerText(), "get_weather");
    assert.equal(await card.locator("i").innerText(), "Paris");
    assert.equal(await card.locator("b").innerText(), await page.locator("p.tool").innerText());
  });

  step("reload in the middle of a stream", "/reload", (page) => survivesReload(page, "p"), { knobs: SLOW });

  test("leptos: an island's stream goes on after a reload", { timeout: TIMEOUT_MS }, async () => {
    await (started ??= begin());
    const files = join(WORK, "islands");
    const page = await open(await serve(join(BINARY, "..", ISLANDS), ISLANDS, files, "/"), SLOW);
    try {
      await survivesReload(page, "leptos-island p");
      assert.deepEqual(page.trouble, []);
    } finally {
      await page.close();
    }
  });

  /** Reloads the page while the answer streams. `messages` selects the messages. */
  async function survivesReload(page, messages) {
    await send(page, "hello");
    const length = (least) => page.waitForFunction((least) => document.querySelector("p.ai")?.textContent.length > least, least);
    await length(40);
    const thread = new URL(page.url()).searchParams.get("thread");
    assert.match(thread, /^[0-9a-f-]{36}$/);
    await page.reload();
    await length(80);
    await says(page, "Finished.");
    assert.deepEqual(await page.locator(messages).allTextContents(), ["hello", words(SLOW)]);
    assert.equal((await agent.runs(thread)).length, 1, "the reload began another run");
  }

  step("two streams, context, unmount and remount", "/together", async (page) => {
    const [left, right] = [page.locator("#left"), page.locator("#right")];
    await send(left, "one");
    await send(right, "two");
    await left.locator("p.ai").waitFor();
    await page.getByRole("button", { name: "Hide or show" }).click();
    await left.waitFor({ state: "detached" });
    const count = (of) => page.locator(`output[data-of=${of}]`);
    const before = Number(await count("left").innerText());
    // The stream goes on without a component that shows its messages, and so does it on another page.
    await page.waitForFunction((length) => Number(document.querySelector("output[data-of=left]").textContent) > length, before);
    await page.getByRole("link", { name: "Chat" }).click();
    await page.waitForURL("**/chat");
    await page.getByRole("link", { name: "Together" }).click();
    await left.getByText("one", { exact: true }).waitFor();
    await says(left, "Finished.");
    await says(right, "Finished.");
    for (const [side, question] of [[left, "one"], [right, "two"]]) assert.deepEqual(await texts(side), [question, words(SLOW)]);
    assert.equal(Number(await count("left").innerText()), `one${words(SLOW)}`.length);
  }, { knobs: SLOW });

  step("rendered on a server and hydrated under its content security policy", "/chat", async (page) => {
    const response = await fetch(`${site}/chat`);
    const [html, policy] = [await response.text(), response.headers.get("content-security-policy")];
    assert.match(html, /role="status"[^>]*>(<!>)?Ready\./);
    assert.ok(html.includes(server.url), "the page is not told of the agent");
    const [, nonce] = /'nonce-([^']+)'/.exec(policy);
    const scripts = html.match(/<script[^>]*>/g);
    assert.ok(scripts.length > 0 && scripts.every((script) => script.includes(`nonce="${nonce}"`)), String(scripts));
    assert.equal((await page.request.get(`${site}/chat`)).headers()["content-security-policy"].includes(nonce), false, "the nonce is used twice");
    // What the server has rendered is what the page goes on with.
    await page.evaluate(() => (document.querySelector("form").dataset.rendered = "yes"));
    await send(page, "hello");
    await says(page, "Finished.");
    assert.equal(await page.locator("form[data-rendered=yes]").count(), 1);
    // And the policy is in force.
    const ran = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.injected = true";
      document.head.append(script);
      return window.injected ?? false;
    });
    assert.equal(ran, false, "a script without the nonce ran");
    page.trouble.splice(0, Infinity, ...page.trouble.filter((line) => !line.includes("Content Security Policy")));
  });

  test("leptos: README.md tells how many lines each step takes", () => {
    const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
    for (const [name, files] of Object.entries(STEPS)) assert.ok(new RegExp(`^\\| \\d+\\. ${name} \\|[^|]+\\| ${lines(files)}\\b`, "m").test(readme), `${name}: ${lines(files)} lines`);
  });

  test("leptos: the example sends the policy that is tested here", () => {
    const policy = (dir) => readFileSync(join(dir, "policy.rs"), "utf8");
    assert.equal(policy(EXAMPLE), policy(join(SOURCES, "src")));
  });
});

async function send(where, text) {
  const [box, button] = [where.getByRole("textbox", { name: "Message" }), where.getByRole("button", { name: "Send" })];
  // Nobody hears of what is typed before the page is hydrated.
  for (const deadline = Date.now() + WAIT_MS; ; ) {
    await box.fill("");
    await box.fill(text);
    await sleep(POLL_MS);
    if (await button.isEnabled()) return button.click();
    if (Date.now() > deadline) throw new Error("the page is not hydrated");
  }
}

async function says(where, text) {
  await where.getByRole("status").filter({ hasText: text }).waitFor().catch(async (error) => {
    throw new Error(`it says ${await where.getByRole("status").allTextContents()}, not ${text}`, { cause: error });
  });
}

const texts = (where) => where.locator("p").allTextContents();

/** What the scripted agent answers. */
function words({ n_tokens: count }) {
  const all = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu".split(" ");
  return Array.from({ length: count }, (_, at) => `${all[at % all.length]}${at} `).join("");
}

/** How many lines of code these files have, without empty ones and comments. */
function lines(files) {
  const code = files.flatMap((file) => readFileSync(join(SOURCES, "src", file), "utf8").split("\n"));
  return code.filter((line) => line.trim() !== "" && !line.trim().startsWith("//")).length;
}

async function answers(url, child) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the application's server ended:\n${child.said()}`);
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    if (Date.now() > deadline) throw new Error(`${url} does not answer:\n${child.said()}`);
    await sleep(POLL_MS);
  }
}
