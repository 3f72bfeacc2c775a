//! One conversation: a stream, what has happened on it, and the pieces of the page that show it.

use crate::{
    activity::Activity,
    announcer::Announcer,
    branch_switcher::Refocus,
    composer::Composer,
    editor::with_text,
    header::Header,
    message_list::MessageList,
    notices::{ErrorBanner, Notices},
    page,
    progress::ProgressBar,
    query::{Query, StorageChoice},
    run_bar::RunBar,
    scroll::Follow,
    session_list::SessionList,
    target::{Nav, Target, own_server},
    thread_list::Threads,
    timeline::Timeline,
};
use leptos::prelude::*;
use rejoin_leptos::prelude::*;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The view follows the stream once a frame; after this long it shows what a notice was about.
const VIEW_DELAY: Duration = Duration::from_millis(150);

/// The state that the components share.
#[derive(Clone, Copy)]
pub(crate) struct Chat {
    pub(crate) stream: UseStream,
    pub(crate) activity: Activity,
    /// The typed and unsent text.
    pub(crate) draft: RwSignal<String>,
    pub(crate) follow: Follow,
    /// Messages as plain text, byte for byte.
    pub(crate) is_plain: bool,
    pub(crate) assistant: StoredValue<String>,
    names_questions: bool,
    /// The next text for a screen reader; see [`Announcer`].
    pub(crate) spoken: RwSignal<String>,
    /// The button to focus when the requested branch is shown.
    pub(crate) refocus: StoredValue<Option<Refocus>>,
    run_config: StoredValue<Option<Value>>,
    last_text: StoredValue<Option<String>>,
}

impl Chat {
    /// Sends a question.
    pub(crate) fn ask(self, text: &str) {
        self.last_text.set_value(Some(text.to_owned()));
        self.follow.jump(false);
        drop(self.run().submit_text(text));
    }

    /// Answers one question of the agent. One without an id, of a breakpoint, can only be the only one.
    pub(crate) fn answer(self, id: Option<InterruptId>, answer: &Value) {
        match id.filter(|_| self.names_questions) {
            // By its id even where it is the only one: the JS server takes a bare `false` for no answer at all.
            Some(id) => self.answer_all(vec![(id, answer.clone())]),
            None => {
                self.follow.jump(false);
                drop(self.run().resume(answer));
            }
        }
    }

    /// Answers several questions of the agent at once.
    pub(crate) fn answer_all(self, answers: Vec<(InterruptId, Value)>) {
        self.follow.jump(false);
        drop(self.run().respond_all(answers));
    }

    /// Puts another text in a question's place. Nothing changes on the page until it is known where to go on from.
    pub(crate) fn edit(self, id: &MessageId, message: &Message, text: &str) -> OutcomeFuture {
        let content = with_text(&message.content, text);
        let input = json!({ "messages": [{ "type": "human", "content": content }] });
        self.last_text.set_value(Some(text.to_owned()));
        self.run().edit(id, input)
    }

    /// Has an answer made anew.
    pub(crate) fn regenerate(self, id: &MessageId) -> OutcomeFuture {
        self.last_text.set_value(None);
        self.run().regenerate(id)
    }

    /// Whether it is being looked up where an edit of this message, or a new answer in its place, goes on from.
    pub(crate) fn is_editing(self, id: StoredValue<MessageId>) -> Memo<bool> {
        let editing = self.stream.editing;
        Memo::new(move |_| {
            editing.with(|editing| id.try_with_value(|id| editing.as_ref() == Some(id)))
                == Some(true)
        })
    }

    /// The options of every run.
    fn run(self) -> Run {
        let run = self.stream.run();
        match self.run_config.get_value() {
            Some(config) => run.config(config),
            None => run,
        }
    }

    /// Starts the failed run again. If that is not possible, the thread's last question is sent again, under its own id so
    /// that it does not appear twice.
    pub(crate) fn retry(self) {
        if self.last_text.get_value() == Some(self.draft.get_untracked()) {
            self.draft.set(String::new());
        }
        if self.stream.can_retry.get_untracked() {
            self.stream.retry();
            return;
        }
        let messages = self.stream.messages.get_untracked();
        let mut questions = messages.iter().rev().map(|entry| untrack(|| entry.get()));
        if let Some(question) = questions.find(|message| message.kind == MessageKind::Human) {
            drop(self.run().submit(json!({ "messages": [&*question] })));
        }
    }

    /// A submission that was refused leaves no message: what was typed goes back to where it was typed.
    fn restore_draft(self) {
        let Some(text) = self.last_text.try_get_value().flatten() else {
            return;
        };
        let messages = self.stream.messages.get_untracked();
        let is_shown = messages.iter().any(|entry| {
            let message = untrack(|| entry.get());
            message.kind == MessageKind::Human && message.content.text() == text
        });
        if !is_shown && self.draft.get_untracked().is_empty() {
            self.draft.set(text);
        }
    }

    fn take_notice(
        self,
        notice: &Notice,
        nav: Nav,
        threads: Threads,
        entered: StoredValue<Option<String>>,
    ) {
        self.activity.take(notice);
        match notice {
            Notice::ThreadCreated { thread_id } => {
                entered.set_value(Some(thread_id.to_string()));
                nav.name_thread(thread_id.as_str());
                if let Some(text) = self.last_text.get_value() {
                    threads.remember_title(thread_id, &text);
                }
            }
            Notice::Created { .. } => threads.refresh(),
            Notice::Ended { outcome, .. } => {
                threads.refresh();
                if matches!(outcome, Outcome::Denied(_) | Outcome::Failed(_)) {
                    set_timeout(move || self.restore_draft(), VIEW_DELAY);
                }
            }
            Notice::EventApplied(_)
            | Notice::ConnectionChanged(_)
            | Notice::AttemptOpened { .. }
            | Notice::AttemptEnded { .. }
            | Notice::Warning(_)
            | Notice::StartedOver { .. }
            | Notice::ExtrasWanted
            | Notice::StorageFailed { .. }
            | Notice::Concluded { .. } => {}
        }
    }
}

/// The conversation that `target` names. A change of thread is followed; another server or assistant needs another of these.
#[component]
pub(crate) fn Conversation(target: Target, nav: Nav, threads: Threads) -> impl IntoView {
    let chat = start(&target, nav, threads);
    provide_context(chat);
    let timeline_open = RwSignal::new(page::setting("timeline").as_deref() == Some("open"));
    Effect::new(move |_| {
        page::keep_setting(
            "timeline",
            if timeline_open.get() {
                "open"
            } else {
                "closed"
            },
        )
    });
    view! {
        <Header nav threads timeline_open />
        <div class="stage">
            <main class="conversation" aria-label="Conversation">
                <Notices />
                {match page::query().session_limit() {
                    Some(limit) => view! { <SessionList limit /> }.into_any(),
                    None => view! { <MessageList /> }.into_any(),
                }}
                <div class="dock">
                    <div class="column">
                        <ErrorBanner />
                        <ProgressBar />
                        <RunBar />
                        <Composer />
                    </div>
                </div>
            </main>
            <Show when=move || timeline_open.get()>
                <Timeline close=move || { timeline_open.set(false); page::focus("open-timeline"); } />
            </Show>
        </div>
        <Announcer />
    }
}

fn start(target: &Target, nav: Nav, threads: Threads) -> Chat {
    let query = page::query();
    let activity = Activity::new();
    let draft = nav.draft;
    let follow = Follow::new();
    let last_text = StoredValue::new(None);
    let entered = StoredValue::new(target.thread.clone());
    let run_config = StoredValue::new(run_config(&query, target));
    let assistant = StoredValue::new(target.assistant.clone());
    let whole = StoredValue::new(None::<Chat>);
    // Notices may come while `use_stream` still starts; those are taken note of all the same.
    let on_notice = move |notice: &Notice| match whole.try_get_value().flatten() {
        Some(chat) => chat.take_notice(notice, nav, threads, entered),
        None => activity.take(notice),
    };
    let storage = match query.storage() {
        StorageChoice::Local => StorageKind::Local,
        StorageChoice::Session => StorageKind::Session,
        StorageChoice::Nowhere => StorageKind::None,
    };
    let mut options = UseStreamOptions::new(target.server.clone(), target.assistant.clone())
        .config(|config| tune(config, &query))
        .checkpoints(match query.can_edit() {
            true => Checkpoints::Automatic,
            false => Checkpoints::Off,
        })
        .thread_id(target.thread.clone())
        .storage(storage)
        .share_connections(query.share_connections())
        .on_notice(on_notice);
    if let Some(token) = query.token() {
        options = options.header("authorization", format!("Bearer {token}"));
    }
    if query.session_limit().is_none() {
        options = options.history_limit(query.history_limit());
    }
    if query.storage() != StorageChoice::Nowhere {
        options = options.cache(Cache {
            // The demo has no logins: without a token, whoever uses this browser is one person to it.
            identity: Some(query.token().unwrap_or("visitor").to_owned()),
            ..Cache::default()
        });
    }
    let stream = use_stream(options);
    Effect::new(move |_| {
        if let Some(thread) = threads.deleted.get() {
            stream.forget_thread(thread);
        }
    });
    let chat = Chat {
        stream,
        activity,
        draft,
        follow,
        is_plain: query.is_plain(),
        names_questions: query.names_questions(),
        assistant,
        spoken: RwSignal::new(String::new()),
        refocus: StoredValue::new(None),
        run_config,
        last_text,
    };
    whole.set_value(Some(chat));
    let (server, assistant) = (target.server.clone(), target.assistant.clone());
    Effect::new(move |_| {
        let next = nav.get();
        let is_ours = next.server == server && next.assistant == assistant;
        if is_ours && next.thread != entered.get_value() {
            entered.set_value(next.thread.clone());
            last_text.set_value(None);
            activity.turn();
            follow.jump(false);
            match next.thread {
                Some(thread) => stream.switch_thread(thread),
                None => stream.new_thread(),
            }
            // What was followed goes on without this page.
            threads.refresh();
        }
    });
    Effect::new(move |_| {
        let thread = stream.thread_id.get();
        threads.follow(thread.filter(|_| stream.is_loading.get()));
    });
    on_cleanup(move || threads.follow(None));
    chat
}

/// Client timings from the address, for tests and for trying things out. All in milliseconds.
fn tune(config: &mut Config, query: &Query) {
    if query.session_limit().is_some() {
        // A page of the session is all that is read; what the thread holds as a whole is neither read nor streamed.
        config.reads_state = false;
        config.stream_modes = vec![StreamMode::MessagesTuple, StreamMode::Updates];
    }
    let set = |name: &str, place: &mut Millis| {
        if let Some(ms) = query.number(name) {
            *place = Millis(ms);
        }
    };
    set("join_timeout_ms", &mut config.timeouts.join);
    set("headers_timeout_ms", &mut config.timeouts.headers);
    set("request_timeout_ms", &mut config.timeouts.request);
    set("backoff_base_ms", &mut config.retry.backoff_base);
    set("backoff_max_ms", &mut config.retry.backoff_max);
    set("stall_ms", &mut config.timeouts.stall);
    if let Some(ms) = query.number("stall_ms") {
        config.timeouts.stall_with_heartbeat = (Millis(ms), Millis(ms));
    }
    let count = |name: &str| {
        query
            .number(name)
            .and_then(|count| u32::try_from(count).ok())
    };
    if let Some(attempts) = count("attempts_max") {
        config.retry.attempts_max = attempts;
    }
    if let Some(joins) = count("silent_joins_max") {
        config.retry.silent_joins_max = joins;
    }
    if let Some(bytes) = count("frame_bytes_max") {
        config.limits.frame_bytes_max = bytes as usize;
    }
}

/// The run's configuration: the settings of the address. Without any, our own chat agent is asked for a formatted answer.
fn run_config(query: &Query, target: &Target) -> Option<Value> {
    let mut knobs = query.agent_knobs();
    if knobs.is_empty() && target.server == own_server() && target.assistant == "chat" {
        knobs = Map::from_iter([("style".to_owned(), Value::from("markdown"))]);
    }
    if knobs.is_empty() {
        return None;
    }
    Some(json!({ "configurable": knobs }))
}
