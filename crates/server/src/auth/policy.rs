//! The capabilities that each endpoint needs: one table for all of them.

use axum::http::{HeaderMap, Method, Uri};

use crate::capability::Capability::{self, Cancel, History, Publish, Stream};

/// The capabilities that an endpoint always needs.
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
}

/// A property of a request that needs a further capability, because of data that it reads or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Reads what was said before: a stream from a cursor, or a session's stream that does not say `limit=0`.
    Replay,
    /// Reads what was said before, in what else the answer holds: a thread's values, a run's input, the events of a
    /// stream that hold the whole state.
    State,
    /// Ends runs that are under way, to make way for this one.
    EndRuns,
    /// Ends the run when its reader leaves.
    EndOnLeave,
    /// Takes messages out of the conversation, or says others in their place: by a removal, by a message with the id of
    /// another, by going on from an earlier checkpoint.
    RemoveMessages,
    /// Says anew a message that another producer has ended.
    ReplaceMessages,
}

/// The result for a request without the further capability that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It is refused.
    Refused,
    /// It is answered without that part.
    LeftOut,
}

/// A further need of some requests to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Also {
    /// The property that a request has.
    pub ask: Ask,
    /// The capability that it then needs.
    pub needs: Capability,
    /// The result without that capability.
    pub otherwise: Otherwise,
}

const fn refused(ask: Ask, needs: Capability) -> Also {
    Also {
        ask,
        needs,
        otherwise: Otherwise::Refused,
    }
}

const STATE_LEFT_OUT: Also = Also {
    ask: Ask::State,
    needs: History,
    otherwise: Otherwise::LeftOut,
};
/// The effects that a run may have on other runs and on the messages of its thread.
const RUN: &[Also] = &[
    refused(Ask::EndRuns, Cancel),
    refused(Ask::RemoveMessages, Cancel),
];
const STREAMED_RUN: &[Also] = &[
    refused(Ask::State, History),
    refused(Ask::EndRuns, Cancel),
    refused(Ask::RemoveMessages, Cancel),
];
const JOINED_RUN: &[Also] = &[
    refused(Ask::Replay, History),
    STATE_LEFT_OUT,
    refused(Ask::EndOnLeave, Cancel),
];
const RECORDS: &[Also] = &[
    refused(Ask::RemoveMessages, Cancel),
    refused(Ask::ReplaceMessages, Cancel),
];

/// One row: a method, a path as the router has it without the API prefix, and what it needs.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// `GET` stands for `HEAD` too.
    pub method: &'static str,
    /// Such as `/threads/{thread_id}`.
    pub path: &'static str,
    /// The capabilities that every request needs.
    pub needs: Needs,
    /// The further needs of some requests.
    pub also: &'static [Also],
    /// The parameters of its query; `None` where nobody looks at them.
    pub query: Option<&'static [&'static str]>,
}

const fn row(method: &'static str, path: &'static str, needs: Needs) -> Endpoint {
    Endpoint {
        method,
        path,
        needs,
        also: &[],
        query: Some(&[]),
    }
}

impl Endpoint {
    /// The table's row of a request; `None` where it has no such row.
    pub(crate) fn find(method: &Method, path: &str) -> Option<&'static Self> {
        let method = if *method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        let mut all = ENDPOINTS.iter().chain(UNBUILT);
        all.find(|row| row.method == method && row.path == path)
    }

    const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = Some(names);
        self
    }

    const fn any_query(mut self) -> Self {
        self.query = None;
        self
    }

    const fn also(mut self, also: &'static [Also]) -> Self {
        self.also = also;
        self
    }

    /// Whether a request reads earlier events. Only a request that surely does not needs no `history`. So the endpoint is
    /// guarded, however it reads an odd query.
    pub(crate) fn replays(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        if !self.also.iter().any(|also| also.ask == Ask::Replay) {
            return false;
        }
        if headers.contains_key("last-event-id") {
            return true;
        }
        if self.path.starts_with("/sessions") {
            return uri.query() != Some("limit=0");
        }
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        query.map_or(true, |query| {
            let is_cursor = |(name, _): &(String, String)| name.contains("last_event_id");
            query.iter().any(is_cursor)
        })
    }
}

const fn session(caps: &'static [Capability]) -> Needs {
    Needs::Session(caps)
}

/// Every endpoint. A request to any other is refused while tokens are needed.
pub const ENDPOINTS: &[Endpoint] = &[
    row("GET", "/ok", Needs::Nothing).any_query(),
    row("GET", "/ready", Needs::Nothing).any_query(),
    row("GET", "/info", Needs::Token).any_query(),
    row("GET", "/metrics", Needs::Every(&[])).any_query(),
    row("POST", "/assistants/search", Needs::Token),
    row("POST", "/assistants/count", Needs::Token),
    row("GET", "/assistants/{assistant_id}", Needs::Token),
    row("GET", "/assistants/{assistant_id}/schemas", Needs::Token),
    row("POST", "/threads", Needs::Some(&[Publish])).also(&[STATE_LEFT_OUT]),
    row("POST", "/threads/search", Needs::Some(&[History])),
    row("POST", "/threads/count", Needs::Some(&[History])),
    row("GET", "/threads/{thread_id}", session(&[History])),
    row("PATCH", "/threads/{thread_id}", session(&[Publish])).also(&[STATE_LEFT_OUT]),
    row("DELETE", "/threads/{thread_id}", session(&[Cancel])),
    row("GET", "/threads/{thread_id}/state", session(&[History])).query(&["subgraphs"]),
    row("POST", "/threads/{thread_id}/state", session(&[Publish]))
        .also(&[refused(Ask::RemoveMessages, Cancel)]),
    row(
        "GET",
        "/threads/{thread_id}/state/{checkpoint_id}",
        session(&[History]),
    )
    .query(&["subgraphs"]),
    row(
        "POST",
        "/threads/{thread_id}/state/checkpoint",
        session(&[History]),
    ),
    // The copy is another thread, which only a token for all reaches.
    row(
        "POST",
        "/threads/{thread_id}/copy",
        Needs::Every(&[History, Publish]),
    ),
    row("GET", "/threads/{thread_id}/history", session(&[History])).query(&["limit", "before"]),
    row("POST", "/threads/{thread_id}/history", session(&[History])),
    row("GET", "/threads/{thread_id}/runs", session(&[Stream]))
        .also(&[STATE_LEFT_OUT])
        .query(&["limit", "offset", "status"]),
    row("POST", "/threads/{thread_id}/runs", session(&[Publish])).also(RUN),
    // It makes a run and follows it.
    row(
        "POST",
        "/threads/{thread_id}/runs/stream",
        session(&[Publish, Stream]),
    )
    .also(STREAMED_RUN),
    // It makes a run and is answered with the thread's values.
    row(
        "POST",
        "/threads/{thread_id}/runs/wait",
        session(&[Publish, Stream, History]),
    )
    .also(RUN),
    row(
        "GET",
        "/threads/{thread_id}/runs/{run_id}",
        session(&[Stream]),
    )
    .also(&[STATE_LEFT_OUT]),
    row(
        "DELETE",
        "/threads/{thread_id}/runs/{run_id}",
        session(&[Cancel]),
    ),
    row(
        "GET",
        "/threads/{thread_id}/runs/{run_id}/stream",
        session(&[Stream]),
    )
    .also(JOINED_RUN)
    .query(&["stream_mode", "cancel_on_disconnect", "last_event_id"]),
    // It is answered with the thread's values.
    row(
        "GET",
        "/threads/{thread_id}/runs/{run_id}/join",
        session(&[Stream, History]),
    ),
    row(
        "POST",
        "/threads/{thread_id}/runs/{run_id}/cancel",
        session(&[Cancel]),
    )
    .query(&["wait", "action"]),
    // Each of these is given a thread that only a token for all reaches.
    row("POST", "/runs", Needs::Every(&[Publish])).also(RUN),
    row("POST", "/runs/stream", Needs::Every(&[Publish, Stream])).also(STREAMED_RUN),
    row(
        "POST",
        "/runs/wait",
        Needs::Every(&[Publish, Stream, History]),
    )
    .also(RUN),
    row("GET", "/sessions/{session_id}/stream", session(&[Stream]))
        .also(&[refused(Ask::Replay, History)])
        .query(&["cursor", "limit"]),
    row(
        "GET",
        "/sessions/{session_id}/messages",
        session(&[History]),
    )
    .query(&["before", "limit"]),
    row(
        "POST",
        "/sessions/{session_id}/records",
        session(&[Publish]),
    )
    .also(RECORDS),
    row("POST", "/sessions/{session_id}/cancel", session(&[Cancel])),
    row("DELETE", "/sessions/{session_id}", session(&[Cancel])),
    row("GET", "/faults", Needs::Every(&[Cancel])),
    row("POST", "/faults", Needs::Every(&[Cancel])),
    row("DELETE", "/faults", Needs::Every(&[Cancel])),
    row("POST", "/faults/restart", Needs::Every(&[Cancel])),
];

const fn unbuilt(method: &'static str, path: &'static str) -> Endpoint {
    row(method, path, Needs::Token).any_query()
}

/// Endpoints of the official clients that this server does not have: 501.
pub const UNBUILT: &[Endpoint] = &[
    unbuilt("POST", "/assistants"),
    unbuilt("PATCH", "/assistants/{assistant_id}"),
    unbuilt("DELETE", "/assistants/{assistant_id}"),
    unbuilt("GET", "/assistants/{assistant_id}/graph"),
    unbuilt("GET", "/assistants/{assistant_id}/subgraphs"),
    unbuilt("GET", "/assistants/{assistant_id}/subgraphs/{namespace}"),
    unbuilt("POST", "/assistants/{assistant_id}/versions"),
    unbuilt("POST", "/assistants/{assistant_id}/latest"),
    unbuilt("POST", "/threads/prune"),
    unbuilt("PATCH", "/threads/{thread_id}/state"),
    unbuilt("GET", "/threads/{thread_id}/stream"),
    unbuilt("POST", "/threads/{thread_id}/commands"),
    unbuilt("GET", "/threads/{thread_id}/stream/events"),
    unbuilt("POST", "/threads/{thread_id}/stream/events"),
    unbuilt("POST", "/threads/{thread_id}/runs/crons"),
    unbuilt("POST", "/runs/batch"),
    unbuilt("POST", "/runs/cancel"),
    unbuilt("GET", "/runs/{run_id}/stream"),
    unbuilt("POST", "/runs/crons"),
    unbuilt("PATCH", "/runs/crons/{cron_id}"),
    unbuilt("DELETE", "/runs/crons/{cron_id}"),
    unbuilt("POST", "/runs/crons/search"),
    unbuilt("POST", "/runs/crons/count"),
    unbuilt("GET", "/store/items"),
    unbuilt("PUT", "/store/items"),
    unbuilt("DELETE", "/store/items"),
    unbuilt("POST", "/store/items/search"),
    unbuilt("POST", "/store/namespaces"),
    unbuilt("POST", "/ui/{assistant_id}"),
];

impl Needs {
    /// The capabilities that every request needs.
    pub fn capabilities(self) -> &'static [Capability] {
        match self {
            Self::Nothing | Self::Token => &[],
            Self::Every(caps) | Self::Some(caps) | Self::Session(caps) => caps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure_to_be_new_needs_no_history() {
        let check = |row: &Endpoint, query: &str, cursor: Option<&'static str>, past: bool| {
            let uri: Uri = format!("/any{query}").parse().unwrap();
            let mut headers = HeaderMap::new();
            if let Some(cursor) = cursor {
                headers.insert("last-event-id", cursor.parse().unwrap());
            }
            assert_eq!(row.replays(&uri, &headers), past, "{query} {cursor:?}");
        };
        let row = |path: &str| Endpoint::find(&Method::GET, path).unwrap();
        let session = row("/sessions/{session_id}/stream");
        check(session, "?limit=0", None, false);
        check(session, "", None, true);
        check(session, "?limit=50", None, true);
        check(session, "?limit=0&limit=50", None, true);
        check(session, "?limit=0&cursor=1-4", None, true);
        check(session, "?limit=00", None, true);
        check(session, "?limit=0", Some("1-4"), true);
        let run = row("/threads/{thread_id}/runs/{run_id}/stream");
        check(run, "", None, false);
        check(run, "?stream_mode=%5B%22updates%22%5D", None, false);
        check(run, "", Some("-1"), true);
        check(run, "", Some("7"), true);
        check(run, "", Some(""), true);
        check(run, "?last_event_id=-1", None, true);
        check(run, "?x=1&last%5Fevent%5Fid=3", None, true);
        check(row("/threads/{thread_id}"), "?cursor=1", Some("1"), false);
    }

    #[test]
    fn no_endpoint_is_in_the_table_twice() {
        let all: Vec<&Endpoint> = ENDPOINTS.iter().chain(UNBUILT).collect();
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert!(
                    (one.method, one.path) != (other.method, other.path),
                    "{one:?}"
                );
            }
        }
    }
}
