//! The layers beside the thread's own list: values before there are any, values that this client lays over the
//! server's, and the lists of messages from within tools.

use super::{
    MessageOrigin, MessageSlot, ThreadStore,
    known::{CONFIRMED, STORED, SUBMITTED},
    slots::{ids_of, slot_id},
    values::{Listed, is_object},
};
use rejoin_wire::{
    Json,
    json::{FromJson, JsonError, Object, Oddities},
    message::Message,
};
use std::sync::Arc;

impl ThreadStore {
    /// Shows values until the thread has some. The server does not know them, so its first ones replace them.
    pub(crate) fn show_initial(
        &mut self,
        values: &Json,
        odd: &mut Oddities,
    ) -> Result<(), JsonError> {
        if !is_object(values) && !values.is_null() {
            return Err(JsonError::expected("an object"));
        }
        let messages = match self.read_messages(values, odd) {
            Listed::Messages(messages) => messages,
            Listed::Nothing | Listed::Unreadable => Vec::new(),
        };
        let ids = ids_of(&messages);
        self.known.unmark_all(CONFIRMED | STORED);
        for id in &ids {
            self.known.mark(id, CONFIRMED | STORED);
        }
        self.replace_messages(ids, messages, Vec::new(), None);
        self.set_values(values.clone());
        Ok(())
    }

    /// Lays an object's keys over the values' top level, until the server says what they are. Messages in it take the
    /// place of those shown.
    pub(crate) fn lay_values(&mut self, over: &Json, odd: &mut Oddities) -> Result<(), JsonError> {
        let mut have = if self.values.is_null() {
            Object::default()
        } else {
            Object::from_json(self.values.text())?
        };
        let more = Object::from_json(over.text())?;
        if let Listed::Messages(messages) = self.read_messages(over, odd) {
            self.lay_messages(messages);
        }
        have.extend(more);
        self.set_values(Json::written(&have));
        Ok(())
    }

    /// Whether [`ThreadStore::lay_values`] would take it.
    pub(crate) fn check_values(&self, over: &Json) -> Result<(), JsonError> {
        Object::from_json(over.text()).map(drop)
    }

    fn lay_messages(&mut self, messages: Vec<Message>) {
        let mut next = Vec::with_capacity(messages.len());
        for (at, message) in (0..).zip(messages) {
            if let Some(submitted) = self.submitted_as(&message, &next) {
                next.push(submitted);
                continue;
            }
            let id = slot_id(at, &message);
            let entry = self.known.entry(&id);
            let id = entry.id.clone();
            let shown = match self.slots.get(entry.place) {
                Some(slot) => MessageSlot::new(id, Arc::new(message), slot.origin),
                None => {
                    if !entry.has(SUBMITTED) {
                        // As if `values` had held it: the next ones that lack it take it away.
                        entry.marks |= CONFIRMED;
                    }
                    MessageSlot::new(id, Arc::new(message), MessageOrigin::Optimistic)
                }
            };
            next.push(shown);
        }
        self.replace_slots(next);
    }

    /// The submitted message that one without an id is, so that it is the same one for readers and for the server. Each
    /// is meant once.
    fn submitted_as(&self, message: &Message, taken: &[MessageSlot]) -> Option<MessageSlot> {
        let is_it = |slot: &&MessageSlot| {
            let submitted = self.known.find(&slot.id);
            submitted.is_some_and(|entry| entry.has(SUBMITTED))
                && slot.message.kind == message.kind
                && slot.message.content == message.content
                && taken.iter().all(|taken| taken.id != slot.id)
        };
        let nameless = message.id.is_none();
        self.slots.iter().find(is_it).filter(|_| nameless).cloned()
    }

    /// Changes the list of a namespace, or with an empty one the thread's own.
    pub(crate) fn in_list<T>(&mut self, namespace: &str, change: impl FnOnce(&mut Self) -> T) -> T {
        if namespace.is_empty() {
            return change(self);
        }
        let known = self
            .subgraphs
            .iter()
            .position(|(name, _)| name == namespace);
        let at = known.unwrap_or_else(|| {
            let list = Self::new(&self.messages_key);
            self.subgraphs.push((namespace.to_owned(), list));
            self.subgraphs.len() - 1
        });
        let list = &mut self.subgraphs[at].1;
        list.revisions.latest = self.revisions.latest;
        let result = change(list);
        self.revisions.latest = list.revisions.latest;
        result
    }

    /// Changes every list of a namespace. Their revisions are the thread's, so that a reader compares with one number.
    pub(super) fn each_subgraph(&mut self, change: fn(&mut Self)) {
        for (_, list) in &mut self.subgraphs {
            list.revisions.latest = self.revisions.latest;
            change(list);
            self.revisions.latest = list.revisions.latest;
        }
    }
}
