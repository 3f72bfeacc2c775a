//! The answer to a plain request, and the error that an answer means.

use super::{known_run::KnownRun, recovery::Failure};
use crate::{AttemptId, ErrorCode, Millis, StreamError, TransportError, list::retain};
use rejoin_wire::{
    WireError,
    event::ErrorBody,
    json::{FromJson, JsonError, Read, field, items, whole_number},
};

/// The codes of refusals (429) that do not pass by waiting.
const QUOTA_CODES: [&str; 3] = [
    "too_many_threads",
    "too_many_sessions",
    "insufficient_quota",
];

/// A request that was sent and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(super) attempt: AttemptId,
    pub(super) at: Millis,
}

/// An answer, or why there is none.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<Millis>,
    /// When it was asked for, where that matters.
    pub(super) asked_at: Option<Millis>,
    body: &'a [u8],
    failure: Option<StreamError>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(status: u16, headers: &[(String, String)], body: &'a [u8]) -> Self {
        Self {
            status,
            retry_after: retry_after(headers),
            asked_at: None,
            body,
            failure: None,
        }
    }

    pub(super) fn failed(error: StreamError) -> Self {
        Self {
            status: 0,
            retry_after: None,
            asked_at: None,
            body: &[],
            failure: Some(error),
        }
    }

    /// The same, to a request that was sent then.
    pub(super) fn with_asked_at(&self, at: Option<Millis>) -> Self {
        Self {
            asked_at: at,
            failure: self.failure.clone(),
            ..*self
        }
    }

    /// The failure that came instead of a good answer; of a 2xx, that its body cannot be read.
    pub(super) fn failure(&self) -> Failure {
        match &self.failure {
            Some(error) => failure_of(error),
            None if (200..300).contains(&self.status) => Failure::Unreadable,
            None => failure_of_status(self.status, self.body),
        }
    }

    /// Reads the body of a 2xx; every other answer is an error, typed by its status.
    pub(super) fn read<T: FromJson>(&self, what: &'static str) -> Result<T, StreamError> {
        let text = self.text(what)?;
        T::from_json(text).map_err(|error| body_invalid(what, &error))
    }

    fn text(&self, what: &'static str) -> Result<&'a str, StreamError> {
        self.check()?;
        std::str::from_utf8(self.body)
            .map_err(|_| body_invalid(what, &JsonError::expected("UTF-8")))
    }

    /// Whether the body says that there is nothing.
    pub(super) fn is_null(&self) -> bool {
        (200..300).contains(&self.status) && self.body.trim_ascii() == b"null"
    }

    /// A list of runs. An entry that is no run is passed over.
    pub(super) fn read_runs(&self) -> Result<Vec<KnownRun>, StreamError> {
        let read: Read<Vec<KnownRun>> = self.read("list of runs")?;
        let mut runs = read.value;
        retain(&mut runs, |run| run.run_id.is_some());
        Ok(runs)
    }

    /// The first item of a body that is a list, as written.
    pub(super) fn first_item(&self) -> Option<&'a str> {
        let mut first = None;
        let text = std::str::from_utf8(self.body).ok()?;
        let listed = items(text, &mut |item| {
            first.get_or_insert(item);
            Ok(())
        });
        listed.ok().and(first)
    }

    pub(super) fn check(&self) -> Result<(), StreamError> {
        match &self.failure {
            Some(error) => Err(error.clone()),
            None if (200..300).contains(&self.status) => Ok(()),
            None => Err(status_error(self.status, self.body)),
        }
    }
}

// Not written again for each shape that is read.
#[inline(never)]
fn body_invalid(what: &'static str, error: &JsonError) -> StreamError {
    let reason = error.words();
    let error = WireError::Body { what, reason };
    StreamError::new(ErrorCode::BodyInvalid).with_detail(error.words())
}

/// The error that a status means. The body's first words go with it.
pub(super) fn status_error(status: u16, body: &[u8]) -> StreamError {
    let code = match status {
        200..=299 => ErrorCode::NotAnEventStream,
        400 => ErrorCode::BadRequest,
        401 => ErrorCode::Unauthorized,
        403 => ErrorCode::Forbidden,
        404 => ErrorCode::NotFound,
        409 => ErrorCode::Conflict,
        410 => ErrorCode::RunExpired,
        413 => ErrorCode::BodyTooLarge,
        422 => ErrorCode::Unprocessable,
        429 if says_quota(body) => ErrorCode::QuotaReached,
        429 => ErrorCode::TooManyRequests,
        502..=504 => ErrorCode::BadGateway,
        500..=599 => ErrorCode::ServerError,
        _ => ErrorCode::RequestRefused,
    };
    StreamError::new(code)
        .with_status(status)
        .with_detail(detail(body))
}

/// The detail of an error: the server has let the time for an answer pass.
pub(super) const NO_ANSWER: &str = "no answer in time";

/// The server has let the time for an answer pass.
pub(super) fn no_answer() -> StreamError {
    StreamError::new(ErrorCode::Unreachable).with_detail(NO_ANSWER)
}

pub(super) fn transport_error(error: &TransportError) -> StreamError {
    let (code, message) = match error {
        TransportError::Network { message } => (ErrorCode::Unreachable, message),
        TransportError::Headers { message } => (ErrorCode::HeadersFailed, message),
        TransportError::InvalidRequest { message } => (ErrorCode::InvalidRequest, message),
        TransportError::Redirected { to } => (ErrorCode::Redirected, to),
        TransportError::TooLarge { message } => (ErrorCode::AnswerTooLarge, message),
    };
    StreamError::new(code).with_detail(message.clone())
}

/// A header's value, by its name in lower case.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// `Retry-After` in seconds. The form with a date needs a clock that can be compared with the server's; it is ignored.
pub(super) fn retry_after(headers: &[(String, String)]) -> Option<Millis> {
    let value = header(headers, "retry-after")?;
    let seconds = whole_number(value.trim_ascii())?;
    Some(Millis(seconds.min(u64::MAX / 1000) * 1000))
}

/// `{"detail":".."}` (Python), `{"message":".."}`, or the text itself unless it is a page.
fn detail(body: &[u8]) -> String {
    // If the body is not all UTF-8, the part before the first wrong byte counts.
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(wrong) => std::str::from_utf8(&body[..wrong.valid_up_to()]).unwrap_or_default(),
    };
    let text = text.trim_ascii();
    let words = match field(text, "detail") {
        Some("null") | None => {
            field(text, "message").and_then(|words| String::from_json(words).ok())
        }
        Some(detail) => Some(String::from_json(detail).unwrap_or_else(|_| detail.to_owned())),
    };
    match words {
        Some(words) => words,
        None if text.starts_with('<') => String::new(),
        None => text.to_owned(),
    }
}

/// The kind of failure that a refusal is.
pub(super) fn failure_of_status(status: u16, body: &[u8]) -> Failure {
    match status {
        429 if says_quota(body) => Failure::Quota,
        _ => Failure::Status(status),
    }
}

/// Whether a refusal names a quota: ours as its code, others' also within an `error`.
fn says_quota(body: &[u8]) -> bool {
    let text = str::from_utf8(body).unwrap_or_default();
    let within = field(text, "error").and_then(|error| field(error, "code"));
    let codes = [field(text, "code"), within].into_iter().flatten();
    let words = codes.filter_map(|code| String::from_json(code).ok());
    words
        .into_iter()
        .any(|code| QUOTA_CODES.contains(&code.as_str()))
}

/// The kind of failure that a transport error is.
pub(super) fn failure_of(error: &StreamError) -> Failure {
    let code = error.code;
    if matches!(
        code,
        ErrorCode::HeadersFailed | ErrorCode::InvalidRequest | ErrorCode::Redirected
    ) {
        Failure::Final
    } else if code == ErrorCode::AnswerTooLarge {
        Failure::TooLarge
    } else {
        Failure::NoAnswer
    }
}

/// The error of a run that has failed.
pub(super) fn run_failed(error: &ErrorBody) -> StreamError {
    let words = match &error.name {
        Some(name) if *name != error.message => [name, ": ", &error.message].concat(),
        Some(_) | None => error.message.clone(),
    };
    StreamError::new(ErrorCode::RunFailed).with_detail(words)
}
