//! The addresses of things on the server. Ids come from outside, so each is encoded into its path segment.

use super::Client;
use crate::{ErrorCode, StreamError, percent::encode_path_segment};
use rejoin_wire::{
    CheckpointId, RunId, ThreadId,
    json::{Writer, digits, write_string},
    search::split,
    session::Cursor,
};

/// Whether an id can be a segment of a path. Some servers and proxies decode a path before they split it, so what an escape
/// would protect here climbs there.
pub(super) fn is_usable(id: &str) -> bool {
    let climbs = |byte: u8| b"/\\%".contains(&byte) || byte.is_ascii_control();
    !matches!(id, "" | "." | "..") && !id.bytes().any(climbs)
}

/// The error of an id that is not.
pub(super) fn check_id(id: &str) -> Result<(), StreamError> {
    if is_usable(id) {
        return Ok(());
    }
    Err(StreamError::new(ErrorCode::InvalidId).with_detail(id))
}

/// The path, under its thread, that a submission is posted to.
pub(crate) const RUNS_STREAM: &str = "/runs/stream";

impl Client {
    /// Of what is at `rest` under the thread; `None` without a thread.
    pub(crate) fn thread_url(&self, rest: &str) -> Option<String> {
        self.url_of("/threads/", rest)
    }

    /// The same, of the thread's session.
    fn session_url(&self, rest: &str) -> Option<String> {
        self.url_of("/sessions/", rest)
    }

    fn url_of(&self, kind: &str, rest: &str) -> Option<String> {
        let thread_id = self.thread_id.as_ref().map(ThreadId::as_str);
        let thread_id = encode_path_segment(thread_id.filter(|id| is_usable(id))?);
        Some([&self.config.api_url, kind, &thread_id, rest].concat())
    }

    /// Of what is at `rest` under a run of the thread's.
    pub(super) fn run_url(&self, run_id: &RunId, rest: &str) -> Option<String> {
        let run_id = Some(run_id.as_str()).filter(|id| is_usable(id))?;
        let run_id = encode_path_segment(run_id);
        self.thread_url(&["/runs/", &run_id, rest].concat())
    }

    /// The runs, to find one among them. The servers list in opposite orders, so this is the whole list.
    pub(super) fn runs_url(&self) -> Option<String> {
        self.thread_url("/runs?limit=100")
    }

    /// One page of the history, newest first, in the one form that every server reads alike.
    pub(super) fn page_url(&self, limit: usize, before: Option<&CheckpointId>) -> Option<String> {
        let mut page = "/history?limit=".to_owned() + &digits(limit as u64);
        if let Some(before) = before {
            page.push_str("&before=");
            page.push_str(&encode_path_segment(before.as_str()));
        }
        self.thread_url(&page)
    }

    /// The feed of the thread's session: what comes after `cursor`, or its newest messages and what comes then.
    pub(super) fn feed_url(&self, cursor: Option<Cursor>, limit: usize) -> Option<String> {
        let mut feed = "/stream?limit=".to_owned() + &digits(limit as u64);
        if let Some(Cursor { epoch, seq }) = cursor {
            feed += &["&cursor=", &digits(epoch.0), "-", &digits(seq)].concat();
        }
        self.session_url(&feed)
    }

    /// The page of the session's messages that began before a position.
    pub(super) fn older_url(&self, before: u64, limit: usize) -> Option<String> {
        let (before, limit) = (digits(before), digits(limit as u64));
        self.session_url(&["/messages?before=", &before, "&limit=", &limit].concat())
    }

    /// Without modes unless they are asked for: `stream_mode` drops metadata and errors on Python, and is ignored by the
    /// JS server. Of a key that is repeated Python takes the last, so several modes are a JSON array. `cursor`: where
    /// `Last-Event-ID` does not arrive as a header.
    pub(super) fn join_url(
        &self,
        run_id: &RunId,
        modes: &[String],
        cursor: Option<&str>,
    ) -> Option<String> {
        let mut join = "/stream".to_owned();
        let mut separator = '?';
        if let [first, ..] = modes {
            let mut json = String::new();
            let mut list = Writer::list(&mut json);
            for mode in modes {
                write_string(list.item(), mode);
            }
            list.end();
            let mode = if modes.len() == 1 { first } else { &json };
            join.push_str("?stream_mode=");
            join.push_str(&encode_path_segment(mode));
            separator = '&';
        }
        if let Some(cursor) = cursor {
            join.push(separator);
            join.push_str("last_event_id=");
            join.push_str(&encode_path_segment(cursor));
        }
        self.run_url(run_id, &join)
    }
}

/// The run's id in `Content-Location: /threads/{thread_id}/runs/{run_id}`, whatever prefix a proxy adds.
pub(crate) fn run_id_in(content_location: &str) -> Option<RunId> {
    let (mut before, mut found) = ("", None);
    for part in split(content_location, b'/') {
        if before == "runs" {
            found = split(part, b'?').next();
        }
        before = part;
    }
    found.filter(|id| is_usable(id)).map(RunId::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_are_found_under_any_prefix() {
        assert_eq!(run_id_in("/threads/t/runs/r"), Some("r".into()));
        assert_eq!(
            run_id_in("/api/threads/t/runs/r/stream?x"),
            Some("r".into())
        );
        assert_eq!((run_id_in("/threads/t"), run_id_in("/runs/")), (None, None));
    }

    #[test]
    fn ids_that_climb_are_not_usable() {
        for id in [
            "", ".", "..", "%2e%2e", "%2E.", "a/b", "a\\b", "a%2fb", "a\0",
        ] {
            assert!(!is_usable(id), "{id}");
        }
        for id in [
            "r",
            "...",
            "01a1fd2e-66b1-71bb-b60f-000000000000",
            "user:7 é",
        ] {
            assert!(is_usable(id), "{id}");
        }
        assert_eq!(run_id_in("/threads/t/runs/.."), None);
        assert_eq!(run_id_in("/threads/t/runs/%2e%2e/stream"), None);
    }
}
