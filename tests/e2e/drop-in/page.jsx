// The chat on one package, as the page's address says: `?view=Chat&assistant=chat&thread=..`. `under-test` is the package.
import * as React from "react";
import { createContext, useContext } from "react";
import { createRoot } from "react-dom/client";
import * as hooks from "under-test";
import { read } from "under-test-read";
import { chatOf } from "../../../www/package/tests/langchain/chat.jsx";

/** For a package without a context of its own: the usual one that people write. */
function ownContext({ useStream }) {
  const Stream = createContext(undefined);
  return {
    StreamProvider: ({ children, ...options }) => <Stream.Provider value={useStream(options)}>{children}</Stream.Provider>,
    useStreamContext: () => useContext(Stream),
  };
}

const asked = new URLSearchParams(location.search);
const views = chatOf("StreamProvider" in hooks ? hooks : ownContext(hooks), read);
const View = views[asked.get("view")];
const threadId = asked.get("thread");
const more = threadId ? { threadId } : { onThreadId: (id) => (document.body.dataset.thread = id) };
createRoot(document.getElementById("chat")).render(<View apiUrl={`${location.origin}/api`} assistantId={asked.get("assistant")} {...more} />);
