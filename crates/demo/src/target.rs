//! The target of the page: a server, an assistant and a thread. The address follows it.

use crate::{page, query::Query};
use leptos::{ev, prelude::*};

/// The assistant shown when the address names none.
const DEFAULT_ASSISTANT: &str = "chat";

/// A server, an assistant and a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The server's base URL.
    pub(crate) server: String,
    /// The assistant's id or graph name.
    pub(crate) assistant: String,
    /// The thread; `None` is a new one.
    pub(crate) thread: Option<String>,
}

/// The page's target, and the ways to change it.
#[derive(Clone, Copy)]
pub(crate) struct Nav {
    target: RwSignal<Target>,
    /// The typed and unsent text; it stays while threads and assistants change.
    pub(crate) draft: RwSignal<String>,
}

impl Target {
    fn read(query: &Query) -> Self {
        let own = own_server();
        Self {
            server: query
                .text("server")
                .map_or(own, |url| url.trim_end_matches('/').to_owned()),
            assistant: query
                .text("assistant")
                .unwrap_or(DEFAULT_ASSISTANT)
                .to_owned(),
            thread: query.text("thread").map(str::to_owned),
        }
    }
}

impl Nav {
    /// Reads the address, and follows the browser's back and forward buttons.
    pub(crate) fn new() -> Self {
        let target = RwSignal::new(Target::read(&page::query()));
        let back = window_event_listener(ev::popstate, move |_| {
            target.set(Target::read(&page::query()))
        });
        on_cleanup(move || back.remove());
        Self {
            target,
            draft: RwSignal::new(String::new()),
        }
    }

    pub(crate) fn get(self) -> Target {
        self.target.get()
    }

    pub(crate) fn get_untracked(self) -> Target {
        self.target.get_untracked()
    }

    /// Opens a thread, or with `None` a new one; with the assistant that it belongs to, where that is known.
    pub(crate) fn open_thread(self, thread: Option<String>, assistant: Option<String>) {
        let now = self.get_untracked();
        let next = Target {
            assistant: assistant.unwrap_or_else(|| now.assistant.clone()),
            thread,
            server: now.server.clone(),
        };
        if next != now {
            page::set_param("thread", next.thread.as_deref(), true);
            page::set_param("assistant", Some(&next.assistant), false);
            self.target.set(next);
        }
    }

    /// A new thread has got its id: the same place, now with a name.
    pub(crate) fn name_thread(self, thread: &str) {
        page::set_param("thread", Some(thread), false);
        self.target
            .update(|target| target.thread = Some(thread.to_owned()));
    }

    /// A new conversation with another assistant.
    pub(crate) fn choose_assistant(self, assistant: String) {
        self.open_thread(None, Some(assistant));
    }

    /// Another server; its threads are others. Empty: this page's own.
    pub(crate) fn choose_server(self, url: &str) {
        let url = url.trim().trim_end_matches('/');
        let own = own_server();
        let is_own = url.is_empty() || url == own;
        page::set_param("thread", None, true);
        page::set_param("server", Some(url).filter(|_| !is_own), false);
        let server = if is_own { own } else { url.to_owned() };
        self.target.update(|target| {
            target.server = server;
            target.thread = None;
        });
    }
}

/// The server that comes with this page.
pub(crate) fn own_server() -> String {
    format!("{}/api", page::origin())
}
