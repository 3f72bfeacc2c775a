// Options of useLangGraphRuntime that @assistant-ui/react-langgraph's own tests leave out.
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";

makePage();
const { suite } = await withReact(19, "assistant-ui/options.jsx");
suite(test);
