// Renders a component that calls the hook, against a server that streams what a test tells it to.
import * as React from "react";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { useStream } from "../../dist/langchain/index.js";
import { startFake } from "../support/fake-server.mjs";
import { until } from "../support/server.mjs";

/** What every hook of these tests is given. */
export const base = (fake) => ({ apiUrl: fake.url, assistantId: "agent", storage: "none" });

/** Everything that a chat reads. */
export const reading = (s) => [s.messages, s.isLoading, s.values, s.queue];

/** Renders `element` into a page of its own. */
export function render(t, element, onUncaughtError = () => {}) {
  const node = document.createElement("div");
  const root = createRoot(node, { onUncaughtError, onCaughtError: () => {} });
  root.render(element);
  let mounted = true;
  const unmount = () => {
    if (mounted) root.unmount();
    mounted = false;
  };
  t.after(unmount);
  return { node, root, unmount, text: () => node.textContent };
}

/** Starts a server with that script and mounts the hook, with more options or with a function of the server that gives them; `at()` is what the hook returned last, `seen` all of it. */
export async function against(t, script, options = {}, read = reading) {
  const fake = await startFake(typeof script === "function" ? script : () => script);
  const seen = [];
  let set;
  function Host() {
    const [given, setGiven] = useState({ ...base(fake), ...(typeof options === "function" ? options(fake) : options) });
    set = setGiven;
    const stream = useStream(given);
    read(stream);
    seen.push(stream);
    return null;
  }
  const { unmount } = render(t, <Host />);
  await until(() => seen.length > 0);
  return { fake, seen, at: () => seen.at(-1), setOptions: (next) => set((old) => ({ ...old, ...next })), unmount };
}
