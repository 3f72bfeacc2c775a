//! Pieces of messages, as they stream: each is appended to its message.

use super::{
    MessageOrigin, ThreadStore,
    identity::begins,
    known::{AHEAD, CONFIRMED, HEARD, STREAMED, UNREAD},
};
use rejoin_wire::{
    Json, MessageId,
    json::Oddity,
    message::{Content, Message, MessageKind},
};
use std::sync::Arc;

impl ThreadStore {
    /// Applies a chunk, or an order to remove. `metadata` says where the chunk comes from. Returns what did not fit;
    /// `Err` where the chunk has no id.
    pub(crate) fn apply_chunk(
        &mut self,
        mut chunk: Message,
        metadata: Json,
    ) -> Result<Vec<Oddity>, MessageWithoutId> {
        let id = chunk.id.clone().ok_or(MessageWithoutId)?;
        if chunk.kind == MessageKind::Remove {
            self.remove(&id);
            return Ok(Vec::new());
        }
        self.drop_void();
        let is_renamed = self.recognise_streamed(&chunk, &id);
        self.hear(&id);
        if self.known.has(&id, CONFIRMED) && chunk.kind == MessageKind::Ai {
            // `values` have held it, so it is whole: this is how it came to be, told again.
            return Ok(Vec::new());
        }
        let has_calls = !chunk.tool_call_chunks().is_empty();
        let mut notes = Vec::new();
        let place = self.known.place(&id);
        if let (Some(at), MessageKind::Other(_)) = (place, &chunk.kind) {
            // A piece that does not say of what kind it is belongs to what streams under its id.
            chunk.kind.clone_from(&self.slots[at].message.kind);
        }
        // Under its other id it comes whole, or goes on.
        let is_whole =
            is_renamed && place.is_some_and(|at| begins(&self.slots[at].message, &chunk));
        let appends = self.known.has(&id, STREAMED) && chunk.merges_chunks() && !is_whole;
        match place {
            Some(at) if appends => {
                self.revisions.latest += 1;
                let slot = &mut self.slots[at];
                slot.revision = self.revisions.latest;
                let message = Arc::make_mut(&mut slot.message);
                let only_text;
                (notes, only_text) = append(message, chunk);
                if !only_text {
                    slot.reshaped = slot.revision;
                }
            }
            Some(_) | None => self.put(chunk, MessageOrigin::Server),
        }
        let entry = self.known.entry(&id);
        entry.marks |= if has_calls {
            STREAMED | UNREAD
        } else {
            STREAMED
        };
        if let Some(slot) = self.slots.get_mut(entry.place) {
            slot.metadata = Some(metadata);
        }
        Ok(notes)
    }

    /// The revision of a message that the last chunk has only made grow, where another chunk like it would do nothing else.
    pub(crate) fn has_grown(&self, id: &MessageId) -> Option<u64> {
        let slot = self.slots.get(self.growing_place(id)?)?;
        let has_grown = slot.revision == self.revisions.latest && slot.reshaped < slot.revision;
        let is_text = matches!(slot.message.content, Content::Text(_));
        let is_whole = slot.message.halves.is_empty();
        (has_grown && is_text && is_whole).then_some(slot.revision)
    }

    /// Appends a text to a message that has this revision, as [`ThreadStore::has_grown`] gave it, and that chunks are still appended
    /// to. Its revision then.
    pub(crate) fn grow(&mut self, id: &MessageId, revision: u64, text: &str) -> Option<u64> {
        let place = self.growing_place(id)?;
        let slot = self.slots.get_mut(place)?;
        if slot.revision != revision {
            return None;
        }
        let Content::Text(content) = &mut Arc::make_mut(&mut slot.message).content else {
            return None;
        };
        content.push_str(text);
        self.revisions.latest += 1;
        slot.revision = self.revisions.latest;
        Some(slot.revision)
    }

    /// The place of a message to which this attempt's chunks are appended, while that changes nothing else.
    fn growing_place(&self, id: &MessageId) -> Option<usize> {
        let entry = self.known.find(id)?;
        let is_appended_to = entry.has(STREAMED)
            && entry.has(HEARD)
            && !entry.has(CONFIRMED | AHEAD)
            && entry.attempt == self.attempt
            && !self.known.may_be_void;
        is_appended_to.then_some(entry.place)
    }

    /// Applies a message as far as it has come (`messages/partial`, `messages/complete`).
    pub(crate) fn apply_whole(&mut self, message: Message) -> Result<(), MessageWithoutId> {
        self.drop_void();
        let id = message.id.as_ref().ok_or(MessageWithoutId)?;
        self.recognise_streamed(&message, id);
        self.hear(id);
        self.known.mark(id, STREAMED);
        self.put(message, MessageOrigin::Server);
        Ok(())
    }
}

/// Appends a chunk. Returns what did not fit, and whether the content has only grown by text.
fn append(message: &mut Message, chunk: Message) -> (Vec<Oddity>, bool) {
    let is_text = |message: &Message| matches!(message.content, Content::Text(_));
    let grows = is_text(message) && is_text(&chunk) && chunk.halves.is_empty();
    if !grows || !chunk.tool_call_chunks().is_empty() {
        return (message.merge_chunk(chunk), false);
    }
    let before = message.fields.clone();
    let notes = message.merge_chunk(chunk);
    (notes, message.fields == before)
}

/// A chunk that names no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageWithoutId;
