import assert from "node:assert/strict";
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";
import { startServer } from "../support/server.mjs";

const apiUrl = await startServer();
makePage();
const { sdk, legacy, suite, reactVersion } = await withReact(19, "react/all.jsx");

test("this is React 19", () => assert.match(reactVersion, /^19\./));
suite(test, apiUrl);
legacy(test, apiUrl);
sdk(test);
