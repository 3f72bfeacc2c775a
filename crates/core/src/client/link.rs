//! One connection, of a run's stream or of a session's feed: its bytes, its silence, and an answer that is no stream.

use super::requests::{header, retry_after};
use crate::{
    AttemptId, DeadlineReason, ErrorCode, Millis, StreamError, config::Timeouts, cursor::Recent,
};
use rejoin_wire::sse::{Decoder, Limits};

/// How much of a refusal's body is read for a person.
const REFUSAL_BYTES_MAX: usize = 4096;

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) attempt: AttemptId,
    pub(super) opened_at: Millis,
    pub(super) last_byte_at: Millis,
    pub(super) decoder: Decoder,
    /// Whether this is a join, which must be answered at once, rather than a submission.
    pub(super) is_join: bool,
    /// Whether it asks for the run from its start.
    pub(super) from_start: bool,
    pub(super) got_byte: bool,
    pub(super) got_frame: bool,
    /// Whether something new has come.
    pub(super) progressed: bool,
    /// Whether nothing has come for half of the time after which the connection is made anew.
    pub(super) stalled: bool,
    /// Events of this connection, where it asks for everything and so must not be compared with earlier ones.
    pub(super) seen: Recent,
    pub(super) refusal: Option<Refusal>,
    heartbeat_at: Option<Millis>,
    heartbeat_every: Option<Millis>,
}

/// An answer that is not a stream; its body is read as far as a person needs it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) retry_after: Option<Millis>,
    pub(super) body: Vec<u8>,
}

impl Link {
    pub(super) fn new(attempt: AttemptId, now: Millis, is_join: bool, limits: Limits) -> Self {
        Self {
            attempt,
            opened_at: now,
            last_byte_at: now,
            decoder: Decoder::new(limits),
            is_join,
            from_start: false,
            got_byte: false,
            got_frame: false,
            progressed: false,
            stalled: false,
            seen: Recent::default(),
            refusal: None,
            heartbeat_at: None,
            heartbeat_every: None,
        }
    }

    /// Takes in the status and headers. `None`: an answer that is no stream, whose body is read for a person.
    pub(super) fn begin(
        &mut self,
        now: Millis,
        status: u16,
        headers: &[(String, String)],
    ) -> Option<Result<(), StreamError>> {
        self.last_byte_at = now;
        if status != 200 {
            self.refusal = Some(Refusal {
                status,
                retry_after: retry_after(headers),
                body: Vec::new(),
            });
            return None;
        }
        let content_type = header(headers, "content-type").unwrap_or_default();
        let is_stream = content_type
            .to_ascii_lowercase()
            .starts_with("text/event-stream");
        let error = || StreamError::new(ErrorCode::NotAnEventStream).with_detail(content_type);
        Some(if is_stream { Ok(()) } else { Err(error()) })
    }

    /// Bytes have come. Whether it had stalled.
    pub(super) fn byte_arrived(&mut self, now: Millis) -> bool {
        self.last_byte_at = now;
        self.got_byte = true;
        std::mem::take(&mut self.stalled)
    }

    /// Collects the body of an answer that is no stream. `None`: it is one. Else whether there is as much as a person needs.
    pub(super) fn refusal_chunk(&mut self, bytes: &[u8]) -> Option<bool> {
        let body = &mut self.refusal.as_mut()?.body;
        let room = REFUSAL_BYTES_MAX - body.len();
        body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Some(body.len() == REFUSAL_BYTES_MAX)
    }

    /// Whether a byte within the time `alive` proves it.
    pub(super) fn is_alive(&self, now: Millis, alive: Millis) -> bool {
        now - self.last_byte_at < alive
    }

    /// When it has been silent for too long, and of what. `opening`: its headers have not come.
    pub(super) fn due(&self, opening: bool, timeouts: &Timeouts) -> (Millis, DeadlineReason) {
        if self.is_join && !self.got_byte {
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

    pub(super) fn heartbeat(&mut self, now: Millis) {
        if let Some(before) = self.heartbeat_at.replace(now) {
            let every = now - before;
            self.heartbeat_every = Some(
                self.heartbeat_every
                    .map_or(every, |longest| longest.max(every)),
            );
        }
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
