//! Submissions that the server does not have yet.

use rejoin_core::{Millis, View, WaitingState, wire::message::Message};
use std::sync::Arc;

/// A submission that the server is not known to have: one of [`crate::UseStream::waiting`].
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Names it for as long as it waits, for a keyed list and for the commands.
    pub id: String,
    /// The messages that it brings, with the ids that they will be shown under.
    pub messages: Vec<Arc<Message>>,
    /// The reason why it waits; [`crate::StatusWords::waiting`] says it in words.
    pub state: WaitingState,
    /// Whether its messages are in [`crate::UseStream::messages`] already, so that they need not be shown twice.
    pub is_shown: bool,
    /// Whether it outlives a reload.
    pub is_stored: bool,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted_at: Millis,
}

/// All that wait, oldest first.
pub(crate) fn waiting(view: View<'_>) -> Vec<Waiting> {
    let waiting = view.waiting().into_iter();
    waiting
        .map(|submission| Waiting {
            id: submission.id.to_owned(),
            messages: submission.messages.to_vec(),
            state: submission.state,
            is_shown: submission.is_shown,
            is_stored: submission.is_stored,
            submitted_at: submission.submitted_at,
        })
        .collect()
}
