//! A run told again: applied to a store of its own, which is shown once it is ahead of the screen.
//!
//! A message may be told again under an id that is not known here, as servers stream under other ids than they store under. Until it
//! differs from each stored message that it may be, it is not shown beside that.

use super::{
    MessageSlot, ThreadStore,
    identity::{Reading, begins, say_the_same},
    known::{
        AHEAD, CONFIRMED, Entry, HEARD, LEFT, NONE, PAINTED, STORED, STREAMED, TOLD, UNREAD, VOID,
    },
};
use rejoin_wire::{
    MessageId,
    message::{Message, MessageKind},
};
use std::sync::Arc;

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Showing it would take something away, or show something twice.
    Behind,
    /// It holds what is shown, but may yet go over it again.
    Level,
    /// It holds more, so it has gone over everything shown.
    Ahead,
}

impl ThreadStore {
    /// The store that a replay of the run from its start is applied to: it holds the messages that `values` have held.
    pub(crate) fn replayed(&self) -> Self {
        let mut replay = self.copied();
        replay.begins_anew = true;
        replay.drop_unconfirmed();
        replay.forget_told();
        replay
    }

    /// Whether it goes over all of the run, so that what is shown has been told before.
    pub(crate) fn begins_anew(&self) -> bool {
        self.begins_anew
    }

    /// Whether it shows what its own `values` have not told of yet.
    pub(crate) fn has_untold(&self) -> bool {
        let is_untold =
            |entry: &Entry| entry.place != NONE && entry.has(CONFIRMED) && !entry.has(TOLD);
        self.known.entries.iter().any(is_untold)
    }

    /// The store that the rest of a stream is applied to, if the thread's state is ahead of the stream: the stream may
    /// repeat parts of that state.
    pub(crate) fn resumed(&self) -> Option<Self> {
        let is_ahead = |slot: &MessageSlot| is_answer(slot) && self.known.has(&slot.id, AHEAD);
        self.slots.iter().any(is_ahead).then(|| self.copied())
    }

    /// The store that a stream with an unknown beginning is applied to: the stream may go over anything that is shown.
    pub(crate) fn joined_midway(&self) -> Self {
        self.copied()
    }

    fn copied(&self) -> Self {
        let mut copy = Self::new(&self.messages_key);
        copy.is_replay = true;
        copy.ahead_by = self.ahead_by;
        copy.attempt = self.attempt;
        copy.asked.clone_from(&self.asked);
        copy.begun_with.clone_from(&self.begun_with);
        copy.known = self.known.clone();
        copy.server_keeps_ids = self.server_keeps_ids;
        copy.replace_slots(self.shown(&mut |slot, _| Some(slot.origin)));
        for (namespace, list) in &self.subgraphs {
            let list = (namespace.clone(), list.copied());
            copy.subgraphs.push(list);
        }
        copy
    }

    /// Goes back to what `values` have held.
    pub(super) fn drop_unconfirmed(&mut self) {
        self.drop_void();
        self.retain(&|_, entry| !entry.has(STREAMED) || entry.has(CONFIRMED));
        self.known.unmark_all(STREAMED | UNREAD);
        self.each_subgraph(Self::drop_unconfirmed);
    }

    /// From here on told is what the replay's own `values` hold.
    fn forget_told(&mut self) {
        self.known.unmark_all(TOLD);
        self.each_subgraph(Self::forget_told);
    }

    /// Shows what another store holds; messages that are equal keep their identity.
    pub(crate) fn adopt(&mut self, other: Self) {
        for (namespace, list) in other.subgraphs {
            self.in_list(&namespace, |shown| shown.adopt(list));
        }
        self.known.adopt_names(&other.known);
        self.server_keeps_ids |= other.server_keeps_ids;
        self.attempt = other.attempt;
        self.asked = other.asked;
        self.begun_with = other.begun_with;
        self.replace_slots(other.slots);
        const ADOPTED: u16 = STREAMED | VOID | CONFIRMED | TOLD | UNREAD | HEARD | AHEAD;
        self.known.unmark_all(ADOPTED);
        self.known.may_be_void |= other.known.may_be_void;
        for entry in other.known.entries {
            let own = self.known.entry(&entry.id);
            own.marks |= entry.marks & ADOPTED;
            if entry.has(LEFT) {
                own.marks &= !STORED;
            }
            if entry.has(HEARD) {
                own.attempt = entry.attempt;
                own.asked = entry.asked;
            }
        }
        if !other.values.is_null() {
            self.set_values(other.values);
        }
        self.add_interrupts(&other.interrupts);
    }

    /// How far this replay has come, compared with what is shown.
    pub(crate) fn progress_against(&self, shown: &Self) -> Progress {
        if self.may_say_again() {
            return Progress::Behind;
        }
        let mut ahead = self.slots.len() > shown.slots.len();
        for slot in &shown.slots {
            let Some(at) = self.known.place(&slot.id) else {
                if shown.known.has(&slot.id, VOID) || self.known.has(&slot.id, LEFT) {
                    // The replay has something to show instead.
                    ahead = true;
                    continue;
                }
                return Progress::Behind;
            };
            let ours = &self.slots[at].message;
            if Arc::ptr_eq(ours, &slot.message) {
                continue;
            }
            let (have, want) = (ours.content.text_bytes(), slot.message.content.text_bytes());
            if have < want || calls(ours) < calls(&slot.message) {
                return Progress::Behind;
            }
            ahead |= have > want;
        }
        for (namespace, list) in &shown.subgraphs {
            let mut ours = self.subgraphs.iter();
            let ours = ours.find(|(name, _)| name == namespace);
            match ours.map(|(_, ours)| ours.progress_against(list)) {
                None if list.slots.is_empty() => {}
                None | Some(Progress::Behind) => return Progress::Behind,
                Some(Progress::Level) => {}
                Some(Progress::Ahead) => ahead = true,
            }
        }
        match ahead {
            true => Progress::Ahead,
            false => Progress::Level,
        }
    }

    /// Whether a message that streams may be one that is stored already, under another id.
    fn may_say_again(&self) -> bool {
        let stored = self.turn_told_last().iter().filter(|slot| is_answer(slot));
        let mut stored = stored.filter(|slot| self.may_be_told_again(&slot.id));
        stored.any(|stored| {
            let mut streaming = self.slots.iter().filter(|slot| self.is_unconfirmed(slot));
            streaming.any(|slot| begins_or_is(&slot.message, &stored.message))
        })
    }

    /// The messages of the turn that the replay's `values` have told of last. Without any: all, where the run may be an older one;
    /// else the last turn.
    fn turn_told_last(&self) -> &[MessageSlot] {
        let is_told = |slot: &MessageSlot| !is_answer(slot) && self.known.has(&slot.id, TOLD);
        let may_be_older = self.ahead_by & CONFIRMED != 0;
        let told = self.slots.iter().rposition(is_told);
        let last = || self.slots.iter().rposition(|slot| !is_answer(slot));
        let Some(asked) = told.or_else(|| last().filter(|_| !may_be_older)) else {
            return &self.slots;
        };
        let turn = &self.slots[asked + 1..];
        let next = turn.iter().position(|slot| !is_answer(slot));
        &turn[..next.unwrap_or(turn.len())]
    }

    /// Whether it may be streamed under an id that is not known here, although it is stored.
    fn may_be_told_again(&self, id: &MessageId) -> bool {
        self.known.has(id, STORED | CONFIRMED | PAINTED) && !self.known.has(id, TOLD | HEARD)
    }

    /// Joins two entries that were one message: a replay has streamed it as something new, and its list now tells of it for the
    /// first time, though it was stored. `ids`: the ids by which readers know the list's messages.
    pub(super) fn join_what_was_said_again(&mut self, list: &Reading<'_>, ids: &[MessageId]) {
        let asks = |message: &Message| message.kind == MessageKind::Human;
        let turn = list.messages.iter().rposition(asks).map_or(0, |at| at + 1);
        for place in 0..self.slots.len() {
            let slot = &self.slots[place];
            let is_open = self.known.find(&slot.id).is_some_and(|e| e.listed == NONE);
            if !is_open || !self.is_unconfirmed(slot) {
                continue;
            }
            let is_it = |item: &usize| {
                self.may_be_told_again(&ids[*item])
                    && say_the_same(&slot.message, &list.messages[*item])
            };
            let item = (turn..ids.len()).find(is_it);
            if let Some(entry) = item.and_then(|item| self.known.index(&ids[item])) {
                self.known.entries[entry].marks |= STREAMED | HEARD;
                self.known.join(place, entry);
            }
        }
    }
}

fn is_answer(slot: &MessageSlot) -> bool {
    slot.message.kind != MessageKind::Human
}

/// Whether what streams may be how `stored` began, or all of it. A server that died may have kept the text without the calls.
fn begins_or_is(streamed: &Message, stored: &Message) -> bool {
    let text = streamed.content.text();
    let says_all =
        streamed.kind == stored.kind && !text.is_empty() && text == stored.content.text();
    says_all || begins(streamed, stored) || say_the_same(streamed, stored)
}

/// Tool calls are counted by their pieces where nobody has read them yet.
fn calls(message: &Message) -> usize {
    let (read, streamed) = (message.tool_calls(), message.tool_call_chunks());
    read.len().max(streamed.len())
}
