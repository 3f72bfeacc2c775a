//! The hook.

use crate::{
    INERT, StreamMessage, UseStreamOptions,
    ids::with_message_ids,
    signals::{Signals, Snapshot, Writer},
};
use leptos::prelude::{LocalStorage, Set, Signal, StoredValue, UpdateValue, WithValue, on_cleanup};
use rejoin_browser::{Stream, Subscription};
use rejoin_core::{
    Connection, ErrorCode, Notice, Outcome, StreamError, Submission,
    wire::{Json, RunId, ThreadId, request::Command, thread::Interrupt},
};
use std::{cell::RefCell, fmt, future::Future, pin::Pin, rc::Rc};

/// How a join ends.
pub type OutcomeFuture = Pin<Box<dyn Future<Output = Outcome>>>;

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
    /// What the agent asks; answered by [`UseStream::resume`].
    pub interrupts: Signal<Vec<Interrupt>>,
    /// The run that is followed, or was last.
    pub run_id: Signal<Option<RunId>>,
    /// The thread; `None` before the first submission on a new one.
    pub thread_id: Signal<Option<ThreadId>>,
    /// Whether there is a run that is not followed and may not be over.
    pub can_rejoin: Signal<bool>,
    /// Why runs cannot be rejoined after a reload by what is stored.
    pub storage_error: Signal<Option<ErrorCode>>,
    handle: StoredValue<Option<Handle>, LocalStorage>,
}

struct Handle {
    stream: Stream,
    messages_key: String,
    last_submission: Option<Submission>,
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
        run_id: signals.run_id.into(),
        thread_id: signals.thread_id.into(),
        can_rejoin: signals.can_rejoin.into(),
        storage_error: signals.storage_error.into(),
        handle,
    }
}

fn connect(options: &UseStreamOptions, signals: Signals) -> Handle {
    let stream = Stream::new(options.stream_options());
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
        last_submission: None,
        _subscriptions: subscriptions,
    }
}

impl UseStream {
    /// Runs the assistant. Input messages are shown at once; those without an id are given one.
    pub fn submit(&self, submission: Submission) {
        let prepared = self.handle.try_update_value(|handle| {
            let handle = handle.as_mut()?;
            let submission = with_message_ids(submission, &handle.messages_key);
            handle.last_submission = Some(submission.clone());
            Some((handle.stream.clone(), submission))
        });
        if let Some((stream, submission)) = prepared.flatten() {
            drop(stream.submit(submission));
        }
    }

    /// Says something to the assistant: one human message, with `config` (such as `{"configurable":{..}}`) for the run.
    pub fn submit_text(&self, text: &str, config: Option<Json>) {
        let messages_key = self
            .handle
            .try_with_value(|handle| Some(handle.as_ref()?.messages_key.clone()));
        let Some(messages_key) = messages_key.flatten() else {
            return;
        };
        let message = serde_json::json!({ "type": "human", "content": text });
        let input = Json::from_value(&serde_json::json!({ messages_key: [message] }))
            .expect("JSON is JSON");
        self.submit(Submission {
            input: Some(input),
            config,
            ..Submission::default()
        });
    }

    /// Answers what the agent asks: any JSON for one interrupt, or a map from interrupt id to answer.
    pub fn resume(&self, answer: Json) {
        let command = Command {
            resume: Some(answer),
            ..Command::default()
        };
        self.submit(Submission {
            command: Some(command),
            ..Submission::default()
        });
    }

    /// Submits the last submission once more. Its messages keep their ids, so a graph that
    /// has them already replaces them. Does nothing before the first.
    pub fn retry(&self) {
        let last = self
            .handle
            .try_with_value(|handle| handle.as_ref()?.last_submission.clone());
        if let Some(last) = last.flatten() {
            self.submit(last);
        }
    }

    /// Disconnects. The agent goes on; everything received stays.
    pub fn stop(&self) {
        self.with_stream(Stream::stop);
    }

    /// Stops the agent on the server.
    pub fn cancel(&self) {
        self.with_stream(Stream::cancel);
    }

    /// Joins a run; without an id the stored one, else the thread's active one. The future tells how it ended; dropping it
    /// changes nothing. On a server it is [`Outcome::NothingToJoin`] at once.
    pub fn join_stream(&self, run_id: Option<RunId>) -> OutcomeFuture {
        match self.with_stream(|stream| stream.join_stream(run_id)) {
            Some(conclusion) => Box::pin(conclusion),
            None => Box::pin(std::future::ready(Outcome::NothingToJoin)),
        }
    }

    /// Joins again what was left.
    pub fn rejoin(&self) {
        drop(self.join_stream(None));
    }

    /// Enters another thread, or with `None` a new one. Its active run is joined; the one that was followed goes on without.
    pub fn switch_thread(&self, thread_id: Option<ThreadId>) {
        self.with_stream(|stream| stream.switch_thread(thread_id));
    }

    /// `None` on a server and after the owner is gone. Nothing is borrowed while `call` runs.
    fn with_stream<R>(&self, call: impl FnOnce(&Stream) -> R) -> Option<R> {
        let stream = self
            .handle
            .try_with_value(|handle| Some(handle.as_ref()?.stream.clone()))
            .flatten()?;
        Some(call(&stream))
    }
}

impl fmt::Debug for UseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UseStream")
    }
}
