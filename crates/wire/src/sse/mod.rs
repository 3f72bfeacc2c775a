//! Server-sent events: bytes to frames ([`Decoder`]) and frames to bytes ([`encode_frame`]).
//!
//! The grammar is the HTML standard's event stream
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>), with two
//! deliberate differences, both because a chat must never show text that the server did not send:
//!
//! * The standard replaces invalid UTF-8 by U+FFFD. Here the frame is dropped and reported as
//!   [`DecodeError::InvalidUtf8`]; decoding goes on. Its id is dropped with it, so that a later resume
//!   asks for it again.
//! * Nothing is unbounded: see [`Limits`]. A stream that goes over one is over for the decoder.

mod decoder;
mod encoder;
mod frame;
mod limits;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::{EncodeError, encode_frame, encode_retry, heartbeat};
pub use frame::{Frame, Item};
pub use limits::{DecodeError, Limits};
