// The whole conversation: one `useStream`, and the pieces that show it.
import { useCallback, useEffect, useMemo, useRef, useState, version } from "react";
import { type HumanMessage, type Message, useStream } from "rejoin/react";
import { Composer } from "./composer";
import { ErrorBanner, Notices, type Notice } from "./banners";
import { useFollow } from "./follow";
import { InterruptList } from "./interrupt-card";
import { isOfEdits, MessageView, textOf, type Actions } from "./message";
import type { Setup } from "./setup";
import { Status } from "./status";
import { ThisBrowser } from "./this-browser";
import { addressOf, useThreads } from "./threads";
import { Waiting } from "./waiting";

/** The state of the graphs. */
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
    checkpoints: setup.checkpoints,
    // For the versions of messages.
    fetchStateHistory: { limit: setup.historyLimit },
    onThreadId: (id) => threads.name(id, asked.current ? textOf(asked.current) : "Conversation"),
    onWarning: note,
    storage: setup.storage,
    shareConnections: setup.share,
    defaultHeaders: setup.headers,
    cache: setup.storage !== "none" && { identity: setup.person },
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

  const options = config && { config };
  function answer(interruptId: string | undefined, value: unknown) {
    void stream.respond(value, { ...options, ...(interruptId !== undefined && setup.namesQuestions && { interruptId }) });
  }
  function answerAll(byId: Record<string, unknown>) {
    void stream.respondAll(byId, options);
  }

  // The commands stay the same functions, so the messages that have not changed do not render again.
  const latest = useRef(stream);
  latest.current = stream;
  const { edit, regenerate, setBranch } = stream;
  const actions = useMemo<Actions>(() => {
    const options = config && { config };
    return {
      edit: (id, text) => edit(id, text, options),
      regenerate: (id) => regenerate(id, options),
      choose: (message, place) => {
        const to = latest.current.getMessagesMetadata(message)?.branchOptions?.[place - 1];
        if (to !== undefined) setBranch(to);
      },
    };
  }, [config, edit, regenerate, setBranch]);

  // Where the module did not load the stream knows of no run yet: the question is asked again, under its own id.
  const { code } = (error ?? {}) as { code?: string };
  const unasked = code === "load_failed" ? asked.current : undefined;
  const retry = stream.canRetry ? () => void stream.retry() : unasked && (() => ask(unasked));

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
        <ThisBrowser address={threads.current === null ? undefined : addressOf(threads.current).href} shares={setup.share !== false} />
      </header>
      <main aria-label="Conversation">
        <Notices notices={notices} dismiss={(code) => setNotices((all) => all.filter((one) => one.code !== code))} />
        <div className="messages" data-testid="messages" role="log" aria-live="off" aria-label="Messages" tabIndex={0} ref={area}>
          <div className="column" ref={content}>
            {stream.isThreadLoading && visible.length === 0 && <p className="hint">Loading the conversation…</p>}
            {!stream.isThreadLoading && visible.length === 0 && !isLoading && (
              <p className="hint">Ask something, then reload, close the tab or pull the plug: the answer goes on.</p>
            )}
            {visible.map((message, at) => {
              const { id = "" } = message;
              const { branch, branchOptions = [] } = stream.getMessagesMetadata(message, messages.indexOf(message)) ?? {};
              // An answer of several messages is made anew as a whole: one button is enough.
              const isEnd = visible[at + 1]?.type !== "ai";
              return (
                <MessageView
                  key={id} message={message} isStreaming={isLoading && at === visible.length - 1} isBusy={isLoading} actions={actions}
                  toolCalls={message.type === "ai" && message.tool_calls?.length ? stream.getToolCalls(message) : undefined}
                  isIncomplete={stream.getMessageOrigin(id) === "partial"}
                  place={branch === undefined ? 1 : branchOptions.indexOf(branch) + 1} count={branchOptions.length}
                  canEdit={message.type === "human" && stream.canEdit(id)} canRegenerate={message.type === "ai" && isEnd && stream.canRegenerate(id)}
                  isLookedUp={stream.editing === id}
                />
              );
            })}
            <Waiting waiting={stream.waiting} takeBack={stream.takeBack} sendNow={stream.sendNow} restore={(text) => setDraft((now) => now || text)} />
            {waits && <InterruptList interrupts={interrupts} answer={answer} answerAll={answerAll} />}
          </div>
        </div>
        <div className="dock column">
          {error !== undefined && !isOfEdits(code) && <ErrorBanner error={error} retry={retry} isBusy={isLoading} />}
          <Status stream={stream} waits={waits} />
          <Composer
            draft={draft} change={setDraft}
            send={(text) => ask({ type: "human", id: crypto.randomUUID(), content: text })}
          />
        </div>
      </main>
    </>
  );
}
