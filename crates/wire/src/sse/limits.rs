//! The decoder's limits and errors.

use crate::json::digits;

/// The most bytes a [`Decoder`](super::Decoder) will hold, each limit in bytes.
///
/// A frame at the limit passes, one byte more does not. The defaults fit a thread state of some
/// thousand messages in one `values` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest single line, its end not counted. Default: 16 MiB.
    pub line_bytes_max: usize,
    /// Most bytes in one frame: event name, id and data, with one byte for each line break inside data.
    /// Default: 16 MiB.
    pub frame_bytes_max: usize,
    /// Most bytes pushed and not yet taken as items, an unfinished line included. Default: 32 MiB.
    pub buffer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            line_bytes_max: 16 * MIB,
            frame_bytes_max: 16 * MIB,
            buffer_bytes_max: 32 * MIB,
        }
    }
}

/// Why bytes did not become a frame. The sender is at fault, or the [`Limits`] are too small for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A line went over [`Limits::line_bytes_max`]. The decoder is terminated.
    #[error("{}", self.words())]
    LineTooLong {
        /// The limit that was passed, in bytes.
        limit_bytes: usize,
    },
    /// A frame went over [`Limits::frame_bytes_max`]. The decoder is terminated.
    #[error("{}", self.words())]
    FrameTooLarge {
        /// The limit that was passed, in bytes.
        limit_bytes: usize,
    },
    /// More was pushed than taken, over [`Limits::buffer_bytes_max`]. Items that were whole before the
    /// chunk that did not fit are delivered first, then this, and the decoder is terminated.
    #[error("{}", self.words())]
    BufferFull {
        /// The limit that was passed, in bytes.
        limit_bytes: usize,
    },
    /// A field was not UTF-8. Its frame, with its id and retry, is dropped; the next frame is decoded
    /// as usual.
    #[error("{}", self.words())]
    InvalidUtf8 {
        /// The field: `"event"`, `"data"` or `"id"`. The frame's first bad one.
        field: &'static str,
        /// Offset of the first bad byte in that line's value, in bytes.
        valid_up_to: usize,
    },
}

impl DecodeError {
    /// The text of `Display`. A page that takes it from here does not load the formatting code.
    #[must_use]
    pub fn words(&self) -> String {
        let (before, number, after) = match self {
            Self::LineTooLong { limit_bytes } => (
                "a line of the event stream is longer than ",
                limit_bytes,
                " bytes",
            ),
            Self::FrameTooLarge { limit_bytes } => (
                "a frame of the event stream is larger than ",
                limit_bytes,
                " bytes",
            ),
            Self::BufferFull { limit_bytes } => (
                "more than ",
                limit_bytes,
                " bytes of the event stream wait to be read",
            ),
            Self::InvalidUtf8 { field, valid_up_to } => {
                let before = [
                    "the `",
                    field,
                    "` field of a frame is not UTF-8 (first bad byte at ",
                ];
                return [&before.concat(), &digits(*valid_up_to as u64), ")"].concat();
            }
        };
        [before, &digits(*number as u64), after].concat()
    }

    /// A stable name for this kind of error, for logs and for callers in other languages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::LineTooLong { .. } => "sse_line_too_long",
            Self::FrameTooLarge { .. } => "sse_frame_too_large",
            Self::BufferFull { .. } => "sse_buffer_full",
            Self::InvalidUtf8 { .. } => "sse_invalid_utf8",
        }
    }

    /// Whether the decoder gives nothing more after this error. Limit errors end it, since what
    /// follows an abandoned line or frame cannot be told from its rest.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::LineTooLong { .. } | Self::FrameTooLarge { .. } | Self::BufferFull { .. } => true,
            Self::InvalidUtf8 { .. } => false,
        }
    }
}
