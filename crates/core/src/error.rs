//! All errors, in words that a person can act on.

use std::{fmt, ops::Deref, sync::Arc};

/// One failure. Its fields are behind one pointer, as it is passed on and kept in many places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamError(Arc<Problem>);

/// The content of a [`StreamError`].
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The stable code.
    pub code: ErrorCode,
    /// The fault and the remedy, for a person.
    pub message: String,
    /// The HTTP status, if there is one.
    pub status: Option<u16>,
    /// The server's own words, shortened to 500 characters.
    pub detail: Option<String>,
}

impl Deref for StreamError {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        &self.0
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StreamError {}

impl StreamError {
    /// With the code's own message.
    pub fn new(code: ErrorCode) -> Self {
        Self::said(code, None, None)
    }

    /// Adds the server's words.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        let is_first = |at: &usize| detail.is_char_boundary(*at);
        if let Some(end) = (0..detail.len()).filter(is_first).nth(DETAIL_CHARS_MAX) {
            detail.truncate(end);
        }
        if detail.is_empty() {
            return self;
        }
        Self::said(self.code, self.status, Some(detail))
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self::said(self.code, Some(status), self.detail.clone())
    }

    fn said(code: ErrorCode, status: Option<u16>, detail: Option<String>) -> Self {
        let message = match &detail {
            Some(detail) => [code.message(), " (", detail, ")"].concat(),
            None => code.message().to_owned(),
        };
        Self(Arc::new(Problem {
            code,
            message,
            status,
            detail,
        }))
    }
}

/// A server may answer with a whole page; a person needs its beginning.
const DETAIL_CHARS_MAX: usize = 500;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// Stable codes. `docs/errors.md` lists them; a test compares.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $message] $(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the document's order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable code.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The fault and the remedy.
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

codes! {
    SseLineTooLong = "sse_line_too_long", "The server sent a line longer than the limit. Raise `limits.line_bytes_max`, or make the agent's events smaller.";
    SseFrameTooLarge = "sse_frame_too_large", "The server sent an event larger than the limit. Raise `limits.frame_bytes_max`, or make the agent's events smaller.";
    SseBufferFull = "sse_buffer_full", "The server sent more data than the buffer holds. Raise `limits.buffer_bytes_max`.";
    SseInvalidUtf8 = "sse_invalid_utf8", "The server sent an event that is not UTF-8; that event was left out.";
    EventDataInvalid = "event_data_invalid", "The server sent data that does not follow the protocol. The rest is shown, and as much of this as possible.";
    MessageWithoutId = "message_without_id", "The server sent a message chunk without an id; it was left out, as it belongs to no message.";
    NotAnEventStream = "not_an_event_stream", "The server answered, but not with an event stream. Check the server URL, and any proxy or sign-in page before it.";
    BodyInvalid = "body_invalid", "The answer is not one of an Agent Server. Check the server URL.";
    BadRequest = "bad_request", "The server refused the request as malformed (400).";
    Unauthorized = "unauthorized", "The server does not accept the credentials (401). Check the token or API key.";
    Forbidden = "forbidden", "The server does not allow this (403). Check the token's rights.";
    NotFound = "not_found", "The server does not know this thread or assistant (404). Check the server URL and the assistant's name.";
    Conflict = "conflict", "The thread is busy with another run (409). Wait for it, cancel it, or use another multitask strategy.";
    Unprocessable = "unprocessable", "The server refused the request's content (422).";
    TooManyRequests = "too_many_requests", "The server gets too many requests (429). The request is sent again at the time that the server names.";
    QuotaReached = "quota_reached", "The server's quota is used up (429). Waiting does not help: delete something, or raise the quota.";
    BodyTooLarge = "body_too_large", "The request is larger than the server accepts (413).";
    RequestRefused = "request_refused", "The server refused the request.";
    ServerError = "server_error", "The server failed (500). Try again; if it fails again, look at its log.";
    BadGateway = "bad_gateway", "The proxy cannot reach the server (502, 503 or 504). The request is sent again.";
    Unreachable = "unreachable", "The server cannot be reached. Check the network, the server URL, and that the server allows this page's origin.";
    InvalidRequest = "invalid_request", "The request cannot be sent as it is. Check the server URL and the headers.";
    InvalidId = "invalid_id", "A thread's or run's id cannot be empty, `.` or `..`, or have a slash, a backslash or `%` in it, so nothing was sent.";
    Redirected = "redirected", "The server's address redirects to another one. The request was not sent there, as its headers are meant for this address alone. If the other address is the server's, give that one.";
    AnswerTooLarge = "answer_too_large", "The server's answer is larger than the limit, so it was not read. Raise the limit, or make the thread's state smaller.";
    HeadersFailed = "headers_failed", "The application's header provider failed, so no request was sent.";
    RunFailed = "run_failed", "The agent failed.";
    RunExpired = "run_expired", "The server does not know the run any more; the thread's history is shown.";
    RunTimedOut = "run_timed_out", "The agent took longer than the server allows.";
    RejoinTimedOut = "rejoin_timed_out", "The run cannot be followed for now; the thread's history is shown, and attempts go on.";
    CursorIgnored = "cursor_ignored", "The server did not resume after `Last-Event-ID`. A proxy may drop that request header: let it pass. Text that may have a hole is not shown until the run's next step is done.";
    SubmissionUnconfirmed = "submission_unconfirmed", "The submission was sent, and the server does not tell its fate. It is not sent again, as it could run twice.";
    ThreadNotFound = "thread_not_found", "The server does not know this thread; it may have been deleted.";
    HistoryUnavailable = "history_unavailable", "The thread's state could not be loaded; the received messages stay.";
    CancelFailed = "cancel_failed", "The server did not cancel the run.";
    EventsMissing = "events_missing", "The server has lost some events of this run; the text appears when the run's next step is done.";
    StorageFull = "storage_full", "The browser's storage is full: this run cannot be rejoined after a reload unless the server lists it.";
    StorageDenied = "storage_denied", "The browser does not allow storage here: this run cannot be rejoined after a reload unless the server lists it.";
    SubmissionNotStored = "submission_not_stored", "The submission is not kept over a reload until the server has it: it is too large, or too many others wait. It is sent all the same. Upload large attachments first.";
    TooManyWaiting = "too_many_waiting", "Too many submissions wait on this thread (32), so this one was not taken. Send or discard some of them, then submit it again.";
    RecordCorrupt = "record_corrupt", "The stored data of this thread cannot be read; it was removed.";
    CacheUnavailable = "cache_unavailable", "Threads cannot be saved here, so they are shown when the server has answered.";
    NoRunToCancel = "no_run_to_cancel", "There is no run to cancel.";
    CheckpointNotFound = "checkpoint_not_found", "No checkpoint of the thread holds exactly the messages before this one, so nothing was changed or sent.";
    CheckpointLookupFailed = "checkpoint_lookup_failed", "The checkpoint to go on from could not be looked up, so nothing was changed or sent. Try again.";
    EditUnavailable = "edit_unavailable", "This message cannot be edited or answered again here: it is unknown, the server has not stored the messages before it, or checkpoints are switched off.";
    AmbiguousResume = "ambiguous_resume", "Several interrupts wait, so an answer must name one. Answer by interrupt id.";
    InvalidInput = "invalid_input", "The submission is not a JSON object of the graph's input.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
