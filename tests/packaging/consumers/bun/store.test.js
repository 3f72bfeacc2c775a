import { test } from "bun:test";
import { createStream } from "rejoin";
import cases from "./shared/cases.cjs";

test("a client of spies", () => cases.client({ createStream }));
test("a store on the real server", () => cases.store({ createStream, apiUrl: process.env.REJOIN_API }));
