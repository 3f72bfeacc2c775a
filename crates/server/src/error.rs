//! The errors between a request and its answer.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{capability::Capability, sessions::store::StoreError};

/// Every failure a request can meet; [`ServerError::code`] is stable, the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The path names nothing (the caller's fault: wrong URL or prefix).
    #[error("Not Found")]
    NotFound,
    /// The path exists, but not for this method (the caller's fault).
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    /// No thread has this id (deleted, or never made).
    #[error("Thread with ID {0} not found")]
    ThreadNotFound(String),
    /// A thread with this id is already there, and `if_exists` was not `do_nothing`.
    #[error("Thread with ID {0} already exists")]
    ThreadExists(String),
    /// No run has this id on this thread (rolled back, deleted, or never made).
    #[error("Run {0} not found")]
    RunNotFound(String),
    /// No checkpoint has this id on this thread.
    #[error("Checkpoint {0} not found")]
    CheckpointNotFound(String),
    /// No agent answers to this assistant id or graph name.
    #[error("Assistant {0} not found")]
    AssistantNotFound(String),
    /// The thread is running and the caller asked for `multitask_strategy: "reject"`.
    #[error(
        "Thread is already running a task. Wait for it to finish or choose a different multitask strategy."
    )]
    ThreadBusy,
    /// The body or a parameter is not what the endpoint takes (the caller's fault).
    #[error("{0}")]
    InvalidRequest(String),
    /// An id is not a UUID in lower case with hyphens (the caller's fault).
    #[error("Invalid {0} ID: must be a UUID, in lower case and with hyphens")]
    InvalidId(&'static str),
    /// The run is over and its event log was dropped after the retention time: read the thread's state.
    #[error("The event log of run {0} is no longer kept; read the thread's state")]
    RunLogExpired(String),
    /// `Last-Event-ID` names an event this run never had: the reader diverged and must read the thread's state.
    #[error("Last-Event-ID {cursor} is beyond the run's last event")]
    CursorAhead {
        /// The id the reader sent.
        cursor: u64,
    },
    /// The store failed to read or commit (the server's fault: disk full, damaged file).
    #[error("The store failed: {0}")]
    Store(String),
    /// A stored record cannot be read (the file was damaged, or another version wrote it). It concerns its own thread,
    /// which can be deleted.
    #[error("A record of {0} cannot be read")]
    Unreadable(String),
    /// A bug of this server. The request's changes were undone.
    #[error("An internal error")]
    Internal,
    /// The server is stopping; try again later.
    #[error("The server is stopping")]
    Stopping,
    /// A store cannot be reached or written (the server's fault); try again later, or another server.
    #[error("A store cannot be used: {0}")]
    NotReady(String),
    /// The body is longer than `--body-bytes-max` (the caller's fault).
    #[error("The body is too large")]
    BodyTooLarge,
    /// The body did not come within `--body-timeout-s` (the caller's fault, or the network's).
    #[error("The body did not come in time")]
    BodyLate,
    /// There are as many connections as there may be, altogether or of this address; try again later.
    #[error("Too many connections")]
    TooManyConnections,
    /// The client has as many threads as it may have: delete some.
    #[error("There are {0} threads of this client already")]
    TooManyThreads(usize),
    /// As many runs of the client wait or go on as may; try again later.
    #[error("There are {0} runs of this client under way already")]
    TooManyRuns(usize),
    /// The client has published in as many sessions as it may: delete some.
    #[error("This client has published in {0} sessions already")]
    TooManySessions(usize),
    /// The client's messages in sessions would be longer than they may be altogether: delete some sessions.
    #[error("What this client has published would be more than {0} bytes")]
    PublishedTooMuch(u64),
    /// An endpoint, or a parameter of one, that the real servers have and this one does not.
    #[error("This server does not have {0}")]
    NotImplemented(String),
    /// The request is for a name that is not this server's (the caller's fault, or the operator's: `--allow-host`).
    #[error("This server is not reached under this name; --allow-host names others")]
    HostNotAllowed,
    /// A page of an origin that is not allowed asks (the operator's: `--allow-origin`).
    #[error("Pages of this origin may not use this server; --allow-origin names others")]
    OriginNotAllowed,
    /// Tokens are asked for, and there is no `Authorization: Bearer ..` (the caller's fault).
    #[error("A token is needed: Authorization: Bearer ..")]
    TokenMissing,
    /// The token is not signed with this server's secret by HS256, lacks a claim, or is none (the caller's fault).
    #[error("The token is not valid")]
    TokenInvalid,
    /// The token's time is over: get another and try again.
    #[error("The token has expired")]
    TokenExpired,
    /// The token is for another session (asking again does not help).
    #[error("The token is not for this session")]
    SessionNotAllowed,
    /// The token does not allow this (asking again does not help). The answer's `capability` says what is missing.
    #[error("The token does not have the capability {0}")]
    CapabilityMissing(Capability),
}

impl ServerError {
    /// The stable code in the `code` member of an error answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ThreadNotFound(_) => "thread_not_found",
            Self::ThreadExists(_) => "thread_exists",
            Self::RunNotFound(_) => "run_not_found",
            Self::CheckpointNotFound(_) => "checkpoint_not_found",
            Self::AssistantNotFound(_) => "assistant_not_found",
            Self::ThreadBusy => "thread_busy",
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidId(_) => "invalid_id",
            Self::RunLogExpired(_) => "run_log_expired",
            Self::CursorAhead { .. } => "cursor_ahead",
            Self::Store(_) => "store_failed",
            Self::Unreadable(_) => "record_unreadable",
            Self::Internal => "internal_error",
            Self::Stopping => "server_stopping",
            Self::NotReady(_) => "not_ready",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyLate => "body_timeout",
            Self::TooManyConnections => "too_many_connections",
            Self::TooManyThreads(_) => "too_many_threads",
            Self::TooManyRuns(_) => "too_many_runs",
            Self::TooManySessions(_) => "too_many_sessions",
            Self::PublishedTooMuch(_) => "published_too_much",
            Self::NotImplemented(_) => "not_implemented",
            Self::HostNotAllowed => "host_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::TokenMissing => "token_missing",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::SessionNotAllowed => "session_not_allowed",
            Self::CapabilityMissing(_) => "capability_missing",
        }
    }

    /// The HTTP status the error is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound
            | Self::ThreadNotFound(_)
            | Self::RunNotFound(_)
            | Self::CheckpointNotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::ThreadExists(_) | Self::ThreadBusy | Self::CursorAhead { .. } => {
                StatusCode::CONFLICT
            }
            Self::AssistantNotFound(_) | Self::InvalidRequest(_) | Self::InvalidId(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::BodyTooLarge | Self::PublishedTooMuch(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::BodyLate => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyConnections
            | Self::TooManyThreads(_)
            | Self::TooManyRuns(_)
            | Self::TooManySessions(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::RunLogExpired(_) => StatusCode::GONE,
            Self::Store(_) | Self::Unreadable(_) | Self::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Stopping | Self::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TokenMissing | Self::TokenInvalid | Self::TokenExpired => {
                StatusCode::UNAUTHORIZED
            }
            Self::HostNotAllowed
            | Self::OriginNotAllowed
            | Self::SessionNotAllowed
            | Self::CapabilityMissing(_) => StatusCode::FORBIDDEN,
        }
    }

    /// The header that goes with a 401, by RFC 6750.
    fn challenge(&self) -> Option<HeaderValue> {
        (self.status() == StatusCode::UNAUTHORIZED).then(|| {
            HeaderValue::from_static(if *self == Self::TokenMissing {
                "Bearer"
            } else {
                "Bearer error=\"invalid_token\""
            })
        })
    }

    pub(crate) fn store(error: impl std::fmt::Display) -> Self {
        Self::Store(error.to_string())
    }
}

impl ServerError {
    /// The body of the answer.
    pub(crate) fn to_json(&self) -> Value {
        let mut body = json!({"detail": self.to_string(), "code": self.code()});
        if let Self::CapabilityMissing(capability) = self {
            body["capability"] = capability.as_str().into();
        }
        body
    }
}

impl From<StoreError> for ServerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Failed(why) => Self::Store(why),
            StoreError::Panicked => Self::Internal,
            StoreError::Stopped => Self::Stopping,
        }
    }
}

impl IntoResponse for ServerError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(self.to_json())).into_response();
        if matches!(self, Self::TooManyRuns(_) | Self::TooManyConnections) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(challenge) = self.challenge() {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_readme_with_its_status() {
        let text = String::new;
        let all = [
            ServerError::NotFound,
            ServerError::MethodNotAllowed,
            ServerError::ThreadNotFound(text()),
            ServerError::ThreadExists(text()),
            ServerError::RunNotFound(text()),
            ServerError::CheckpointNotFound(text()),
            ServerError::AssistantNotFound(text()),
            ServerError::ThreadBusy,
            ServerError::InvalidRequest(text()),
            ServerError::InvalidId("thread"),
            ServerError::RunLogExpired(text()),
            ServerError::CursorAhead { cursor: 1 },
            ServerError::Store(text()),
            ServerError::Unreadable(text()),
            ServerError::Internal,
            ServerError::Stopping,
            ServerError::NotReady(text()),
            ServerError::BodyTooLarge,
            ServerError::BodyLate,
            ServerError::TooManyConnections,
            ServerError::TooManyThreads(1),
            ServerError::TooManyRuns(1),
            ServerError::TooManySessions(1),
            ServerError::PublishedTooMuch(1),
            ServerError::NotImplemented(text()),
            ServerError::HostNotAllowed,
            ServerError::OriginNotAllowed,
            ServerError::TokenMissing,
            ServerError::TokenInvalid,
            ServerError::TokenExpired,
            ServerError::SessionNotAllowed,
            ServerError::CapabilityMissing(Capability::Publish),
        ];
        let readme = include_str!("../README.md");
        for error in all {
            let row = format!("| `{}` | {} |", error.code(), error.status().as_u16());
            assert!(readme.contains(&row), "{row}");
        }
    }
}
