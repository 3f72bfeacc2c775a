//! The hook.

use crate::{
    INERT, StreamMessage, Subgraph, UseStreamOptions, Waiting,
    arena::Place,
    events::EventRecord,
    input,
    json::{self, ReadError},
    options::Resolver,
    signals::Signals,
    thread::{HistoryEntry, Kept},
    writer::{Snapshot, Writer},
};
use leptos::prelude::{
    Effect, Get, LocalStorage, Memo, RwSignal, Set, Signal, StoredValue, UpdateValue, With,
    WithValue, on_cleanup, window_event_listener,
};
use rejoin_browser::{CheckpointResolver, Stream, Subscription, WeakStream};
use rejoin_core::{
    Client, Connection, ErrorCode, Extras, HistoryState, Millis, Notice, Outcome, StreamError,
    wire::{Json, MessageId, RunId, ThreadId, message::ToolCall, thread::Interrupt},
};
use serde::de::DeserializeOwned;
use std::{cell::RefCell, collections::VecDeque, fmt, rc::Rc, sync::Arc};

/// A thread of an assistant, as signals, and what can be done with it. `Copy`; it belongs to the owner that called [`use_stream`].
#[derive(Clone, Copy)]
pub struct UseStream {
    /// The graph's values as the server last sent them: JSON text, unread. `null` before there are any. See
    /// [`UseStream::values_as`].
    pub values: Signal<Json>,
    /// The messages, oldest first. Changes only when some come, go or move; their content is in their own signals.
    pub messages: Signal<Vec<StreamMessage>>,
    /// The messages from within tools, in the order of their first ones. Empty without
    /// [`UseStreamOptions::split_subgraphs`].
    pub subgraphs: Signal<Vec<Subgraph>>,
    /// Whether a run is followed that is not known to be over.
    pub is_loading: Signal<bool>,
    /// Whether the thread's state is being loaded for the first time.
    pub is_thread_loading: Signal<bool>,
    /// The connection, as a person is told; [`crate::ConnectionStatus`] puts it in words.
    pub connection: Signal<Connection>,
    /// Since when nothing was heard of the server, on the clock of [`crate::now`], while something is asked of it.
    pub lost_since: Signal<Option<Millis>>,
    /// The last failure, until the next submission.
    pub error: Signal<Option<StreamError>>,
    /// All questions of the agent; answered by [`UseStream::respond`] or [`UseStream::respond_all`]. They come with the
    /// thread, so a reload and a switch of threads restore them; what is answered is gone at once.
    pub interrupts: Signal<Vec<Interrupt>>,
    /// The thread's states as last read, newest first. Empty without [`UseStreamOptions::history_limit`].
    pub history: Signal<Vec<HistoryState>>,
    /// Whether the thread's state or history is being read, first or again.
    pub is_history_loading: Signal<bool>,
    /// The branch of the history that is shown, by its name; empty for the newest. See [`StreamMessage::branch`] and
    /// [`UseStream::set_branch`].
    pub branch: Signal<String>,
    /// The run that is followed, or was last.
    pub run_id: Signal<Option<RunId>>,
    /// The thread; `None` before the first submission on a new one.
    pub thread_id: Signal<Option<ThreadId>>,
    /// The message whose edit or new answer is being looked up: nothing else has changed yet.
    pub editing: Signal<Option<MessageId>>,
    /// Tool calls that no message answers, each with its message, oldest first. Those of tools that run here are answered by
    /// [`UseStream::add_tool_result`].
    pub pending_tool_calls: Signal<Vec<(MessageId, ToolCall)>>,
    /// Whether [`UseStream::retry`] would do something: the last run failed.
    pub can_retry: Signal<bool>,
    /// Whether there is a run that is not followed and may not be over.
    pub can_rejoin: Signal<bool>,
    /// Submissions that the server is not known to have, oldest first; not the one that is on its way for the first time.
    /// They outlive a reload, and are sent in their order, each once. [`UseStream::take_back`], [`UseStream::send_now`] and
    /// [`UseStream::replace_waiting`] change them.
    pub waiting: Signal<Vec<Waiting>>,
    /// Whether nothing of what was submitted is known to have reached the server, which is tried again.
    pub is_unsent: Signal<bool>,
    /// The outcome of the last run for this client; `None` while one is followed, and on a thread where none was.
    pub outcome: Signal<Option<Outcome>>,
    /// Why runs cannot be rejoined after a reload by what is stored, or the thread not be remembered.
    pub storage_error: Signal<Option<ErrorCode>>,
    pub(crate) custom_events: Signal<VecDeque<Json>>,
    /// `None` on a server, where what belongs to one thread must not be kept.
    pub(crate) handle: Option<StoredValue<Option<Handle>, LocalStorage>>,
}

/// The owner of everything that keeps the stream alive.
pub(crate) struct Handle {
    pub(crate) stream: Stream,
    pub(crate) messages_key: String,
    pub(crate) kept: Kept,
    pub(crate) events: EventRecord,
    pub(crate) outcome: RwSignal<Option<Outcome>>,
    /// How many views of the session are open.
    pub(crate) views: usize,
    _subscriptions: Vec<Subscription>,
}

/// Follows a thread of an assistant for as long as the current owner lives. Leaving disconnects; the agent goes on, and
/// whoever comes back to the thread rejoins its run. To keep a stream beyond the component see [`crate::use_shared_stream`].
///
/// On a server the signals hold the state before anything was loaded (`is_thread_loading` where a thread is given, and
/// [`UseStreamOptions::initial_values`]), and commands do nothing.
pub fn use_stream(options: UseStreamOptions) -> UseStream {
    let signals = Signals::new();
    let mut writer = Writer::new(signals, Place::current());
    let mut stream = UseStream::new(signals);
    if INERT {
        crate::warn_of_inert_page();
        writer.write(first_snapshot(&options, options.thread.now()));
        // Its rows live as long as the owner.
        StoredValue::new(writer);
    } else {
        let store = options.storage.store();
        let kept = Kept::new(options.places.clone(), store, signals.storage_error);
        let first = first_thread(&options, &kept);
        writer.write(first_snapshot(&options, first.clone()));
        writer.change_client();
        let handle = connect(&options, signals, writer, kept.clone(), first.clone());
        let handle = StoredValue::new_local(Some(handle));
        stream.handle = Some(handle);
        on_cleanup(move || {
            // Taken out first: disposing of it drops callbacks of the application.
            let left = handle.try_update_value(Option::take).flatten();
            if let Some(left) = left {
                left.events.save();
                left.stream.dispose();
            }
        });
        let hidden = window_event_listener(leptos::ev::pagehide, move |_| {
            let events = handle.try_with_value(|handle| Some(handle.as_ref()?.events.clone()));
            if let Some(events) = events.flatten() {
                events.save();
            }
        });
        on_cleanup(move || hidden.remove());
        follow_thread(stream, &options, kept, first);
    }
    if let Some(problem) = options.problem {
        let error = StreamError::new(ErrorCode::InvalidInput).with_detail(problem);
        signals.error.set(Some(error));
    }
    stream
}

impl UseStream {
    fn new(signals: Signals) -> Self {
        Self {
            values: signals.values.into(),
            messages: signals.messages.into(),
            subgraphs: signals.subgraphs.into(),
            is_loading: signals.is_loading.into(),
            is_thread_loading: signals.is_thread_loading.into(),
            connection: signals.connection.into(),
            lost_since: signals.lost_since.into(),
            error: signals.error.into(),
            interrupts: signals.interrupts.into(),
            history: signals.history.into(),
            is_history_loading: signals.is_history_loading.into(),
            branch: signals.branch.into(),
            run_id: signals.run_id.into(),
            thread_id: signals.thread_id.into(),
            editing: signals.editing.into(),
            pending_tool_calls: signals.pending_tool_calls.into(),
            can_retry: signals.can_retry.into(),
            can_rejoin: signals.can_rejoin.into(),
            waiting: signals.waiting.into(),
            is_unsent: signals.is_unsent.into(),
            outcome: signals.outcome.into(),
            storage_error: signals.storage_error.into(),
            custom_events: signals.custom_events.signal(),
            handle: None,
        }
    }

    /// Adds a part of the client, where it is not there yet. Only the methods that need a part name it, so that a page
    /// without them does not download it.
    pub(crate) fn bring(&self, part: &'static Extras) {
        self.with_stream(|stream| stream.send(input::part_came(part)));
    }

    /// The graph's values, read as `T`; why they cannot be where they cannot. Before there are any they are `null`, which an
    /// `Option` reads as `None`.
    pub fn values_as<T>(&self) -> Memo<Result<T, ReadError>>
    where
        T: DeserializeOwned + PartialEq + Send + Sync + 'static,
    {
        let values = self.values;
        Memo::new(move |_| values.with(json::read))
    }

    /// Is done once the thread's state has been loaded, or could not be: at once on a new thread. For a resource, so that a
    /// `<Suspense>` shows what stands in its place:
    ///
    /// ```no_run
    /// # use leptos::prelude::*;
    /// # use rejoin_leptos::prelude::*;
    /// # fn of(stream: UseStream) {
    /// let is_loaded = LocalResource::new(move || stream.loaded());
    /// # drop(is_loaded); }
    /// ```
    ///
    /// On a server it is not done: nothing is loaded there.
    pub fn loaded(&self) -> impl Future<Output = ()> + use<> {
        let (sender, receiver) = futures_channel::oneshot::channel();
        let (is_thread_loading, mut sender) = (self.is_thread_loading, Some(sender));
        Effect::new(move |_| {
            if !is_thread_loading.get()
                && let Some(sender) = sender.take()
            {
                // Nobody may wait any more.
                let _ = sender.send(());
            }
        });
        async move {
            if receiver.await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The first view of a client that has a thread to enter and no answer yet. A server renders it, and the page's first render
/// is the same, so that hydration matches.
fn first_snapshot(options: &UseStreamOptions, thread: Option<ThreadId>) -> Snapshot {
    let mut client = Client::without_extras(options.config.clone(), 0);
    client.handle(Millis(0), input::thread_switched(thread));
    Snapshot::take(client.view(), 0)
}

/// A page that a server rendered does not begin with what only the page knows.
fn first_thread(options: &UseStreamOptions, kept: &Kept) -> Option<ThreadId> {
    let given = options.thread.now();
    if cfg!(feature = "hydrate") {
        given
    } else {
        given.or_else(|| kept.read())
    }
}

/// Enters the thread that a signal or the page's address names from now on.
fn follow_thread(
    stream: UseStream,
    options: &UseStreamOptions,
    kept: Kept,
    first: Option<ThreadId>,
) {
    if let Some(thread) = &first {
        kept.write(Some(thread), HistoryEntry::Same);
    } else if cfg!(feature = "hydrate") && !options.places.is_empty() {
        let kept = StoredValue::new_local(kept.clone());
        Effect::new(move |_| {
            let thread = kept.with_value(Kept::read);
            if thread.is_some() {
                stream.enter(thread, HistoryEntry::Same);
            }
        });
    }
    if let Some(signal) = options.thread.signal() {
        Effect::new(move |before: Option<Option<ThreadId>>| {
            let thread = signal.get();
            if before.unwrap_or_else(|| first.clone()) != thread {
                stream.enter(thread.clone(), HistoryEntry::New);
            }
            thread
        });
    }
    if options.places.parameter.is_some() {
        let kept = StoredValue::new_local(kept);
        let back = window_event_listener(leptos::ev::popstate, move |_| {
            let thread = kept.try_with_value(Kept::in_address);
            if let Some(thread) = thread {
                stream.enter(thread, HistoryEntry::Same);
            }
        });
        on_cleanup(move || back.remove());
    }
}

fn connect(
    options: &UseStreamOptions,
    signals: Signals,
    writer: Writer,
    kept: Kept,
    thread: Option<ThreadId>,
) -> Handle {
    let asked: Rc<RefCell<Option<WeakStream>>> = Rc::default();
    let mut stream_options = options.stream_options();
    let resolver = options.resolver.as_ref();
    stream_options.resolve_checkpoint = resolver.map(|resolver| asking(resolver, &asked));
    let stream = Stream::without_extras(stream_options);
    for part in &options.parts {
        stream.send(input::part_came(part));
    }
    for set_up in options.saving.iter().chain(&options.sharing) {
        set_up(&stream);
    }
    asked.replace(Some(stream.downgrade()));
    let shown = stream.subscribe({
        let (stream, writer, kept) = (stream.downgrade(), RefCell::new(writer), kept.clone());
        move || {
            let Some(stream) = stream.upgrade() else {
                return;
            };
            let mut writer = writer.borrow_mut();
            let snapshot = stream.with_view(|view| Snapshot::take(view, writer.revision()));
            if snapshot.is_of_missing_thread() {
                kept.remember(None);
            }
            writer.write(snapshot);
        }
    });
    let events = EventRecord::new(signals.custom_events, options.storage.store());
    let own = stream.on_notice({
        let (kept, events) = (kept.clone(), events.clone());
        move |notice| {
            take_notice(notice, signals, &kept);
            events.take(notice);
        }
    });
    let mut subscriptions = vec![shown, own];
    for reader in &options.notice_readers {
        let reader = Arc::clone(reader);
        subscriptions.push(stream.on_notice(move |notice| reader(notice)));
    }
    if let Some(listened) = input::events_listened(&options.listened) {
        stream.send(listened);
    }
    events.enter(thread.as_ref());
    stream.switch_thread(thread);
    Handle {
        stream,
        events,
        messages_key: options.config.messages_key.clone(),
        kept,
        outcome: signals.outcome,
        views: 0,
        _subscriptions: subscriptions,
    }
}

/// Handles the notices that the hook itself needs.
fn take_notice(notice: &Notice, signals: Signals, kept: &Kept) {
    match notice {
        Notice::ThreadCreated { thread_id } => kept.write(Some(thread_id), HistoryEntry::Same),
        Notice::Ended { outcome, .. } => drop(signals.outcome.try_set(Some(outcome.clone()))),
        Notice::StorageFailed { code } => drop(signals.storage_error.try_set(Some(*code))),
        Notice::Created { .. }
        | Notice::EventApplied(_)
        | Notice::ConnectionChanged(_)
        | Notice::AttemptOpened { .. }
        | Notice::AttemptEnded { .. }
        | Notice::Warning(_)
        | Notice::StartedOver { .. }
        | Notice::ExtrasWanted
        | Notice::Concluded { .. } => {}
    }
}

/// Hands the application's answers to the stream that asked, if it is still there.
fn asking(resolver: &Resolver, stream: &Rc<RefCell<Option<WeakStream>>>) -> CheckpointResolver {
    let (resolver, stream) = (Arc::clone(resolver), Rc::clone(stream));
    Rc::new(move |command, parents| {
        let Some(asks) = stream.borrow().as_ref().and_then(WeakStream::upgrade) else {
            return;
        };
        let Some(thread_id) = asks.with_view(|view| view.thread_id().cloned()) else {
            // Without a thread there is no checkpoint.
            return asks.send(input::checkpoint_resolved(command, Ok(None)));
        };
        let answer = resolver(thread_id, parents);
        let asks = asks.downgrade();
        leptos::task::spawn_local(async move {
            let checkpoint = answer.await;
            if let Some(asks) = asks.upgrade() {
                asks.send(input::checkpoint_resolved(command, checkpoint));
            }
        });
    })
}

impl fmt::Debug for UseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UseStream")
    }
}
