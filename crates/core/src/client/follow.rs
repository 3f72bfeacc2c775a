//! What is known of the run being followed, and of the connection to it.

use crate::{
    AttemptId, CommandId, JoinOptions, Millis, Outcome, StreamError,
    config::Timeouts,
    cursor::{Cursor, Recent},
    record::Record,
};
use rejoin_wire::{
    Json, MessageId, RunId,
    sse::{Decoder, Limits},
};

/// The run being followed, from the first request to its end and, after a disconnect, until something else is done.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) run_id: Option<RunId>,
    /// Names the submission on the server, to find its run when the answer was lost.
    pub(super) submission_id: Option<String>,
    /// The body to post. Gone once the server has named the run.
    pub(super) body: Option<Json>,
    /// Whether a post has left whose fate is not known.
    pub(super) posted: bool,
    pub(super) cursor: Cursor,
    /// The kinds of event that joins ask for; empty for all.
    pub(super) join_modes: Vec<String>,
    pub(super) recent: Recent,
    pub(super) link: Option<Link>,
    /// Attempts in a row that brought nothing new.
    pub(super) tries: u32,
    pub(super) silent_joins: u32,
    pub(super) settle_tries: u32,
    /// Whether the event after the cursor was broken once already.
    pub(super) corrupt_before: bool,
    /// Whether a gap has already made the client ask for everything.
    pub(super) gap_replayed: bool,
    pub(super) reconnected: bool,
    pub(super) doubt: Option<Doubt>,
    pub(super) snapshot_used: bool,
    /// What the stream's own error event said.
    pub(super) failure: Option<StreamError>,
    /// What the last connection failed of.
    pub(super) last_error: Option<StreamError>,
    pub(super) cancel_wanted: bool,
    pub(super) headers_refreshed: bool,
    /// Set once the run is over or given up, and only the thread's state is still to be read.
    pub(super) settle: Option<Outcome>,
    /// Whether the thread was asked why the run failed, and whether that answer is the next to come.
    pub(super) reason_asked: bool,
    pub(super) reading_reason: bool,
    /// Whether the server has said that the run is over.
    pub(super) over: bool,
    /// Whether the run may still be active after the client has ended.
    pub(super) rejoinable: bool,
    pub(super) commands: Vec<CommandId>,
}

/// Events are missing, so chunks may be the middle of a message. Such messages are left as they are until the
/// thread's values show them whole.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    pub(super) messages: Vec<MessageId>,
    /// Whether a root `values` has come since, after which new messages start at their start.
    pub(super) step_seen: bool,
}

impl Follow {
    fn new() -> Self {
        Self {
            run_id: None,
            submission_id: None,
            body: None,
            posted: false,
            cursor: Cursor::default(),
            join_modes: Vec::new(),
            recent: Recent::default(),
            link: None,
            tries: 0,
            silent_joins: 0,
            settle_tries: 0,
            corrupt_before: false,
            gap_replayed: false,
            reconnected: false,
            doubt: None,
            snapshot_used: false,
            failure: None,
            last_error: None,
            cancel_wanted: false,
            headers_refreshed: false,
            settle: None,
            reason_asked: false,
            reading_reason: false,
            over: false,
            rejoinable: true,
            commands: Vec::new(),
        }
    }

    pub(super) fn submitted(submission_id: String, body: Json, commands: Vec<CommandId>) -> Self {
        Self {
            submission_id: Some(submission_id),
            body: Some(body),
            commands,
            ..Self::new()
        }
    }

    pub(super) fn joined(run_id: Option<RunId>) -> Self {
        Self {
            run_id,
            ..Self::new()
        }
    }

    pub(super) fn from_record(record: &Record) -> Self {
        let cursor = record.cursor.clone().unwrap_or_default();
        Self {
            run_id: record.run_id.clone(),
            submission_id: record.submission_id.clone(),
            posted: true,
            recent: Recent::from_tail(cursor.tail()),
            cursor,
            reconnected: true,
            ..Self::new()
        }
    }

    /// Joins as a person has said.
    pub(super) fn join_with(&mut self, options: JoinOptions) {
        self.join_modes = options.stream_modes;
        if let Some(last) = options.last_event_id {
            self.cursor.start_after(last);
            self.recent = Recent::default();
        }
    }

    /// A person, or a page that came back, begins again: earlier failures do not count.
    pub(super) fn begin_again(&mut self) {
        self.tries = 0;
        self.silent_joins = 0;
        self.settle_tries = 0;
        self.settle = None;
        self.failure = None;
        self.last_error = None;
        self.headers_refreshed = false;
        self.reconnected = true;
    }

    /// The word for an end that the server calls a success.
    pub(super) fn success(&self) -> Outcome {
        match (self.snapshot_used, self.reconnected) {
            (true, _) => Outcome::SnapshotThenTail,
            (false, true) => Outcome::Replayed,
            (false, false) => Outcome::Finished,
        }
    }
}

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
    pub(super) fn new(
        attempt: AttemptId,
        now: Millis,
        is_join: bool,
        from_start: bool,
        limits: Limits,
    ) -> Self {
        Self {
            attempt,
            opened_at: now,
            last_byte_at: now,
            decoder: Decoder::new(limits),
            is_join,
            from_start,
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
    pub(super) fn stall_window(&self, timeouts: &Timeouts) -> Millis {
        let (shortest, longest) = timeouts.stall_with_heartbeat;
        match self.heartbeat_every {
            Some(every) => Millis(
                every
                    .0
                    .saturating_mul(3)
                    .clamp(shortest.0.min(longest.0), longest.0),
            ),
            None => timeouts.stall,
        }
    }
}
