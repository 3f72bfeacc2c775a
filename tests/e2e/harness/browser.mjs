// One real Chromium, started by hand so that tabs can really be hidden and frozen: Playwright's own launch pins
// every page to "visible and focused", a connection with `noDefaults` does not.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

/**
 * Starts Chromium with an empty profile. `context` is its default browser context, `close()` ends it. `unwatched(work)` does something
 * while nothing drives the browser: it discards no tab that is driven. The pages of before are other objects then.
 */
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "rejoin-e2e-chromium-"));
  // For `chrome://discards`.
  writeFileSync(join(profile, "Local State"), JSON.stringify({ internal_only_uis_enabled: true }));
  const child = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  endWithUs(child);
  const url = await debuggerUrl(child);
  let browser = await chromium.connectOverCDP(url, { noDefaults: true });
  const contextOf = () => browser.contexts()[0];
  const context = contextOf();
  // A window that stays: closing the last tab would end the browser.
  if (context.pages().length === 0) await context.newPage();
  return {
    get context() {
      return contextOf();
    },
    version: browser.version(),
    async unwatched(work) {
      await browser.close();
      try {
        return await work();
      } finally {
        browser = await chromium.connectOverCDP(url, { noDefaults: true });
      }
    },
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
