//! Why a session's request is refused or fails.

use crate::log::LogError;

/// Why a session's request is refused or fails; [`SessionError::code`] is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The engine's error.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A message would be longer than the limit (the caller's fault). Nothing of the batch is stored.
    #[error("message {id} would be longer than {bytes_max} bytes")]
    MessageTooLarge {
        /// The message's id.
        id: String,
        /// [`SessionLimits::message_bytes_max`](crate::SessionLimits::message_bytes_max).
        bytes_max: usize,
    },
    /// The batch has too many changes, is too long, or asks for too long a lease (the caller's fault).
    #[error("{0}")]
    Invalid(String),
    /// The stored records are inconsistent (the store is damaged).
    #[error("the session's records do not add up at {seq}")]
    Damaged {
        /// The record.
        seq: u64,
    },
}

impl SessionError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Log(error) => error.code(),
            Self::MessageTooLarge { .. } => "message_too_large",
            Self::Invalid(_) => "invalid_request",
            Self::Damaged { .. } => "session_damaged",
        }
    }
}

impl LogError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidSession => "invalid_request",
            Self::NotFound => "session_not_found",
            Self::PieceGap { .. } => "piece_gap",
            Self::Fenced(_) => "fenced",
            Self::MessageEnded(_) => "message_ended",
            Self::MessageNotFound(_) => "message_not_found",
            Self::MessageExists(_) => "message_exists",
            Self::Damaged => "session_damaged",
            Self::Store(_) => "store_failed",
        }
    }
}
