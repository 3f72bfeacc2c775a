// One real Chromium, started by hand so that tabs can really be hidden and frozen: Playwright's own launch pins
// every page to "visible and focused", a connection with `noDefaults` does not.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { endWithUs, killGroup } from "./processes.mjs";

const FLAGS = [
  "--headless=new", "--remote-debugging-port=0", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  "--force-color-profile=srgb", "--hide-scrollbars",
];
const START_TIMEOUT_MS = 30_000;

/** Starts Chromium with an empty profile. `context` is its default browser context, `close()` ends it. */
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "rejoin-e2e-chromium-"));
  const child = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  endWithUs(child);
  const browser = await chromium.connectOverCDP(await debuggerUrl(child), { noDefaults: true });
  const context = browser.contexts()[0];
  // A window that stays: closing the last tab would end the browser.
  if (context.pages().length === 0) await context.newPage();
  return {
    context,
    version: browser.version(),
    async close() {
      await browser.close();
      await killGroup(child);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function debuggerUrl(child) {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error(`Chromium named no debugger address:\n${said}`)), START_TIMEOUT_MS);
    child.stderr.on("data", (bytes) => {
      said += bytes;
      const found = said.match(/ws:\/\/\S+/);
      if (found) {
        clearTimeout(timer);
        resolve(found[0]);
      }
    });
    child.once("exit", (code) => reject(new Error(`Chromium ended with ${code}:\n${said}`)));
  });
}
