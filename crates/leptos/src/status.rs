//! The connection in words.

use crate::UseStream;
use leptos::prelude::*;
use rejoin_core::{Connection, Millis, StreamError};
use std::time::Duration;

/// Says in words what the connection is doing.
///
/// A `role="status"` region with `data-testid="connection"` and the state's word in `data-state`. Its class is
/// `rejoin-status`; it has no style of its own. The countdown to the next attempt is not read out second by second.
/// On a server: the words for a stream that has not begun.
#[component]
pub fn ConnectionStatus(
    /// Whose connection.
    stream: UseStream,
) -> impl IntoView {
    let UseStream {
        connection,
        error,
        is_unsent,
        ..
    } = stream;
    let words = Memo::new(move |_| match is_unsent.get() {
        true => UNSENT_WORDS.to_owned(),
        false => connection_words(connection.get(), error.get().as_ref()),
    });
    let countdown = countdown(connection);
    view! {
        <div class="rejoin-status" role="status" data-testid="connection" data-state=move || connection.get().as_str()>
            <span class="rejoin-status-words">{move || words.get()}</span>
            <span class="rejoin-status-countdown" aria-hidden="true">
                {move || countdown.get().map(|seconds| format!(" in {seconds} s"))}
            </span>
        </div>
    }
}

/// What [`ConnectionStatus`] says: one sentence or two, for a person who knows nothing of streams.
pub fn connection_words(connection: Connection, error: Option<&StreamError>) -> String {
    let words = match connection {
        Connection::Idle => "Ready.",
        Connection::Connecting => "Connecting…",
        Connection::Live => "Connected. The answer is coming in.",
        Connection::Stalled => "Connected, but nothing has come for a while. Checking…",
        Connection::Reconnecting { attempt, retry_at } => {
            let verb = if retry_at.is_some() {
                "Reconnecting"
            } else {
                "Reconnecting now"
            };
            return format!("Connection lost; the agent goes on. {verb} (attempt {attempt})");
        }
        Connection::Offline => {
            "You are offline; the agent goes on. The stream continues when the network is back."
        }
        Connection::Paused => "Paused while this page is hidden; the agent goes on.",
        Connection::CatchingUp => "Connected again. Fetching what was missed…",
        Connection::Disconnected => "Disconnected; the agent goes on. Rejoin to follow it.",
        Connection::Finished => "Finished.",
        Connection::Expired => {
            "The run could not be followed any more. This is what the thread's history holds."
        }
        Connection::Failed => {
            return error.map_or_else(|| "Failed.".to_owned(), |error| error.message.clone());
        }
    };
    words.to_owned()
}

/// What [`ConnectionStatus`] says while nothing of what was submitted has reached the server: no agent goes on yet.
pub const UNSENT_WORDS: &str =
    "Not sent yet: the server cannot be reached. It is sent when it can be.";

/// How often the countdown is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Whole seconds to the next attempt, counting down, at least 1; `None` where none is due.
fn countdown(connection: Signal<Connection>) -> Memo<Option<u64>> {
    let ticks = RwSignal::new(0_u32);
    // Effects do not run on a server.
    Effect::new(move |_| {
        if retry_at(connection.get()).is_none() {
            return;
        }
        let tick = move || {
            ticks.try_update(|ticks| *ticks = ticks.wrapping_add(1));
        };
        if let Ok(interval) = set_interval_with_handle(tick, TICK) {
            on_cleanup(move || interval.clear());
        }
    });
    Memo::new(move |_| {
        let retry_at = retry_at(connection.get())?;
        ticks.track();
        let left = retry_at - crate::now();
        (left > Millis(0)).then(|| left.0.div_ceil(1000))
    })
}

fn retry_at(connection: Connection) -> Option<Millis> {
    match connection {
        Connection::Reconnecting { retry_at, .. } => retry_at,
        Connection::Idle
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

#[cfg(test)]
mod tests {
    use super::connection_words;
    use rejoin_core::{Connection, ErrorCode, Millis, StreamError};

    #[test]
    fn says_what_is_happening() {
        let error = StreamError::new(ErrorCode::Unauthorized).with_status(401);
        assert_eq!(
            connection_words(Connection::Failed, Some(&error)),
            error.message
        );
        let lost = Connection::Reconnecting {
            attempt: 3,
            retry_at: Some(Millis(5)),
        };
        assert!(connection_words(lost, None).contains("attempt 3"));
        assert!(connection_words(Connection::Disconnected, None).contains("Rejoin"));
    }
}
