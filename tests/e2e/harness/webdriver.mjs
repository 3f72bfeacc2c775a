// One tab of Chromium, Firefox or WebKit, driven through WebDriver. Firefox is spoken to as its driver program would (Marionette: the
// same commands over a socket), because that program is in no package; WebKit gets a screen of Xvfb's, because it has no headless mode.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithUs, freePort, killGroup } from "./processes.mjs";

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const WINDOW = { width: 1280, height: 800 };
const CHROMIUM_FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"];
const PRIVATE = { settings: { "browser.privatebrowsing.autostart": true }, flags: ["--remote-allow-system-access"] };
const FIREFOX_SETTINGS = { "browser.shell.checkDefaultBrowser": false, "datareporting.policy.dataSubmissionEnabled": false };

/** Each command as it is called over HTTP and over Marionette's socket. */
const COMMANDS = {
  navigate: ["/url", "WebDriver:Navigate"],
  execute: ["/execute/sync", "WebDriver:ExecuteScript"],
  minimize: ["/window/minimize", "WebDriver:MinimizeWindow"],
  resize: ["/window/rect", "WebDriver:SetWindowRect"],
};

/** Starts a browser with an empty profile: "chromium", "firefox" or "webkit". In Firefox, `isPrivate` makes the tab one of a private window. */
export async function startTab(kind, options = {}) {
  const start = { chromium, firefox, webkit }[kind];
  if (!start) throw new Error(`no such browser: ${kind}`);
  const programs = new Programs();
  try {
    const tab = new Tab(programs, await start(programs, options));
    await tab.show();
    return tab;
  } catch (error) {
    await programs.end();
    throw error;
  }
}

class Tab {
  #programs;
  #session;

  constructor(programs, session) {
    this.#programs = programs;
    this.#session = session;
  }

  async goto(url) {
    await this.#session.send("navigate", { url });
  }

  /** Runs a function in the page and returns what it returns. */
  run(work, ...args) {
    return this.#session.send("execute", { script: `return (${work}).apply(null, arguments);`, args });
  }

  /** Puts the window away: the page becomes hidden. */
  async hide() {
    await this.#session.send("minimize", {});
    await this.#until("hidden");
  }

  /** Brings the window back. */
  async show() {
    await this.#session.send("resize", WINDOW);
    await this.#until("visible");
  }

  async close() {
    await this.#session.end();
    await this.#programs.end();
  }

  async #until(visibility) {
    await within(`the page became ${visibility}`, async () => (await this.run(() => document.visibilityState)) === visibility);
  }
}

/** The programs that one tab needs, in a folder that is their home. */
class Programs {
  #children = [];
  home = mkdtempSync(join(tmpdir(), "rejoin-e2e-browser-"));

  start(program, args, env = {}, stdio = "ignore") {
    const child = spawn(program, args, { stdio, detached: true, env: { ...process.env, HOME: this.home, ...env } });
    endWithUs(child);
    child.once("error", (error) => console.error(`${program}: ${error.message}`));
    this.#children.push(child);
    return child;
  }

  async end() {
    for (const child of this.#children.reverse()) await killGroup(child);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function chromium(programs) {
  const port = await freePort();
  programs.start(process.env.CHROMEDRIVER ?? "chromedriver", [`--port=${port}`]);
  const options = { binary: process.env.CHROMIUM ?? "/usr/bin/chromium", args: CHROMIUM_FLAGS };
  return httpSession(port, { "goog:chromeOptions": options });
}

async function webkit(programs) {
  const screen = programs.start("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], {}, ["ignore", "ignore", "ignore", "pipe"]);
  const [display] = await once(screen.stdio[3], "data", { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
  const port = await freePort();
  programs.start("WebKitWebDriver", [`--port=${port}`], { DISPLAY: `:${String(display).trim()}`, GDK_BACKEND: "x11", NO_AT_BRIDGE: "1" });
  return httpSession(port, {});
}

async function firefox(programs, { isPrivate = false }) {
  const port = await freePort();
  const settings = Object.entries({ ...FIREFOX_SETTINGS, ...(isPrivate ? PRIVATE.settings : {}), "marionette.port": port });
  writeFileSync(join(programs.home, "user.js"), settings.map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${value});\n`).join(""));
  programs.start(process.env.FIREFOX ?? "firefox-esr", ["--headless", "--marionette", "--no-remote", "--profile", programs.home, ...(isPrivate ? PRIVATE.flags : []), "about:blank"]);
  const socket = await within("Firefox listens", () => connected(port));
  const session = await marionetteSession(socket);
  if (isPrivate && !(await session.isPrivate())) throw new Error("Firefox has opened a window that is not private");
  return session;
}

async function httpSession(port, capabilities) {
  const call = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  };
  await within("the driver listens", () => call("GET", "/status").then(() => true, () => false));
  const { sessionId } = await call("POST", "/session", { capabilities: { alwaysMatch: capabilities } });
  return {
    send: (command, parameters) => call("POST", `/session/${sessionId}${COMMANDS[command][0]}`, parameters),
    end: () => call("DELETE", `/session/${sessionId}`),
  };
}

/** Messages are JSON arrays behind their length: [0, id, command, parameters], answered by [1, id, error, result]. */
async function marionetteSession(socket) {
  const waiting = new Map();
  let received = Buffer.alloc(0);
  let last = 0;
  const fail = () => {
    for (const { reject } of waiting.values()) reject(new Error("Firefox has closed the connection"));
  };
  socket.on("error", fail).on("close", fail).on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    for (;;) {
      const start = received.indexOf(":") + 1;
      const end = start + Number(received.subarray(0, start - 1));
      if (start === 0 || received.length < end) return;
      const message = JSON.parse(received.subarray(start, end));
      received = received.subarray(end);
      // The first message is a greeting.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message;
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) reject(new Error(`${error.error}: ${error.message}`));
      else resolve(result);
    }
  });
  const call = (command, parameters) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    const text = JSON.stringify([0, last, command, parameters]);
    socket.write(`${Buffer.byteLength(text)}:${text}`);
  });
  await call("WebDriver:NewSession", {});
  return {
    send: async (command, parameters) => (await call(COMMANDS[command][1], parameters)).value,
    // Only the browser's own scripts are told.
    isPrivate: async () => {
      await call("Marionette:SetContext", { value: "chrome" });
      const { value } = await call("WebDriver:ExecuteScript", { script: "return PrivateBrowsingUtils.isContentWindowPrivate(window);", args: [] });
      await call("Marionette:SetContext", { value: "content" });
      return value;
    },
    end: async () => socket.destroy(),
  };
}

/** A connection to that port; undefined while nobody listens. */
async function connected(port) {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    return undefined;
  }
}

/** Waits until `look` returns something true, and returns that. */
async function within(what, look) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${START_TIMEOUT_MS} ms: ${what}`);
    await sleep(POLL_MS);
  }
}
