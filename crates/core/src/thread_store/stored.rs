//! Messages that were stored for a reload, and painting them.

use super::{
    MessageOrigin, MessageSlot, ThreadStore,
    attempts::Attempt,
    known::{PAINTED, STREAMED, SUBMITTED, VOID},
    slots::slot_id,
};
use rejoin_wire::{
    MessageId,
    message::{Message, MessageKind},
};
use std::sync::Arc;

/// A message as it was shown before the reload.
#[derive(Debug)]
pub(crate) struct StoredMessage {
    pub(crate) message: Arc<Message>,
    /// Whether the run was streaming it.
    pub(crate) streamed: bool,
    pub(crate) optimistic: bool,
    /// Whether it is a part of an earlier run, which the server has not kept.
    pub(crate) partial: bool,
    /// Whether neither values nor the thread's state have held it.
    pub(crate) unconfirmed: bool,
}

impl ThreadStore {
    /// Paints what was stored: the messages, which of them this attempt was streaming, and the question that it answers, where its
    /// `values` have told.
    pub(crate) fn restore(
        &mut self,
        messages: Vec<StoredMessage>,
        attempt: Attempt,
        told: Option<MessageId>,
    ) {
        self.known.unmark_all(STREAMED | VOID);
        self.attempt = attempt;
        self.asked = told;
        let mut asked = None;
        let mut shown = Vec::with_capacity(messages.len());
        for (at, stored) in messages.into_iter().enumerate() {
            let id = slot_id(at, &stored.message);
            let (marks, origin) = match (stored.streamed, stored.optimistic) {
                (true, true) => (STREAMED | SUBMITTED, MessageOrigin::Optimistic),
                (false, true) => (SUBMITTED, MessageOrigin::Optimistic),
                (true, false) => (STREAMED, MessageOrigin::Server),
                (false, false) if stored.partial => (0, MessageOrigin::Partial),
                (false, false) if stored.unconfirmed => (0, MessageOrigin::Server),
                (false, false) => (PAINTED, MessageOrigin::Server),
            };
            let entry = self.known.entry(&id);
            entry.marks |= marks;
            if stored.message.kind == MessageKind::Human {
                asked = (!stored.optimistic).then(|| entry.id.clone());
            } else if stored.streamed {
                entry.attempt = attempt;
                entry.asked.clone_from(&asked);
            }
            shown.push(MessageSlot::new(entry.id.clone(), stored.message, origin));
        }
        self.replace_slots(shown);
    }
}
