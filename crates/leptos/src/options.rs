//! The options of `use_stream`.

use crate::{StorageKind, ThreadSource, events::read_event, json, thread::ThreadPlaces};
use rejoin_browser::{
    Credentials, HeaderFuture, ShareConnections, Stream, StreamOptions, header_futures,
};
use rejoin_core::{
    Cache, Checkpoints, Config, Extras, Notice, Outcome,
    wire::{
        CheckpointId, MessageId, ThreadId,
        event::{Event, EventName},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, future::Future, pin::Pin, rc::Rc, sync::Arc};

/// A checkpoint, that there is none, or why it could not be looked up.
pub(crate) type CheckpointFuture =
    Pin<Box<dyn Future<Output = Result<Option<CheckpointId>, String>>>>;

/// Looks checkpoints up.
pub(crate) type Resolver = Arc<dyn Fn(ThreadId, Vec<MessageId>) -> CheckpointFuture + Send + Sync>;

/// Hears notices.
pub(crate) type NoticeReader = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Sets a new stream up.
pub(crate) type Setup = Arc<dyn Fn(&Stream) + Send + Sync>;

/// Makes headers.
type Provider = Arc<dyn Fn(bool) -> HeaderFuture + Send + Sync>;

/// Options of [`crate::use_stream`]. They can be cloned, and put into a context.
#[derive(Clone)]
pub struct UseStreamOptions {
    pub(crate) config: Config,
    pub(crate) thread: ThreadSource,
    pub(crate) places: ThreadPlaces,
    pub(crate) resolver: Option<Resolver>,
    pub(crate) storage: StorageKind,
    /// The parts of the client that these options need.
    pub(crate) parts: Vec<&'static Extras>,
    /// Shares connections. As a function, so that a page whose options do not ask for it does not download it.
    pub(crate) sharing: Option<Setup>,
    /// Saves states. As a function for the same reason.
    pub(crate) saving: Option<Setup>,
    pub(crate) notice_readers: Vec<NoticeReader>,
    /// Events that are listened for beside those that the core tells anyway.
    pub(crate) listened: Vec<String>,
    /// The problem with the first option that cannot be used.
    pub(crate) problem: Option<String>,
    headers: Option<Provider>,
    fixed_headers: Vec<(String, String)>,
    credentials: Credentials,
}

impl UseStreamOptions {
    /// The defaults: a new thread, no headers, records in `localStorage`. `api_url` is the server's base URL, such as `/api`;
    /// `assistant_id` is the assistant or graph that runs are made for.
    pub fn new(api_url: impl Into<String>, assistant_id: impl Into<String>) -> Self {
        Self {
            config: Config::new(api_url, assistant_id.into()),
            thread: ThreadSource::default(),
            places: ThreadPlaces::default(),
            resolver: None,
            storage: StorageKind::Local,
            parts: vec![&Extras::OUTBOX],
            sharing: None,
            saving: None,
            notice_readers: Vec::new(),
            listened: Vec::new(),
            problem: None,
            headers: None,
            fixed_headers: Vec::new(),
            credentials: Credentials::default(),
        }
    }

    /// Tunes the client. Brings the parts of branches and of tool results along, because it may ask for both.
    #[must_use]
    pub fn config(self, tune: impl FnOnce(&mut Config)) -> Self {
        let mut options = self.with_part(&Extras::BRANCHES).with_part(&Extras::TOOLS);
        tune(&mut options.config);
        options
    }

    /// The thread to enter: an id, or an option of one. Its active run is joined. Default a new thread.
    ///
    /// Or a signal of an option of one, such as a router's parameter: a change of it enters another thread, `None` a new one.
    /// When the stream makes a thread, [`UseStreamOptions::on_thread_id`] tells its id; put it where the signal comes from.
    #[must_use]
    pub fn thread_id(mut self, thread: impl Into<ThreadSource>) -> Self {
        self.thread = thread.into();
        self
    }

    /// Keeps the thread's id in this parameter of the page's query, so that a reload, a link and the Back button show that
    /// thread. A new thread's id is written as soon as there is one; [`crate::UseStream::switch_thread`] makes a new entry of
    /// the page's history. Whoever has a router takes [`UseStreamOptions::thread_id`] with a signal instead.
    #[must_use]
    pub fn thread_in_url(mut self, parameter: impl Into<String>) -> Self {
        self.places.parameter = Some(parameter.into());
        self
    }

    /// Remembers the thread's id under this key in the [`UseStreamOptions::storage`], so that who comes back is shown the
    /// thread that was shown last. A thread in the address comes first. A thread that the server does not know any more is
    /// forgotten, and so is the last one when [`crate::UseStream::new_thread`] begins another.
    #[must_use]
    pub fn remember_thread(mut self, key: impl Into<String>) -> Self {
        self.places.key = Some(key.into());
        self
    }

    /// Hears the id of each thread that this stream makes, as soon as it has one.
    #[must_use]
    pub fn on_thread_id(self, reader: impl Fn(&ThreadId) + Send + Sync + 'static) -> Self {
        self.on_notice(move |notice| {
            if let Notice::ThreadCreated { thread_id } = notice {
                reader(thread_id);
            }
        })
    }

    /// Values, an object, that are shown while the thread has no state. On a server they are rendered.
    #[must_use]
    pub fn initial_values(mut self, values: impl Serialize) -> Self {
        match json::written(&values) {
            Ok(values) => self.config.initial_values = Some(values),
            Err(problem) => self.problem = Some(format!("initial values: {problem}")),
        }
        self
    }

    /// The search for the checkpoint of an edit. Default automatic: in the history that was read, else in the
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
        resolver: impl AsyncFn(ThreadId, Vec<MessageId>) -> Result<Option<CheckpointId>, String>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let resolver = Arc::new(resolver);
        self.config.checkpoints = Checkpoints::Asked;
        self.resolver = Some(Arc::new(move |thread, messages| {
            let resolver = Arc::clone(&resolver);
            Box::pin(async move { resolver(thread, messages).await })
        }));
        self
    }

    /// Whether a new human message answers the tool calls before it that nobody has answered, as cancelled. Default no.
    #[must_use]
    pub fn cancel_dangling_tool_calls(mut self, cancel: bool) -> Self {
        self.config.cancel_dangling_tool_calls = cancel;
        self.with_part(&Extras::TOOLS)
    }

    /// Whether messages from within a tool go to lists of their own, [`crate::UseStream::subgraphs`], rather than to the
    /// thread's; subgraphs are streamed then. Default no.
    #[must_use]
    pub fn split_subgraphs(mut self, split: bool) -> Self {
        self.config.split_subgraphs = split;
        self.config.stream_subgraphs = split;
        self
    }

    /// The number of states of the thread's history to read, newest first, in place of its state. Default none: only the
    /// state. [`crate::UseStream::history`] and [`crate::StreamMessage::branch`] are made of them, so branches can be chosen
    /// as far back as they reach. Editing does not need them: it reads what it needs.
    #[must_use]
    pub fn history_limit(mut self, limit: u32) -> Self {
        self.config.history_limit = Some(limit);
        self.with_part(&Extras::BRANCHES)
    }

    /// A header of each request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fixed_headers.push((name.into(), value.into()));
        self
    }

    /// Makes more headers for each request, and again (`true`) when those it made were refused. Its error is shown to the
    /// person, so it must not hold a secret.
    ///
    /// ```
    /// # use rejoin_leptos::prelude::*;
    /// # async fn token(_: bool) -> Result<String, String> { Ok(String::new()) }
    /// let options = UseStreamOptions::new("/api", "chat").headers(async |were_refused| {
    ///     let token = token(were_refused).await?;
    ///     Ok(vec![("authorization", format!("Bearer {token}"))])
    /// });
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn headers<K: Into<String>, V: Into<String>>(
        mut self,
        provider: impl AsyncFn(bool) -> Result<Vec<(K, V)>, String> + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(provider);
        self.headers = Some(Arc::new(move |were_refused| {
            let provider = Arc::clone(&provider);
            Box::pin(async move {
                let headers = provider(were_refused).await?.into_iter();
                Ok(headers
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect())
            })
        }));
        self
    }

    /// Whether cookies are sent. Default to the page's own origin.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The storage of run records.
    #[must_use]
    pub fn storage(mut self, storage: StorageKind) -> Self {
        self.storage = storage;
        self
    }

    /// The tabs of the browser that share the connection of a run's stream and of a session's feed, where the
    /// browser has Web Locks. A text that names the user is also [`Config::identity`], unless [`UseStreamOptions::cache`] names one. Default
    /// none.
    #[must_use]
    pub fn share_connections(mut self, share: impl Into<Option<ShareConnections>>) -> Self {
        let share = share.into();
        if let Some(ShareConnections::As(person)) = &share {
            self.config.identity.get_or_insert_with(|| person.clone());
        }
        self.sharing = share.map(|share| {
            let share = move |stream: &Stream| stream.share_connections(Some(share.clone()));
            Arc::new(share) as Setup
        });
        self
    }

    /// Saves threads' last states in this browser, in IndexedDB, so that a thread is on screen before the server has
    /// answered. Meanwhile [`crate::UseStream::is_thread_loading`] stays true, and the connection is
    /// [`rejoin_core::Connection::Saved`]. A saved thread can only be read: submissions wait, and nothing can be edited. A
    /// thread is removed when the server refuses it (401, 403) or does not know it (404). Call
    /// [`crate::UseStream::forget_thread`] when the page deletes a thread, and [`crate::clear_data`] when the user logs out.
    /// [`Cache::identity`] is also [`Config::identity`]. Default off.
    ///
    /// ```
    /// use rejoin_leptos::prelude::*;
    ///
    /// let options = UseStreamOptions::new("/api", "chat").cache(Cache {
    ///     identity: Some("user-42".to_owned()),
    ///     ..Cache::default()
    /// });
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        if cache.identity.is_some() {
            self.config.identity.clone_from(&cache.identity);
        }
        let save = move |stream: &Stream| stream.keep_states(cache.clone());
        self.saving = Some(Arc::new(save));
        self.with_part(&Extras::SAVED)
    }

    /// Hears each custom event whose data can be read as `T`, at once and in order. Others are passed over. See
    /// [`crate::UseStream::custom_event`] for the newest as a signal.
    #[must_use]
    pub fn on_custom_event<T: DeserializeOwned>(
        self,
        reader: impl Fn(T) + Send + Sync + 'static,
    ) -> Self {
        self.on_event(EventName::Custom.as_str(), move |event| {
            if let Some(data) = read_event(event) {
                reader(data);
            }
        })
    }

    /// Hears each event of this name, such as `updates` or `tasks`, at once and in order: its mode has to be streamed
    /// (`stream_modes` of [`UseStreamOptions::config`] or of [`crate::Run`]).
    #[must_use]
    pub fn on_event(
        mut self,
        name: impl Into<String>,
        reader: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        if !self.listened.contains(&name) {
            self.listened.push(name.clone());
        }
        self.on_notice(move |notice| {
            if let Notice::EventApplied(event) = notice
                && event.name.as_str() == name
            {
                reader(event);
            }
        })
    }

    /// Hears how each run ended for this client.
    #[must_use]
    pub fn on_finish(self, reader: impl Fn(&Outcome) + Send + Sync + 'static) -> Self {
        self.on_notice(move |notice| {
            if let Notice::Ended { outcome, .. } = notice {
                reader(outcome);
            }
        })
    }

    /// Hears every notice, at once and in order. Given several times, each hears all.
    #[must_use]
    pub fn on_notice(mut self, reader: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.notice_readers.push(Arc::new(reader));
        self
    }

    fn with_part(mut self, part: &'static Extras) -> Self {
        self.parts.push(part);
        self
    }

    pub(crate) fn stream_options(&self) -> StreamOptions {
        let mut options = StreamOptions::with_storage(self.config.clone(), self.storage.store());
        options.credentials = self.credentials;
        options.headers = match (&self.headers, &self.fixed_headers) {
            (None, fixed) if fixed.is_empty() => None,
            (provider, fixed) => Some(header_futures(with_fixed(provider.clone(), fixed.clone()))),
        };
        options
    }
}

/// Headers that are always the same, and those that are made.
fn with_fixed(
    provider: Option<Provider>,
    fixed: Vec<(String, String)>,
) -> impl Fn(bool) -> HeaderFuture {
    let fixed = Rc::new(fixed);
    move |were_refused| {
        let made = provider.as_ref().map(|provider| provider(were_refused));
        let mut headers = fixed.as_ref().clone();
        Box::pin(async move {
            if let Some(made) = made {
                headers.extend(made.await?);
            }
            Ok(headers)
        })
    }
}

impl fmt::Debug for UseStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseStreamOptions")
            .field("config", &self.config)
            .field("thread", &self.thread)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}
