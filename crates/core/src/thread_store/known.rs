//! What is known of each message that was ever in the list, shown or not: one table, as the client is downloaded with
//! the page and each kind of map would come on top.

use rejoin_wire::MessageId;

/// Chunks of this run have built it; later chunks are appended to it.
pub(super) const STREAMED: u8 = 1;
/// This run was submitted with it.
pub(super) const SUBMITTED: u8 = 2;
/// Some `values` has held it; where a later `values` does not hold it, it was removed.
pub(super) const CONFIRMED: u8 = 4;
/// The thread's state has held it; where it holds it no more, it was removed.
pub(super) const STORED: u8 = 8;
/// It is of an attempt that the server has given up. It stays until the next attempt shows something.
pub(super) const VOID: u8 = 16;
/// Its tool-call pieces have not been read since they changed.
pub(super) const UNREAD: u8 = 32;
/// An answer that is not known here has taken its place in the list being read.
pub(super) const SUPERSEDED: u8 = 64;

/// A stored record has held it as the server's, before a reload.
pub(super) const PAINTED: u8 = 128;

/// No place.
pub(super) const NONE: usize = usize::MAX;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: MessageId,
    pub(super) marks: u8,
    /// Where it is shown.
    pub(super) place: usize,
    /// Where it stands in the list that is being read; [`NONE`] between two.
    pub(super) listed: usize,
}

impl Entry {
    pub(super) fn has(&self, marks: u8) -> bool {
        self.marks & marks != 0
    }
}

/// The entries, and for finding them a table of their places by the hash of their id.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) entries: Vec<Entry>,
    /// Never more than half full; its length is a power of two. Places in `entries`, counted from one; 0 is free.
    buckets: Vec<u32>,
}

impl Known {
    pub(super) fn find(&self, id: &MessageId) -> Option<&Entry> {
        if self.buckets.is_empty() {
            return None;
        }
        let bucket = self.bucket(id);
        // Counted from one, so a free bucket's is no place.
        self.entries
            .get((self.buckets[bucket] as usize).wrapping_sub(1))
    }

    /// Where it is shown.
    pub(super) fn place(&self, id: &MessageId) -> Option<usize> {
        let entry = self.find(id)?;
        (entry.place != NONE).then_some(entry.place)
    }

    pub(super) fn has(&self, id: &MessageId, marks: u8) -> bool {
        self.find(id).is_some_and(|entry| entry.has(marks))
    }

    /// The entry of `id`, made where there is none.
    pub(super) fn entry(&mut self, id: &MessageId) -> &mut Entry {
        if self.entries.len() * 2 >= self.buckets.len() {
            self.grow();
        }
        let bucket = self.bucket(id);
        if self.buckets[bucket] == 0 {
            self.entries.push(Entry {
                id: id.clone(),
                marks: 0,
                place: NONE,
                listed: NONE,
            });
            self.buckets[bucket] = self.entries.len() as u32;
        }
        &mut self.entries[self.buckets[bucket] as usize - 1]
    }

    pub(super) fn mark(&mut self, id: &MessageId, marks: u8) {
        self.entry(id).marks |= marks;
    }

    pub(super) fn unmark_all(&mut self, marks: u8) {
        for entry in &mut self.entries {
            entry.marks &= !marks;
        }
    }

    /// Notes where each stands in the list that is being read.
    pub(super) fn list(&mut self, ids: &[MessageId]) {
        for (at, id) in ids.iter().enumerate() {
            self.entry(id).listed = at;
        }
    }

    pub(super) fn unlist(&mut self) {
        for entry in &mut self.entries {
            entry.listed = NONE;
        }
    }

    /// The bucket of `id`: the one that names its entry, or the free one where it would go.
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
                at if self.entries[at as usize - 1].id == *id => return bucket,
                _ => bucket = (bucket + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.buckets = vec![0; (self.buckets.len() * 2).max(16)];
        for at in 0..self.entries.len() {
            let bucket = self.bucket(&self.entries[at].id);
            self.buckets[bucket] = at as u32 + 1;
        }
    }
}
