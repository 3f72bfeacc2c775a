//! The errors of bytes from the other side.

use crate::sse::DecodeError;

/// Bytes that are not what the protocol says. The peer, or something between, is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The byte stream is not a server-sent event stream within the limits.
    #[error(transparent)]
    Sse(#[from] DecodeError),
    /// An event's data is not JSON, or not the JSON that its name promises.
    #[error("{}", self.words())]
    EventData {
        /// The event's name as it was sent.
        event: String,
        /// The parser's error, with line and column in the data.
        reason: String,
    },
    /// A response body is not the JSON that its path promises.
    #[error("{}", self.words())]
    Body {
        /// The name of the thing being read: `thread state`, `run`.
        what: &'static str,
        /// The parser's error.
        reason: String,
    },
}

impl WireError {
    /// The text of `Display`. A page that takes it from here does not load the formatting code.
    pub fn words(&self) -> String {
        const WRONG: &str = " is not what the protocol says: ";
        match self {
            Self::Sse(error) => error.words(),
            Self::EventData { event, reason } => {
                ["the data of event `", event, "`", WRONG, reason].concat()
            }
            Self::Body { what, reason } => ["the ", what, WRONG, reason].concat(),
        }
    }

    /// The stable code, as listed in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sse(error) => error.code(),
            Self::EventData { .. } => "event_data_invalid",
            Self::Body { .. } => "body_invalid",
        }
    }
}
