//! The role of a tab among the others.

use crate::Millis;

/// How long a leader may be silent before it is asked for a sign of life.
const QUIET: Millis = Millis(3_000);
/// How long a leader has to answer. Up to half of it more is waited, so that tabs do not take the lock from each other.
pub(super) const ANSWER: Millis = Millis(1_000);
/// Signs of life of a leader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) heard_at: Millis,
    pub(super) asked_at: Option<Millis>,
    /// Whether it was asked again because this tab had been asleep.
    pub(super) forgiven: bool,
}

impl Watch {
    pub(super) fn heard(now: Millis) -> Self {
        Self {
            heard_at: now,
            asked_at: None,
            forgiven: false,
        }
    }

    pub(super) fn asked(now: Millis) -> Self {
        Self {
            asked_at: Some(now),
            ..Self::heard(now)
        }
    }

    pub(super) fn due(&self, jitter: Millis) -> Millis {
        match self.asked_at {
            Some(asked_at) => asked_at + ANSWER + jitter,
            None => self.heard_at + QUIET,
        }
    }
}

#[derive(Debug)]
pub(super) enum Role {
    /// The tab's own connection, with which it has begun the run: the stream has no name yet.
    Begun,
    /// Nothing comes; whoever leads was asked.
    Waiting {
        watch: Watch,
        leader: Option<u64>,
        /// The leader before it. A tab leads a stream only once, so a late message of this one is no reason to ask.
        former: Option<u64>,
    },
    /// The bytes that a leader receives come.
    Following {
        watch: Watch,
        leader: u64,
        next: u64,
        /// The lock was granted; when it is used.
        takes_over_at: Option<Millis>,
    },
    /// The tab's own connection, until the leader's ring reaches back to where it is.
    CatchingUp {
        ask_at: Millis,
        wait: Millis,
        held: Option<Held>,
    },
    /// The tab's own connection, given to the others.
    Leading(Leader),
    /// Nothing is shared any more.
    Closed,
}

/// The bytes that have come since a tab that catches up has asked. They are dropped if the leader goes on from there.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    pub(super) until: Millis,
}

#[derive(Debug, Default)]
pub(super) struct Leader {
    /// Whether somebody follows; else nothing needs to be said.
    pub(super) followed: bool,
    /// The number of the next piece.
    pub(super) next: u64,
    /// The questions of the tabs that wait for the headers.
    pub(super) asks: Vec<Question>,
}

/// The question of a tab to a leader.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) from: u64,
    pub(super) number: u64,
    pub(super) cursor: String,
    pub(super) from_start: bool,
}
