//! The list of messages: which stand in it, in what order, and which of them have changed.

use super::{MessageOrigin, MessageSlot, ThreadStore};
use rejoin_wire::{
    MessageId,
    message::{Message, MessageKind, REMOVE_ALL},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl ThreadStore {
    pub(super) fn put(&mut self, message: Message, origin: MessageOrigin) {
        self.revisions.latest += 1;
        let revision = self.revisions.latest;
        let id = slot_id(self.slots.len(), &message);
        let slot = MessageSlot {
            id: id.clone(),
            message: message.into(),
            revision,
            reshaped: revision,
            origin,
            metadata: None,
        };
        match self.places.get(&id) {
            Some(at) => {
                let before = std::mem::replace(&mut self.slots[*at], slot);
                self.slots[*at].metadata = before.metadata;
            }
            None => {
                self.places.insert(id, self.slots.len());
                self.slots.push(slot);
                self.revisions.order = revision;
            }
        }
    }

    pub(super) fn remove(&mut self, id: &MessageId) {
        let all = id.as_str() == REMOVE_ALL;
        self.retain(|slot| !all && slot.id != *id);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&MessageSlot) -> bool) {
        let slots = self.slots.iter().filter(|slot| keep(slot));
        self.replace_slots(
            slots
                .map(|s| (s.id.clone(), Arc::clone(&s.message), s.origin))
                .collect(),
        );
    }

    /// Shows `messages`, and each of `kept` behind the message that it stood behind.
    pub(super) fn replace_messages(&mut self, messages: Vec<Message>, kept: Vec<MessageSlot>) {
        let mut next: Vec<_> = (0..)
            .zip(messages)
            .map(|(at, message)| {
                (
                    slot_id(at, &message),
                    Arc::new(message),
                    MessageOrigin::Server,
                )
            })
            .collect();
        for slot in kept {
            let place = self
                .places
                .get(&slot.id)
                .copied()
                .unwrap_or(self.slots.len());
            let before = self.slots[..place].iter().rev();
            let anchor = before
                .into_iter()
                .find_map(|earlier| next.iter().position(|(id, ..)| *id == earlier.id));
            // Without anything before it that still stands, it is newer than what the server has.
            let at = anchor.map_or(next.len(), |anchor| anchor + 1);
            next.insert(at, (slot.id, slot.message, slot.origin));
        }
        self.replace_slots(next);
    }

    pub(super) fn replace_slots(&mut self, next: Vec<(MessageId, Arc<Message>, MessageOrigin)>) {
        let old = std::mem::take(&mut self.slots);
        let places = std::mem::take(&mut self.places);
        let mut order_changed = next.len() != old.len();
        for (id, message, origin) in next {
            let before = places.get(&id).map(|at| (*at, &old[*at]));
            let slot = match before {
                Some((_, have)) if have.origin == origin && same(&have.message, &message) => {
                    have.clone()
                }
                Some(_) | None => {
                    self.revisions.latest += 1;
                    MessageSlot {
                        id: id.clone(),
                        message,
                        revision: self.revisions.latest,
                        reshaped: self.revisions.latest,
                        origin,
                        metadata: before.and_then(|(_, have)| have.metadata.clone()),
                    }
                }
            };
            let at = self.slots.len();
            order_changed |= before.is_none_or(|(was, _)| was != at);
            // A list that names one id twice shows it once, at its first place, with its last content.
            match self.places.get(&id) {
                Some(first) => self.slots[*first] = slot,
                None => {
                    self.places.insert(id, at);
                    self.slots.push(slot);
                }
            }
        }
        if order_changed {
            self.revisions.latest += 1;
            self.revisions.order = self.revisions.latest;
        }
    }

    /// Messages that are not in `listed` and whose place there an answer has taken that is not known here: the server
    /// has given up the attempt that streamed them.
    pub(super) fn superseded_by(&self, listed: &[Message]) -> BTreeSet<MessageId> {
        let ids: Vec<_> = (0..).zip(listed).map(|(at, m)| slot_id(at, m)).collect();
        let at: BTreeMap<_, _> = ids.iter().zip(0..).collect();
        let mut next = None;
        let mut superseded = BTreeSet::new();
        for slot in &self.slots {
            if let Some(at) = at.get(&slot.id) {
                next = Some(at + 1);
                continue;
            }
            let Some(next) = next.filter(|_| slot.message.kind == MessageKind::Ai) else {
                continue;
            };
            let unknown = ids[next..]
                .iter()
                .take_while(|id| !self.places.contains_key(*id));
            let gap = &listed[next..next + unknown.count()];
            if gap.iter().any(|message| message.kind != MessageKind::Human) {
                superseded.insert(slot.id.clone());
            }
        }
        superseded
    }
}

/// A message's id; for one without, its place.
pub(crate) fn slot_id(at: usize, message: &Message) -> MessageId {
    id_or_place(at, message.id.clone())
}

pub(crate) fn id_or_place(at: usize, id: Option<MessageId>) -> MessageId {
    id.unwrap_or_else(|| MessageId::from(format!("rejoin-place-{at}")))
}

/// Streamed messages carry their pieces beside what a stored one carries; that alone is no change.
fn same(have: &Arc<Message>, next: &Arc<Message>) -> bool {
    Arc::ptr_eq(have, next) || have == next
}
