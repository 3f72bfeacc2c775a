// `useView`, for whichever React it is bundled with.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { StrictMode, memo, useState } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { useStream, useView } from "../../dist/react/index.js";
import { until } from "../support/server.mjs";
import { appended, ended, publish, said, seed, span, started, watchedFetch } from "../support/session.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function views(test, apiUrl) {
  const base = { apiUrl, assistantId: "chat", storage: "none", loadState: false };

  /** Renders a component with a stream and views of it, `limits` one by one. */
  function mount(t, threadId, { limits = [50], strict = false, ...options } = {}) {
    const net = watchedFetch();
    const seen = { views: [], stream: undefined, renders: 0 };
    let set;
    function View({ stream, limit, at }) {
      seen.views[at] = useView({ stream, limit });
      seen.renders++;
      return null;
    }
    function Host() {
      const [given, change] = useState({ threadId, limits });
      set = change;
      const stream = useStream({ ...base, callerOptions: { fetch: net.fetch }, ...options, threadId: given.threadId });
      seen.stream = stream;
      return given.limits.map((limit, at) => <View key={at} stream={stream} limit={limit} at={at} />);
    }
    const root = createRoot(document.createElement("div"));
    root.render(strict ? <StrictMode><Host /></StrictMode> : <Host />);
    let mounted = true;
    const unmount = () => mounted && root.unmount((mounted = false));
    t.after(unmount);
    return { net, seen, unmount, at: (place = 0) => seen.views[place], change: (next) => set((old) => ({ ...old, ...next })) };
  }
  const ids = ({ nodes }) => nodes.map(({ id }) => id);
  const shows = (view, count, place) => until(() => view.at(place)?.nodes.length === count, `${count} nodes, not ${view.at(place)?.nodes.length}`);

  test("useView shows the newest page, loads older ones, and renders new messages as they come", async (t) => {
    const thread = randomUUID();
    await seed(apiUrl, thread, 1, 60);
    const view = mount(t, thread);
    await shows(view, 50);
    assert.deepEqual(ids(view.at()), span(11, 60));
    assert.equal(view.at().hasOlder, true);
    const { loadOlder } = view.at();
    assert.equal(await loadOlder(), 10);
    await shows(view, 60);
    assert.equal(view.at().hasOlder, false);
    assert.equal(view.at().loadOlder, loadOlder);
    await publish(apiUrl, thread, started("a"), appended("a", 0, "live"), ended("a"));
    await until(() => view.at().nodes.at(-1).status === "complete" && view.at().nodes.length === 61);
    assert.deepEqual([view.at().error, view.at().loading, view.at().connection.state], [undefined, false, "live"]);
  });

  test("under StrictMode a view opens one feed, and unmounting closes it", async (t) => {
    const thread = randomUUID();
    await seed(apiUrl, thread, 1, 3);
    const view = mount(t, thread, { strict: true });
    await shows(view, 3);
    assert.equal(view.net.count(/\/sessions\/.*stream/), 1);
    view.unmount();
    await until(() => view.net.cuts.size === 0, "the feed's end");
  });

  test("a token renders the one node that grows", async (t) => {
    const thread = randomUUID();
    await seed(apiUrl, thread, 1, 20);
    const renders = {};
    const Row = memo(function Row({ node }) {
      renders[node.id] = (renders[node.id] ?? 0) + 1;
      return <p>{node.message.content}</p>;
    });
    function Host() {
      const stream = useStream({ ...base, threadId: thread });
      return useView({ stream }).nodes.map((node) => <Row key={node.id} node={node} />);
    }
    const div = document.createElement("div");
    const root = createRoot(div);
    t.after(() => root.unmount());
    root.render(<Host />);
    await until(() => /message 20/.test(div.textContent));
    await publish(apiUrl, thread, started("a"));
    for (let at = 0; at < 10; at++) {
      await publish(apiUrl, thread, appended("a", at, `word${at} `));
      await pause(20);
    }
    await until(() => /word9/.test(div.textContent));
    assert.deepEqual(span(1, 20).map((id) => renders[id]), Array(20).fill(1));
    assert.ok(renders.a > 5, `rendered ${renders.a} times`);
  });

  test("several views of one stream show windows of their own, and share one feed", async (t) => {
    const thread = randomUUID();
    await seed(apiUrl, thread, 1, 40);
    const view = mount(t, thread, { limits: [5, 15] });
    await shows(view, 5, 0);
    await shows(view, 15, 1);
    assert.equal(await view.at(0).loadOlder(), 5);
    await shows(view, 10, 0);
    assert.deepEqual(ids(view.at(1)), span(26, 40));
    assert.equal(view.at(0).nodes.at(-1), view.at(1).nodes.at(-1));
    assert.equal(view.net.count(/\/sessions\/.*stream/), 1);
    view.change({ limits: [8] });
    await shows(view, 8);
    assert.deepEqual(ids(view.at()), span(33, 40));
    assert.equal(view.net.count(/\/sessions\/.*stream/), 1);
  });

  test("useView follows its stream to another thread, and nothing of the last one stays", async (t) => {
    const [one, two] = [randomUUID(), randomUUID()];
    await seed(apiUrl, one, 1, 8);
    await publish(apiUrl, two, ...said("other", "thread"));
    const view = mount(t, one, { limits: [5] });
    await shows(view, 5);
    assert.equal(await view.at().loadOlder(), 3);
    view.change({ threadId: two });
    await shows(view, 1);
    assert.deepEqual([ids(view.at()), view.at().hasOlder], [["other"], false]);
    view.change({ threadId: one });
    await shows(view, 5);
    assert.deepEqual([ids(view.at()), view.at().hasOlder], [span(4, 8), true]);
  });

  test("a server renders a view without messages, and the page hydrates without a mismatch", async (t) => {
    const thread = randomUUID();
    await seed(apiUrl, thread, 1, 2);
    function Page() {
      const stream = useStream({ ...base, threadId: thread });
      const { nodes, hasOlder, loading, connection } = useView({ stream });
      return <p>{[nodes.map(({ message }) => message.content).join(), hasOlder, loading, connection.state].join(" ")}</p>;
    }
    const html = renderToString(<Page />);
    assert.equal(html, "<p> false true idle</p>");
    const div = document.createElement("div");
    div.innerHTML = html;
    const mismatches = [];
    const root = hydrateRoot(div, <Page />, { onRecoverableError: (error) => mismatches.push(error) });
    t.after(() => root.unmount());
    await until(() => div.textContent === "message 1,message 2 false false live", div.textContent);
    assert.deepEqual(mismatches, []);
  });

  test("a wrong option of useView is its error, not a blank page", async (t) => {
    const view = mount(t, randomUUID(), { limits: [0] });
    await until(() => view.at());
    assert.equal(view.at().error.code, "invalid_option");
    assert.match(view.at().error.message, /`limit`/);
    assert.deepEqual([view.at().nodes, view.at().loading, await view.at().loadOlder()], [[], false, 0]);
    await assert.rejects(view.at().loadOlder({ throwOnError: true }), { code: "invalid_option" });
    view.change({ limits: [5] });
    await until(() => view.at().error === undefined && view.at().connection.state === "live");
  });

  test("a view of a stream that cannot load shows why", async (t) => {
    const view = mount(t, randomUUID(), { assistantId: undefined });
    await until(() => view.at()?.error);
    assert.deepEqual([view.at().error.code, view.at().loading], ["invalid_option", false]);
  });
}
