//! The messages, values and interrupts that are shown, and how events change them.
//!
//! A message keeps its identity (`Arc`) and its revision until it changes. A token is appended in place; only a
//! message that a reader still holds is copied, once.

mod attempts;
mod identity;
mod known;
mod layers;
mod replay;
mod saved;
mod slots;
mod stored;

pub(crate) use attempts::Attempt;
use identity::begins;
use known::{
    AHEAD, CONFIRMED, Entry, HEARD, Known, LEFT, MINTED, NONE, PAINTED, SAVED, STORED, STREAMED,
    SUBMITTED, SUPERSEDED, TOLD, UNREAD, VOID,
};
pub(crate) use replay::Progress;
pub(crate) use slots::id_or_place;
pub(crate) use stored::StoredMessage;

use crate::list::{collected, retain};
use rejoin_wire::{
    Json, MessageId,
    event::Values,
    json::{Oddities, Oddity, Part, field},
    message::{Content, Message, MessageKind, read_messages},
    thread::Interrupt,
};
use std::sync::Arc;

/// Marks of whatever is known of a message otherwise than from the list that is being read.
const KNOWN_OTHERWISE: u16 = CONFIRMED | STORED | STREAMED | SUBMITTED | PAINTED | TOLD | HEARD;

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

/// The known past of a message that a state lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past {
    /// An earlier state has held it, so it was removed.
    pub(crate) stored: bool,
    /// Values have held it since, or did before a reload.
    pub(crate) told: bool,
    /// Values have held it, or the question that it answers, and the thread has gone on without that: it lies on a branch that was
    /// left.
    pub(crate) left: bool,
    /// The run being followed has submitted or streamed it.
    pub(crate) own: bool,
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

    /// Takes away what was shown for a submission that never arrived.
    pub(crate) fn drop_optimistic(&mut self) {
        self.retain(&|slot, _| slot.origin != MessageOrigin::Optimistic);
    }

    /// Takes away what the run has submitted, as its `values` hold another question in its place. A tool's result stays until they hold
    /// one of its call, which would be run again without.
    pub(crate) fn drop_untold(&mut self) {
        let is_told = |call: &str| {
            let mut told = self
                .slots
                .iter()
                .filter(|slot| slot.origin == MessageOrigin::Server);
            told.any(|slot| slot.message.tool_call_id() == Some(call))
        };
        let kept = self.shown(&mut |slot, entry| {
            let is_submitted = slot.origin == MessageOrigin::Optimistic && entry.has(SUBMITTED);
            let is_untold = is_submitted && slot.message.tool_call_id().is_none_or(is_told);
            (!is_untold).then_some(slot.origin)
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

    /// Applies a root `values` event. `lacks_text`: what was streamed may not be all that was said. Whether they hold an input,
    /// such as a question, that was not shown.
    pub(crate) fn apply_values(
        &mut self,
        values: &Values,
        lacks_text: bool,
        odd: &mut Oddities,
    ) -> bool {
        if let Some(interrupts) = &values.interrupts {
            self.add_interrupts(interrupts);
        }
        if values.only_interrupts {
            return false;
        }
        let mut tells_input = false;
        if let Listed::Messages(messages) = self.read_messages(&values.data, odd) {
            let ids = self.read_list(&messages, lacks_text, self.ahead_by);
            self.leave_branch();
            let asks = |message: &Message| message.kind == MessageKind::Human;
            let asked = messages.iter().rposition(asks);
            self.asked = asked.map(|at| ids[at].clone());
            let is_input = |at: usize| messages[at].kind != MessageKind::Ai;
            let is_new = |at: usize| self.known.place(&ids[at]).is_none();
            tells_input = (0..ids.len()).any(|at| is_input(at) && is_new(at));
            let entries = &self.known.entries;
            let ahead_by = self.ahead_by;
            let may_be_older = ahead_by & CONFIRMED != 0;
            let is_ahead = entries.iter().any(|e| e.has(ahead_by) && e.listed == NONE);
            self.ahead_by = if is_ahead { ahead_by } else { 0 };
            // A message that streams beside this step is not in its values yet; one that was, and is no more, was removed.
            let kept = self.shown(&mut |slot, entry| {
                let removed = entry.has(CONFIRMED | SAVED) && !entry.has(ahead_by);
                // An older run knows nothing of what later ones have said.
                let is_others =
                    may_be_older && entry.has(HEARD) && !entry.attempt.is_of_run_of(self.attempt);
                let may_go = !is_others && !entry.has(STREAMED | ahead_by);
                let given_up = entry.has(VOID) || entry.has(SUPERSEDED) && may_go;
                let gone = removed || given_up || entry.has(LEFT);
                (entry.listed == NONE && !gone).then_some(slot.origin)
            });
            self.shows_saved = false;
            for entry in &mut self.known.entries {
                entry.marks &= !(VOID | SAVED);
                if entry.listed != NONE {
                    entry.marks &= !(AHEAD | LEFT);
                    entry.marks |= CONFIRMED | TOLD;
                }
            }
            let first_answer = self.first_answer(&ids, &messages);
            self.replace_messages(ids, messages, kept, first_answer);
            if is_ahead {
                return tells_input;
            }
        }
        self.set_values(values.data.clone());
        tells_input
    }

    /// Values that hold the question with which the run was begun, where the state that was read before lacks it, are newer than that
    /// state. So what only the state has, with what answers it, is on a branch that was left.
    fn leave_branch(&mut self) {
        let begun_with = self.begun_with.as_ref().and_then(|id| self.known.find(id));
        let is_newer = begun_with.is_some_and(|entry| entry.listed != NONE && !entry.has(STORED));
        if !is_newer || self.ahead_by & CONFIRMED != 0 {
            return;
        }
        self.begun_with = None;
        self.ahead_by = 0;
        for entry in &mut self.known.entries {
            if entry.listed == NONE && entry.has(STORED) {
                entry.marks &= !(STORED | AHEAD);
                entry.marks |= LEFT;
            }
        }
        for at in 0..self.known.entries.len() {
            let entry = &self.known.entries[at];
            let asked = entry.asked.as_ref().and_then(|id| self.known.find(id));
            if entry.listed == NONE && asked.is_some_and(|asked| asked.has(LEFT)) {
                self.known.entries[at].marks |= LEFT;
            }
        }
    }

    /// Shows the thread's stored state. `keep` says as what a message stays that the state lacks.
    pub(crate) fn load_state(
        &mut self,
        values: &Json,
        interrupts: Vec<Interrupt>,
        keep: &dyn Fn(&MessageSlot, Past) -> Option<MessageOrigin>,
        odd: &mut Oddities,
    ) {
        match self.read_messages(values, odd) {
            Listed::Messages(messages) => self.load_messages(messages, keep, odd),
            Listed::Nothing => self.load_messages(Vec::new(), keep, odd),
            // What is shown is the best that is known of them.
            Listed::Unreadable => {}
        }
        if is_object(values) || values.is_null() {
            self.set_values(values.clone());
        }
        if self.interrupts != interrupts {
            self.interrupts = interrupts;
            self.revisions.latest += 1;
            self.revisions.interrupts = self.revisions.latest;
        }
    }

    /// Whether the list that is being read has a message that was never known.
    fn lists_something_new(&self) -> bool {
        let mut listed = self.known.entries.iter().filter(|e| e.listed != NONE);
        listed.any(|entry| !entry.has(KNOWN_OTHERWISE))
    }

    fn load_messages(
        &mut self,
        messages: Vec<Message>,
        keep: &dyn Fn(&MessageSlot, Past) -> Option<MessageOrigin>,
        odd: &mut Oddities,
    ) {
        let ids = self.read_list(&messages, true, 0);
        // A state without messages is one that the server has lost.
        self.shows_saved = false;
        self.begun_with = None;
        let goes_on = !ids.is_empty() && (self.ahead_by != 0 || self.lists_something_new());
        let mut kept = self.shown(&mut |slot, entry| {
            if entry.listed != NONE || entry.has(SUPERSEDED) {
                return None;
            }
            // What this client laid over the list goes with the next thing that the server says.
            let laid = slot.origin == MessageOrigin::Optimistic && entry.has(CONFIRMED);
            let told = entry.has(CONFIRMED | PAINTED);
            let asked = entry
                .asked
                .as_ref()
                .and_then(|asked| self.known.find(asked));
            let answers_left = asked.is_some_and(|asked| asked.listed == NONE);
            let past = Past {
                stored: laid || entry.has(STORED | SAVED),
                told,
                left: goes_on && (told || answers_left),
                own: entry.has(STREAMED | SUBMITTED),
            };
            keep(slot, past)
        });
        for slot in &mut kept {
            if slot.origin == MessageOrigin::Partial {
                slot.close(odd);
            }
        }
        for entry in &mut self.known.entries {
            let is_new = !entry.has(KNOWN_OTHERWISE);
            entry.marks &= !(CONFIRMED | STORED | TOLD | SAVED | LEFT);
            if entry.listed != NONE {
                entry.marks |= CONFIRMED | STORED | if is_new { AHEAD } else { 0 };
            }
        }
        self.replace_messages(ids, messages, kept, None);
        self.ahead_by = STORED;
    }

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

    fn read_messages(&self, values: &Json, odd: &mut Oddities) -> Listed {
        if !is_object(values) && !values.is_null() {
            return Listed::Unreadable;
        }
        let key = &self.messages_key;
        match field(values.text(), key) {
            None | Some("null") => Listed::Nothing,
            Some(list) => match read_messages(key, list, odd) {
                Some(messages) => Listed::Messages(messages),
                None => Listed::Unreadable,
            },
        }
    }

    fn set_values(&mut self, values: Json) {
        if self.values != values {
            self.values = values;
            self.revisions.latest += 1;
            self.revisions.values = self.revisions.latest;
        }
    }
}

fn is_object(values: &Json) -> bool {
    values.text().starts_with('{')
}

/// The thread's messages, as values tell of them.
enum Listed {
    Messages(Vec<Message>),
    Nothing,
    /// Something that is no list of messages, or they are no values at all.
    Unreadable,
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
