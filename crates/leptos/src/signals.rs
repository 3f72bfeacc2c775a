//! The view as signals.

use crate::{StreamMessage, Subgraph, Waiting, events::RecentEvents};
use leptos::prelude::{ArcRwSignal, ReadUntracked, RwSignal, Set, WithUntracked};
use rejoin_core::{
    Connection, ErrorCode, HistoryState, Millis, Outcome, StreamError,
    wire::{Json, MessageId, RunId, ThreadId, message::ToolCall, thread::Interrupt},
};

/// The signals that the view is written to. They belong to the owner under which they were made.
#[derive(Clone, Copy)]
pub(crate) struct Signals {
    pub(crate) values: RwSignal<Json>,
    pub(crate) messages: RwSignal<Vec<StreamMessage>>,
    pub(crate) subgraphs: RwSignal<Vec<Subgraph>>,
    pub(crate) is_loading: RwSignal<bool>,
    pub(crate) is_thread_loading: RwSignal<bool>,
    pub(crate) connection: RwSignal<Connection>,
    pub(crate) lost_since: RwSignal<Option<Millis>>,
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
    pub(crate) outcome: RwSignal<Option<Outcome>>,
    pub(crate) storage_error: RwSignal<Option<ErrorCode>>,
    pub(crate) waiting: RwSignal<Vec<Waiting>>,
    pub(crate) is_unsent: RwSignal<bool>,
    pub(crate) custom_events: RecentEvents,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            values: RwSignal::new(Json::null()),
            messages: RwSignal::new(Vec::new()),
            subgraphs: RwSignal::new(Vec::new()),
            is_loading: RwSignal::new(false),
            is_thread_loading: RwSignal::new(false),
            connection: RwSignal::new(Connection::Idle),
            lost_since: RwSignal::new(None),
            error: RwSignal::new(None),
            interrupts: RwSignal::new(Vec::new()),
            history: RwSignal::new(Vec::new()),
            is_history_loading: RwSignal::new(false),
            branch: RwSignal::new(String::new()),
            run_id: RwSignal::new(None),
            thread_id: RwSignal::new(None),
            editing: RwSignal::new(None),
            pending_tool_calls: RwSignal::new(Vec::new()),
            can_retry: RwSignal::new(false),
            can_rejoin: RwSignal::new(false),
            outcome: RwSignal::new(None),
            storage_error: RwSignal::new(None),
            waiting: RwSignal::new(Vec::new()),
            is_unsent: RwSignal::new(false),
            custom_events: RecentEvents::new(),
        }
    }
}

/// Sets a signal where that changes it, and where it is still there.
pub(crate) fn put<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.try_with_untracked(|held| *held == value) == Some(false) {
        signal.set(value);
    }
}

/// Sets a signal where that changes it.
pub(crate) fn put_arc<T: PartialEq + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if *signal.read_untracked() != value {
        signal.set(value);
    }
}
