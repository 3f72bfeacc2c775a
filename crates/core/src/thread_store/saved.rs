//! A state that was saved, shown until the server has answered. It decides nothing: what the server says first replaces it, and is
//! the same as if nothing had been saved.

use super::{
    MessageOrigin, ThreadStore,
    known::{NONE, PAINTED, SAVED, STORED, STREAMED, SUBMITTED},
    values::Listed,
};
use rejoin_wire::{Json, json::Oddities};

impl ThreadStore {
    pub(crate) fn shows_saved(&self) -> bool {
        self.shows_saved
    }

    /// Shows a saved state's values and messages, and behind them what was painted of a run's record, which is newer.
    pub(crate) fn show_saved(&mut self, values: &Json) {
        // What is odd was told when the server sent it.
        let mut odd = Oddities::default();
        let Listed::Messages(mut messages) = self.read_messages(values, &mut odd) else {
            return;
        };
        let ids = self.read_list(&messages, true, 0);
        // Stored, before the server has said anything, are the initial values' alone, which stand for a thread without a state.
        let kept = self.shown(&mut |slot, entry| {
            (entry.listed == NONE && !entry.has(STORED)).then_some(slot.origin)
        });
        for entry in self.known.entries.iter_mut().filter(|e| e.listed != NONE) {
            match self.slots.get(entry.place) {
                Some(slot) if entry.has(STREAMED | SUBMITTED | PAINTED) => {
                    messages[entry.listed] = (*slot.message).clone();
                }
                Some(_) | None => entry.marks |= SAVED,
            }
        }
        self.replace_messages(ids, messages, kept, None);
        self.set_values(values.clone());
        self.shows_saved = true;
        self.touch();
    }

    /// Shows what only a saved state has held no more.
    pub(crate) fn drop_saved(&mut self) {
        if std::mem::take(&mut self.shows_saved) {
            self.retain(&|slot, entry| slot.origin != MessageOrigin::Server || !entry.has(SAVED));
            self.known.unmark_all(SAVED);
            self.set_values(Json::null());
        }
    }
}
