//! What `use_stream` is told.

use rejoin_browser::{
    HeaderProvider, LocalStore, MemoryStore, RecordStore, SessionStore, ShareConnections,
    StreamOptions, header_futures,
};
use rejoin_core::{
    Checkpoints, Config, Notice,
    wire::{CheckpointId, MessageId, ThreadId},
};
use std::{fmt, future::Future, pin::Pin, rc::Rc};

/// Names and values of headers, or why there are none.
pub type HeaderFuture = Pin<Box<dyn Future<Output = Result<Vec<(String, String)>, String>>>>;

/// A checkpoint, that there is none, or why it could not be looked up.
pub type CheckpointFuture = Pin<Box<dyn Future<Output = Result<Option<CheckpointId>, String>>>>;

/// Looks checkpoints up.
pub(crate) type Resolver = Rc<dyn Fn(ThreadId, Vec<MessageId>) -> CheckpointFuture>;

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
    pub(crate) resolver: Option<Resolver>,
    pub(crate) storage: StorageKind,
    pub(crate) share_connections: ShareConnections,
    pub(crate) notice_readers: Vec<NoticeReader>,
}

impl UseStreamOptions {
    /// The defaults of [`Config::new`], a new thread, no headers, records in `localStorage`.
    pub fn new(api_url: impl Into<String>, assistant_id: impl Into<String>) -> Self {
        Self {
            config: Config::new(api_url, assistant_id.into()),
            thread_id: None,
            headers: None,
            resolver: None,
            storage: StorageKind::Local,
            share_connections: ShareConnections::default(),
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

    /// How the checkpoint is found that an edit goes on from. Default automatic: in the history that was read, else in the
    /// thread's, page by page. With [`Checkpoints::Off`] nothing can be edited, and no message says that it could.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.config.checkpoints = checkpoints;
        self
    }

    /// Looks up the checkpoint that an edit goes on from: the one of the thread whose messages are exactly those given,
    /// oldest first. `None` where there is none. Its error is shown to the person, so it must not hold a secret.
    #[must_use]
    pub fn resolve_checkpoint(
        mut self,
        resolver: impl Fn(ThreadId, Vec<MessageId>) -> CheckpointFuture + 'static,
    ) -> Self {
        self.config.checkpoints = Checkpoints::Asked;
        self.resolver = Some(Rc::new(resolver));
        self
    }

    /// Whether a new human message answers the tool calls before it that nobody has answered, as cancelled. Default no.
    #[must_use]
    pub fn cancel_dangling_tool_calls(mut self, cancel: bool) -> Self {
        self.config.cancel_dangling_tool_calls = cancel;
        self
    }

    /// How many states of the thread's history are read, newest first, whenever its state would be; `None`, the default, is
    /// only the state. [`crate::UseStream::history`] and [`crate::StreamMessage::branch`] are made of them, so
    /// branches can be chosen as far back as they reach. Editing does not need them: it reads what it needs.
    #[must_use]
    pub fn history_limit(mut self, limit: Option<u32>) -> Self {
        self.config.history_limit = limit;
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

    /// Which tabs of the browser share the connection of a run's stream and of a session's feed, where the
    /// browser has Web Locks. Default none.
    #[must_use]
    pub fn share_connections(mut self, share: ShareConnections) -> Self {
        self.share_connections = share;
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
        options
            .share_connections
            .clone_from(&self.share_connections);
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
