// node tests/assistant-ui/peer/run.mjs useLangGraphRuntime.test.tsx …: runs some of the peer's test files by hand.
import { runPeerSuite } from "./suite.mjs";

const files = process.argv.slice(2);
console.log(await runPeerSuite(files.join(", "), files));
