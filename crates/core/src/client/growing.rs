//! Messages that only grow, each with the pattern of its next event. `events.rs` appends the text.
//!
//! Nearly all events of an answer equal an earlier one of their connection but for the text of their chunk. Such an event is not read:
//! its text is appended, and a token costs little more than its own length. The result is the one that reading it would have:
//!
//! * It is like the [`ChunkPattern`] of an event that was read on this connection, had nothing odd in it, and changed nothing of its
//!   message but the text. So whatever else the chunk says is in the message already, and saying it again changes nothing.
//! * The message has not been changed otherwise since, which its revision tells, and would still be appended to:
//!   [`crate::thread_store::ThreadStore::grow`].
//! * Nothing is open that an event may decide: where its stream begins, whether events are missing, whether it was had before. In
//!   such a case it is read.
//! * Its hash is the one of its whole text: see [`crate::hash`].
//!
//! `core/tests/growing.rs` compares a client that does so with one that reads every event.

use crate::{
    cursor::{hash_of_name, hash_with_id},
    hash::{TextHash, ended},
    list::retain,
};
use rejoin_wire::{EventId, MessageId, chunk_pattern::ChunkPattern, event::Event};

/// Messages that stream beside each other without being read again and again.
const GROWING_MAX: usize = 8;

/// A message that grows.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) pattern: ChunkPattern,
    /// The namespace whose list it is in; empty for the thread's own.
    pub(super) list: String,
    pub(super) id: MessageId,
    /// Its revision since it grew last.
    pub(super) revision: u64,
    /// Whether it is in a replay that is not shown yet.
    pub(super) in_replay: bool,
    /// The common part of its events' hashes.
    named: u64,
    before: TextHash,
    behind: TextHash,
}

impl Growing {
    pub(super) fn new(
        event: &Event,
        list: String,
        id: MessageId,
        revision: u64,
        in_replay: bool,
    ) -> Option<Self> {
        let pattern = ChunkPattern::of(event)?;
        Some(Self {
            named: hash_of_name(event),
            before: TextHash::of(pattern.before()),
            behind: TextHash::of(pattern.behind()),
            pattern,
            list,
            id,
            revision,
            in_replay,
        })
    }

    /// The same as `event_hash` of the event.
    pub(super) fn hash(&self, id: Option<&EventId>, written: &str) -> u64 {
        let hash = self.before.behind(hash_with_id(self.named, id));
        ended(self.behind.behind(TextHash::of(written).behind(hash)))
    }

    /// Adds it to the growing messages of its connection. It replaces an older pattern of the same message.
    pub(super) fn keep_in(self, all: &mut Vec<Self>) {
        retain(all, |known| known.id != self.id || known.list != self.list);
        if all.len() == GROWING_MAX {
            all.clear();
        }
        all.push(self);
    }
}
