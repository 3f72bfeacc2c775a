// One Chromium whose pages all count as seen, so that several tests may go on side by side.
import { chromium } from "playwright-core";

/** Starts it; `page.mjs` opens the pages, `close()` ends it. */
export function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}
