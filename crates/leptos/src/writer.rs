//! Writes what changed of the view into the signals.

use crate::{
    arena::Place,
    message::{MessageRows, Offer},
    signals::{Signals, put},
    subgraphs::{SubgraphRows, SubgraphSnapshot},
    waiting::{Waiting, waiting},
};
use leptos::prelude::Set;
use rejoin_core::{
    Connection, ErrorCode, HistoryState, MessageBranch, MessageSlot, Millis, StreamError, View,
    wire::{Json, MessageId, RunId, ThreadId, message::ToolCall, thread::Interrupt},
};

/// Writes what changed since the last time.
pub(crate) struct Writer {
    signals: Signals,
    revision: u64,
    rows: MessageRows,
    subgraphs: SubgraphRows,
}

impl Writer {
    pub(crate) fn new(signals: Signals, place: Place) -> Self {
        Self {
            signals,
            revision: 0,
            rows: MessageRows::new(place.clone()),
            subgraphs: SubgraphRows::new(place),
        }
    }

    /// The revision written last.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The next view to write is another client's, so nothing of it is known.
    pub(crate) fn change_client(&mut self) {
        self.revision = 0;
        self.rows.forget_revisions();
    }

    /// Signals' readers may run at once where no executor is set, so nothing may be borrowed that they need: the view has to
    /// have been copied out first.
    pub(crate) fn write(&mut self, snapshot: Snapshot) {
        let signals = self.signals;
        self.revision = snapshot.revision;
        self.write_messages(&snapshot);
        if let Some(branches) = snapshot.branches {
            self.rows.write_branches(branches);
        }
        if let Some(list) = self.subgraphs.write(snapshot.subgraphs) {
            signals.subgraphs.set(list);
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
        if snapshot.is_loading {
            put(signals.outcome, None);
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
        put(signals.lost_since, snapshot.lost_since);
        put(signals.connection, snapshot.connection);
        put(signals.is_loading, snapshot.is_loading);
    }

    fn write_messages(&mut self, snapshot: &Snapshot) {
        let list = snapshot.slots.as_ref();
        let list = list.and_then(|slots| self.rows.write(slots, snapshot.order));
        self.rows.write_offers(&snapshot.offers);
        if let Some(list) = list {
            self.signals.messages.set(list);
        }
    }
}

/// The changes, copied out of the view. Messages are shared, not copied.
pub(crate) struct Snapshot {
    revision: u64,
    order: bool,
    slots: Option<Vec<MessageSlot>>,
    subgraphs: Vec<SubgraphSnapshot>,
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
    lost_since: Option<Millis>,
    is_loading: bool,
    is_thread_loading: bool,
    can_rejoin: bool,
    waiting: Vec<Waiting>,
    is_unsent: bool,
}

impl Snapshot {
    pub(crate) fn take(view: View<'_>, since: u64) -> Self {
        let changes = view.changes_since(since);
        let messages_changed = changes.order || !changes.messages.is_empty();
        let places_changed = changes.order || changes.history || changes.head;
        let branch_of = |slot: &MessageSlot| view.message_branch(slot.id());
        let subgraphs = view.subgraphs();
        Self {
            revision: changes.revision,
            order: changes.order,
            slots: messages_changed.then(|| view.messages().to_vec()),
            subgraphs: subgraphs
                .map(|subgraph| SubgraphSnapshot::take(subgraph, since))
                .collect(),
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
            lost_since: view.lost_since(),
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

    /// Whether the server does not know the thread.
    pub(crate) fn is_of_missing_thread(&self) -> bool {
        let code = self.error.as_ref().map(|error| error.code);
        code == Some(ErrorCode::ThreadNotFound)
    }
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

fn pending_tool_calls(view: View<'_>) -> Vec<(MessageId, ToolCall)> {
    let pending = view.pending_tool_calls().into_iter();
    pending
        .map(|(message, call)| (message.clone(), call))
        .collect()
}
