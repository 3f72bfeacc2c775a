//! Events that only make a message grow.
//!
//! Nearly all events of an answer equal an earlier one of their connection but for the text of their chunk. Such an event is not read:
//! its text is appended, and a token costs little more than its own length. The result is the one that reading it would have:
//!
//! * It is like the [`ChunkPattern`] of an event that was read on this connection, had nothing odd in it, and changed nothing of its
//!   message but the text. So whatever else the chunk says is in the message already, and saying it again changes nothing.
//! * The message has not been changed otherwise since, which its revision tells, and would still be appended to:
//!   [`ThreadStore::grow`].
//! * Nothing is open that an event may decide: where its stream begins, whether events are missing, whether it was had before. In
//!   such a case it is read.
//! * Its hash is the one of its whole text: see [`crate::hash`].
//!
//! `core/tests/growing.rs` compares a client that does so with one that reads every event.

use super::{Client, link::Link, run::Run};
use crate::{
    cursor::{hash_of_name, hash_with_id},
    hash::{TextHash, ended},
    list::retain,
    thread_store::ThreadStore,
};
use rejoin_wire::{
    EventId, MessageId,
    chunk_pattern::{ChunkPattern, ChunkText},
    event::{Event, EventName},
    sse::Frame,
};

/// Messages that stream beside each other without being read again and again.
const GROWING_MAX: usize = 8;

/// A message that grows.
#[derive(Debug)]
pub(super) struct Growing {
    pattern: ChunkPattern,
    /// The namespace whose list it is in; empty for the thread's own.
    list: String,
    id: MessageId,
    /// Its revision since it grew last.
    revision: u64,
    /// Whether it is in a replay that is not shown yet.
    in_replay: bool,
    /// The common part of its events' hashes.
    named: u64,
    before: TextHash,
    behind: TextHash,
}

impl Growing {
    fn new(
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
    fn hash(&self, id: Option<&EventId>, written: &str) -> u64 {
        let hash = self.before.behind(hash_with_id(self.named, id));
        ended(self.behind.behind(TextHash::of(written).behind(hash)))
    }
}

impl Client {
    /// Lets a message grow by the text of an event that brings nothing else. False: the event is to be read.
    #[inline(never)]
    pub(super) fn grow(&mut self, run: &mut Run, frame: &Frame) -> bool {
        let Some(link) = self.phase.link_mut() else {
            return false;
        };
        let mut list = std::mem::take(&mut link.growing);
        let mut has_grown = false;
        for growing in &mut list {
            if let Some(chunk) = growing.pattern.text_in(frame) {
                has_grown = self.grow_by(run, growing, frame, &chunk);
                break;
            }
        }
        if let Some(link) = self.phase.link_mut() {
            link.growing = list;
        }
        has_grown
    }

    fn grow_by(
        &mut self,
        run: &mut Run,
        growing: &mut Growing,
        frame: &Frame,
        chunk: &ChunkText<'_>,
    ) -> bool {
        let id = frame.event_id();
        let hash = growing.hash(id.as_ref(), chunk.written);
        let misses = |id: &EventId| run.cursor.misses_events_before(id);
        let is_open = !self.phase.link().is_some_and(Link::is_verified)
            || run.doubt().is_some()
            || growing.in_replay != run.replay.is_some()
            || self.listens_to(&EventName::Messages)
            || id.as_ref().is_some_and(misses)
            || self.had(run, id.as_ref(), hash);
        if is_open {
            return false;
        }
        let (message, revision) = (&growing.id, growing.revision);
        let grow = |store: &mut ThreadStore| store.grow(message, revision, &chunk.text);
        let Some(revision) = self.target(run).in_list(&growing.list, grow) else {
            return false;
        };
        growing.revision = revision;
        self.run_event_came(run);
        self.advance(run, id.as_ref(), hash, false);
        true
    }

    /// An event was read, had nothing odd in it and was applied to this message. If it has only made the message grow, later ones may
    /// too.
    #[inline(never)]
    pub(super) fn note_growing(
        &mut self,
        run: &mut Run,
        event: &Event,
        list: String,
        id: MessageId,
    ) {
        let in_replay = run.replay.is_some();
        let grown = self
            .target(run)
            .in_list(&list, |store| store.has_grown(&id));
        let grown = grown.and_then(|revision| Growing::new(event, list, id, revision, in_replay));
        let Some((grown, link)) = grown.zip(self.phase.link_mut()) else {
            return;
        };
        let is_other = |known: &Growing| known.id != grown.id || known.list != grown.list;
        retain(&mut link.growing, is_other);
        if link.growing.len() == GROWING_MAX {
            link.growing.clear();
        }
        link.growing.push(grown);
    }
}
