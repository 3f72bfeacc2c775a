//! One connection, of a run's stream or of a session's feed: its bytes, its silence, and an answer that is no stream.

use super::{
    answer::{header, retry_after},
    growing::Growing,
};
use crate::{AttemptId, DeadlineReason, ErrorCode, Millis, StreamError, config::Timeouts};
use rejoin_wire::{
    event::Event,
    sse::{Decoder, Limits},
};

/// How much of a refusal's body is read for a person.
const REFUSAL_BYTES_MAX: usize = 4096;

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(super) attempt: AttemptId,
    pub(super) opened_at: Millis,
    pub(super) last_byte_at: Millis,
    pub(super) decoder: Decoder,
    pub(super) asks: Asks,
    pub(super) start: Start,
    /// The messages that grow by it.
    pub(super) growing: Vec<Growing>,
    pub(super) got_byte: bool,
    /// Whether nothing has come for half of the time after which the connection is made anew.
    pub(super) stalled: bool,
    /// An answer that is not a stream, while its body is read.
    pub(super) refusal: Option<Refusal>,
    /// Whether the body's first byte tells whether it is a stream, as no header does.
    sniffs: bool,
    event_since_heartbeat: bool,
    heartbeat_at: Option<Millis>,
    heartbeat_every: Option<Millis>,
}

/// The events that a connection asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A run, with the submission that begins it.
    Post,
    /// A run's events, all of them.
    All,
    /// A run's events after the cursor.
    AfterCursor,
    /// A session's records.
    Feed,
}

/// The stream's beginning, as far as the first events tell it.
#[derive(Debug)]
pub(super) enum Start {
    /// No event has come.
    Unknown,
    /// The event that begins a run has come although the cursor is later: the run has started over, or a proxy repeats it.
    Metadata(Event),
    /// The stream begins at the place that was asked for, or its beginning cannot be known.
    Verified,
}

/// An answer that is not a stream; its body is read as far as a person needs it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) retry_after: Option<Millis>,
    pub(super) body: Vec<u8>,
}

impl Refusal {
    /// Collects the body. Whether there is as much as a person needs.
    fn take_in(&mut self, bytes: &[u8]) -> bool {
        let room = REFUSAL_BYTES_MAX - self.body.len();
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.body.len() == REFUSAL_BYTES_MAX
    }
}

/// The meaning of an answer's headers.
#[derive(Debug)]
pub(super) enum Opening {
    /// Events come.
    Stream,
    /// No stream; the body says why.
    Refused,
    /// Something else than a stream was answered as if all were well.
    Foreign(StreamError),
}

/// The content of a chunk of its body.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Events, for the decoder to give.
    Events,
    /// A part of a refusal.
    Refusal,
    /// As much of a refusal as a person needs.
    WholeRefusal(Refusal),
    /// Something else than a stream was answered as if all were well.
    Foreign(StreamError),
}

impl Link {
    pub(super) fn new(attempt: AttemptId, now: Millis, asks: Asks, limits: Limits) -> Self {
        Self {
            attempt,
            opened_at: now,
            last_byte_at: now,
            decoder: Decoder::new(limits),
            asks,
            start: Start::Unknown,
            growing: Vec::new(),
            got_byte: false,
            stalled: false,
            refusal: None,
            sniffs: false,
            event_since_heartbeat: false,
            heartbeat_at: None,
            heartbeat_every: None,
        }
    }

    /// Whether it is answered at once by a server that holds the stream, unlike a submission.
    pub(super) fn is_join(&self) -> bool {
        self.asks != Asks::Post
    }

    /// Whether an event has come.
    pub(super) fn got_event(&self) -> bool {
        !matches!(self.start, Start::Unknown)
    }

    /// Whether it is known where the stream begins.
    pub(super) fn is_verified(&self) -> bool {
        matches!(self.start, Start::Verified)
    }

    /// Takes in the status and headers.
    pub(super) fn begin(
        &mut self,
        now: Millis,
        status: u16,
        headers: &[(String, String)],
    ) -> Opening {
        self.last_byte_at = now;
        if !(200..300).contains(&status) || matches!(status, 204 | 205) {
            self.refusal = Some(Refusal {
                status,
                retry_after: retry_after(headers),
                body: Vec::new(),
            });
            return Opening::Refused;
        }
        let Some(types) = header(headers, "content-type").filter(|types| !types.is_empty()) else {
            self.sniffs = true;
            return Opening::Stream;
        };
        let is_stream = |each: &str| {
            let name = each.split(';').next().unwrap_or_default().trim_ascii();
            name.eq_ignore_ascii_case("text/event-stream")
        };
        if types.split(',').any(is_stream) {
            return Opening::Stream;
        }
        Opening::Foreign(StreamError::new(ErrorCode::NotAnEventStream).with_detail(types))
    }

    /// Bytes have come. Whether it had stalled.
    pub(super) fn byte_arrived(&mut self, now: Millis) -> bool {
        self.last_byte_at = now;
        self.got_byte = true;
        std::mem::take(&mut self.stalled)
    }

    /// Takes in bytes of the body.
    pub(super) fn take_in(&mut self, bytes: &[u8]) -> Chunk {
        if let Some(mut refusal) = self.refusal.take() {
            if refusal.take_in(bytes) {
                return Chunk::WholeRefusal(refusal);
            }
            self.refusal = Some(refusal);
            return Chunk::Refusal;
        }
        match self.sniff(bytes) {
            Err(error) => Chunk::Foreign(error),
            Ok(()) => {
                self.decoder.push(bytes);
                Chunk::Events
            }
        }
    }

    /// An answer without a content type is an error if its first bytes are a page or JSON rather than events.
    fn sniff(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        // A byte order mark may be cut anywhere.
        let says_nothing = |byte: &u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte);
        let mut bytes = bytes.iter().filter(|_| self.sniffs);
        let Some(first) = bytes.find(|byte| !says_nothing(byte)) else {
            return Ok(());
        };
        self.sniffs = false;
        if b"<{[\"".contains(first) {
            let words = "no content type, and the body is no event stream";
            return Err(StreamError::new(ErrorCode::NotAnEventStream).with_detail(words));
        }
        Ok(())
    }

    /// Whether a byte within the time `alive` proves it.
    pub(super) fn is_alive(&self, now: Millis, alive: Millis) -> bool {
        now - self.last_byte_at < alive
    }

    /// Whether it was answered and held for the time `alive`. Proxies end healthy streams; that is no reason to wait longer each time.
    pub(super) fn was_held(&self, now: Millis, alive: Millis) -> bool {
        self.got_byte && now - self.opened_at >= alive
    }

    /// Whether it is a join that was not answered by a byte.
    pub(super) fn is_silent_join(&self) -> bool {
        self.is_join() && !self.got_byte
    }

    /// When it has been silent for too long, and of what. `opening`: its headers have not come.
    pub(super) fn due(&self, opening: bool, timeouts: &Timeouts) -> (Millis, DeadlineReason) {
        if self.is_silent_join() {
            (self.opened_at + timeouts.join, DeadlineReason::Timeout)
        } else if opening {
            (self.opened_at + timeouts.headers, DeadlineReason::Timeout)
        } else {
            let window = self.stall_window(timeouts);
            let wait = if self.stalled {
                window
            } else {
                Millis(window.0 / 2)
            };
            (self.last_byte_at + wait, DeadlineReason::Stall)
        }
    }

    /// A heartbeat has come. Whether no event has since the one before it.
    pub(super) fn heartbeat(&mut self, now: Millis) -> bool {
        if let Some(before) = self.heartbeat_at.replace(now) {
            let every = now - before;
            self.heartbeat_every = Some(
                self.heartbeat_every
                    .map_or(every, |longest| longest.max(every)),
            );
        }
        !std::mem::replace(&mut self.event_since_heartbeat, false)
    }

    /// An event of the run has come.
    pub(super) fn event_came(&mut self) {
        self.event_since_heartbeat = true;
    }

    /// How long nothing may come before the connection is made anew.
    fn stall_window(&self, timeouts: &Timeouts) -> Millis {
        let (shortest, longest) = timeouts.stall_with_heartbeat;
        match self.heartbeat_every {
            Some(every) => (every + every + every).max(shortest).min(longest),
            None => timeouts.stall,
        }
    }
}
