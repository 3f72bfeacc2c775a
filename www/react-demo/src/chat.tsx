// The whole conversation: one `useStream`, and the pieces that show it.
import { useCallback, useEffect, useMemo, useRef, useState, version } from "react";
import { type HumanMessage, type Message, useStream } from "rejoin/react";
import { Composer } from "./composer";
import { ErrorBanner, Notices, type Notice } from "./banners";
import { useFollow } from "./follow";
import { InterruptCard } from "./interrupt-card";
import { MessageView, textOf } from "./message";
import type { Setup } from "./setup";
import { Status } from "./status";
import { useThreads } from "./threads";

/** What the graphs keep. */
interface State {
  messages: Message[];
}

/** The page. */
export function Chat({ setup }: { setup: Setup }) {
  const threads = useThreads();
  const [draft, setDraft] = useState("");
  const [notices, setNotices] = useState<Notice[]>([]);
  const asked = useRef<HumanMessage>(undefined);
  const { area, content } = useFollow();

  const note = useCallback((notice: Notice) => {
    setNotices((all) => [...all.filter((one) => one.code !== notice.code), notice]);
  }, []);

  const stream = useStream<State>({
    apiUrl: setup.server,
    assistantId: setup.assistant,
    threadId: threads.current,
    onThreadId: (id) => threads.name(id, asked.current ? textOf(asked.current) : "Conversation"),
    onWarning: note,
    storage: setup.storage,
    retry: setup.retry,
    timeouts: setup.timeouts,
    limits: setup.limits,
  });
  const { messages, interrupts, isLoading, error } = stream;

  const config = useMemo(() => (Object.keys(setup.knobs).length > 0 ? { configurable: setup.knobs } : undefined), [setup]);

  function ask(question: HumanMessage) {
    asked.current = question;
    // Not what was typed meanwhile, when it is a retry.
    setDraft((now) => (now === textOf(question) ? "" : now));
    void stream.submit({ messages: [question] }, { ...(config && { config }) });
  }

  function retry() {
    // Under its own id, so that it does not appear twice. After a reload it is the thread's last question.
    const last = asked.current ?? messages.findLast((message) => message.type === "human");
    if (last) ask(last);
  }

  function answer(id: string | undefined, value: unknown) {
    const resume = id === undefined ? value : { [id]: value };
    void stream.submit(undefined, { command: { resume }, ...(config && { config }) });
  }

  // A submission that was refused leaves no message: what was typed goes back to where it was typed.
  useEffect(() => {
    const question = asked.current;
    if (!error || isLoading || !question || messages.some((message) => message.id === question.id)) return;
    setDraft((now) => now || textOf(question));
  }, [error, isLoading, messages]);

  // Another conversation: what was asked and noted in the last one is over.
  const before = useRef(threads.current);
  useEffect(() => {
    if (before.current !== null && before.current !== threads.current) {
      asked.current = undefined;
      setNotices([]);
    }
    before.current = threads.current;
  }, [threads.current]);

  useEffect(() => {
    const escape = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.isComposing && isLoading) void stream.stop();
    };
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, [isLoading, stream.stop]);

  const visible = messages.filter((message) => message.type !== "tool");
  const waits = !isLoading && interrupts.length > 0;

  return (
    <>
      <header className="top">
        <h1>Rejoin <small>React {version}</small></h1>
        <nav aria-label="Conversations">
          <button type="button" data-testid="new-thread" onClick={() => threads.open(null)}>New</button>
          {threads.seen.map((thread) => (
            <button
              key={thread.id} type="button" className="thread" data-testid="thread-item" data-thread-id={thread.id} title={thread.title}
              aria-current={thread.id === threads.current ? "page" : undefined} onClick={() => threads.open(thread.id)}
            >
              {thread.title}
            </button>
          ))}
        </nav>
      </header>
      <main aria-label="Conversation">
        <Notices notices={notices} dismiss={(code) => setNotices((all) => all.filter((one) => one.code !== code))} />
        <div className="messages" data-testid="messages" role="log" aria-live="off" aria-label="Messages" tabIndex={0} ref={area}>
          <div className="column" ref={content}>
            {stream.isThreadLoading && visible.length === 0 && <p className="hint">Loading the conversation…</p>}
            {!stream.isThreadLoading && visible.length === 0 && !isLoading && (
              <p className="hint">Ask something, then reload, close the tab or pull the plug: the answer goes on.</p>
            )}
            {visible.map((message, at) => (
              <MessageView
                key={message.id} message={message} isStreaming={isLoading && at === visible.length - 1}
                toolCalls={message.type === "ai" && message.tool_calls?.length ? stream.getToolCalls(message) : undefined}
                isIncomplete={message.id !== undefined && stream.getMessageOrigin(message.id) === "partial"}
              />
            ))}
            {waits && interrupts.map((interrupt, at) => (
              <InterruptCard key={interrupt.id ?? at} value={interrupt.value} answer={(value) => answer(interrupt.id, value)} />
            ))}
          </div>
        </div>
        <div className="dock column">
          {error !== undefined && <ErrorBanner error={error} retry={retry} isBusy={isLoading} />}
          <Status stream={stream} waits={waits} />
          <Composer
            draft={draft} change={setDraft} isBusy={isLoading}
            send={(text) => ask({ type: "human", id: crypto.randomUUID(), content: text })}
          />
        </div>
      </main>
    </>
  );
}
