//! The submissions that wait, as a person sees them.

use super::{Doubt, Entry};
use crate::{
    Client, Millis,
    client::run::{Fate, Run},
};
use rejoin_wire::{Json, message::Message};
use std::sync::Arc;

/// A submission that the server is not known to have.
#[derive(Debug, Clone, Copy)]
pub struct WaitingSubmission<'a> {
    /// Names it for as long as it waits; the run's `metadata.rejoin_submission` later.
    pub id: &'a str,
    /// The messages that it brings, with the ids that they will be shown under.
    pub messages: &'a [Arc<Message>],
    /// Its input, unread.
    pub input: Option<&'a Json>,
    /// The reason why it waits.
    pub state: WaitingState,
    /// Whether its messages are in [`crate::View::messages`] already.
    pub is_shown: bool,
    /// Whether it outlives a reload. Not where it is too large, or where [`crate::OutboxPolicy::enabled`] is off.
    pub is_stored: bool,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted_at: Millis,
}

/// The reason why a submission waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingState {
    /// The run before it, or the thread's load.
    Queued,
    /// The server, which cannot be reached: it is tried again.
    Unreachable,
    /// Another tab, which sends it.
    OtherTab,
    /// A person, who says whether it is to be sent.
    Held,
}

impl WaitingState {
    /// The state's stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Unreachable => "unreachable",
            Self::OtherTab => "other_tab",
            Self::Held => "held",
        }
    }
}

impl Client {
    /// The submissions that wait, oldest first.
    pub(crate) fn waiting(&self) -> Vec<WaitingSubmission<'_>> {
        let mut waiting = Vec::new();
        for entry in &self.outbox.entries {
            let Some(state) = self.waiting_state(entry) else {
                continue;
            };
            waiting.push(WaitingSubmission {
                id: &entry.stored.id,
                messages: &entry.messages,
                input: entry.stored.submission.input.as_ref(),
                state,
                is_shown: self.shows_all(entry),
                is_stored: entry.is_stored,
                submitted_at: entry.stored.submitted_at,
            });
        }
        waiting
    }

    pub(crate) fn waiting_revision(&self) -> u64 {
        self.outbox.revision
    }

    fn shows_all(&self, entry: &Entry) -> bool {
        let mut ids = entry.messages.iter().map(|message| message.id.as_ref());
        !entry.messages.is_empty() && ids.all(|id| id.is_some_and(|id| self.store.shows(id)))
    }

    /// `None` for one that is on its way for the first time, or was taken back.
    fn waiting_state(&self, entry: &Entry) -> Option<WaitingState> {
        let is_away = self.is_unsent();
        let is_in_doubt = self.outbox.doubt == Doubt::Unreadable;
        if entry.stored.withdrawn {
            return None;
        }
        if self.outbox.is_sending(entry) {
            // One that may have arrived is not shown before that is known.
            let is_looked_for = !entry.messages.is_empty() && !self.shows_all(entry);
            return match (is_away, is_looked_for) {
                (true, _) => Some(WaitingState::Unreachable),
                (false, true) => Some(WaitingState::Queued),
                (false, false) => None,
            };
        }
        Some(if self.outbox.is_anothers(entry) {
            WaitingState::OtherTab
        } else if !entry.is_own() || entry.stored.held || self.is_old(entry) || is_in_doubt {
            WaitingState::Held
        } else if is_away {
            WaitingState::Unreachable
        } else {
            WaitingState::Queued
        })
    }

    /// Whether nothing that was submitted is known to have reached the server, and it is tried again.
    pub(crate) fn is_unsent(&self) -> bool {
        if self.load.is_loading() {
            return !self.outbox.entries.is_empty() && self.load.is_away(self.online);
        }
        let unsent = |run: &Run| {
            let posting = run.submission.as_ref().filter(|_| run.id.is_none());
            let waits = posting.is_some_and(|p| p.body.is_some() && p.fate != Fate::Received);
            waits && !run.is_whole()
        };
        self.is_active() && self.run.as_deref().is_some_and(unsent)
    }

    /// Whether it has become so old that a person is asked before it is sent.
    pub(super) fn is_old(&self, entry: &Entry) -> bool {
        let age = self.wall_clock() - entry.stored.submitted_at;
        !entry.stored.confirmed && age > self.config.outbox.ask_after
    }
}
