// The peer's own tests of its runtime and hooks, on this code.
import { test } from "node:test";
import { runPeerSuite } from "./peer/suite.mjs";

test("the peer's tests of the runtime and the hooks pass", async (t) => {
  t.diagnostic(
    await runPeerSuite("react-langgraph's runtime tests", [
      "useLangGraphMessages.test.ts",
      "useLangGraphStreamingTiming.test.ts",
      "createLangGraphStream.test.ts",
      "useLangGraphState.test.tsx",
      "useLangGraphRuntime.test.tsx",
    ]),
  );
});
