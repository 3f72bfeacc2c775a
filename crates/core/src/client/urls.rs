//! Where things are on the server. Ids come from outside, so each is encoded into its path segment.

use crate::Config;
use rejoin_wire::{
    CheckpointId, RunId, ThreadId,
    json::{Writer, digits, write_string},
    search::split,
    session::Cursor,
};

/// Runs asked for when one has to be found. The servers list in opposite orders, so this is the whole list.
const RUNS_LISTED_MAX: u64 = 100;

/// Percent-encodes everything but the characters that a path segment may hold as they are.
pub(crate) fn encode_path_segment(text: &str) -> String {
    // A segment of dots alone would walk up the path.
    match text {
        "." => return "%2E".to_owned(),
        ".." => return "%2E%2E".to_owned(),
        _ => {}
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 0xf] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

pub(super) fn thread(config: &Config, thread_id: &ThreadId) -> String {
    let thread_id = encode_path_segment(thread_id.as_str());
    [config.api_url.as_str(), "/threads/", &thread_id].concat()
}

pub(super) fn state(config: &Config, thread_id: &ThreadId) -> String {
    thread(config, thread_id) + "/state"
}

pub(super) fn history(config: &Config, thread_id: &ThreadId) -> String {
    thread(config, thread_id) + "/history"
}

/// One page of the history, newest first, in the one form that every server reads alike.
pub(super) fn page(
    config: &Config,
    thread_id: &ThreadId,
    limit: usize,
    before: Option<&CheckpointId>,
) -> String {
    let mut url = history(config, thread_id) + "?limit=" + &digits(limit as u64);
    if let Some(before) = before {
        url.push_str("&before=");
        url.push_str(&encode_path_segment(before.as_str()));
    }
    url
}

/// The feed of a thread's session: what comes after `cursor`, or its newest messages and what comes then.
pub(super) fn session_stream(
    config: &Config,
    thread_id: &ThreadId,
    cursor: Option<Cursor>,
    limit: usize,
) -> String {
    let mut url = session(config, thread_id) + "/stream?limit=" + &digits(limit as u64);
    if let Some(Cursor { epoch, seq }) = cursor {
        url += &["&cursor=", &digits(epoch.0), "-", &digits(seq)].concat();
    }
    url
}

/// The page of a session's messages that began before a position.
pub(super) fn session_messages(
    config: &Config,
    thread_id: &ThreadId,
    before: u64,
    limit: usize,
) -> String {
    let page = ["/messages?before=", &digits(before), "&limit="].concat();
    session(config, thread_id) + &page + &digits(limit as u64)
}

fn session(config: &Config, thread_id: &ThreadId) -> String {
    let thread_id = encode_path_segment(thread_id.as_str());
    [config.api_url.as_str(), "/sessions/", &thread_id].concat()
}

pub(super) fn submit(config: &Config, thread_id: &ThreadId) -> String {
    thread(config, thread_id) + "/runs/stream"
}

pub(super) fn runs(config: &Config, thread_id: &ThreadId) -> String {
    thread(config, thread_id) + "/runs?limit=" + &digits(RUNS_LISTED_MAX)
}

pub(super) fn run(config: &Config, thread_id: &ThreadId, run_id: &RunId) -> String {
    thread(config, thread_id) + "/runs/" + &encode_path_segment(run_id.as_str())
}

/// Without modes unless they are asked for: `stream_mode` drops metadata and errors on Python, and is ignored by the
/// JS server. Of a key that is repeated Python takes the last, so several modes are a JSON array.
pub(super) fn join(
    config: &Config,
    thread_id: &ThreadId,
    run_id: &RunId,
    modes: &[String],
) -> String {
    let mut url = run(config, thread_id, run_id);
    url.push_str("/stream");
    match modes {
        [] => {}
        [mode] => {
            url.push_str("?stream_mode=");
            url.push_str(&encode_path_segment(mode));
        }
        _ => {
            let mut json = String::new();
            let mut list = Writer::list(&mut json);
            for mode in modes {
                write_string(list.item(), mode);
            }
            list.end();
            url.push_str("?stream_mode=");
            url.push_str(&encode_path_segment(&json));
        }
    }
    url
}

/// Without `wait`: the JS server reads `wait=0` as true.
pub(super) fn cancel(config: &Config, thread_id: &ThreadId, run_id: &RunId) -> String {
    run(config, thread_id, run_id) + "/cancel?action=interrupt"
}

/// The run's id in `Content-Location: /threads/{thread_id}/runs/{run_id}`, whatever prefix a proxy adds.
pub(super) fn run_id_in(content_location: &str) -> Option<RunId> {
    let (mut before, mut found) = ("", None);
    for part in split(content_location, b'/') {
        if before == "runs" {
            found = split(part, b'?').next();
        }
        before = part;
    }
    found.filter(|id| !id.is_empty()).map(RunId::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_segment() {
        assert_eq!(
            encode_path_segment("a/../b?c#d é"),
            "a%2F..%2Fb%3Fc%23d%20%C3%A9"
        );
        assert_eq!(encode_path_segment(".."), "%2E%2E");
    }

    #[test]
    fn run_ids_are_found_under_any_prefix() {
        assert_eq!(run_id_in("/threads/t/runs/r"), Some("r".into()));
        assert_eq!(
            run_id_in("/api/threads/t/runs/r/stream?x"),
            Some("r".into())
        );
        assert_eq!((run_id_in("/threads/t"), run_id_in("/runs/")), (None, None));
    }
}
