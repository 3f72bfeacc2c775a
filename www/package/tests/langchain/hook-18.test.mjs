import assert from "node:assert/strict";
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";

makePage();
const { messages, queue, suspense, reactVersion } = await withReact(18, "langchain/all.jsx");

test("this is React 18", () => assert.match(reactVersion, /^18\./));
messages(test);
queue(test);
suspense(test);
