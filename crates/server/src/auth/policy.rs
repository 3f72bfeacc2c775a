//! What each endpoint asks of a token: one table for all of them.

use std::fmt;

use axum::http::{HeaderMap, Method, Uri};

use Capability::{Cancel, History, Publish, Stream};

/// Something that a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Following what happens from now on: a session's records, a run's events.
    Stream,
    /// Reading what was said before: pages, snapshots, replays, a thread's state and history.
    History,
    /// Adding: a session's records, threads, runs, states.
    Publish,
    /// Ending and removing: cancel a run or a message, delete a thread, a run, a session.
    Cancel,
}

impl Capability {
    /// Every one.
    pub const ALL: [Self; 4] = [Stream, History, Publish, Cancel];

    /// The word in a token's `caps`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::History => "history",
            Self::Publish => "publish",
            Self::Cancel => "cancel",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cap| cap.as_str() == word)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an endpoint asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: whether the server is there.
    Nothing,
    /// A token, whatever it is for.
    Token,
    /// A token for every session, with these.
    Every(&'static [Capability]),
    /// A token with these; the endpoint itself looks at which sessions it shows or makes.
    Some(&'static [Capability]),
    /// A token for the session that is the path's first parameter, with these.
    Session(&'static [Capability]),
    /// The same for a session's stream: [`Capability::Stream`], and [`Capability::History`] unless it asks for nothing
    /// of the past (`limit=0`, no cursor).
    SessionStream,
}

/// One row: a method, a path as the router has it without the API prefix, and what it needs.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// `GET` stands for `HEAD` too.
    pub method: &'static str,
    /// Such as `/threads/{thread_id}`.
    pub path: &'static str,
    /// What a token must say.
    pub needs: Needs,
}

const fn row(method: &'static str, path: &'static str, needs: Needs) -> Endpoint {
    Endpoint {
        method,
        path,
        needs,
    }
}

/// Every endpoint. What is not here is refused while tokens are asked for.
pub const ENDPOINTS: &[Endpoint] = &[
    row("GET", "/ok", Needs::Nothing),
    row("GET", "/ready", Needs::Nothing),
    row("GET", "/info", Needs::Token),
    row("GET", "/metrics", Needs::Every(&[])),
    row("POST", "/assistants/search", Needs::Token),
    row("GET", "/assistants/{assistant_id}", Needs::Token),
    row("POST", "/threads", Needs::Some(&[Publish])),
    row("POST", "/threads/search", Needs::Some(&[History])),
    row("GET", "/threads/{thread_id}", Needs::Session(&[History])),
    row("PATCH", "/threads/{thread_id}", Needs::Session(&[Publish])),
    row("DELETE", "/threads/{thread_id}", Needs::Session(&[Cancel])),
    row(
        "GET",
        "/threads/{thread_id}/state",
        Needs::Session(&[History]),
    ),
    row(
        "POST",
        "/threads/{thread_id}/state",
        Needs::Session(&[Publish]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/state/{checkpoint_id}",
        Needs::Session(&[History]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/history",
        Needs::Session(&[History]),
    ),
    row(
        "POST",
        "/threads/{thread_id}/history",
        Needs::Session(&[History]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/runs",
        Needs::Session(&[Stream]),
    ),
    row(
        "POST",
        "/threads/{thread_id}/runs",
        Needs::Session(&[Publish]),
    ),
    // These two make a run and follow it.
    row(
        "POST",
        "/threads/{thread_id}/runs/stream",
        Needs::Session(&[Publish, Stream]),
    ),
    row(
        "POST",
        "/threads/{thread_id}/runs/wait",
        Needs::Session(&[Publish, Stream]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/runs/{run_id}",
        Needs::Session(&[Stream]),
    ),
    row(
        "DELETE",
        "/threads/{thread_id}/runs/{run_id}",
        Needs::Session(&[Cancel]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/runs/{run_id}/stream",
        Needs::Session(&[Stream]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/runs/{run_id}/join",
        Needs::Session(&[Stream]),
    ),
    row(
        "POST",
        "/threads/{thread_id}/runs/{run_id}/cancel",
        Needs::Session(&[Cancel]),
    ),
    row("GET", "/sessions/{session_id}/stream", Needs::SessionStream),
    row(
        "GET",
        "/sessions/{session_id}/messages",
        Needs::Session(&[History]),
    ),
    row(
        "POST",
        "/sessions/{session_id}/records",
        Needs::Session(&[Publish]),
    ),
    row(
        "POST",
        "/sessions/{session_id}/cancel",
        Needs::Session(&[Cancel]),
    ),
    row(
        "DELETE",
        "/sessions/{session_id}",
        Needs::Session(&[Cancel]),
    ),
    row("GET", "/faults", Needs::Every(&[Cancel])),
    row("POST", "/faults", Needs::Every(&[Cancel])),
    row("DELETE", "/faults", Needs::Every(&[Cancel])),
    row("POST", "/faults/restart", Needs::Every(&[Cancel])),
];

/// What the table says of a request; `None` where it has no such row.
pub(super) fn needs(method: &Method, path: &str) -> Option<Needs> {
    let method = if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    ENDPOINTS
        .iter()
        .find(|row| row.method == method && row.path == path)
        .map(|row| row.needs)
}

impl Needs {
    /// The capabilities that this request needs.
    pub(super) fn capabilities(self, uri: &Uri, headers: &HeaderMap) -> &'static [Capability] {
        match self {
            Self::Nothing | Self::Token => &[],
            Self::Every(caps) | Self::Some(caps) | Self::Session(caps) => caps,
            Self::SessionStream if asks_for_the_past(uri, headers) => &[Stream, History],
            Self::SessionStream => &[Stream],
        }
    }
}

/// Whether a session's reader asks for more than what is streaming now: only an exact `limit=0` without any cursor is not,
/// so that whatever the endpoint makes of an odd query, it needs the capability.
fn asks_for_the_past(uri: &Uri, headers: &HeaderMap) -> bool {
    uri.query() != Some("limit=0") || headers.contains_key("last-event-id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limit_0_without_a_cursor_asks_for_nothing_of_the_past() {
        let check = |query: &str, cursor: Option<&'static str>, past: bool| {
            let uri: Uri = format!("/sessions/a/stream{query}").parse().unwrap();
            let mut headers = HeaderMap::new();
            if let Some(cursor) = cursor {
                headers.insert("last-event-id", cursor.parse().unwrap());
            }
            assert_eq!(
                asks_for_the_past(&uri, &headers),
                past,
                "{query} {cursor:?}"
            );
        };
        check("?limit=0", None, false);
        check("", None, true);
        check("?limit=50", None, true);
        check("?limit=0&limit=50", None, true);
        check("?limit=0&cursor=1-4", None, true);
        check("?limit=00", None, true);
        check("?limit=0", Some("1-4"), true);
    }

    #[test]
    fn no_endpoint_is_in_the_table_twice() {
        for (index, one) in ENDPOINTS.iter().enumerate() {
            for other in &ENDPOINTS[index + 1..] {
                assert!(
                    (one.method, one.path) != (other.method, other.path),
                    "{one:?}"
                );
            }
        }
    }
}
