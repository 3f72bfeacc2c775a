// useLangGraphRuntime where runs are followed by this package, against the real rejoin-server.
import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";
import { startServer } from "../support/server.mjs";

const apiUrl = await startServer();
makePage();
const { suite } = await withReact(19, "assistant-ui/engine.jsx");
suite(test, apiUrl);
