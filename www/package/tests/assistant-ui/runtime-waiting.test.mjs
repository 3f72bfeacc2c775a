// What waits to be sent, where runs are followed by this package.
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";

makePage();
const { suite } = await withReact(19, "assistant-ui/waiting.jsx");
suite(test);
