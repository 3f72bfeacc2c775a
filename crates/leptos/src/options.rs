//! What `use_stream` is told.

use rejoin_browser::{
    HeaderProvider, LocalStore, MemoryStore, RecordStore, SessionStore, StreamOptions,
    header_futures,
};
use rejoin_core::{Config, Notice, wire::ThreadId};
use std::{fmt, future::Future, pin::Pin, rc::Rc};

/// Names and values of headers, or why there are none.
pub type HeaderFuture = Pin<Box<dyn Future<Output = Result<Vec<(String, String)>, String>>>>;

/// Hears notices.
pub(crate) type NoticeReader = Rc<dyn Fn(&Notice)>;

/// Where the records are kept that let a reload find its run.
#[derive(Clone, Default)]
pub enum StorageKind {
    /// `localStorage`: every tab of the origin.
    #[default]
    Local,
    /// `sessionStorage`: this tab.
    Session,
    /// Nowhere: a reload finds its run only where the server lists it.
    None,
    /// The application's own.
    Custom(Rc<dyn RecordStore>),
}

impl fmt::Debug for StorageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "Local",
            Self::Session => "Session",
            Self::None => "None",
            Self::Custom(_) => "Custom",
        })
    }
}

/// Options of [`crate::use_stream`].
#[derive(Clone)]
pub struct UseStreamOptions {
    pub(crate) config: Config,
    pub(crate) thread_id: Option<ThreadId>,
    pub(crate) headers: Option<HeaderProvider>,
    pub(crate) storage: StorageKind,
    pub(crate) notice_readers: Vec<NoticeReader>,
}

impl UseStreamOptions {
    /// The defaults of [`Config::new`], a new thread, no headers, records in `localStorage`.
    pub fn new(api_url: impl Into<String>, assistant_id: impl Into<String>) -> Self {
        Self {
            config: Config::new(api_url, assistant_id.into()),
            thread_id: None,
            headers: None,
            storage: StorageKind::Local,
            notice_readers: Vec::new(),
        }
    }

    /// Tunes the client.
    #[must_use]
    pub fn config(mut self, tune: impl FnOnce(&mut Config)) -> Self {
        tune(&mut self.config);
        self
    }

    /// The thread to enter; `None`, the default, is a new one. Its active run is joined.
    #[must_use]
    pub fn thread_id(mut self, thread_id: Option<String>) -> Self {
        self.thread_id = thread_id.map(ThreadId::from);
        self
    }

    /// Makes the headers of each request, and again (`true`) when those it made were refused. Its error is shown to the
    /// person, so it must not hold a secret.
    #[must_use]
    pub fn headers(mut self, provider: impl Fn(bool) -> HeaderFuture + 'static) -> Self {
        self.headers = Some(header_futures(provider));
        self
    }

    /// Where records are kept.
    #[must_use]
    pub fn storage(mut self, storage: StorageKind) -> Self {
        self.storage = storage;
        self
    }

    /// Hears every notice, at once and in order: for a timeline, and for what elsewhere is `onCreated`, `onFinish`,
    /// `onError`. Given several times, each hears all.
    #[must_use]
    pub fn on_notice(mut self, reader: impl Fn(&Notice) + 'static) -> Self {
        self.notice_readers.push(Rc::new(reader));
        self
    }

    pub(crate) fn stream_options(&self) -> StreamOptions {
        let mut options = StreamOptions::new(self.config.clone());
        options.headers.clone_from(&self.headers);
        options.storage = match &self.storage {
            StorageKind::Local => Rc::new(LocalStore),
            StorageKind::Session => Rc::new(SessionStore),
            StorageKind::None => Rc::new(MemoryStore::default()),
            StorageKind::Custom(store) => Rc::clone(store),
        };
        options
    }
}

impl fmt::Debug for UseStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseStreamOptions")
            .field("config", &self.config)
            .field("thread_id", &self.thread_id)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}
