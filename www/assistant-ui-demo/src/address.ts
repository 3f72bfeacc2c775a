// Which thread is shown. The address says it, so a reload, a bookmark and a second tab come to the same one.
import { useCallback, useEffect, useState } from "react";

const inAddress = () => new URLSearchParams(location.search).get("thread") || undefined;

/** This page's address, with another thread in it. */
export function addressOf(thread: string | undefined): URL {
  const url = new URL(location.href);
  if (thread === undefined) url.searchParams.delete("thread");
  else url.searchParams.set("thread", thread);
  return url;
}

/** The thread in the address, in the form of the runtime's options. */
export function useThreadInAddress(): { threadId: string | undefined; onThreadIdChange: (id: string | undefined) => void } {
  const [threadId, setThreadId] = useState(inAddress);

  useEffect(() => {
    const back = () => setThreadId(inAddress());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);

  const onThreadIdChange = useCallback((id: string | undefined) => {
    const before = inAddress();
    if (id !== before) {
      // A new conversation that gets its name is the same page; another conversation is another.
      if (before === undefined) history.replaceState(null, "", addressOf(id));
      else history.pushState(null, "", addressOf(id));
    }
    setThreadId(id);
  }, []);

  return { threadId, onThreadIdChange };
}
