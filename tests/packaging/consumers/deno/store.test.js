import { createStream } from "rejoin";
import cases from "./shared/cases.cjs";

Deno.test("a client of spies", { sanitizeOps: false, sanitizeResources: false }, () => cases.client({ createStream }));
Deno.test("a store on the real server", { sanitizeOps: false, sanitizeResources: false }, () => cases.store({ createStream, apiUrl: Deno.env.get("REJOIN_API") }));
