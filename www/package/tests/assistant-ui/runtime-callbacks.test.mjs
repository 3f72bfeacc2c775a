// useLangGraphRuntime on the application's own callbacks: what it does, and each measured fault of @assistant-ui/react-langgraph that it does not have.
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";

makePage();
const { suite } = await withReact(19, "assistant-ui/runtime.jsx");
suite(test);
