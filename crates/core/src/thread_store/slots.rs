//! The list of messages: which stand in it, in what order, and which of them have changed.

use super::{
    MessageOrigin, MessageSlot, ThreadStore,
    known::{Entry, NONE, SUPERSEDED},
};
use rejoin_wire::{
    MessageId,
    json::digits,
    message::{Message, MessageKind, REMOVE_ALL},
};
use std::sync::Arc;

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
        let entry = self.known.entry(&id);
        if entry.place == NONE {
            entry.place = self.slots.len();
            self.slots.push(slot);
            self.revisions.order = revision;
        } else {
            let shown = &mut self.slots[entry.place];
            let before = std::mem::replace(shown, slot);
            shown.metadata = before.metadata;
        }
    }

    pub(super) fn remove(&mut self, id: &MessageId) {
        let all = id.as_str() == REMOVE_ALL;
        self.retain(&|slot, _| !all && slot.id != *id);
    }

    pub(super) fn retain(&mut self, keep: &dyn Fn(&MessageSlot, &Entry) -> bool) {
        let kept = self.shown(&mut |slot, entry| keep(slot, entry).then_some(slot.origin));
        self.replace_slots(kept);
    }

    /// Those that are to stay shown, as what `keep` says.
    pub(super) fn shown(
        &self,
        keep: &mut dyn FnMut(&MessageSlot, &Entry) -> Option<MessageOrigin>,
    ) -> Vec<Shown> {
        let mut shown = Vec::new();
        for slot in &self.slots {
            let entry = self.known.find(&slot.id);
            if let Some(origin) = entry.and_then(|entry| keep(slot, entry)) {
                shown.push(Shown {
                    origin,
                    ..Shown::from(slot.clone())
                });
            }
        }
        shown
    }

    /// Shows `messages`, and each of `kept` behind the message that it stood behind.
    pub(super) fn replace_messages(
        &mut self,
        ids: Vec<MessageId>,
        messages: Vec<Message>,
        kept: Vec<Shown>,
    ) {
        let mut next = Vec::with_capacity(messages.len() + kept.len());
        for (id, message) in ids.into_iter().zip(messages) {
            next.push(Shown {
                id,
                message: Arc::new(message),
                origin: MessageOrigin::Server,
            });
        }
        for slot in kept {
            let place = self.known.place(&slot.id).unwrap_or(self.slots.len());
            let before = self.slots[..place].iter().rev();
            let anchor = before
                .into_iter()
                .find_map(|earlier| next.iter().position(|shown| shown.id == earlier.id));
            // Without anything before it that still stands, it is newer than what the server has.
            let at = anchor.map_or(next.len(), |anchor| anchor + 1);
            next.insert(at, slot);
        }
        self.replace_slots(next);
    }

    pub(super) fn replace_slots(&mut self, next: Vec<Shown>) {
        let next = self.each_once(next);
        let old = std::mem::take(&mut self.slots);
        let mut order_changed = next.len() != old.len();
        for (at, shown) in next.into_iter().enumerate() {
            let was = self.known.entry(&shown.id).place;
            order_changed |= was != at;
            let before = old.get(was);
            let slot = match before {
                Some(have)
                    if have.origin == shown.origin && same(&have.message, &shown.message) =>
                {
                    have.clone()
                }
                Some(_) | None => {
                    self.revisions.latest += 1;
                    MessageSlot {
                        id: shown.id,
                        message: shown.message,
                        revision: self.revisions.latest,
                        reshaped: self.revisions.latest,
                        origin: shown.origin,
                        metadata: before.and_then(|have| have.metadata.clone()),
                    }
                }
            };
            self.slots.push(slot);
        }
        for entry in &mut self.known.entries {
            entry.place = std::mem::replace(&mut entry.listed, NONE);
        }
        if order_changed {
            self.revisions.latest += 1;
            self.revisions.order = self.revisions.latest;
        }
    }

    /// A list that names one id twice shows it once, at its first place, with its last content. Notes where each
    /// stands.
    fn each_once(&mut self, list: Vec<Shown>) -> Vec<Shown> {
        self.known.unlist();
        let mut once: Vec<Shown> = Vec::with_capacity(list.len());
        for shown in list {
            let entry = self.known.entry(&shown.id);
            if entry.listed == NONE {
                entry.listed = once.len();
                once.push(shown);
            } else {
                once[entry.listed] = shown;
            }
        }
        once
    }

    /// Notes what stands in the list that is being read, and which messages that do not have lost their place there to
    /// an answer that is not known here: the server has given up the attempt that streamed them.
    pub(super) fn read_list(&mut self, ids: &[MessageId], messages: &[Message]) {
        self.known.unlist();
        self.known.list(ids);
        self.known.unmark_all(SUPERSEDED);
        let mut next = NONE;
        for slot in &self.slots {
            let listed = self.known.entry(&slot.id).listed;
            if listed != NONE {
                next = listed + 1;
                continue;
            }
            if next == NONE || slot.message.kind != MessageKind::Ai {
                continue;
            }
            let mut gap = next;
            while gap < ids.len() && self.known.place(&ids[gap]).is_none() {
                if messages[gap].kind != MessageKind::Human {
                    self.known.mark(&slot.id, SUPERSEDED);
                    break;
                }
                gap += 1;
            }
        }
    }
}

/// A message as it is to be shown.
pub(super) struct Shown {
    pub(super) id: MessageId,
    pub(super) message: Arc<Message>,
    pub(super) origin: MessageOrigin,
}

impl From<MessageSlot> for Shown {
    fn from(slot: MessageSlot) -> Self {
        Self {
            id: slot.id,
            message: slot.message,
            origin: slot.origin,
        }
    }
}

pub(super) fn ids_of(messages: &[Message]) -> Vec<MessageId> {
    let ids = messages.iter().enumerate();
    ids.map(|(at, message)| slot_id(at, message)).collect()
}

/// A message's id; for one without, its place.
pub(crate) fn slot_id(at: usize, message: &Message) -> MessageId {
    id_or_place(at, message.id.clone())
}

pub(crate) fn id_or_place(at: usize, id: Option<MessageId>) -> MessageId {
    id.unwrap_or_else(|| MessageId::from("rejoin-place-".to_owned() + &digits(at as u64)))
}

/// Streamed messages carry their pieces beside what a stored one carries; that alone is no change.
fn same(have: &Arc<Message>, next: &Arc<Message>) -> bool {
    Arc::ptr_eq(have, next) || have == next
}
