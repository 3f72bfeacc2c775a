//! Submissions that the server does not have yet, and what can be done with them.

use crate::{OutcomeFuture, UseStream, commands::nothing, ids::with_message_ids};
use rejoin_browser::Stream;
use rejoin_core::{
    Input, Millis, Submission, View, WaitingCommand, WaitingState, wire::message::Message,
};
use std::sync::Arc;

/// A submission that the server is not known to have: one of [`UseStream::waiting`].
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Names it for as long as it waits, for a keyed list and for the commands.
    pub id: String,
    /// The messages that it brings, with the ids that they will be shown under.
    pub messages: Vec<Arc<Message>>,
    /// What it waits for; [`waiting_words`] says it in words.
    pub state: WaitingState,
    /// Whether its messages are in [`UseStream::messages`] already, so that they need not be shown twice.
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

/// What a submission waits for, for a person who knows nothing of streams.
pub fn waiting_words(state: WaitingState) -> &'static str {
    match state {
        WaitingState::Queued => "Waits for the answer before it.",
        WaitingState::Unreachable => "Not sent yet. It is sent when the server can be reached.",
        WaitingState::OtherTab => "Another tab sends it.",
        WaitingState::Held => "Not sent. Send it now?",
    }
}

/// On a server and after the owner is gone these do nothing. Neither do they for one that another tab sends, or that does not wait any
/// more.
impl UseStream {
    /// Takes back a submission that waits: it is not sent. Where it may have been sent already, its run is looked for and cancelled.
    pub fn take_back(&self, waiting_id: &str) {
        let id = waiting_id.to_owned();
        self.with_stream(|stream| stream.send(Input::Waiting(WaitingCommand::TakeBack { id })));
    }

    /// Sends a submission that is [`WaitingState::Held`], in its order.
    pub fn send_now(&self, waiting_id: &str) {
        let id = waiting_id.to_owned();
        self.with_stream(|stream| stream.send(Input::Waiting(WaitingCommand::SendNow { id })));
    }

    /// Takes a submission that waits back, and puts another in its place.
    pub fn replace_waiting(&self, waiting_id: &str, submission: Submission) -> OutcomeFuture {
        let Some(messages_key) = self.messages_key() else {
            return nothing();
        };
        let submission = with_message_ids(submission, &messages_key);
        let replace = |stream: &Stream| {
            OutcomeFuture::of(stream.replace_waiting(waiting_id.to_owned(), submission))
        };
        self.with_stream(replace).unwrap_or_else(nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::waiting_words;
    use rejoin_core::WaitingState;

    #[test]
    fn nothing_that_is_not_sent_is_said_to_go_on() {
        for state in [
            WaitingState::Queued,
            WaitingState::Unreachable,
            WaitingState::OtherTab,
            WaitingState::Held,
        ] {
            assert!(!waiting_words(state).contains("agent"));
        }
    }
}
