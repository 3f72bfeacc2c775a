// Options of useLangGraphRuntime that the incumbent's own tests leave out.
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";

makePage();
const { suite } = await withReact(19, "assistant-ui/options.jsx");
suite(test);
