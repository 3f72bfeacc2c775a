//! Attempts: a server that was restarted may begin a run anew. The text of its earlier attempt is then void.

use super::{
    ThreadStore,
    known::{AHEAD, CONFIRMED, HEARD, STREAMED, UNREAD, VOID},
};
use crate::hash::{HASH_OF_NOTHING, hashed};
use rejoin_wire::{MessageId, RunId};

/// One attempt of a server's at a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// A hash of the run's id. 0: not known.
    run: u64,
    /// The hash of the event that began it.
    began: u64,
}

impl Attempt {
    pub(crate) fn new(run: &RunId, began: u64) -> Self {
        let run = hashed(HASH_OF_NOTHING, run.as_str());
        Self { run, began }
    }

    /// Whether both are known to be at one run.
    pub(super) fn is_of_run_of(self, attempt: Self) -> bool {
        self.run != 0 && self.run == attempt.run
    }

    /// Whether both are at one run, and not the same.
    fn is_other_than(self, attempt: Self) -> bool {
        self.is_of_run_of(attempt) && self.began != attempt.began
    }
}

impl ThreadStore {
    /// An attempt begins. Void is what another one at the same run has streamed and no `values` has held, whether or not another run
    /// was followed in between. It stays until there is something to show instead, as the new attempt's first `values` may still
    /// hold it. `starts_over`: so it is with all that was streamed since the run began.
    pub(crate) fn begin_attempt(&mut self, attempt: Attempt, starts_over: bool) {
        self.attempt = attempt;
        self.known.may_be_void = true;
        for entry in &mut self.known.entries {
            let streams = starts_over && entry.has(STREAMED);
            let is_void = entry.attempt.is_other_than(attempt) || streams;
            if starts_over || is_void {
                entry.marks &= !(STREAMED | VOID | UNREAD);
            }
            if is_void && !entry.has(CONFIRMED) {
                entry.marks |= VOID;
            }
        }
        if starts_over {
            // Another attempt has other namespaces, so nothing would take the place of what these hold.
            self.each_subgraph(Self::drop_unconfirmed);
        }
    }

    /// Pieces of a message have come under this id.
    pub(super) fn hear(&mut self, id: &MessageId) {
        let entry = self.known.entry(id);
        if !entry.has(HEARD) || entry.attempt != self.attempt {
            entry.attempt = self.attempt;
            entry.asked.clone_from(&self.asked);
        }
        entry.marks &= !AHEAD;
        entry.marks |= HEARD;
    }

    pub(super) fn drop_void(&mut self) {
        if std::mem::take(&mut self.known.may_be_void)
            && self.known.entries.iter().any(|entry| entry.has(VOID))
        {
            self.retain(&|_, entry| !entry.has(VOID));
            self.known.unmark_all(VOID);
        }
    }
}
