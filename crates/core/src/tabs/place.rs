//! The requests that open a stream which tabs can share, and the stream's address.

use super::Kind;
use crate::{Client, HttpRequest, Method, client::urls, percent::encode_path_segment};

/// The header that a run's stream is joined with.
const CURSOR_HEADER: &str = "last-event-id";
/// Before a cursor in a query: of a run's stream, without and with a mode before it, and of a feed.
const CURSOR_KEYS: [&str; 3] = ["?last_event_id=", "&last_event_id=", "&cursor="];

/// The stream that a request opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A stream that other tabs may have already.
    Joined {
        /// The kind of stream.
        kind: Kind,
        /// Its address without the cursor, the same in every tab.
        url: String,
        /// The cursor; empty for none.
        cursor: String,
    },
    /// The stream of a run that has no name yet.
    Begun,
}

impl Place {
    /// The stream that the request opens; `None` if tabs cannot share it.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        if request.method == Method::Post {
            return thread_of(request).map(|_| Self::Begun);
        }
        let (url, in_query) = without_cursor(&request.url);
        let header = request
            .headers
            .iter()
            .find(|(name, _)| *name == CURSOR_HEADER);
        let (kind, cursor) = match header {
            Some((_, cursor)) => (Kind::Run, cursor.as_str()),
            None => (Kind::Feed, in_query),
        };
        Some(Self::Joined {
            kind,
            url: url.to_owned(),
            cursor: cursor.to_owned(),
        })
    }
}

/// The same request from another cursor. A proxy may have dropped the header, then the query has it as well.
pub fn from_cursor(request: &HttpRequest, cursor: &str) -> HttpRequest {
    let mut moved = request.clone();
    let mut by_header = false;
    for (name, value) in &mut moved.headers {
        if *name == CURSOR_HEADER {
            cursor.clone_into(value);
            by_header = true;
        }
    }
    let (url, in_query) = without_cursor(&request.url);
    if !by_header || !in_query.is_empty() {
        let key = match (by_header, url.contains('?')) {
            (false, _) => "&cursor=",
            (true, true) => "&last_event_id=",
            (true, false) => "?last_event_id=",
        };
        moved.url = [url, key, &encode_path_segment(cursor)].concat();
    }
    moved
}

/// The address under which a run is joined that was begun at `url`, by the `Content-Location` of the answer.
pub fn joined_at(url: &str, content_location: &str) -> Option<String> {
    let thread = url.strip_suffix(urls::RUNS_STREAM)?;
    let run_id = urls::run_id_in(content_location)?;
    let run_id = encode_path_segment(run_id.as_str());
    Some([thread, "/runs/", &run_id, "/stream"].concat())
}

/// The address of the client's thread.
pub fn open_thread(client: &Client) -> Option<String> {
    client.thread_url("")
}

/// The address of the thread that this request begins a run on, if it does.
pub fn thread_of(request: &HttpRequest) -> Option<&str> {
    let is_post = request.method == Method::Post;
    request
        .url
        .strip_suffix(urls::RUNS_STREAM)
        .filter(|_| is_post)
}

/// The cursor comes last in the addresses that this client makes.
fn without_cursor(url: &str) -> (&str, &str) {
    let mut found = CURSOR_KEYS.iter().filter_map(|key| url.split_once(key));
    found.next().unwrap_or((url, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    fn get(url: &str, cursor: Option<&str>) -> HttpRequest {
        HttpRequest {
            method: Method::Get,
            url: url.to_owned(),
            headers: cursor
                .map(|cursor| (CURSOR_HEADER, cursor.to_owned()))
                .into_iter()
                .collect(),
            body: None,
            refresh_headers: false,
            timeout: Millis(0),
        }
    }

    #[test]
    fn an_address_is_the_same_wherever_a_tab_begins() {
        let run = |request| match Place::of(&request) {
            Some(Place::Joined { kind, url, cursor }) => (kind, url, cursor),
            other => panic!("not joined: {other:?}"),
        };
        let url = "/api/threads/t/runs/r/stream";
        for query in ["", "?last_event_id=5-0"] {
            let joined = run(get(&[url, query].concat(), Some("5-0")));
            assert_eq!(joined, (Kind::Run, url.to_owned(), "5-0".to_owned()));
        }
        let feed = "/api/sessions/t/stream?limit=20";
        for cursor in ["", "7-42"] {
            let query = if cursor.is_empty() {
                ""
            } else {
                "&cursor=7-42"
            };
            let joined = run(get(&[feed, query].concat(), None));
            assert_eq!(joined, (Kind::Feed, feed.to_owned(), cursor.to_owned()));
        }
        let modes = "/threads/t/runs/r/stream?stream_mode=values";
        let with_query = get(&[modes, "&last_event_id=-1"].concat(), Some("-1"));
        assert_eq!(run(with_query).1, modes);
    }

    #[test]
    fn a_request_goes_on_from_another_cursor() {
        let run = "/threads/t/runs/r/stream";
        let moved = from_cursor(&get(run, Some("-1")), "6-0");
        assert_eq!(moved, get(run, Some("6-0")));
        let both = get(&[run, "?last_event_id=-1"].concat(), Some("-1"));
        let wanted = get(&[run, "?last_event_id=6-0"].concat(), Some("6-0"));
        assert_eq!(from_cursor(&both, "6-0"), wanted);
        let feed = "/sessions/t/stream?limit=20";
        for before in ["", "&cursor=1-2"] {
            let moved = from_cursor(&get(&[feed, before].concat(), None), "7-9");
            assert_eq!(moved, get(&[feed, "&cursor=7-9"].concat(), None));
        }
    }

    #[test]
    fn a_run_is_joined_where_it_was_begun() {
        let begun = "https://h/api/threads/t/runs/stream";
        let wanted = Some("https://h/api/threads/t/runs/r/stream".to_owned());
        assert_eq!(joined_at(begun, "/threads/t/runs/r"), wanted);
        assert_eq!(joined_at(begun, "/elsewhere"), None);
        assert_eq!(joined_at("https://h/transport", "/threads/t/runs/r"), None);
    }
}
