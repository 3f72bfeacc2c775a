// A conversation of any length: `useView` brings the newest page, older ones as the reader comes to them, new text as it is said.
import { memo, useEffect, useRef, useState, version } from "react";
import { type Message, type SessionNode, useStream, useView } from "rejoin/react";
import { useAnchor } from "./anchor";
import { ErrorBanner, Notices, type Notice } from "./banners";
import { Composer } from "./composer";
import { useFollow } from "./follow";
import { textOf } from "./message";
import type { Setup } from "./setup";
import { Status } from "./status";
import { useThreads } from "./threads";

const LABELS: Record<string, string> = { human: "You", ai: "Assistant", system: "System", tool: "Tool" };
const ENDS: Record<string, string> = { aborted: "Incomplete: the agent stopped here", cancelled: "Stopped here" };

/** The page. */
export function SessionChat({ setup }: { setup: Setup }) {
  const threads = useThreads();
  const [draft, setDraft] = useState("");
  const [notices, setNotices] = useState<Notice[]>([]);
  const [told, setTold] = useState("");
  const older = useRef<HTMLButtonElement>(null);
  const { area, content } = useFollow();

  const stream = useStream<{ messages: Message[] }>({
    apiUrl: setup.server,
    assistantId: setup.assistant,
    threadId: threads.current,
    // The view shows the messages: none of them is read twice.
    loadState: false,
    onThreadId: (id) => threads.name(id, "Conversation"),
    onWarning: (notice) => setNotices((all) => [...all.filter(({ code }) => code !== notice.code), notice]),
    storage: setup.storage,
    shareConnections: setup.share,
    defaultHeaders: setup.headers,
    retry: setup.retry,
    timeouts: setup.timeouts,
    limits: setup.limits,
  });
  const { nodes, hasOlder, loading, error, connection, loadOlder } = useView({ stream, limit: setup.pageSize });
  const wrong = error ?? stream.error;

  async function load() {
    // One button: who pressed it may press it again where they are, and does not fall off the page with it.
    const had = document.activeElement === older.current;
    const count = await loadOlder();
    if (count > 0) setTold(`${count} older messages.`);
    if (had) requestAnimationFrame(() => (older.current ?? area.current)?.focus({ preventScroll: true }));
  }
  useAnchor(area, content, () => {
    // After a failure the reader says when to try again.
    if (hasOlder && !loading && !error) void load();
  });

  useEffect(() => setTold(""), [threads.current]);

  return (
    <>
      <header className="top">
        <h1>Rejoin <small>React {version}, session</small></h1>
        <nav aria-label="Conversations">
          <button type="button" data-testid="new-thread" onClick={() => threads.open(null)}>New</button>
        </nav>
      </header>
      <main aria-label="Conversation">
        <Notices notices={notices} dismiss={(code) => setNotices((all) => all.filter((one) => one.code !== code))} />
        <div className="messages paged" data-testid="messages" role="log" aria-live="off" aria-busy={loading} aria-label="Messages" tabIndex={0} ref={area}>
          <div className="column" ref={content}>
            {hasOlder && (
              <button type="button" className="older" data-testid="load-older" ref={older} aria-disabled={loading} onClick={() => loading || void load()}>
                {loading ? "Loading older messages…" : "Load older messages"}
              </button>
            )}
            {nodes.length === 0 && <p className="hint">{loading ? "Loading the conversation…" : "There are no messages yet."}</p>}
            {!hasOlder && nodes.length > 0 && <p className="hint" data-testid="beginning">The beginning of the conversation.</p>}
            {nodes.map((node) => <NodeView key={node.id} node={node} />)}
          </div>
        </div>
        <p className="visually-hidden" role="status" data-testid="older-status">{told}</p>
        <div className="dock column">
          {wrong !== undefined && <ErrorBanner error={wrong} retry={error && hasOlder ? () => void load() : undefined} isBusy={loading} />}
          <p className="hint" data-testid="feed" data-state={connection.state}>The session's feed: {connection.state.replace("_", " ")}.</p>
          <Status stream={stream} waits={false} />
          <Composer
            draft={draft} change={setDraft} isBusy={stream.isLoading}
            send={(text) => {
              setDraft("");
              const config = { configurable: setup.knobs };
              void stream.submit({ messages: [{ type: "human", id: crypto.randomUUID(), content: text }] }, { config });
            }}
          />
        </div>
      </main>
    </>
  );
}

/** One message. A node that has not changed is the same object, so `memo` is all it takes. */
const NodeView = memo(function NodeView({ node }: { node: SessionNode }) {
  const { id, message, status, reason, pending } = node;
  const end = ENDS[status];
  return (
    <article
      className="message" data-testid="message" data-role={message.type} data-message-id={id} data-status={status} data-streaming={status === "streaming"}
      aria-label={LABELS[message.type] ?? "Message"} aria-busy={status === "streaming" || pending === true}
    >
      <div className="text" data-testid="message-text">{textOf(message)}</div>
      {end && <p className="hint">{end}{reason === undefined ? "" : ` (${reason})`}.</p>}
    </article>
  );
});
