// The same under React 18.
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";

makePage();
const { suite } = await withReact(18, "assistant-ui/runtime.jsx");
suite(test);
