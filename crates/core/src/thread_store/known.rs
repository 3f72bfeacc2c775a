//! The facts known of each message that was ever in the list, shown or not. They are one table: the client is
//! downloaded with the page, and each kind of map would come on top.

use super::attempts::Attempt;
use rejoin_wire::MessageId;

/// Chunks of this run have built it; later chunks are appended to it.
pub(super) const STREAMED: u16 = 1;
/// This run was submitted with it.
pub(super) const SUBMITTED: u16 = 2;
/// Some `values` has held it; where a later `values` does not hold it, it was removed.
pub(super) const CONFIRMED: u16 = 4;
/// The thread's state has held it; where it holds it no more, it was removed.
pub(super) const STORED: u16 = 8;
/// It is of an attempt that the server has given up. It stays until the next attempt shows something.
pub(super) const VOID: u16 = 16;
/// Its tool-call pieces have not been read since they changed.
pub(super) const UNREAD: u16 = 32;
/// An answer that is not known here has taken its place in the list being read.
pub(super) const SUPERSEDED: u16 = 64;

/// A stored record has held it as the server's, before a reload.
pub(super) const PAINTED: u16 = 128;

/// Some `values` of the run's stream has held it since the thread's state was read.
pub(super) const TOLD: u16 = 256;

/// Pieces of it have come, so it is known by the id that it is streamed under.
pub(super) const HEARD: u16 = 512;

/// Only the thread's state has held it so far: the run's stream has not come that far yet.
pub(super) const AHEAD: u16 = 1024;

/// Its id was made for a submission, so a server that names it by that id keeps ids.
pub(super) const MINTED: u16 = 2048;

/// Only a state that was saved has held it, before a reload. The server's first word replaces it.
pub(super) const SAVED: u16 = 4096;

/// The run that is followed has begun on a branch without it.
pub(super) const LEFT: u16 = 8192;

/// No place.
pub(super) const NONE: usize = usize::MAX;

#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The id under which it was known first: readers know it by that for as long as it is shown. The server may call it
    /// something else by now.
    pub(super) id: MessageId,
    pub(super) marks: u16,
    /// The place where it is shown; [`NONE`] if it is not.
    pub(super) place: usize,
    /// The place in the list that is being read; [`NONE`] between two lists.
    pub(super) listed: usize,
    /// The attempt at a run that has streamed it, if known.
    pub(super) attempt: Attempt,
    /// The question that it answers, where that is known.
    pub(super) asked: Option<MessageId>,
}

impl Entry {
    pub(super) fn has(&self, marks: u16) -> bool {
        self.marks & marks != 0
    }
}

/// One of the ids that a message has had, and its place in the entries.
#[derive(Debug, Clone)]
struct Name {
    id: MessageId,
    entry: usize,
}

/// The entries, and for finding them a table of their names by the hash of the id.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) entries: Vec<Entry>,
    names: Vec<Name>,
    /// Never more than half full; its length is a power of two. Places in `names`, counted from one; 0 is free.
    buckets: Vec<u32>,
    /// Whether any entry may have the mark [`VOID`].
    pub(super) may_be_void: bool,
}

impl Known {
    /// The place in the entries of the message that was ever called `id`.
    pub(super) fn index(&self, id: &MessageId) -> Option<usize> {
        if self.buckets.is_empty() {
            return None;
        }
        let bucket = self.bucket(id);
        // Counted from one, so a free bucket's is no place.
        let name = (self.buckets[bucket] as usize).wrapping_sub(1);
        Some(self.names.get(name)?.entry)
    }

    /// Every id of the messages that are `wanted`.
    pub(super) fn names_of(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<MessageId> {
        let names = self.names.iter();
        let names = names.filter(|name| wanted(&self.entries[name.entry]));
        names.map(|name| name.id.clone()).collect()
    }

    pub(super) fn find(&self, id: &MessageId) -> Option<&Entry> {
        self.index(id).map(|at| &self.entries[at])
    }

    /// The place where the message is shown.
    pub(super) fn place(&self, id: &MessageId) -> Option<usize> {
        let entry = self.find(id)?;
        (entry.place != NONE).then_some(entry.place)
    }

    pub(super) fn has(&self, id: &MessageId, marks: u16) -> bool {
        self.find(id).is_some_and(|entry| entry.has(marks))
    }

    /// The entry of `id`, made where there is none.
    pub(super) fn entry(&mut self, id: &MessageId) -> &mut Entry {
        let at = match self.index(id) {
            Some(at) => at,
            None => self.begin(id),
        };
        &mut self.entries[at]
    }

    /// From now on `id` names the message of this entry.
    pub(super) fn name(&mut self, id: &MessageId, entry: usize) {
        if self.names.len() * 2 >= self.buckets.len() {
            self.grow();
        }
        let bucket = self.bucket(id);
        match self.buckets[bucket] {
            0 => {
                self.names.push(Name {
                    id: id.clone(),
                    entry,
                });
                self.buckets[bucket] = self.names.len() as u32;
            }
            name => self.names[name as usize - 1].entry = entry,
        }
    }

    /// From now on `id` names a message of its own. Returns its place in the entries.
    pub(super) fn begin(&mut self, id: &MessageId) -> usize {
        let at = self.entries.len();
        self.entries.push(Entry {
            id: id.clone(),
            marks: 0,
            place: NONE,
            listed: NONE,
            attempt: Attempt::default(),
            asked: None,
        });
        self.name(id, at);
        at
    }

    /// From now on every name of the message that is shown at `place` is another's.
    pub(super) fn join(&mut self, place: usize, entry: usize) {
        let gone = self.entries.iter().position(|entry| entry.place == place);
        if let Some(gone) = gone {
            self.entries[gone].marks = 0;
            for name in self.names.iter_mut().filter(|name| name.entry == gone) {
                name.entry = entry;
            }
        }
    }

    /// Names what `other` names, which knows better, wherever that stands here.
    pub(super) fn adopt_names(&mut self, other: &Self) {
        for name in &other.names {
            let id = &other.entries[name.entry].id;
            let at = self.index(id).unwrap_or_else(|| self.begin(id));
            self.name(&name.id, at);
        }
    }

    pub(super) fn mark(&mut self, id: &MessageId, marks: u16) {
        self.entry(id).marks |= marks;
    }

    pub(super) fn unmark_all(&mut self, marks: u16) {
        for entry in &mut self.entries {
            entry.marks &= !marks;
        }
    }

    pub(super) fn unlist(&mut self) {
        for entry in &mut self.entries {
            entry.listed = NONE;
        }
    }

    /// The bucket of `id`: the one of its name, or the free one where that would go.
    fn bucket(&self, id: &MessageId) -> usize {
        // FNV-1a.
        let mut hash = 0x811c_9dc5_u32;
        for byte in id.as_str().bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        let mask = self.buckets.len() - 1;
        let mut bucket = hash as usize & mask;
        loop {
            match self.buckets[bucket] {
                0 => return bucket,
                at if self.names[at as usize - 1].id == *id => return bucket,
                _ => bucket = (bucket + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.buckets = vec![0; (self.buckets.len() * 2).max(16)];
        for at in 0..self.names.len() {
            let bucket = self.bucket(&self.names[at].id);
            self.buckets[bucket] = at as u32 + 1;
        }
    }
}
