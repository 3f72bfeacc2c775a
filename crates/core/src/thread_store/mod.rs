//! The messages, values and interrupts that are shown, and how events change them.
//!
//! A message keeps its identity (`Arc`) and its revision until it changes. A token is appended in place; only a
//! message that a reader still holds is copied, once.

mod attempts;
mod chunks;
mod identity;
mod known;
mod layers;
mod replay;
mod saved;
mod slots;
mod stored;
mod values;

pub(crate) use attempts::Attempt;
pub(crate) use chunks::MessageWithoutId;
use known::{CONFIRMED, Entry, Known, MINTED, NONE, PAINTED, STORED, STREAMED, SUBMITTED, UNREAD};
pub(crate) use replay::Progress;
pub(crate) use slots::id_or_place;
pub(crate) use stored::StoredMessage;
pub(crate) use values::Past;

use crate::list::{collected, retain};
use rejoin_wire::{
    Json, MessageId,
    json::{Oddities, Part},
    message::Message,
    thread::Interrupt,
};
use std::sync::Arc;

/// A message as shown.
#[derive(Debug, Clone)]
pub struct MessageSlot {
    id: MessageId,
    /// The message. The same `Arc` until it changes.
    pub message: Arc<Message>,
    /// The view's revision at which it last changed.
    pub revision: u64,
    /// The view's revision at which it last changed otherwise than by text appended to its content.
    pub reshaped: u64,
    /// The origin of the message.
    pub origin: MessageOrigin,
    /// The metadata of the last streamed chunk: the node that produced it and so on.
    pub metadata: Option<Json>,
}

/// The origin of a shown message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOrigin {
    /// The server sent it.
    Server,
    /// This client submitted it, and the server has not shown it yet.
    Optimistic,
    /// The server sent it, but its run failed or was cancelled and the thread's state does not hold it.
    Partial,
}

impl MessageSlot {
    /// A message that has not been shown yet.
    fn new(id: MessageId, message: Arc<Message>, origin: MessageOrigin) -> Self {
        Self {
            id,
            message,
            revision: 0,
            reshaped: 0,
            origin,
            metadata: None,
        }
    }

    /// Nothing is added to it any more.
    fn close(&mut self, odd: &mut Oddities) {
        if !self.message.halves.is_empty() {
            let message = Arc::make_mut(&mut self.message);
            odd.within(Part::Field(self.id.as_str()), |odd| message.close(odd));
        }
    }

    /// The message's name for as long as it is shown: the id under which it was shown first, or, if it came without one, its
    /// place in the list then. The server's present id is its [`Message::id`]. Everything that takes a message's id takes
    /// both.
    pub fn id(&self) -> &MessageId {
        &self.id
    }
}

/// When each part last changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Revisions {
    pub(crate) latest: u64,
    pub(crate) order: u64,
    pub(crate) values: u64,
    pub(crate) interrupts: u64,
    pub(crate) history: u64,
    pub(crate) head: u64,
}

#[derive(Debug)]
pub(crate) struct ThreadStore {
    messages_key: String,
    slots: Vec<MessageSlot>,
    known: Known,
    /// Whether the server has shown a submitted message under the id that it was submitted with.
    server_keeps_ids: bool,
    /// Whether this is a run told again, from its start or from somewhere else.
    is_replay: bool,
    /// Whether it is from its start.
    begins_anew: bool,
    /// Marks of messages that the stream's `values` may lack because they are older: a state was read that the stream may
    /// not have reached yet. 0: what `values` lack was removed.
    ahead_by: u16,
    /// Whether a state is shown that was saved, and the server has said nothing yet.
    shows_saved: bool,
    /// The attempt that streams now.
    attempt: Attempt,
    /// The question that the run answers: the one that it was begun with, then the one that its `values` have told of last.
    asked: Option<MessageId>,
    /// The question that the run was begun with, where the thread's state was read before that run was found.
    begun_with: Option<MessageId>,
    values: Json,
    interrupts: Vec<Interrupt>,
    /// Messages from within tools, by namespace.
    subgraphs: Vec<(String, ThreadStore)>,
    revisions: Revisions,
}

impl ThreadStore {
    pub(crate) fn new(messages_key: &str) -> Self {
        Self {
            messages_key: messages_key.to_owned(),
            slots: Vec::new(),
            known: Known::default(),
            server_keeps_ids: false,
            is_replay: false,
            begins_anew: false,
            ahead_by: 0,
            shows_saved: false,
            attempt: Attempt::default(),
            asked: None,
            begun_with: None,
            values: Json::null(),
            interrupts: Vec::new(),
            subgraphs: Vec::new(),
            revisions: Revisions::default(),
        }
    }

    pub(crate) fn slots(&self) -> &[MessageSlot] {
        &self.slots
    }

    pub(crate) fn slot(&self, id: &MessageId) -> Option<&MessageSlot> {
        self.slots.get(self.known.place(id)?)
    }

    pub(crate) fn values(&self) -> &Json {
        &self.values
    }

    pub(crate) fn interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    pub(crate) fn subgraphs(&self) -> &[(String, Self)] {
        &self.subgraphs
    }

    pub(crate) fn revisions(&self) -> Revisions {
        self.revisions
    }

    pub(crate) fn shows(&self, id: &MessageId) -> bool {
        self.known.place(id).is_some()
    }

    pub(crate) fn is_streamed(&self, id: &MessageId) -> bool {
        self.known.has(id, STREAMED)
    }

    /// Whether values or the thread's state have held it, here or before a reload.
    pub(crate) fn is_confirmed(&self, id: &MessageId) -> bool {
        self.known.has(id, CONFIRMED | PAINTED)
    }

    /// Whether something that this run has streamed is neither shown nor in its values, so that what follows would have a hole.
    pub(crate) fn lacks_streamed(&self) -> bool {
        let is_lost =
            |entry: &Entry| entry.has(STREAMED) && !entry.has(CONFIRMED) && entry.place == NONE;
        self.known.entries.iter().any(is_lost)
    }

    /// The messages that stream, by each of their ids, and that no `values` has held yet.
    pub(crate) fn unconfirmed(&self) -> Vec<MessageId> {
        self.known
            .names_of(|entry| entry.has(STREAMED) && !entry.has(CONFIRMED))
    }

    /// Whether chunks of this run have come.
    pub(crate) fn streams(&self) -> bool {
        self.known.entries.iter().any(|entry| entry.has(STREAMED))
    }

    /// Marks the view as changed although no part of the thread has.
    pub(crate) fn touch(&mut self) {
        self.revisions.latest += 1;
    }

    /// The same, and the revision that it makes.
    pub(crate) fn touched(&mut self) -> u64 {
        self.touch();
        self.revisions.latest
    }

    /// Marks the history and its head as changed.
    pub(crate) fn touch_history(&mut self) {
        self.revisions.latest += 1;
        self.revisions.history = self.revisions.latest;
        self.revisions.head = self.revisions.latest;
    }

    /// A run begins: what earlier runs streamed is whole.
    pub(crate) fn begin_run(&mut self) {
        self.known.unmark_all(STREAMED | SUBMITTED);
        self.attempt = Attempt::default();
        self.asked = None;
        self.begun_with = None;
        self.each_subgraph(Self::begin_run);
    }

    /// The server's name for the question that the run answers.
    pub(crate) fn asked(&self) -> Option<MessageId> {
        self.asked.as_ref().map(|asked| self.name_of(asked))
    }

    /// A run of somebody else's is followed, which was begun with this question, as far as that is known.
    pub(crate) fn expect_question(&mut self, question: Option<MessageId>) {
        self.asked.clone_from(&question);
        self.begun_with = question;
    }

    /// A run is submitted: whatever its `values` lack was removed, or lies on another branch.
    pub(crate) fn expect_newer_values(&mut self) {
        self.ahead_by = 0;
    }

    /// The stream's `values` may be older than any so far. Either a run is joined that may have begun before the one that was
    /// followed, or a replay is shown that may not be over.
    pub(crate) fn expect_older_values(&mut self) {
        self.ahead_by = STORED | CONFIRMED;
    }

    /// Shows submitted messages until the server does.
    pub(crate) fn show_optimistic(&mut self, messages: Vec<Message>) {
        for message in messages {
            if let Some(id) = &message.id {
                // What the server has named already is submitted again under the server's own id.
                let is_new = self.known.index(id).is_none();
                let minted = if is_new { MINTED } else { 0 };
                self.known.mark(id, SUBMITTED | minted);
            }
            self.put(message, MessageOrigin::Optimistic);
        }
    }

    /// Removes the messages of the run's submission, which never arrived. Questions of earlier runs stay, because some servers list
    /// answers only.
    pub(crate) fn drop_optimistic(&mut self) {
        self.retain(&|slot, entry| {
            slot.origin != MessageOrigin::Optimistic || !entry.has(SUBMITTED | CONFIRMED)
        });
    }

    /// Takes away what the run has submitted, if its `values` hold another in its place. For a question, that is one that was not shown
    /// before. For a tool's result, it is one of the same call: without either, the tool would run again.
    pub(crate) fn drop_untold(&mut self, tells_question: bool) {
        let is_told = |call: &str| {
            let mut told = self
                .slots
                .iter()
                .filter(|slot| slot.origin == MessageOrigin::Server);
            told.any(|slot| slot.message.tool_call_id() == Some(call))
        };
        let kept = self.shown(&mut |slot, entry| {
            let is_submitted = slot.origin == MessageOrigin::Optimistic && entry.has(SUBMITTED);
            let call = slot.message.tool_call_id();
            let is_replaced = call.map_or(tells_question, is_told);
            (!(is_submitted && is_replaced)).then_some(slot.origin)
        });
        self.replace_slots(kept);
    }

    /// Takes away what the server does not have.
    pub(crate) fn keep_stored(&mut self) {
        self.retain(&|slot, _| slot.origin == MessageOrigin::Server);
    }

    /// Marks what was streamed and no `values` has held: the server may not have it.
    pub(crate) fn mark_parts(&mut self) {
        let parts = self.shown(&mut |slot, entry| {
            let is_part = entry.has(STREAMED) && !entry.has(CONFIRMED);
            let is_server = slot.origin == MessageOrigin::Server;
            Some(if is_part && is_server {
                MessageOrigin::Partial
            } else {
                slot.origin
            })
        });
        self.replace_slots(parts);
    }

    /// Goes back to these messages.
    pub(crate) fn keep_only(&mut self, ids: &[MessageId]) {
        let keys = collected(ids.iter().map(|id| self.key_of(id).clone()));
        self.retain(&|slot, _| keys.contains(&slot.id));
    }

    /// Interrupts that are answered are asked no more: these, or all.
    pub(crate) fn answer_interrupts(&mut self, ids: Option<&[String]>) {
        let waits = |interrupt: &Interrupt| {
            let (Some(ids), Some(id)) = (ids, &interrupt.id) else {
                return false;
            };
            !ids.iter().any(|answered| answered == id.as_str())
        };
        let before = self.interrupts.len();
        retain(&mut self.interrupts, waits);
        if self.interrupts.len() < before {
            self.revisions.latest += 1;
            self.revisions.interrupts = self.revisions.latest;
        }
    }

    /// Interrupts come one by one; each id stands once.
    pub(crate) fn add_interrupts(&mut self, interrupts: &[Interrupt]) {
        for interrupt in interrupts {
            if self.interrupts.contains(interrupt) {
                continue;
            }
            let known = self
                .interrupts
                .iter_mut()
                .find(|have| have.id.is_some() && have.id == interrupt.id);
            match known {
                Some(have) => *have = interrupt.clone(),
                None => self.interrupts.push(interrupt.clone()),
            }
            self.revisions.latest += 1;
            self.revisions.interrupts = self.revisions.latest;
        }
    }

    /// The stream has ended and nothing else says how its messages are.
    pub(crate) fn close_messages(&mut self, odd: &mut Oddities) {
        for slot in &mut self.slots {
            slot.close(odd);
        }
        for (_, list) in &mut self.subgraphs {
            list.close_messages(odd);
        }
    }

    /// Reads the arguments of tool calls that have grown since the last time.
    pub(crate) fn refresh_tool_calls(&mut self) {
        for entry in self.known.entries.iter_mut().filter(|e| e.has(UNREAD)) {
            entry.marks &= !UNREAD;
            if let Some(slot) = self.slots.get_mut(entry.place) {
                Arc::make_mut(&mut slot.message).refresh_tool_calls();
            }
        }
        self.each_subgraph(Self::refresh_tool_calls);
    }

    /// Shows nothing.
    pub(crate) fn clear(&mut self) {
        self.replace_slots(Vec::new());
        self.known = Known::default();
        self.ahead_by = 0;
        self.shows_saved = false;
        self.subgraphs.clear();
        self.set_values(Json::null());
        self.answer_interrupts(None);
    }

    fn set_values(&mut self, values: Json) {
        if self.values != values {
            self.values = values;
            self.revisions.latest += 1;
            self.revisions.values = self.revisions.latest;
        }
    }
}
