// The peer's own tests of what works without React, on this code.
import { test } from "node:test";
import { runPeerSuite } from "./peer/suite.mjs";

test("the peer's tests of messages, queues and streams pass", async (t) => {
  t.diagnostic(
    await runPeerSuite("react-langgraph's library tests", [
      "LangGraphMessageAccumulator.test.ts",
      "abortableIterable.test.ts",
      "appendLangChainChunk.test.ts",
      "bufferToolResults.test.ts",
      "convertLangChainMessages.test.ts",
      "messageHelpers.test.ts",
      "serialRunQueue.test.ts",
    ]),
  );
});
