// What each test is handed: the server, a proxy of its own (hence an origin and storage of its own), and tabs.
import { after, before, test } from "node:test";
import { Agent } from "./agent.mjs";
import { App } from "./app.mjs";
import { appKind, lacks } from "./apps.mjs";
import { startBrowser } from "./browser.mjs";
import { startProxy } from "./proxy.mjs";
import { serverKind, startServer } from "./servers.mjs";

const TEST_TIMEOUT_MS = 90_000;

/** How much of a page is told with a failure. */
const SEEN_LINES = 40;
const SEEN_WIDTH = 160;
const SEEN_MS = 2_000;

/**
 * Starts one server and one browser for a file of tests. Returns `scenario(name, work, options)`, which registers a
 * test. `on` names the servers, `apps` the pages that the file (or the test) applies to; on others it is not there at
 * all. `needs` names what not every page has (apps.mjs); on a page without it the test is skipped, with the reason.
 */
export function suite({ on: servers, apps } = {}) {
  if (servers && !servers.includes(serverKind)) return () => {};
  if (apps && !apps.includes(appKind)) return () => {};
  const shared = {};
  before(async () => {
    shared.browser = await startBrowser();
    shared.server = await startServer();
  });
  after(async () => {
    await shared.server?.stop();
    await shared.browser?.close();
  });
  return function scenario(name, work, { on, needs, timeout = TEST_TIMEOUT_MS } = {}) {
    if (on && !on.includes(serverKind)) return;
    test(name, { timeout, skip: lacks(needs) }, async () => {
      const session = new Session(shared.browser, shared.server, await startProxy(shared.server.url));
      try {
        await work(session);
        session.proxy.assertFaultsHappened();
      } catch (error) {
        // An assertion's own text is printed from its stack, whatever becomes of its message.
        error.stack = `${error.stack}\n${await session.describe()}`;
        throw error;
      } finally {
        await session.close();
        await shared.server.revive();
      }
    });
  };
}

/** What is on a page, as a screen reader has it: its last lines, as here a page grows at its end. */
async function seen(page) {
  const snapshot = await page.locator("body").ariaSnapshot({ timeout: SEEN_MS }).catch(() => "?");
  return snapshot.split("\n").slice(-SEEN_LINES).map((line) => `    ${line.slice(0, SEEN_WIDTH)}`).join("\n");
}

class Session {
  #tabs = [];

  constructor(browser, server, proxy) {
    this.browser = browser;
    this.server = server;
    this.proxy = proxy;
    this.agent = new Agent(server.url);
  }

  get context() {
    return this.browser.context;
  }

  /** Opens the page under test in a new tab. */
  async open(query = {}, options = {}) {
    const app = await this.tab(options);
    return app.open(query);
  }

  /** A new tab that has opened nothing yet. */
  async tab(options = {}) {
    const app = await App.tab(this, options);
    this.#tabs.push(app);
    return app;
  }

  /** What a failure's reader wants to know. */
  async describe() {
    const tabs = await Promise.all(this.#tabs.map(async (app) => {
      if (app.page.isClosed()) return "closed tab";
      const answer = await app.answer().catch(() => "?");
      return `tab ${app.page.url()}: ${await app.connection().catch(() => "?")}, answer ends ${JSON.stringify(answer.slice(-40))}\n${await seen(app.page)}`;
    }));
    return [...tabs, `calls:${this.proxy.describe()}`, `server's last words: ${this.server.log.slice(-600)}`].join("\n");
  }

  async close() {
    await this.context.setOffline(false);
    for (const app of this.#tabs) {
      if (!app.page.isClosed()) await app.page.close();
    }
    await this.proxy.close();
  }
}
