//! One message of the list.

use crate::{
    arena::{Held, Place, or_default, part},
    signals::put_arc,
};
use leptos::prelude::{ArcRwSignal, Get, ReadUntracked, Set, Signal, StoredValue};
use rejoin_core::{
    MessageBranch, MessageOrigin, MessageSlot,
    wire::{
        MessageId,
        message::{Message, MessageKind, ToolCall},
    },
};
use std::{collections::HashMap, fmt, sync::Arc};

/// One message of a list. It is `Copy`, because its content is in signals of its own, which the methods read. A reactive
/// closure that calls a method runs again when the data that it read has changed, at most once per animation frame. Changes
/// of other messages do not run it.
///
/// Two of them are equal where they are the same message of the same list. A message that has left the list reads as an
/// empty one, without an id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamMessage(StoredValue<Content>);

/// A message's signals.
struct Content {
    id: MessageId,
    message: ArcRwSignal<Arc<Message>>,
    is_incomplete: ArcRwSignal<bool>,
    is_optimistic: ArcRwSignal<bool>,
    branch: ArcRwSignal<MessageBranch>,
    can_edit: ArcRwSignal<bool>,
    can_regenerate: ArcRwSignal<bool>,
}

impl StreamMessage {
    /// The id that it is known by for as long as it is shown: the key of a keyed list, and what commands take. Never changes.
    pub fn id(self) -> MessageId {
        part(self.0, |content| content.id.clone()).unwrap_or_else(|| MessageId::from(""))
    }

    /// The message.
    pub fn get(self) -> Arc<Message> {
        self.read(|content| &content.message)
    }

    /// Lends the message.
    pub fn with<R>(self, read: impl FnOnce(&Message) -> R) -> R {
        let message = part(self.0, |content| content.message.clone());
        or_default(message.map(|message| message.get()), read)
    }

    /// The message as a signal, for components that take one.
    pub fn signal(self) -> Signal<Arc<Message>> {
        Signal::derive(move || self.get())
    }

    /// The speaker.
    pub fn kind(self) -> MessageKind {
        self.with(|message| message.kind.clone())
    }

    /// Its text: of content blocks, the text of the text blocks, joined.
    pub fn text(self) -> String {
        self.with(|message| message.content.text().into_owned())
    }

    /// The tools that the model asks for; while it streams, as far as their arguments have come.
    pub fn tool_calls(self) -> Vec<ToolCall> {
        self.with(|message| message.tool_calls().iter().map(ToolCall::read).collect())
    }

    /// On a tool's message, the call that it answers.
    pub fn tool_call_id(self) -> Option<String> {
        self.with(|message| message.tool_call_id().map(str::to_owned))
    }

    /// Whether it was cut short: its run failed or was cancelled, and the server has not stored it.
    pub fn is_incomplete(self) -> bool {
        self.read(|content| &content.is_incomplete)
    }

    /// Whether the server has not shown it yet.
    pub fn is_optimistic(self) -> bool {
        self.read(|content| &content.is_optimistic)
    }

    /// Its place in the thread's history: the branches to choose from, and the shown one. Nothing without
    /// [`crate::UseStreamOptions::history_limit`], nor before the message is in the history.
    pub fn branch(self) -> MessageBranch {
        self.read(|content| &content.branch)
    }

    /// Whether [`crate::UseStream::edit`] would work on it: a human message, and the server has what comes before it.
    pub fn can_edit(self) -> bool {
        self.read(|content| &content.can_edit)
    }

    /// Whether [`crate::UseStream::regenerate`] would work on it: an answer to a human message that the server has.
    pub fn can_regenerate(self) -> bool {
        self.read(|content| &content.can_regenerate)
    }

    fn read<T>(self, of: impl FnOnce(&Content) -> &ArcRwSignal<T>) -> T
    where
        T: Clone + Default + Send + Sync + 'static,
    {
        part(self.0, |content| of(content).clone())
            .map(|signal| signal.get())
            .unwrap_or_default()
    }
}

impl fmt::Debug for StreamMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamMessage").field(&self.id()).finish()
    }
}

/// A list's messages, in its order.
pub(crate) struct MessageRows {
    place: Place,
    rows: Vec<Row>,
    /// Those that left the list with the last change of it. Whoever shows them hears of that only afterwards.
    leaving: Vec<Row>,
}

struct Row {
    revision: u64,
    id: MessageId,
    signals: Held<Content>,
}

/// The commands that work for a message.
#[derive(Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) can_edit: bool,
    pub(crate) can_regenerate: bool,
}

impl MessageRows {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            rows: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Writes what has changed. The new list, where some came, went or moved.
    pub(crate) fn write(
        &mut self,
        slots: &[MessageSlot],
        is_reordered: bool,
    ) -> Option<Vec<StreamMessage>> {
        let is_reordered = is_reordered || slots.len() != self.rows.len();
        if is_reordered {
            self.reorder(slots);
        }
        for (row, slot) in self.rows.iter_mut().zip(slots) {
            row.write(slot);
        }
        is_reordered.then(|| self.rows.iter().map(Row::message).collect())
    }

    /// One branch for each message.
    pub(crate) fn write_branches(&self, branches: Vec<MessageBranch>) {
        for (row, branch) in self.rows.iter().zip(branches) {
            row.put(|content| &content.branch, branch);
        }
    }

    /// One offer for each message.
    pub(crate) fn write_offers(&self, offers: &[Offer]) {
        for (row, offer) in self.rows.iter().zip(offers) {
            row.put(|content| &content.can_edit, offer.can_edit);
            row.put(|content| &content.can_regenerate, offer.can_regenerate);
        }
    }

    /// The next view to write counts as changed, because it is another client's.
    pub(crate) fn forget_revisions(&mut self) {
        for row in &mut self.rows {
            row.revision = NO_REVISION;
        }
    }

    fn reorder(&mut self, slots: &[MessageSlot]) {
        let rows = self.rows.drain(..).map(|row| (row.id.clone(), row));
        let mut rows: HashMap<MessageId, Row> = rows.collect();
        let place = &self.place;
        let row = |slot: &MessageSlot| {
            rows.remove(slot.id())
                .unwrap_or_else(|| Row::new(place, slot))
        };
        self.rows = slots.iter().map(row).collect();
        self.leaving = rows.into_values().collect();
    }
}

/// Revisions count from 1.
const NO_REVISION: u64 = 0;

impl Row {
    fn new(place: &Place, slot: &MessageSlot) -> Self {
        let content = Content {
            id: slot.id().clone(),
            message: ArcRwSignal::new(Arc::clone(&slot.message)),
            is_incomplete: ArcRwSignal::new(slot.origin == MessageOrigin::Partial),
            is_optimistic: ArcRwSignal::new(slot.origin == MessageOrigin::Optimistic),
            branch: ArcRwSignal::default(),
            can_edit: ArcRwSignal::default(),
            can_regenerate: ArcRwSignal::default(),
        };
        Self {
            revision: slot.revision,
            id: slot.id().clone(),
            signals: Held::new(place, content),
        }
    }

    fn write(&mut self, slot: &MessageSlot) {
        if self.revision == slot.revision {
            return;
        }
        self.revision = slot.revision;
        let message = part(self.signals.handle(), |content| content.message.clone());
        if let Some(message) = message
            && !Arc::ptr_eq(&message.read_untracked(), &slot.message)
        {
            message.set(Arc::clone(&slot.message));
        }
        self.put(
            |content| &content.is_incomplete,
            slot.origin == MessageOrigin::Partial,
        );
        self.put(
            |content| &content.is_optimistic,
            slot.origin == MessageOrigin::Optimistic,
        );
    }

    fn put<T: PartialEq + Send + Sync + 'static>(
        &self,
        of: impl FnOnce(&Content) -> &ArcRwSignal<T>,
        value: T,
    ) {
        let signal = part(self.signals.handle(), |content| of(content).clone());
        if let Some(signal) = signal {
            put_arc(&signal, value);
        }
    }

    fn message(&self) -> StreamMessage {
        StreamMessage(self.signals.handle())
    }
}
