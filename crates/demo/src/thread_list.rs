//! The sidebar: the server's threads, and which server.

use crate::{
    api::{self, ThreadLine},
    app::Overlays,
    icons,
    settings::ServerField,
    target::Nav,
    this_browser::ThisBrowser,
    thread_title::shorten,
};
use leptos::{prelude::*, task::spawn_local};
use rejoin_leptos::wire::{ThreadId, thread::ThreadStatus};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How often the list is read while it names runs that are not followed.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The threads and assistants of the server that the page is turned to.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    nav: Nav,
    lines: RwSignal<Vec<ThreadLine>>,
    assistants: RwSignal<Vec<String>>,
    problem: RwSignal<Option<String>>,
    is_loading: RwSignal<bool>,
    /// The thread whose run this page follows: known here before the server's list says so.
    followed: RwSignal<Option<ThreadId>>,
    /// The thread that was deleted here last.
    pub(crate) deleted: RwSignal<Option<ThreadId>>,
    /// Titles of threads made here, until the server knows them.
    titles: RwSignal<BTreeMap<ThreadId, Arc<str>>>,
    /// Counts the requests; an answer that is not the newest's is dropped.
    request: StoredValue<u32>,
    /// Whether the newest has not been answered yet.
    is_asked: StoredValue<bool>,
}

impl Threads {
    /// Loads, and loads again whenever the server changes.
    pub(crate) fn new(nav: Nav) -> Self {
        let threads = Self {
            nav,
            lines: RwSignal::new(Vec::new()),
            assistants: RwSignal::new(Vec::new()),
            problem: RwSignal::new(None),
            is_loading: RwSignal::new(false),
            followed: RwSignal::new(None),
            deleted: RwSignal::new(None),
            titles: RwSignal::new(BTreeMap::new()),
            request: StoredValue::new(0),
            is_asked: StoredValue::new(false),
        };
        let server = Memo::new(move |_| nav.get().server);
        Effect::new(move |_| {
            let server = server.get();
            threads.lines.set(Vec::new());
            threads.assistants.set(Vec::new());
            threads.refresh();
            spawn_local(async move {
                // Without an answer the usual names are offered; the thread list tells what is wrong.
                let names = api::assistants(&server).await.unwrap_or_default();
                if nav.get_untracked().server == server {
                    threads.assistants.set(names);
                }
            });
        });
        threads.watch();
        threads
    }

    /// Runs that nobody here follows end without a word: while the list says that there are such, it is read again.
    fn watch(self) {
        let is_busy = Memo::new(move |_| {
            let followed = self.followed.get();
            let is_busy = |line: &ThreadLine| {
                line.status == ThreadStatus::Busy && followed.as_ref() != Some(&line.id)
            };
            self.lines.with(|lines| lines.iter().any(is_busy))
        });
        Effect::new(move |_| {
            if !is_busy.get() {
                return;
            }
            let look = move || {
                if !document().hidden() && !self.is_asked.get_value() {
                    self.read();
                }
            };
            if let Ok(interval) = set_interval_with_handle(look, LOOK_EVERY) {
                on_cleanup(move || interval.clear());
            }
        });
    }

    /// Tells whose run is followed.
    pub(crate) fn follow(self, thread: Option<ThreadId>) {
        if self.followed.with_untracked(|followed| *followed != thread) {
            self.followed.set(thread);
        }
    }

    /// Asks the server again. The old list stays until the answer comes, and when it does not.
    pub(crate) fn refresh(self) {
        self.is_loading.set(true);
        self.read();
    }

    fn read(self) {
        let server = self.nav.get_untracked().server;
        let request = self.request.get_value() + 1;
        self.request.set_value(request);
        self.is_asked.set_value(true);
        spawn_local(async move {
            let answer = api::threads(&server).await;
            if self.request.get_value() != request {
                return;
            }
            self.is_asked.set_value(false);
            self.is_loading.set(false);
            match answer {
                Ok(lines) => {
                    self.problem.set(None);
                    if self.lines.with_untracked(|have| *have != lines) {
                        self.lines.set(lines);
                    }
                }
                Err(problem) => self.problem.set(Some(problem)),
            }
        });
    }

    /// Names a thread that the server does not list yet.
    pub(crate) fn remember_title(self, thread: &ThreadId, text: &str) {
        if let Some(title) = shorten(text) {
            self.titles
                .update(|titles| drop(titles.insert(thread.clone(), title.into())));
        }
    }

    /// The server's assistants; empty while they are not known.
    pub(crate) fn assistants(self) -> Vec<String> {
        self.assistants.get()
    }

    /// Why the list could not be loaded, for a person.
    pub(crate) fn problem(self) -> Option<String> {
        self.problem.get()
    }

    fn ids(self) -> Vec<ThreadId> {
        self.lines
            .with(|lines| lines.iter().map(|line| line.id.clone()).collect())
    }

    fn delete(self, thread: ThreadId) {
        let server = self.nav.get_untracked().server;
        spawn_local(async move {
            match api::delete_thread(&server, &thread).await {
                Ok(()) => {
                    self.deleted.set(Some(thread.clone()));
                    if self.nav.get_untracked().thread.as_deref() == Some(thread.as_str()) {
                        self.nav.open_thread(None, None);
                    }
                    self.refresh();
                }
                Err(problem) => self.problem.set(Some(problem)),
            }
        });
    }
}

/// The sidebar; on narrow windows a drawer.
#[component]
pub(crate) fn Sidebar(nav: Nav, threads: Threads, overlays: Overlays) -> impl IntoView {
    let new_thread = move |_| {
        nav.open_thread(None, None);
        overlays.drawer.set(false);
        request_animation_frame(|| crate::page::focus("composer"));
    };
    view! {
        <nav class="sidebar" id="sidebar" class:open=move || overlays.drawer.get() aria-label="Conversations">
            <div class="brand">
                <span class="logo" aria-hidden="true"></span>
                <h1>"Rejoin"</h1>
                <span class="spacer"></span>
                <button type="button" class="icon-button only-narrow" aria-label="Close" on:click=move |_| { overlays.drawer.set(false); crate::page::focus("open-drawer"); }>
                    {icons::close()}
                </button>
            </div>
            <button type="button" id="new-thread" class="button wide" data-testid="new-thread" on:click=new_thread>
                {icons::plus()}"New conversation"
            </button>
            <div class="list-head">
                <h2>"Conversations"</h2>
                <button
                    type="button" class="icon-button small" class:busy=move || threads.is_loading.get() aria-label="Refresh the list" title="Refresh"
                    on:click=move |_| threads.refresh()
                >
                    {icons::refresh()}
                </button>
            </div>
            <ul class="threads" data-testid="thread-list">
                <For each=move || threads.ids() key=ThreadId::clone let:id>
                    <ThreadItem id nav threads overlays />
                </For>
            </ul>
            <Show when=move || threads.lines.with(Vec::is_empty) && !threads.is_loading.get()>
                <p class="panel-empty">
                    {move || if threads.problem().is_some() { "The list could not be loaded. You can ask anyway; the question is sent when the server answers." } else { "None yet." }}
                </p>
            </Show>
            <ThisBrowser nav />
            <ServerField nav threads />
        </nav>
    }
}

#[component]
fn ThreadItem(id: ThreadId, nav: Nav, threads: Threads, overlays: Overlays) -> impl IntoView {
    let thread_id = id.to_string();
    let key = StoredValue::new(id);
    // The item stays, and so does the focus in it, while what is known of its thread changes.
    let line = Memo::new(move |_| {
        let id = key.get_value();
        threads
            .lines
            .with(|lines| lines.iter().find(|line| line.id == id).cloned())
    });
    let status = Memo::new(move |_| {
        let is_followed = key.with_value(|id| threads.followed.with(|it| it.as_ref() == Some(id)));
        if is_followed {
            return ThreadStatus::Busy;
        }
        line.with(|line| {
            line.as_ref()
                .map_or(ThreadStatus::Unknown, |line| line.status)
        })
    });
    let is_current = move || {
        let current = nav.get().thread;
        key.with_value(|id| current.as_deref() == Some(id.as_str()))
    };
    let title = Memo::new(move |_| {
        let known = line.with(|line| line.as_ref().and_then(|line| line.title.clone()));
        let own = || {
            threads
                .titles
                .with(|titles| titles.get(&key.get_value()).cloned())
        };
        known
            .or_else(own)
            .unwrap_or_else(|| "Untitled".into())
            .to_string()
    });
    let open = move |_| {
        let graph = line.with_untracked(|line| line.as_ref().and_then(|line| line.graph.clone()));
        let known = graph.filter(|graph| {
            threads
                .assistants
                .with_untracked(|names| names.contains(graph))
        });
        nav.open_thread(Some(key.get_value().to_string()), known);
        overlays.drawer.set(false);
    };
    view! {
        <li class="thread-row">
            <button
                type="button" class="thread" data-testid="thread-item" data-thread-id=thread_id data-status=move || status_words(status.get()).0
                aria-current=move || is_current().then_some("true") title=move || title.get() on:click=open
            >
                <span class="thread-title">{move || title.get()}</span>
                <span class="thread-about">
                    {move || status_words(status.get()).1.map(|label| view! { <span class="thread-status">{label}</span> })}
                    {move || line.with(|line| line.as_ref().map(about))}
                </span>
            </button>
            <DeleteButton key threads />
        </li>
    }
}

/// Asks once more before it deletes.
#[component]
fn DeleteButton(key: StoredValue<ThreadId>, threads: Threads) -> impl IntoView {
    let is_sure = RwSignal::new(false);
    let label = move || {
        if is_sure.get() {
            "Press again to delete this conversation"
        } else {
            "Delete this conversation"
        }
    };
    let delete = move |_| {
        if is_sure.get_untracked() {
            threads.delete(key.get_value());
        } else {
            is_sure.set(true);
        }
    };
    view! {
        <button
            type="button" class="icon-button small delete" class:sure=move || is_sure.get() aria-label=label title=label
            on:click=delete on:blur=move |_| is_sure.set(false)
        >
            {icons::trash()}
        </button>
    }
}

/// The graph and the age, in one line.
fn about(line: &ThreadLine) -> String {
    let age = line.updated_at.as_deref().and_then(age);
    let parts = [line.graph.clone(), age];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn status_words(status: ThreadStatus) -> (&'static str, Option<&'static str>) {
    match status {
        ThreadStatus::Idle => ("idle", None),
        ThreadStatus::Busy => ("busy", Some("working")),
        ThreadStatus::Interrupted => ("interrupted", Some("waits for you")),
        ThreadStatus::Error => ("error", Some("failed")),
        ThreadStatus::Unknown => ("unknown", None),
    }
}

/// How long ago, in words; `None` for a time that cannot be read.
fn age(iso: &str) -> Option<String> {
    // Servers leave the zone out and mean UTC.
    let has_zone = iso.ends_with('Z')
        || iso
            .rfind(['+', '-'])
            .is_some_and(|at| at > iso.find('T').unwrap_or(iso.len()));
    let then_ms = js_sys::Date::parse(&if has_zone {
        iso.to_owned()
    } else {
        format!("{iso}Z")
    });
    let minutes = (js_sys::Date::now() - then_ms) / 60_000.0;
    if minutes.is_nan() {
        return None;
    }
    Some(match minutes {
        m if m < 1.0 => "now".to_owned(),
        m if m < 60.0 => format!("{m:.0} min"),
        m if m < 24.0 * 60.0 => format!("{:.0} h", m / 60.0),
        m => format!("{:.0} d", m / 60.0 / 24.0),
    })
}
