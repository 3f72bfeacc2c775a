/** @jest-environment jsdom */
// This page has no `fetch`, no `Response`, no streams and no text encoder.
const React = require("react");
const { createRoot } = require("react-dom/client");
const { createStream } = require("rejoin");
const { useStream } = require("rejoin/react");
const cases = require("./shared/cases.cjs");

test("the page is as bare as it is said to be", () => expect([typeof fetch, typeof TextDecoder]).toEqual(["undefined", "undefined"]));
test("a component", () => cases.component({ useStream, React, createRoot }));
test("a client of spies", () => cases.client({ createStream }));
