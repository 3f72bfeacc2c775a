//! What is known of the run being followed.

use super::link::Link;
use crate::{
    CommandId, JoinOptions, Outcome, StreamError,
    cursor::{Cursor, Recent},
    record::Record,
};
use rejoin_wire::{Json, MessageId, RunId};

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
    pub(super) link: Option<Box<Link>>,
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
    // Large, so made in one place and not moved about.
    #[inline(never)]
    fn new() -> Box<Self> {
        Box::new(Self {
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
        })
    }

    pub(super) fn submitted(
        submission_id: String,
        body: Json,
        commands: Vec<CommandId>,
    ) -> Box<Self> {
        let mut follow = Self::new();
        follow.submission_id = Some(submission_id);
        follow.body = Some(body);
        follow.commands = commands;
        follow
    }

    pub(super) fn joined(run_id: Option<RunId>) -> Box<Self> {
        let mut follow = Self::new();
        follow.run_id = run_id;
        follow
    }

    pub(super) fn from_record(record: Record) -> Box<Self> {
        let mut follow = Self::joined(record.run_id);
        follow.submission_id = record.submission_id;
        follow.posted = true;
        follow.cursor = record.cursor.unwrap_or_default();
        follow.recent = Recent::from_tail(follow.cursor.tail());
        follow.reconnected = true;
        follow
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
