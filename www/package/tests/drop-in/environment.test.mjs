// What a test runner's page may lack: importing asks for none of it, and texts have another way.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { decodeText, encodeText } from "../../dist/wasm/text.js";

const dist = new URL("../../dist/", import.meta.url);
const LACKING = ["TextDecoder", "TextEncoder", "Blob", "Response", "Request", "Headers", "fetch", "ReadableStream", "DecompressionStream", "WebAssembly", "AbortController", "localStorage", "document", "FinalizationRegistry", "queueMicrotask"];

for (const entry of ["index.js", "react/index.js", "asset.js", "react/asset.js"]) {
  test(`importing ${entry} touches nothing of the environment`, () => {
    const program = `
      const names = ${JSON.stringify(LACKING)};
      const url = ${JSON.stringify(new URL(entry, dist).href)};
      // React is the application's, and touches what it likes.
      ${entry.startsWith("react") ? `await import(${JSON.stringify(import.meta.resolve("react"))});` : ""}
      for (const name of names) Object.defineProperty(globalThis, name, { configurable: true, get() { throw new Error("asked for " + name); } });
      await import(url);`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });
}

test("texts without an encoder are the same bytes as with one", () => {
  const texts = ["", "plain", "één 😀 \u{10FFFF}", "half \ud83d and \ude00 half", "\ufeffmark", "x".repeat(20_000) + "é"];
  const bytes = texts.map((text) => encodeText(text));
  const read = bytes.map((one) => decodeText(one));
  const { TextEncoder, TextDecoder } = globalThis;
  try {
    globalThis.TextEncoder = globalThis.TextDecoder = undefined;
    texts.forEach((text, at) => {
      assert.deepEqual(encodeText(text), new Uint8Array(bytes[at]), JSON.stringify(text.slice(0, 30)));
      assert.equal(decodeText(bytes[at]), read[at]);
    });
  } finally {
    Object.assign(globalThis, { TextEncoder, TextDecoder });
  }
});
