// Which thread is shown. The address says it, so a reload, a bookmark and a second tab come to the same one.
import { useCallback, useEffect, useState } from "react";

/** A conversation of this page's life. */
export interface Thread {
  id: string;
  title: string;
}

/** The shown thread, those seen so far, and the ways to change them. */
export interface Threads {
  /** The shown thread's id; null is a new one. */
  current: string | null;
  seen: Thread[];
  /** Shows another thread, or with null a new one. */
  open: (id: string | null) => void;
  /** The thread that is shown has got its id. */
  name: (id: string, title: string) => void;
}

const inAddress = () => new URLSearchParams(location.search).get("thread") || null;

/** This page's address, with another thread in it. */
export function addressOf(thread: string | null): URL {
  const url = new URL(location.href);
  if (thread === null) url.searchParams.delete("thread");
  else url.searchParams.set("thread", thread);
  return url;
}

/** Keeps the address and the shown thread the same. */
export function useThreads(): Threads {
  const [current, setCurrent] = useState(inAddress);
  const [seen, setSeen] = useState<Thread[]>(() => (current === null ? [] : [{ id: current, title: "This conversation" }]));

  useEffect(() => {
    const back = () => setCurrent(inAddress());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);

  const open = useCallback((id: string | null) => {
    if (id === inAddress()) return;
    history.pushState(null, "", addressOf(id));
    setCurrent(id);
  }, []);

  const name = useCallback((id: string, title: string) => {
    if (id !== inAddress()) history.replaceState(null, "", addressOf(id));
    setCurrent(id);
    setSeen((all) => (all.some((thread) => thread.id === id) ? all : [{ id, title }, ...all]));
  }, []);

  return { current, seen, open, name };
}
