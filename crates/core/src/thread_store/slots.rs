//! The list of messages: which stand in it, in what order, and which of them have changed.

use super::{
    MessageOrigin, MessageSlot, ThreadStore,
    known::{Entry, NONE, PAINTED, STREAMED, SUBMITTED, SUPERSEDED, TOLD},
};
use crate::list::collected;
use rejoin_wire::{
    MessageId,
    json::digits,
    message::{Message, MessageKind, REMOVE_ALL},
};
use std::sync::Arc;

impl ThreadStore {
    pub(super) fn put(&mut self, message: Message, origin: MessageOrigin) {
        let revision = self.touched();
        let id = slot_id(self.slots.len(), &message);
        let entry = self.known.entry(&id);
        let place = entry.place;
        let mut slot = MessageSlot::new(entry.id.clone(), message.into(), origin);
        slot.revision = revision;
        slot.reshaped = revision;
        if place == NONE {
            let at = match slot.origin {
                MessageOrigin::Optimistic => self.slots.len(),
                MessageOrigin::Server | MessageOrigin::Partial => self.end_of_turn(),
            };
            self.insert(at, slot);
            self.revisions.order = revision;
        } else {
            let shown = &mut self.slots[place];
            let before = std::mem::replace(shown, slot);
            shown.metadata = before.metadata;
        }
    }

    fn insert(&mut self, at: usize, slot: MessageSlot) {
        self.slots.insert(at, slot);
        for (place, slot) in self.slots.iter().enumerate().skip(at) {
            self.known.entry(&slot.id).place = place;
        }
    }

    /// The place for an answer of the run: behind all that is shown, but for questions of other submissions that came
    /// later.
    fn end_of_turn(&self) -> usize {
        let is_later = |slot: &MessageSlot| {
            slot.origin == MessageOrigin::Optimistic && !self.known.has(&slot.id, SUBMITTED)
        };
        let last = self.slots.iter().rposition(|slot| !is_later(slot));
        let of_run = last.filter(|last| self.known.has(&self.slots[*last].id, TOLD | STREAMED));
        of_run.map_or(self.slots.len(), |last| last + 1)
    }

    pub(super) fn remove(&mut self, id: &MessageId) {
        let all = id.as_str() == REMOVE_ALL;
        let id = self.key_of(id).clone();
        self.retain(&|slot, _| !all && slot.id != id);
    }

    pub(super) fn retain(&mut self, keep: &dyn Fn(&MessageSlot, &Entry) -> bool) {
        let kept = self.shown(&mut |slot, entry| keep(slot, entry).then_some(slot.origin));
        self.replace_slots(kept);
    }

    /// Those that are to stay shown, as what `keep` says.
    pub(super) fn shown(
        &self,
        keep: &mut dyn FnMut(&MessageSlot, &Entry) -> Option<MessageOrigin>,
    ) -> Vec<MessageSlot> {
        let mut shown = Vec::new();
        for slot in &self.slots {
            let entry = self.known.find(&slot.id);
            if let Some(origin) = entry.and_then(|entry| keep(slot, entry)) {
                let mut slot = slot.clone();
                slot.origin = origin;
                shown.push(slot);
            }
        }
        shown
    }

    /// The first message of the new ones at a list's end: nothing from there on was shown before.
    pub(super) fn first_new<'a>(&self, ids: &'a [MessageId]) -> Option<&'a MessageId> {
        let shown = ids.iter().rposition(|id| self.known.place(id).is_some());
        ids.get(shown.map_or(0, |last| last + 1))
    }

    /// Shows `messages`, and each of `kept` behind the message that it stood behind. A question that the server does not have stands
    /// before its answer: the one that is shown behind it, or `first_answer`.
    pub(super) fn replace_messages(
        &mut self,
        ids: Vec<MessageId>,
        messages: Vec<Message>,
        kept: Vec<MessageSlot>,
        first_answer: Option<MessageId>,
    ) {
        let mut next = Vec::with_capacity(messages.len() + kept.len());
        for (id, message) in ids.into_iter().zip(messages) {
            let message = Arc::new(message);
            next.push(MessageSlot::new(id, message, MessageOrigin::Server));
        }
        for slot in kept {
            let place = self.known.place(&slot.id).unwrap_or(self.slots.len());
            let before = self.slots[..place].iter().rev();
            let anchor = before
                .into_iter()
                .find_map(|earlier| place_in(&next, &earlier.id));
            // Without anything before it that still stands, it is newer than what the server has.
            let at = match slot.origin {
                MessageOrigin::Server | MessageOrigin::Partial => anchor.map(|anchor| anchor + 1),
                // The server does not have it yet, so it is newer than whatever else the server has.
                MessageOrigin::Optimistic => {
                    let behind = self.slots.get(place + 1..).unwrap_or_default().iter();
                    let mut listed = behind.filter_map(|later| place_in(&next, &later.id));
                    let answer = listed
                        .next()
                        .filter(|at| next[*at].message.kind == MessageKind::Ai);
                    answer.or_else(|| place_in(&next, first_answer.as_ref()?))
                }
            };
            next.insert(at.unwrap_or(next.len()), slot);
        }
        self.replace_slots(next);
    }

    /// Shows these. A message that is shown already and has not changed keeps its identity and its revisions.
    pub(super) fn replace_slots(&mut self, next: Vec<MessageSlot>) {
        let next = self.each_once(next);
        let old = std::mem::take(&mut self.slots);
        let mut order_changed = next.len() != old.len();
        for (at, mut slot) in next.into_iter().enumerate() {
            let was = self.known.entry(&slot.id).place;
            order_changed |= was != at;
            let before = old.get(was);
            if slot.metadata.is_none() {
                slot.metadata = before.and_then(|have| have.metadata.clone());
            }
            match before {
                Some(have) if have.origin == slot.origin && same(&have.message, &slot.message) => {
                    slot.message = Arc::clone(&have.message);
                    slot.revision = have.revision;
                    slot.reshaped = have.reshaped;
                }
                Some(_) | None => {
                    slot.revision = self.touched();
                    slot.reshaped = slot.revision;
                }
            }
            self.slots.push(slot);
        }
        for entry in &mut self.known.entries {
            entry.place = std::mem::replace(&mut entry.listed, NONE);
            if entry.place == NONE {
                // Where it comes again, what a record has held of it says nothing any more.
                entry.marks &= !PAINTED;
            }
        }
        if order_changed {
            self.revisions.latest += 1;
            self.revisions.order = self.revisions.latest;
        }
    }

    /// A list that names one id twice shows it once, at its first place, with its last content. Notes where each
    /// stands.
    fn each_once(&mut self, list: Vec<MessageSlot>) -> Vec<MessageSlot> {
        self.known.unlist();
        let mut once: Vec<MessageSlot> = Vec::with_capacity(list.len());
        for mut shown in list {
            let entry = self.known.entry(&shown.id);
            shown.id = entry.id.clone();
            if entry.listed == NONE {
                entry.listed = once.len();
                once.push(shown);
            } else {
                once[entry.listed] = shown;
            }
        }
        once
    }

    /// Notes the places of messages in the list that is being read. Marks each message that is not in it and has lost its place
    /// there to an answer that is not known here. The server has given up the attempt that streamed such a message. Returns the ids
    /// by which readers know the list's messages. `lacks_text`: the streamed text may not be all that was said. `ahead_by`: marks of
    /// messages that the list may be older than.
    pub(super) fn read_list(
        &mut self,
        messages: &[Message],
        lacks_text: bool,
        ahead_by: u16,
    ) -> Vec<MessageId> {
        let ids = self.recognise(messages, lacks_text, ahead_by);
        self.known.unmark_all(SUPERSEDED);
        let asks = |message: &Message| message.kind == MessageKind::Human;
        let tells_questions = messages.iter().any(asks);
        let mut next = NONE;
        for place in 0..self.slots.len() {
            let slot = &self.slots[place];
            let listed = self.known.entry(&slot.id).listed;
            if listed != NONE {
                next = listed + 1;
                continue;
            }
            if next == NONE || slot.message.kind != MessageKind::Ai {
                continue;
            }
            // Behind a question that is not known here comes what answers that.
            let is_unknown = |at: usize| self.known.place(&ids[at]).is_none();
            let takes_the_place = next < ids.len() && is_unknown(next) && !asks(&messages[next]);
            // What answers an earlier question never had its place here.
            let asked = self.listed_question(place);
            let is_of_another_turn = if tells_questions {
                asked.is_some() && asked != messages[..next].iter().rposition(asks)
            } else {
                // Of answers only, one that is not known here is the last question's.
                self.slots[place..].iter().any(|later| asks(&later.message))
            };
            if takes_the_place && !is_of_another_turn {
                self.known.mark(&self.slots[place].id, SUPERSEDED);
            }
        }
        ids
    }

    /// The id by which readers know a message, whatever the server calls it.
    pub(crate) fn key_of<'a>(&'a self, id: &'a MessageId) -> &'a MessageId {
        self.known.find(id).map_or(id, |entry| &entry.id)
    }

    /// The server's name for a message that readers know by `id`.
    pub(crate) fn name_of(&self, id: &MessageId) -> MessageId {
        let place = self.known.place(id);
        place.map_or_else(|| id.clone(), |at| slot_id(at, &self.slots[at].message))
    }
}

fn place_in(list: &[MessageSlot], id: &MessageId) -> Option<usize> {
    list.iter().position(|shown| shown.id == *id)
}

pub(super) fn ids_of(messages: &[Message]) -> Vec<MessageId> {
    let ids = messages.iter().enumerate();
    collected(ids.map(|(at, message)| slot_id(at, message)))
}

/// A message's id; for one without, its place.
pub(crate) fn slot_id(at: usize, message: &Message) -> MessageId {
    id_or_place(at, message.id.clone())
}

pub(crate) fn id_or_place(at: usize, id: Option<MessageId>) -> MessageId {
    id.unwrap_or_else(|| place_id(at))
}

pub(super) fn place_id(at: usize) -> MessageId {
    MessageId::from("rejoin-place-".to_owned() + &digits(at as u64))
}

/// Streamed messages carry their pieces beside what a stored one carries; that alone is no change.
fn same(have: &Arc<Message>, next: &Arc<Message>) -> bool {
    Arc::ptr_eq(have, next) || have == next
}
