// A page as a person meets it: everything goes through data-testid, nothing through its insides.
import assert from "node:assert/strict";
import { assertNeverShrinks, record } from "./recorder.mjs";

/** Short times, so that a test of a timeout does not last one. */
export const QUICK = {
  join_timeout_ms: 2000, stall_ms: 2500, backoff_base_ms: 50, backoff_max_ms: 300, attempts_max: 8, settle_timeout_ms: 3000,
};
const WAIT_MS = 20_000;
const DESKTOP = { width: 1280, height: 800 };
const NOISE = /Failed to load resource|net::ERR_|preloaded using link preload/;

/** A tab on the page under test. `session` is what `test.mjs` hands to each test. */
export class App {
  #errors = [];
  #front;

  constructor(session, page) {
    this.session = session;
    this.page = page;
    /** Every text shown, in order. */
    this.log = [];
    /** Every connection state shown, in order. */
    this.states = [];
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error) => this.#errors.push(`page error: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !NOISE.test(message.text())) this.#errors.push(`console: ${message.text()}`);
    });
  }

  /** A new tab with its recorder, still empty. Pass an earlier tab's `log` to go on with its record. */
  static async tab(session, { log, context } = {}) {
    const page = await (context ?? session.context).newPage();
    await page.setViewportSize(DESKTOP);
    const app = new App(session, page);
    if (log) app.log = log;
    await record(page, app.log, app.states);
    return app;
  }

  /** Opens the page with knobs in the URL. Tabs share no connection unless a test says so: most count their own. */
  async open(query = {}) {
    const all = new URLSearchParams({ plain: "1", assistant: "chat", share: "off", ...QUICK, ...query });
    return this.goto(`${this.session.proxy.origin}/?${all}`);
  }

  /** Opens exactly this address. */
  async goto(url) {
    await this.page.goto(url, { waitUntil: "domcontentloaded" });
    await this.at("composer").waitFor();
    return this;
  }

  at(testid) {
    return this.page.getByTestId(testid);
  }

  async send(text = "hello") {
    await this.at("composer").fill(text);
    await this.at("send").click();
  }

  /** The shown answer to the last question: AI messages joined by the recorder's joint. */
  answer() {
    return this.page.evaluate(() => window.__rejoinAnswer().text);
  }

  /** Waits until the shown answer contains `part`. */
  async shows(part) {
    await this.page.waitForFunction((wanted) => window.__rejoinAnswer().text.includes(wanted), part);
  }

  /** Puts another tab in front, so that this one is hidden. */
  async hide() {
    this.#front = await this.session.context.newPage();
    await this.#front.bringToFront();
    await this.page.waitForFunction(() => document.visibilityState === "hidden");
  }

  /** Takes it away again. */
  async show() {
    await this.#front.close();
    await this.page.bringToFront();
    await this.page.waitForFunction(() => document.visibilityState === "visible");
  }

  connection() {
    return this.at("connection").first().getAttribute("data-state");
  }

  /** Waits for one of these connection states and says which it was. */
  async state(...states) {
    const wanted = states.map((state) => `[data-testid="connection"][data-state="${state}"]`).join(", ");
    await this.page.locator(wanted).first().waitFor({ state: "attached" }).catch(async () => {
      throw new Error(`connection never became ${states.join(" or ")}; it is ${await this.connection()}; error: ${await this.errorText()}; answer: ${JSON.stringify((await this.answer()).slice(-60))}; calls: ${this.session.proxy.describe()}`);
    });
    return this.connection();
  }

  /** Waits until one of these connection states is, or was, shown. */
  async passed(...states) {
    const deadline = Date.now() + WAIT_MS;
    while (!this.states.some((state) => states.includes(state))) {
      assert.ok(Date.now() < deadline, `connection never was ${states.join(" or ")}, only ${this.states.join(", ")}`);
      await this.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 20)));
    }
  }

  /** Waits for an error banner with this code; returns its text. */
  async error(code) {
    return this.#coded("error", code);
  }

  /** Waits for a notice with this code; returns its text. */
  async notice(code) {
    return this.#coded("notice", code);
  }

  async errorText() {
    const banner = this.at("error");
    return (await banner.count()) > 0 ? `${await banner.first().getAttribute("data-code")}: ${await banner.first().innerText()}` : "none";
  }

  /** The run ended well, and everything a reader can see is whole, once, and what the server has. */
  async settled(expected, options) {
    await this.state("finished");
    await this.same(expected, options);
    assert.equal(await this.at("error").count(), 0, `an error is shown: ${await this.errorText()}`);
    await this.forgotten();
    await this.healthy();
  }

  /** The shown answer is `expected`, byte for byte, and was never anything else than a beginning of it. */
  async same(expected, options) {
    await this.page.waitForFunction((wanted) => window.__rejoinAnswer().text === wanted, expected).catch(async () => {
      assert.equal(await this.answer(), expected);
    });
    assert.equal(await this.page.locator('[data-testid="message"][data-incomplete="true"]').count(), 0, "a message is still marked incomplete");
    assertNeverShrinks(this.log, expected, options);
  }

  /** No run is remembered any more. */
  async forgotten() {
    await this.page.waitForFunction(() => Object.keys(localStorage).every((key) => !key.startsWith("rejoin:") || !localStorage[key].includes("run_id"))).catch(async () => {
      assert.fail(`a run is still remembered: ${JSON.stringify(await this.stored())}`);
    });
  }

  /** What the library keeps in localStorage. */
  stored() {
    return this.page.evaluate(() => Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith("rejoin:"))));
  }

  /** The thread in the address bar. */
  thread() {
    return new URL(this.page.url()).searchParams.get("thread");
  }

  /** Waits until the thread's id is in the address bar, so that a reload finds it. */
  async threadKnown() {
    await this.page.waitForURL((url) => url.searchParams.has("thread"), { waitUntil: "commit" });
    return this.thread();
  }

  /** No exception, panic or security policy violation so far. */
  async healthy() {
    assert.deepEqual(this.#errors, []);
  }

  async #coded(testid, code) {
    const banner = this.page.locator(`[data-testid="${testid}"][data-code="${code}"]`).first();
    await banner.waitFor().catch(async () => {
      const found = await this.page.locator(`[data-testid="${testid}"]`).evaluateAll((all) => all.map((one) => one.dataset.code));
      throw new Error(`no ${testid} with code ${code}; there are ${JSON.stringify(found)}; state ${await this.connection()}; calls: ${this.session.proxy.describe()}`);
    });
    const text = await banner.innerText();
    assert.ok(text.trim().length > 10, `the ${testid} ${code} says nothing: ${JSON.stringify(text)}`);
    return text;
  }
}
