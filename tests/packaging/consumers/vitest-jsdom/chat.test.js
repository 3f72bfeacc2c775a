// @vitest-environment jsdom
import * as React from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { createStream } from "rejoin";
import { useStream } from "rejoin/react";
import cases from "./shared/cases.cjs";

test("a component", () => cases.component({ useStream, React, createRoot }));
test("a client of spies", () => cases.client({ createStream }));
test("a store on the real server", () => cases.store({ createStream, apiUrl: process.env.REJOIN_API }));
test("vi.spyOn in the place of the SDK's methods", async () => {
  const apiUrl = "http://127.0.0.1:9";
  const client = { runs: { apiUrl, stream() {}, get() {} }, threads: { apiUrl, getState() {} } };
  const values = { messages: [{ type: "human", id: "h", content: "Hi" }, { type: "ai", id: "a", content: "spied" }] };
  const spy = vi.spyOn(client.runs, "stream").mockImplementation(async function* () {
    yield { event: "metadata", data: { run_id: "r" } };
    yield { event: "values", data: values };
  });
  vi.spyOn(client.runs, "get").mockResolvedValue({ run_id: "r", status: "success" });
  vi.spyOn(client.threads, "getState").mockResolvedValue({ values, next: [], tasks: [], metadata: {}, checkpoint: { checkpoint_id: "c" } });
  const stream = createStream({ client, assistantId: "chat", storage: "none" });
  expect((await stream.submit({ messages: [{ type: "human", content: "Hi" }] })).outcome).toBe("finished");
  expect(stream.getSnapshot().messages.at(-1).content).toBe("spied");
  expect(spy).toHaveBeenCalledOnce();
  stream.dispose();
});
