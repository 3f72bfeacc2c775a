//! The status of a stream, in words for a person.

use crate::UseStream;
use leptos::prelude::{Get, With};
use rejoin_core::{Connection, Millis, Outcome, StreamError, WaitingState};

/// The status that the words are for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStatus {
    /// The connection.
    pub connection: Connection,
    /// The last failure.
    pub error: Option<StreamError>,
    /// Whether the server has a run of this stream, which goes on by itself.
    pub has_run: bool,
    /// Whether nothing of what was submitted is known to have reached the server, which is tried again.
    pub is_unsent: bool,
    /// Whether the last run was cancelled.
    pub is_cancelled: bool,
    /// Whether the agent has asked something, and no run is followed.
    pub is_waiting: bool,
    /// The whole seconds of the server's silence, while something is asked of it.
    pub lost_for_s: Option<u64>,
    /// In how many seconds, at least 1, the next attempt begins.
    pub retry_in_s: Option<u64>,
}

impl StreamStatus {
    /// Of a connection, where nothing else is known.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            error: None,
            has_run: false,
            is_unsent: false,
            is_cancelled: false,
            is_waiting: false,
            lost_for_s: None,
            retry_in_s: None,
        }
    }

    /// Tracks what it reads.
    pub(crate) fn of(stream: UseStream, now: Millis) -> Self {
        let connection = stream.connection.get();
        Self {
            connection,
            error: stream.error.get(),
            has_run: stream.run_id.with(Option::is_some),
            is_unsent: stream.is_unsent.get(),
            is_cancelled: stream.outcome.get() == Some(Outcome::Cancelled),
            is_waiting: !stream.is_loading.get() && !stream.interrupts.with(Vec::is_empty),
            lost_for_s: stream.lost_since.get().map(|since| (now - since).0 / 1000),
            retry_in_s: retry_at(connection)
                .map(|at| at - now)
                .filter(|left| *left > Millis(0))
                .map(|left| left.0.div_ceil(1000)),
        }
    }
}

/// When the next attempt begins, where one is waited for.
pub(crate) fn retry_at(connection: Connection) -> Option<Millis> {
    match connection {
        Connection::Reconnecting { retry_at, .. } => retry_at,
        Connection::Idle
        | Connection::Saved
        | Connection::Connecting
        | Connection::Live
        | Connection::Stalled
        | Connection::Offline
        | Connection::Paused
        | Connection::CatchingUp
        | Connection::Disconnected
        | Connection::Finished
        | Connection::Expired
        | Connection::Failed => None,
    }
}

/// The words for a person, as functions, so that another language can build its own sentences. [`crate::ConnectionStatus`]
/// takes those of its property, else those of the context, else [`StatusWords::ENGLISH`].
///
/// ```
/// use rejoin_leptos::prelude::*;
///
/// let german = StatusWords {
///     state: |status| match status.connection {
///         Connection::Live => "Verbunden. Die Antwort kommt.".to_owned(),
///         _ if status.is_waiting => "Der Agent wartet auf dich.".to_owned(),
///         _ => (StatusWords::ENGLISH.state)(status),
///     },
///     lost: |seconds| format!("Seit {seconds} s kein Kontakt"),
///     ..StatusWords::ENGLISH
/// };
/// assert_eq!((german.state)(&StreamStatus::new(Connection::Live)), "Verbunden. Die Antwort kommt.");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StatusWords {
    /// The stream's activity. It is read out when it changes, so it holds no running number.
    pub state: fn(&StreamStatus) -> String,
    /// The reason why a submission waits: one of [`UseStream::waiting`].
    pub waiting: fn(WaitingState) -> String,
    /// In how many seconds the next attempt begins. Not read out.
    pub retry: fn(u64) -> String,
    /// For how many seconds there was no contact. Not read out.
    pub lost: fn(u64) -> String,
}

impl StatusWords {
    /// For a person who knows nothing of streams.
    pub const ENGLISH: Self = Self {
        state: english,
        waiting: |state| english_waiting(state).to_owned(),
        retry: |seconds| format!("in {seconds} s"),
        lost: english_lost,
    };
}

impl Default for StatusWords {
    fn default() -> Self {
        Self::ENGLISH
    }
}

/// One sentence or two.
fn english(status: &StreamStatus) -> String {
    if status.is_unsent {
        return english_unsent(status.connection);
    }
    let goes_on = if status.has_run {
        "; the agent goes on"
    } else {
        ""
    };
    match status.connection {
        Connection::Idle | Connection::Finished if status.is_waiting => {
            "The agent waits for your answer.".to_owned()
        }
        Connection::Idle => "Ready.".to_owned(),
        Connection::Saved => "Saved here before. Asking the server for what is new…".to_owned(),
        Connection::Connecting if status.lost_for_s.is_some() => {
            "Connecting… The server has not answered yet.".to_owned()
        }
        Connection::Connecting => "Connecting…".to_owned(),
        Connection::Live => "Connected. The answer is coming in.".to_owned(),
        Connection::Stalled => "Nothing has come for a while. Checking the connection…".to_owned(),
        Connection::Reconnecting { attempt, retry_at } => {
            let verb = match retry_at {
                Some(_) => "Reconnecting",
                None => "Reconnecting now",
            };
            format!("Connection lost{goes_on}. {verb} (attempt {attempt})")
        }
        Connection::Offline => {
            format!("You are offline{goes_on}. The stream continues when the network is back.")
        }
        Connection::Paused => format!("Paused while this page is hidden{goes_on}."),
        Connection::CatchingUp => "Connected again. Fetching what was missed…".to_owned(),
        Connection::Disconnected if status.has_run => {
            format!("Disconnected{goes_on}. Rejoin to follow it.")
        }
        Connection::Disconnected => "Disconnected.".to_owned(),
        Connection::Finished if status.is_cancelled => "Stopped.".to_owned(),
        Connection::Finished => "Finished.".to_owned(),
        Connection::Expired => {
            "The run could not be followed any more. This is what the thread's history holds."
                .to_owned()
        }
        Connection::Failed => match &status.error {
            Some(error) => error.message.clone(),
            None => "Failed.".to_owned(),
        },
    }
}

/// No agent goes on yet.
fn english_unsent(connection: Connection) -> String {
    match (connection, retry_at(connection)) {
        (Connection::Offline, _) => {
            "Not sent yet: you are offline. It is sent when the network is back.".to_owned()
        }
        (Connection::Reconnecting { attempt, .. }, Some(_)) => {
            format!(
                "Not sent yet: the server cannot be reached. It is tried again (attempt {attempt})"
            )
        }
        _ => "Not sent yet: the server cannot be reached. It is sent when it can be.".to_owned(),
    }
}

fn english_waiting(state: WaitingState) -> &'static str {
    match state {
        WaitingState::Queued => "Waits for the answer before it.",
        WaitingState::Unreachable => "Not sent yet. It is sent when the server can be reached.",
        WaitingState::OtherTab => "Another tab sends it.",
        WaitingState::Held => "Not sent. Send it now?",
    }
}

/// From two minutes on in minutes.
fn english_lost(seconds: u64) -> String {
    match seconds {
        0..120 => format!("No contact for {seconds} s"),
        _ => format!("No contact for {} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{StatusWords, StreamStatus};
    use rejoin_core::{Connection, ErrorCode, Millis, StreamError, WaitingState};

    #[track_caller]
    fn check(status: StreamStatus, expect: &str) {
        assert_eq!((StatusWords::ENGLISH.state)(&status), expect);
    }

    fn of(connection: Connection, has_run: bool) -> StreamStatus {
        StreamStatus {
            has_run,
            ..StreamStatus::new(connection)
        }
    }

    const LOST: Connection = Connection::Reconnecting {
        attempt: 3,
        retry_at: Some(Millis(5)),
    };

    #[test]
    fn the_agent_goes_on_only_where_the_server_has_a_run() {
        check(
            of(LOST, true),
            "Connection lost; the agent goes on. Reconnecting (attempt 3)",
        );
        check(of(LOST, false), "Connection lost. Reconnecting (attempt 3)");
        for connection in [
            Connection::Offline,
            Connection::Paused,
            Connection::Disconnected,
        ] {
            let words = |has_run| (StatusWords::ENGLISH.state)(&of(connection, has_run));
            assert!(words(true).contains("goes on"), "{}", words(true));
            assert!(!words(false).contains("goes on"), "{}", words(false));
        }
    }

    #[test]
    fn nothing_that_is_not_sent_is_said_to_go_on() {
        let unsent = |connection| StreamStatus {
            is_unsent: true,
            ..of(connection, false)
        };
        let words = "Not sent yet: the server cannot be reached. It is tried again (attempt 3)";
        check(unsent(LOST), words);
        for connection in [Connection::Offline, Connection::Paused, LOST] {
            let words = (StatusWords::ENGLISH.state)(&unsent(connection));
            assert!(words.starts_with("Not sent yet"), "{words}");
        }
        for state in [
            WaitingState::Queued,
            WaitingState::Unreachable,
            WaitingState::OtherTab,
            WaitingState::Held,
        ] {
            assert!(!(StatusWords::ENGLISH.waiting)(state).contains("agent"));
        }
    }

    #[test]
    fn a_question_waits_for_the_person_and_a_cancelled_run_has_stopped() {
        for connection in [Connection::Finished, Connection::Idle] {
            let mut asks = StreamStatus::new(connection);
            asks.is_waiting = true;
            check(asks, "The agent waits for your answer.");
        }
        let mut cancelled = StreamStatus::new(Connection::Finished);
        cancelled.is_cancelled = true;
        check(cancelled, "Stopped.");
        check(StreamStatus::new(Connection::Finished), "Finished.");
    }

    #[test]
    fn what_failed_says_why() {
        let error = StreamError::new(ErrorCode::Unauthorized).with_status(401);
        let mut failed = StreamStatus::new(Connection::Failed);
        check(failed.clone(), "Failed.");
        failed.error = Some(error.clone());
        check(failed, &error.message);
    }

    #[test]
    fn a_server_that_never_answered_is_not_said_to_be_lost() {
        let mut status = StreamStatus::new(Connection::Connecting);
        check(status.clone(), "Connecting…");
        status.lost_for_s = Some(3);
        check(status, "Connecting… The server has not answered yet.");
    }

    #[test]
    fn the_time_without_contact_is_told_in_seconds_and_then_in_minutes() {
        let lost = StatusWords::ENGLISH.lost;
        assert_eq!(lost(40), "No contact for 40 s");
        assert_eq!(lost(119), "No contact for 119 s");
        assert_eq!(lost(185), "No contact for 3 min");
    }
}
