// Pictures, and that they fit.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";

const SHOTS = process.env.REJOIN_SCREENSHOTS;

/** The windows that a page is looked at in: name, size, colours. */
export const SIZES = [
  ["desktop", { width: 1280, height: 800 }, "light"],
  ["phone", { width: 390, height: 844 }, "light"],
  ["dark", { width: 1280, height: 800 }, "dark"],
];

/** With REJOIN_SCREENSHOTS=dir the picture is kept, otherwise only made. */
export async function shot(app, name) {
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
  const bytes = await app.page.screenshot(SHOTS ? { path: `${SHOTS}/${name}.png` } : {});
  assert.ok(bytes.length > 5000, `${name} looks empty`);
}

/** The page never scrolls by itself, neither sideways nor down: only what is in it does. */
export async function fits(app) {
  const sizes = await app.page.evaluate(() => [document.documentElement, document.body].map((box) => [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight]));
  assert.deepEqual(sizes, [[0, 0], [0, 0]], "the page is larger than the window (by width, height)");
}

/** Scrolls the conversation to its first message. */
export async function toTop(app) {
  await app.at("message").first().evaluate((message) => {
    for (let box = message.parentElement; box; box = box.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(box).overflowY)) box.scrollTop = 0;
    }
  });
}
