// On a server there is no page: nothing of one may be touched, and nothing may be sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withReact } from "./support/react.mjs";

test("importing and rendering on a server touches no page", async () => {
  assert.equal(typeof document, "undefined");
  let asked = 0;
  const real = globalThis.fetch;
  globalThis.fetch = (...args) => (asked++, real(...args));
  for (const version of [18, 19]) {
    const errors = [];
    const { error } = console;
    console.error = (...words) => errors.push(words.join(" "));
    const { render } = await withReact(version, "react/server.jsx");
    const html = render();
    console.error = error;
    assert.equal(html, "<p>from the cache false true idle 0 true</p>");
    assert.deepEqual(errors, []);
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(asked, 0);
  globalThis.fetch = real;
});
