//! The reader's view of a client.

use crate::{
    Client, Connection, HistoryState, MessageBranch, MessageSlot, Millis, SessionView, StreamError,
    WaitingSubmission, client::pending_calls, history::Which,
};
use rejoin_wire::{
    Json, MessageId, RunId, ThreadId,
    message::{MessageKind, ToolCall},
    thread::Interrupt,
};

/// The client's state for readers. Cheap to make; borrow it, read it, drop it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    client: &'a Client,
}

/// The changes since a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The revision now; pass it the next time.
    pub revision: u64,
    /// Whether the list of messages changed: some came, went or moved.
    pub order: bool,
    /// Messages whose content changed.
    pub messages: Vec<MessageId>,
    /// Whether the values changed.
    pub values: bool,
    /// Whether the interrupts changed.
    pub interrupts: bool,
    /// Whether the history, its branches or the branch that is shown changed.
    pub history: bool,
    /// Whether the state that [`View::head`] gives changed.
    pub head: bool,
}

/// The messages from within a tool.
#[derive(Clone, Copy)]
pub struct SubgraphMessages<'a> {
    /// The path of subgraphs, outermost first, joined by `|`.
    pub namespace: &'a str,
    /// The messages, oldest first.
    pub messages: &'a [MessageSlot],
    /// The view's revision at which some came, went or moved.
    pub order_revision: u64,
}

impl Client {
    /// The view for readers.
    pub fn view(&self) -> View<'_> {
        View { client: self }
    }
}

impl<'a> View<'a> {
    /// Grows with every change that a reader could see.
    pub fn revision(&self) -> u64 {
        self.client.store.revisions().latest
    }

    /// The changes since `revision`; 0 for everything.
    pub fn changes_since(&self, revision: u64) -> Changes {
        let revisions = self.client.store.revisions();
        let changed = self
            .messages()
            .iter()
            .filter(|slot| slot.revision > revision);
        Changes {
            revision: revisions.latest,
            order: revisions.order > revision,
            messages: changed.map(|slot| slot.id().clone()).collect(),
            values: revisions.values > revision,
            interrupts: revisions.interrupts > revision,
            history: revisions.history > revision,
            head: revisions.head > revision,
        }
    }

    /// The connection, as a person is told.
    pub fn connection(&self) -> Connection {
        self.client.connection()
    }

    /// Since when nothing was heard of the server, while something is asked of it, on the client's clock.
    pub fn lost_since(&self) -> Option<Millis> {
        self.client.lost_since()
    }

    /// Whether a run is followed that is not known to be over.
    pub fn is_loading(&self) -> bool {
        self.client.is_active()
    }

    /// Whether the thread's state is being loaded for the first time. The messages shown meanwhile were stored here before, and may be old.
    pub fn is_thread_loading(&self) -> bool {
        self.client.is_thread_loading()
    }

    /// Submissions that the server is not known to have, oldest first. Not the one that is on its way for the first time.
    pub fn waiting(&self) -> Vec<WaitingSubmission<'a>> {
        self.client.waiting()
    }

    /// The revision at which a submission came to wait, changed or went. A change of its reason alone does not count.
    pub fn waiting_revision(&self) -> u64 {
        self.client.waiting_revision()
    }

    /// Whether nothing of what was submitted is known to have reached the server, which is tried again: a person should not be told
    /// that the agent goes on.
    pub fn is_unsent(&self) -> bool {
        self.client.is_unsent()
    }

    /// Whether what is shown of the thread was saved here before, and the server has said nothing yet.
    pub fn shows_saved(&self) -> bool {
        self.client.store.shows_saved()
    }

    /// Whether `stop` would do something.
    pub fn can_stop(&self) -> bool {
        self.is_loading()
    }

    /// Whether there is a run to go back to.
    pub fn can_rejoin(&self) -> bool {
        self.client.can_rejoin()
    }

    /// The thread; `None` before the first submission on a new one.
    pub fn thread_id(&self) -> Option<&'a ThreadId> {
        self.client.thread_id.as_ref()
    }

    /// The run that is followed, or was last.
    pub fn run_id(&self) -> Option<&'a RunId> {
        self.client.run_id()
    }

    /// The last failure, until the next submission.
    pub fn error(&self) -> Option<&'a StreamError> {
        self.client.error.as_ref()
    }

    /// The agent's questions.
    pub fn interrupts(&self) -> &'a [Interrupt] {
        self.client.store.interrupts()
    }

    /// The graph's values as the server last sent them, unread. Streamed messages are in [`View::messages`].
    /// While the thread has none, [`crate::Config::initial_values`].
    pub fn values(&self) -> &'a Json {
        self.client.store.values()
    }

    /// Whether this human message can be edited: the server has stored what comes before it, and checkpoints are not
    /// switched off.
    pub fn can_edit(&self, id: &MessageId) -> bool {
        self.client.kept_by(id, Which::Newest).is_some()
    }

    /// Whether this AI message's turn can be answered again: the server has stored what comes before it, and checkpoints
    /// are not switched off.
    pub fn can_regenerate(&self, id: &MessageId) -> bool {
        self.client.kept_by(id, Which::Oldest).is_some()
    }

    /// The messages that [`View::can_edit`] and [`View::can_regenerate`] hold of, in one pass.
    pub fn editable(&self) -> (Vec<&'a MessageId>, Vec<&'a MessageId>) {
        let Some(stored) = self.client.stored_messages() else {
            return (Vec::new(), Vec::new());
        };
        let (mut edit, mut regenerate) = (Vec::new(), Vec::new());
        let mut turn = None;
        for (at, slot) in self.messages().iter().enumerate() {
            if slot.message.kind == MessageKind::Human {
                turn = Some(at + 1);
                if at <= stored {
                    edit.push(slot.id());
                }
            } else if slot.message.kind == MessageKind::Ai
                && turn.is_some_and(|kept| kept <= stored)
            {
                regenerate.push(slot.id());
            }
        }
        (edit, regenerate)
    }

    /// Whether there is a run that failed and can be begun again.
    pub fn can_retry(&self) -> bool {
        self.client.can_retry()
    }

    /// The message whose edit waits for its checkpoint.
    pub fn editing(&self) -> Option<&'a MessageId> {
        self.client.editing()
    }

    /// Tool calls that no message answers, each with its message, oldest first.
    pub fn pending_tool_calls(&self) -> Vec<(&'a MessageId, ToolCall)> {
        let pending = pending_calls(&self.client.store).into_iter();
        pending
            .map(|(at, _, call)| (self.messages()[at].id(), ToolCall::read(call)))
            .collect()
    }

    /// The thread's states as last read, newest first. Empty unless [`crate::Config::history_limit`] is set or a history
    /// was provided.
    pub fn history(&self) -> &'a [HistoryState] {
        self.client.history.states()
    }

    /// Whether the thread's history or state is being read, first or again.
    pub fn is_history_loading(&self) -> bool {
        self.client.is_history_loading()
    }

    /// The thread's state that was read last: of a history, the head of the branch that is shown.
    pub fn head(&self) -> Option<&'a Json> {
        self.client.history.head()
    }

    /// The branch that was selected; empty for the newest.
    pub fn branch(&self) -> &'a str {
        self.client.history.branch()
    }

    /// The history as a tree, in JSON: `{"type":"sequence","items":[..]}`, its items
    /// `{"type":"node","state":<index in the history>,"path":[<checkpoint id>, ..]}` and
    /// `{"type":"fork","items":[<sequence>, ..]}`, the oldest branch first.
    pub fn branch_tree(&self) -> String {
        self.client.history.tree()
    }

    /// The place of a message of the head in the history. Nothing is known of a message that is not in it yet.
    pub fn message_branch(&self, id: &MessageId) -> MessageBranch {
        let key = &self.client.config().messages_key;
        let id = self.client.store.name_of(id);
        self.client.history.message(&id, key)
    }

    /// The messages from within tools, where [`crate::Config::split_subgraphs`] is set, in the order of their first ones.
    pub fn subgraphs(&self) -> impl Iterator<Item = SubgraphMessages<'a>> {
        let subgraphs = self.client.store.subgraphs().iter();
        subgraphs.map(|(namespace, store)| SubgraphMessages {
            namespace,
            messages: store.slots(),
            order_revision: store.revisions().order,
        })
    }

    /// The thread's session; `None` while no view of it is open ([`crate::SessionInput::Opened`]).
    pub fn session(&self) -> Option<SessionView<'a>> {
        let session = self.client.session()?;
        Some(SessionView::new(self.client, session))
    }

    /// The message of this id: the server's, or [`MessageSlot::id`].
    pub fn message(&self, id: &MessageId) -> Option<&'a MessageSlot> {
        self.client.store.slot(id)
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &'a [MessageSlot] {
        self.client.store.slots()
    }
}
