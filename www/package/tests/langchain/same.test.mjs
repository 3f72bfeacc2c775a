import { test } from "node:test";
import { makePage, withReact } from "../support/react.mjs";
import { startServer } from "../support/server.mjs";

const apiUrl = await startServer();
makePage();
const { same } = await withReact(19, "langchain/same.jsx");
same(test, apiUrl);
