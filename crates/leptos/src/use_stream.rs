//! The hook.

use crate::{
    INERT, StreamMessage, UseStreamOptions, Waiting,
    options::Resolver,
    signals::{Signals, Snapshot, Writer},
};
use leptos::prelude::{LocalStorage, Set, Signal, StoredValue, UpdateValue, on_cleanup};
use rejoin_browser::{CheckpointResolver, Stream, Subscription, WeakStream};
use rejoin_core::{
    Connection, ErrorCode, HistoryState, Input, Notice, StreamError,
    wire::{Json, MessageId, RunId, ThreadId, message::ToolCall, thread::Interrupt},
};
use std::{cell::RefCell, fmt, rc::Rc};

/// A thread of an assistant, as signals, and what can be done with it. `Copy`; it belongs to the owner that called [`use_stream`].
#[derive(Clone, Copy)]
pub struct UseStream {
    /// The graph's values as the server last sent them: JSON text, unread. `null` before there are any.
    pub values: Signal<Json>,
    /// The messages, oldest first. Changes only when some come, go or move; their content is in their own signals.
    pub messages: Signal<Vec<StreamMessage>>,
    /// Whether a run is followed that is not known to be over.
    pub is_loading: Signal<bool>,
    /// Whether the thread's state is being loaded for the first time.
    pub is_thread_loading: Signal<bool>,
    /// The connection, as a person is told; [`crate::ConnectionStatus`] puts it in words.
    pub connection: Signal<Connection>,
    /// What went wrong last, until the next submission.
    pub error: Signal<Option<StreamError>>,
    /// What the agent asks, all of it; answered by [`UseStream::respond`] or [`UseStream::respond_all`]. They come with the
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
    /// Submissions that the server is not known to have, oldest first; not the one that is on its way for the first time. They outlive a
    /// reload, and are sent in their order, each once. [`UseStream::take_back`], [`UseStream::send_now`] and
    /// [`UseStream::replace_waiting`] change them.
    pub waiting: Signal<Vec<Waiting>>,
    /// Whether nothing of what was submitted is known to have reached the server, which is tried again.
    pub is_unsent: Signal<bool>,
    /// Why runs cannot be rejoined after a reload by what is stored.
    pub storage_error: Signal<Option<ErrorCode>>,
    pub(crate) handle: StoredValue<Option<Handle>, LocalStorage>,
}

pub(crate) struct Handle {
    pub(crate) stream: Stream,
    pub(crate) messages_key: String,
    /// How many views of the session are open.
    pub(crate) views: usize,
    _subscriptions: Vec<Subscription>,
}

/// Follows a thread of an assistant for as long as the current owner lives. Leaving disconnects; the agent goes on, and
/// whoever comes back to the thread rejoins its run.
///
/// On a server the signals hold the state before anything was loaded (`is_thread_loading` where a thread is given), and
/// commands do nothing.
pub fn use_stream(options: UseStreamOptions) -> UseStream {
    let signals = Signals::new(&options);
    let handle = StoredValue::new_local(None);
    if !INERT {
        handle.update_value(|handle| *handle = Some(connect(&options, signals)));
        on_cleanup(move || {
            // Taken out first: disposing of it drops callbacks of the application.
            let left = handle.try_update_value(Option::take).flatten();
            if let Some(left) = left {
                left.stream.dispose();
            }
        });
    }
    UseStream {
        values: signals.values.into(),
        messages: signals.messages.into(),
        is_loading: signals.is_loading.into(),
        is_thread_loading: signals.is_thread_loading.into(),
        connection: signals.connection.into(),
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
        storage_error: signals.storage_error.into(),
        waiting: signals.waiting.into(),
        is_unsent: signals.is_unsent.into(),
        handle,
    }
}

fn connect(options: &UseStreamOptions, signals: Signals) -> Handle {
    let asked: Rc<RefCell<Option<WeakStream>>> = Rc::default();
    let mut stream_options = options.stream_options();
    let resolver = options.resolver.as_ref();
    stream_options.resolve_checkpoint = resolver.map(|resolver| asking(resolver, &asked));
    let stream = Stream::new(stream_options);
    asked.replace(Some(stream.downgrade()));
    let shown = stream.subscribe({
        let (stream, writer) = (stream.downgrade(), RefCell::new(Writer::default()));
        move || {
            let Some(stream) = stream.upgrade() else {
                return;
            };
            let mut writer = writer.borrow_mut();
            let snapshot = stream.with_view(|view| Snapshot::take(view, writer.revision()));
            writer.write(signals, snapshot);
        }
    });
    let storage = stream.on_notice(move |notice| {
        if let Notice::StorageFailed { code } = notice {
            signals.storage_error.set(Some(*code));
        }
    });
    let mut subscriptions = vec![shown, storage];
    for reader in &options.notice_readers {
        let reader = Rc::clone(reader);
        subscriptions.push(stream.on_notice(move |notice| reader(notice)));
    }
    stream.switch_thread(options.thread_id.clone());
    Handle {
        stream,
        messages_key: options.config.messages_key.clone(),
        views: 0,
        _subscriptions: subscriptions,
    }
}

/// Hands the application's answers to the stream that asked, if it is still there.
fn asking(resolver: &Resolver, stream: &Rc<RefCell<Option<WeakStream>>>) -> CheckpointResolver {
    let (resolver, stream) = (Rc::clone(resolver), Rc::clone(stream));
    Rc::new(move |command, parents| {
        let Some(asks) = stream.borrow().as_ref().and_then(WeakStream::upgrade) else {
            return;
        };
        let Some(thread_id) = asks.with_view(|view| view.thread_id().cloned()) else {
            // Without a thread there is no checkpoint.
            let checkpoint = Ok(None);
            return asks.send(Input::CheckpointResolved {
                command,
                checkpoint,
            });
        };
        let answer = resolver(thread_id, parents);
        let asks = asks.downgrade();
        leptos::task::spawn_local(async move {
            let checkpoint = answer.await;
            if let Some(asks) = asks.upgrade() {
                asks.send(Input::CheckpointResolved {
                    command,
                    checkpoint,
                });
            }
        });
    })
}

impl fmt::Debug for UseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UseStream")
    }
}
