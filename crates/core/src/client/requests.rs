//! Plain requests: sending them, and telling whose answer has come.

use super::{
    Client, lost::failure_of, parts::Arrived, phase::Phase, recovery::Failure, run::Run,
    submission::SUBMISSION_KEY, urls::is_usable,
};
use crate::{
    AttemptId, Effect, ErrorCode, Method, Millis, StreamError, TransportError, list::retain,
};
use rejoin_wire::{
    Json, MessageId, RunId, WireError,
    json::{FromJson, JsonError, Lenient, Oddities, Read, field, items, parts, whole_number},
    message::{Message, MessageKind},
    thread::RunStatus,
};

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

/// The parts that are read of a run that the server knows.
#[derive(Debug)]
pub(super) struct KnownRun {
    pub(super) run_id: Option<RunId>,
    pub(super) status: RunStatus,
    pub(super) created_at: Option<String>,
    /// The mark of the submission that it was made for.
    pub(super) submission_id: Option<String>,
    /// The input that it was begun with, while it is active.
    input: String,
}

impl KnownRun {
    /// The question that it was begun with, where that has an id.
    pub(super) fn question(&self, messages_key: &str) -> Option<MessageId> {
        let messages: Vec<Message> = Vec::read_quietly(field(&self.input, messages_key)?).ok()?;
        let asks = |message: &Message| message.kind == MessageKind::Human;
        messages.into_iter().rfind(asks)?.id
    }
}

impl Lenient for KnownRun {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let names = ["run_id", "status", "created_at", "metadata", "kwargs"];
        let [run_id, status, created_at, metadata, kwargs] = parts(text, &names)?;
        let mark = field(metadata, SUBMISSION_KEY);
        // A server that does not say how far a run is cannot be asked for it.
        let status =
            String::from_json(status).map_or(RunStatus::Unknown, |word| RunStatus::of_word(&word));
        let input = field(kwargs, "input").filter(|_| status.is_active());
        Ok(Self {
            run_id: odd
                .id("run_id", run_id)
                .filter(|id: &RunId| is_usable(id.as_str())),
            status,
            created_at: odd.field("created_at", created_at),
            submission_id: mark.and_then(|mark| String::from_json(mark).ok()),
            input: input.unwrap_or_default().to_owned(),
        })
    }
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

    /// The failure that came instead of a good answer; of a 2xx, that its body cannot be read.
    pub(super) fn failure(&self) -> Failure {
        match &self.failure {
            Some(error) => failure_of(error),
            None if (200..300).contains(&self.status) => Failure::Unreadable,
            None => Failure::Status(self.status),
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

impl Client {
    /// Sends a request whose whole answer is wanted.
    pub(super) fn ask(&mut self, method: Method, url: String) -> Asked {
        let body = (method == Method::Post).then(|| "{}".to_owned());
        self.ask_with(method, url, body)
    }

    pub(super) fn ask_with(&mut self, method: Method, url: String, body: Option<String>) -> Asked {
        let attempt = self.new_attempt();
        self.ask_as(attempt, method, url, body);
        let at = self.now;
        Asked { attempt, at }
    }

    /// Under the name of a request that is answered.
    pub(super) fn ask_as(
        &mut self,
        attempt: AttemptId,
        method: Method,
        url: String,
        body: Option<String>,
    ) {
        let mut request = self.request(method, url, self.config.timeouts.request);
        request.body = body.and_then(|body| Json::parse(body).ok());
        self.effects.push(Effect::SendRequest { attempt, request });
    }

    /// The one place where an answer finds what asked for it; one that nobody waits for is dropped.
    pub(super) fn answered(&mut self, attempt: AttemptId, answer: &Answer<'_>) {
        if self.parts_answered(attempt, &Arrived::Answer(answer)) {
        } else if self
            .phase
            .asked()
            .is_some_and(|asked| asked.attempt == attempt)
        {
            self.with_run(|client, run| client.phase_answered(run, answer));
        } else if self.is_cancel(attempt) {
            self.with_run(|client, run| client.cancel_answered(run, answer));
        } else if self.is_comparing(attempt) {
            self.compare_answered(answer);
        } else if self.is_history(attempt) {
            self.history_answered(answer);
        } else {
            self.load_answered(attempt, answer);
        }
    }

    /// The answer that the run's phase waits for.
    fn phase_answered(&mut self, run: &mut Run, answer: &Answer<'_>) {
        let answer = Answer {
            asked_at: self.phase.asked().map(|asked| asked.at),
            failure: answer.failure.clone(),
            ..*answer
        };
        match &self.phase {
            Phase::Finding {
                asks_for_thread, ..
            } => {
                let asks_for_thread = *asks_for_thread;
                self.runs_listed(run, asks_for_thread, &answer);
            }
            Phase::MakingThread(_) => self.thread_made(run, &answer),
            Phase::Checking { after, .. } => {
                let after = *after;
                self.run_checked(run, after, &answer);
            }
            Phase::Looking(_) => self.looked(run, &answer),
            Phase::Settling { settle, .. } => {
                let settle = settle.clone();
                self.settle_answered(run, settle, &answer);
            }
            Phase::Idle
            | Phase::Opening(_)
            | Phase::Live(_)
            | Phase::Waiting { .. }
            | Phase::Ended(_) => {}
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
    // Of what is not text, as much as is.
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
