//! The capabilities of a token.

use std::fmt;

use Capability::{Cancel, History, Publish, Stream};

/// Something that a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Following what happens from now on: a session's records, a run's events.
    Stream,
    /// Reading what was said before: pages, snapshots, replays, a thread's values and history, a run's input.
    History,
    /// Adding: a session's records, threads, runs, states.
    Publish,
    /// Ending and removing: a run, a message, a thread, a session.
    Cancel,
}

impl Capability {
    /// Every one.
    pub const ALL: [Self; 4] = [Stream, History, Publish, Cancel];

    /// The word in a token's `caps`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::History => "history",
            Self::Publish => "publish",
            Self::Cancel => "cancel",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cap| cap.as_str() == word)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
