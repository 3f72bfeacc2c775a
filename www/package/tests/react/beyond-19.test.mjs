import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";
import { startServer } from "../support/server.mjs";

const apiUrl = await startServer();
makePage();
const { answers, edits, views, waits } = await withReact(19, "react/beyond.jsx");
edits(test, apiUrl);
answers(test, apiUrl);
views(test, apiUrl);
waits(test, apiUrl);
