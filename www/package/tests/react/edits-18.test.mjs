import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";
import { startServer } from "../support/server.mjs";

const apiUrl = await startServer();
makePage();
const { edits } = await withReact(18, "react/edits.jsx");
edits(test, apiUrl);
