/** @jest-environment jest-fixed-jsdom */
const React = require("react");
const { createRoot } = require("react-dom/client");
const { createStream } = require("rejoin");
const { useStream } = require("rejoin/react");
const cases = require("./shared/cases.cjs");

test("a component", () => cases.component({ useStream, React, createRoot }));
test("a client of spies", () => cases.client({ createStream }));
test("a store on the real server", () => cases.store({ createStream, apiUrl: process.env.REJOIN_API }));
