//! The thread's states as they were read: its history, and which of them is shown.

mod branches;
mod fork_point;
mod state;

pub(crate) use fork_point::{Beginning, Found, PAGE_STATES, Pages, Which};
pub use state::HistoryState;

use branches::Branches;
use state::message_ids;

use rejoin_wire::{CheckpointId, Json, MessageId, json::Lenient, thread::ThreadState};
use std::cell::OnceCell;

/// A message's place in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageBranch {
    /// The oldest state in [`crate::View::history`] that holds it, as an index.
    pub first_seen: Option<usize>,
    /// The branch it lies on; absent before the first fork, and where an earlier message has told the same options.
    pub branch: Option<String>,
    /// The branches to choose from there, oldest first. Empty where `branch` is absent.
    pub options: Vec<String>,
}

/// The states that were read of the thread, and the branch of it that is shown.
#[derive(Default)]
pub(crate) struct History {
    states: Vec<HistoryState>,
    /// The state, where it was read after the history or without one.
    head: Option<Json>,
    branch: String,
    branches: Branches,
    messages: OnceCell<Vec<(MessageId, MessageBranch)>>,
    /// The states that were read to find checkpoints; void when the thread goes on.
    pub(crate) pages: Pages,
}

impl History {
    pub(crate) fn states(&self) -> &[HistoryState] {
        &self.states
    }

    /// Whether there are no states to choose from, and none was chosen.
    pub(crate) fn is_empty(&self) -> bool {
        self.states.is_empty() && self.branch.is_empty()
    }

    pub(crate) fn branch(&self) -> &str {
        &self.branch
    }

    /// The state shown, or last read.
    pub(crate) fn head(&self) -> Option<&Json> {
        match self.head_index() {
            Some(at) if self.head.is_none() || !self.branch.is_empty() => {
                Some(&self.states[at].json)
            }
            Some(_) | None => self.head.as_ref(),
        }
    }

    fn head_index(&self) -> Option<usize> {
        let newest = (!self.states.is_empty()).then_some(0);
        // What is not on the tree has no branch; the newest state is the newest branch's, whatever the tree says.
        let named = self.branches.head().filter(|_| !self.branch.is_empty());
        named.or(newest)
    }

    /// [`History::head`], read.
    pub(crate) fn head_state(&self) -> Option<ThreadState> {
        ThreadState::read_quietly(self.head()?.text()).ok()
    }

    /// The checkpoint shown; absent where there is no history.
    pub(crate) fn head_id(&self) -> Option<&CheckpointId> {
        self.states[self.head_index()?].checkpoint_id.as_ref()
    }

    /// The head of the shown branch, where that is not the thread's newest state.
    pub(crate) fn older_head(&self) -> Option<&CheckpointId> {
        self.head_index().filter(|at| *at > 0)?;
        self.head_id()
    }

    pub(crate) fn find(&self, checkpoint_id: &CheckpointId) -> Option<&HistoryState> {
        let states = self.states.iter();
        states
            .into_iter()
            .find(|state| state.checkpoint_id.as_ref() == Some(checkpoint_id))
    }

    pub(crate) fn set_states(&mut self, states: Vec<HistoryState>) {
        let newest = states
            .first()
            .and_then(|state| state.checkpoint_id.as_ref());
        self.pages_end_at(newest.cloned().as_ref());
        self.states = states;
        self.head = None;
        self.grow();
    }

    /// A state that was read without a history, and so is newer than the one that there may be, and its checkpoint.
    pub(crate) fn set_head(&mut self, head: Json, checkpoint: Option<&CheckpointId>) {
        self.pages_end_at(checkpoint);
        self.head = Some(head);
    }

    fn pages_end_at(&mut self, newest: Option<&CheckpointId>) {
        if self.pages.newest() != newest {
            self.pages = Pages::default();
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
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

    /// The place of a message of the head among the branches; nothing for a message that is not in the head.
    pub(crate) fn message(&self, id: &MessageId, messages_key: &str) -> MessageBranch {
        let messages = self
            .messages
            .get_or_init(|| self.place_messages(messages_key));
        let found = messages.iter().find(|(placed, _)| placed == id);
        found.map(|(_, branch)| branch.clone()).unwrap_or_default()
    }

    /// Places the messages of the head, in one pass over the history's.
    fn place_messages(&self, messages_key: &str) -> Vec<(MessageId, MessageBranch)> {
        let Some(head) = self.head_index() else {
            return Vec::new();
        };
        let mut placed: Vec<(MessageId, MessageBranch)> = Vec::new();
        for id in message_ids(&self.states[head], messages_key) {
            placed.push((id, MessageBranch::default()));
        }
        for (state, held) in self.states.iter().enumerate() {
            for (at, id) in message_ids(held, messages_key).into_iter().enumerate() {
                // It most often stands where it stands in the head.
                let at = match placed.get(at) {
                    Some((there, _)) if *there == id => Some(at),
                    Some(_) | None => placed.iter().position(|(other, _)| *other == id),
                };
                if let Some(at) = at {
                    placed[at].1.first_seen = Some(state);
                }
            }
        }
        self.name_branches(&mut placed);
        placed
    }

    /// Each set of options is told once, by the first message that has it.
    fn name_branches(&self, placed: &mut [(MessageId, MessageBranch)]) {
        let mut told = Vec::new();
        for (_, message) in placed {
            let is_shown = |state: &usize| self.branches.is_shown(*state);
            let Some(state) = message.first_seen.filter(is_shown) else {
                continue;
            };
            let fork = self.branches.fork(state);
            if fork.is_some() && !told.contains(&fork) {
                told.push(fork);
                message.branch = Some(self.branches.name(&self.states, state));
                message.options = self.branches.options(&self.states, state);
            }
        }
    }
}
