//! The view as signals.

use crate::{
    UseStreamOptions,
    waiting::{Waiting, waiting},
};
use leptos::prelude::{ArcRwSignal, ArcSignal, ReadUntracked, RwSignal, Set};
use rejoin_core::{
    Connection, ErrorCode, HistoryState, MessageBranch, MessageOrigin, MessageSlot, StreamError,
    View,
    wire::{
        Json, MessageId, RunId, ThreadId,
        message::{Message, ToolCall},
        thread::Interrupt,
    },
};
use std::{collections::HashMap, sync::Arc};

/// One message of the list. Equal to another of the same key: its content is in its signals.
#[derive(Debug, Clone)]
pub struct StreamMessage {
    /// The message's id, for a keyed list.
    pub key: String,
    /// The message. Changes when its content does, at most once per animation frame.
    pub message: ArcSignal<Arc<Message>>,
    /// Whether it was cut short: its run failed or was cancelled, and the server has not stored it.
    pub incomplete: ArcSignal<bool>,
    /// Whether the server has not shown it yet.
    pub optimistic: ArcSignal<bool>,
    /// Where it stands in the thread's history: the branches to choose from, and which of them is shown. Nothing without
    /// [`UseStreamOptions::history_limit`], nor before the message is in the history.
    pub branch: ArcSignal<MessageBranch>,
    /// Whether [`crate::UseStream::edit`] would work on it: a human message, and the server has what comes before it.
    pub can_edit: ArcSignal<bool>,
    /// Whether [`crate::UseStream::regenerate`] would work on it: an answer to a human message that the server has.
    pub can_regenerate: ArcSignal<bool>,
}

impl PartialEq for StreamMessage {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for StreamMessage {}

/// Where the view is written to. They belong to the owner under which they were made.
#[derive(Clone, Copy)]
pub(crate) struct Signals {
    pub(crate) values: RwSignal<Json>,
    pub(crate) messages: RwSignal<Vec<StreamMessage>>,
    pub(crate) is_loading: RwSignal<bool>,
    pub(crate) is_thread_loading: RwSignal<bool>,
    pub(crate) connection: RwSignal<Connection>,
    pub(crate) error: RwSignal<Option<StreamError>>,
    pub(crate) interrupts: RwSignal<Vec<Interrupt>>,
    pub(crate) history: RwSignal<Vec<HistoryState>>,
    pub(crate) is_history_loading: RwSignal<bool>,
    pub(crate) branch: RwSignal<String>,
    pub(crate) run_id: RwSignal<Option<RunId>>,
    pub(crate) thread_id: RwSignal<Option<ThreadId>>,
    pub(crate) editing: RwSignal<Option<MessageId>>,
    pub(crate) pending_tool_calls: RwSignal<Vec<(MessageId, ToolCall)>>,
    pub(crate) can_retry: RwSignal<bool>,
    pub(crate) can_rejoin: RwSignal<bool>,
    pub(crate) storage_error: RwSignal<Option<ErrorCode>>,
    pub(crate) waiting: RwSignal<Vec<Waiting>>,
    pub(crate) is_unsent: RwSignal<bool>,
}

impl Signals {
    /// The state before anything was loaded: what a server renders.
    pub(crate) fn new(options: &UseStreamOptions) -> Self {
        Self {
            values: RwSignal::new(Json::null()),
            messages: RwSignal::new(Vec::new()),
            is_loading: RwSignal::new(false),
            is_thread_loading: RwSignal::new(options.thread_id.is_some()),
            connection: RwSignal::new(Connection::Idle),
            error: RwSignal::new(None),
            interrupts: RwSignal::new(Vec::new()),
            history: RwSignal::new(Vec::new()),
            is_history_loading: RwSignal::new(options.thread_id.is_some()),
            branch: RwSignal::new(String::new()),
            run_id: RwSignal::new(None),
            thread_id: RwSignal::new(options.thread_id.clone()),
            editing: RwSignal::new(None),
            pending_tool_calls: RwSignal::new(Vec::new()),
            can_retry: RwSignal::new(false),
            can_rejoin: RwSignal::new(false),
            storage_error: RwSignal::new(None),
            waiting: RwSignal::new(Vec::new()),
            is_unsent: RwSignal::new(false),
        }
    }
}

/// Writes what changed since the last time.
#[derive(Default)]
pub(crate) struct Writer {
    revision: u64,
    rows: Vec<Row>,
}

/// A message's signals, in the list's order.
struct Row {
    id: MessageId,
    revision: u64,
    message: ArcRwSignal<Arc<Message>>,
    incomplete: ArcRwSignal<bool>,
    optimistic: ArcRwSignal<bool>,
    branch: ArcRwSignal<MessageBranch>,
    can_edit: ArcRwSignal<bool>,
    can_regenerate: ArcRwSignal<bool>,
}

impl Writer {
    /// Signals' readers may run at once where no executor is set, so nothing may be borrowed that they need: `view` has to
    /// have been copied out first. See [`Snapshot`].
    pub(crate) fn write(&mut self, signals: Signals, snapshot: Snapshot) {
        self.revision = snapshot.revision;
        if let Some(slots) = snapshot.slots {
            let order = snapshot.order || slots.len() != self.rows.len();
            if order {
                self.reorder(&slots);
            }
            for (row, slot) in self.rows.iter_mut().zip(&slots) {
                row.write(slot);
            }
            if order {
                signals
                    .messages
                    .set(self.rows.iter().map(Row::handle).collect());
            }
        }
        if let Some(branches) = snapshot.branches {
            for (row, branch) in self.rows.iter().zip(branches) {
                put_arc(&row.branch, branch);
            }
        }
        for (row, offer) in self.rows.iter().zip(snapshot.offers) {
            put_arc(&row.can_edit, offer.can_edit);
            put_arc(&row.can_regenerate, offer.can_regenerate);
        }
        if let Some(history) = snapshot.history {
            signals.history.set(history);
        }
        if let Some(branch) = snapshot.branch {
            put(signals.branch, branch);
        }
        if let Some(values) = snapshot.values {
            signals.values.set(values);
        }
        if let Some(interrupts) = snapshot.interrupts {
            signals.interrupts.set(interrupts);
        }
        put(signals.is_history_loading, snapshot.is_history_loading);
        put(signals.thread_id, snapshot.thread_id);
        put(signals.run_id, snapshot.run_id);
        put(signals.error, snapshot.error);
        put(signals.is_thread_loading, snapshot.is_thread_loading);
        put(signals.editing, snapshot.editing);
        if let Some(pending) = snapshot.pending_tool_calls {
            put(signals.pending_tool_calls, pending);
        }
        put(signals.can_retry, snapshot.can_retry);
        put(signals.can_rejoin, snapshot.can_rejoin);
        put(signals.waiting, snapshot.waiting);
        put(signals.is_unsent, snapshot.is_unsent);
        put(signals.connection, snapshot.connection);
        put(signals.is_loading, snapshot.is_loading);
    }

    /// The revision written last.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    fn reorder(&mut self, slots: &[MessageSlot]) {
        let mut rows: HashMap<MessageId, Row> = self
            .rows
            .drain(..)
            .map(|row| (row.id.clone(), row))
            .collect();
        self.rows = slots
            .iter()
            .map(|slot| rows.remove(slot.id()).unwrap_or_else(|| Row::new(slot)))
            .collect();
    }
}

impl Row {
    fn new(slot: &MessageSlot) -> Self {
        Self {
            id: slot.id().clone(),
            revision: slot.revision,
            message: ArcRwSignal::new(Arc::clone(&slot.message)),
            incomplete: ArcRwSignal::new(slot.origin == MessageOrigin::Partial),
            optimistic: ArcRwSignal::new(slot.origin == MessageOrigin::Optimistic),
            branch: ArcRwSignal::default(),
            can_edit: ArcRwSignal::default(),
            can_regenerate: ArcRwSignal::default(),
        }
    }

    fn write(&mut self, slot: &MessageSlot) {
        if self.revision == slot.revision {
            return;
        }
        self.revision = slot.revision;
        if !Arc::ptr_eq(&self.message.read_untracked(), &slot.message) {
            self.message.set(Arc::clone(&slot.message));
        }
        put_arc(&self.incomplete, slot.origin == MessageOrigin::Partial);
        put_arc(&self.optimistic, slot.origin == MessageOrigin::Optimistic);
    }

    fn handle(&self) -> StreamMessage {
        StreamMessage {
            key: self.id.as_str().to_owned(),
            message: self.message.clone().into(),
            incomplete: self.incomplete.clone().into(),
            optimistic: self.optimistic.clone().into(),
            branch: self.branch.clone().into(),
            can_edit: self.can_edit.clone().into(),
            can_regenerate: self.can_regenerate.clone().into(),
        }
    }
}

/// What changed, copied out of the view. Messages are shared, not copied.
pub(crate) struct Snapshot {
    revision: u64,
    order: bool,
    slots: Option<Vec<MessageSlot>>,
    values: Option<Json>,
    interrupts: Option<Vec<Interrupt>>,
    history: Option<Vec<HistoryState>>,
    branch: Option<String>,
    /// One per message, where any of them may have changed.
    branches: Option<Vec<MessageBranch>>,
    /// One per message.
    offers: Vec<Offer>,
    editing: Option<MessageId>,
    pending_tool_calls: Option<Vec<(MessageId, ToolCall)>>,
    can_retry: bool,
    is_history_loading: bool,
    thread_id: Option<ThreadId>,
    run_id: Option<RunId>,
    error: Option<StreamError>,
    connection: Connection,
    is_loading: bool,
    is_thread_loading: bool,
    can_rejoin: bool,
    waiting: Vec<Waiting>,
    is_unsent: bool,
}

/// What can be done with a message.
struct Offer {
    can_edit: bool,
    can_regenerate: bool,
}

/// One per message.
fn offers(view: View<'_>) -> Vec<Offer> {
    let (edit, regenerate) = view.editable();
    // Both are in the order of the messages.
    let (mut edit, mut regenerate) = (
        edit.into_iter().peekable(),
        regenerate.into_iter().peekable(),
    );
    let offer = |slot: &MessageSlot| Offer {
        can_edit: edit.next_if_eq(&slot.id()).is_some(),
        can_regenerate: regenerate.next_if_eq(&slot.id()).is_some(),
    };
    view.messages().iter().map(offer).collect()
}

impl Snapshot {
    pub(crate) fn take(view: View<'_>, since: u64) -> Self {
        let changes = view.changes_since(since);
        let messages_changed = changes.order || !changes.messages.is_empty();
        let places_changed = changes.order || changes.history || changes.head;
        let branch_of = |slot: &MessageSlot| view.message_branch(slot.id());
        Self {
            revision: changes.revision,
            order: changes.order,
            slots: messages_changed.then(|| view.messages().to_vec()),
            values: changes.values.then(|| view.values().clone()),
            interrupts: changes.interrupts.then(|| view.interrupts().to_vec()),
            history: changes.history.then(|| view.history().to_vec()),
            branch: changes.history.then(|| view.branch().to_owned()),
            branches: places_changed.then(|| view.messages().iter().map(branch_of).collect()),
            offers: offers(view),
            is_history_loading: view.is_history_loading(),
            thread_id: view.thread_id().cloned(),
            run_id: view.run_id().cloned(),
            error: view.error().cloned(),
            connection: view.connection(),
            is_loading: view.is_loading(),
            is_thread_loading: view.is_thread_loading(),
            editing: view.editing().cloned(),
            pending_tool_calls: messages_changed.then(|| pending_tool_calls(view)),
            can_retry: view.can_retry(),
            can_rejoin: view.can_rejoin(),
            waiting: waiting(view),
            is_unsent: view.is_unsent(),
        }
    }
}

fn pending_tool_calls(view: View<'_>) -> Vec<(MessageId, ToolCall)> {
    let pending = view.pending_tool_calls().into_iter();
    pending
        .map(|(message, call)| (message.clone(), call))
        .collect()
}

fn put<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.try_with_untracked_eq(&value) == Some(false) {
        signal.set(value);
    }
}

fn put_arc<T: PartialEq + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if *signal.read_untracked() != value {
        signal.set(value);
    }
}

trait TryEq<T> {
    /// Whether it holds `value`; `None` where the signal is gone.
    fn try_with_untracked_eq(&self, value: &T) -> Option<bool>;
}

impl<T: PartialEq + Send + Sync + 'static> TryEq<T> for RwSignal<T> {
    fn try_with_untracked_eq(&self, value: &T) -> Option<bool> {
        leptos::prelude::WithUntracked::try_with_untracked(self, |held| held == value)
    }
}
