//! The run's values and the thread's state: the list of messages that they hold takes the place of the shown one.

use super::{
    MessageOrigin, MessageSlot, ThreadStore,
    known::{
        AHEAD, CONFIRMED, HEARD, LEFT, NONE, PAINTED, SAVED, STORED, STREAMED, SUBMITTED,
        SUPERSEDED, TOLD, VOID,
    },
};
use rejoin_wire::{
    Json, MessageId,
    event::Values,
    json::{Oddities, field},
    message::{Message, MessageKind, read_messages},
    thread::Interrupt,
};

/// A message with one of these marks was known before the list that is being read.
const KNOWN_OTHERWISE: u16 = CONFIRMED | STORED | STREAMED | SUBMITTED | PAINTED | TOLD | HEARD;

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

impl ThreadStore {
    /// Applies a root `values` event. `lacks_text`: what was streamed may not be all that was said. Whether they hold a question
    /// that was not shown.
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
        let mut tells_question = false;
        if let Listed::Messages(messages) = self.read_messages(&values.data, odd) {
            let ids = self.read_list(&messages, lacks_text, self.ahead_by);
            self.leave_branch();
            let asks = |message: &Message| message.kind == MessageKind::Human;
            let asked = messages.iter().rposition(asks);
            if !asked.is_some_and(|at| self.is_of_before_the_question(&ids[at])) {
                self.asked = asked.map(|at| ids[at].clone());
            }
            // The agent's own messages stand beside answers too.
            let is_question = |at: usize| match messages[at].kind {
                MessageKind::Ai | MessageKind::System | MessageKind::Tool => false,
                MessageKind::Human | MessageKind::Remove | MessageKind::Other(_) => true,
            };
            let is_new = |at: usize| self.known.place(&ids[at]).is_none();
            tells_question = (0..ids.len()).any(|at| is_question(at) && is_new(at));
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
            // Values that tell no question tell answers only.
            let first_answer = self.first_new(&ids).filter(|_| asked.is_none()).cloned();
            self.replace_messages(ids, messages, kept, first_answer);
            if is_ahead {
                return tells_question;
            }
        }
        self.set_values(values.data.clone());
        tells_question
    }

    /// Whether values whose last question is `asked` are of before the run's own question: they lack that, and have shown the other.
    fn is_of_before_the_question(&self, asked: &MessageId) -> bool {
        let is_untold = |slot: &MessageSlot| {
            let entry = self.known.find(&slot.id);
            slot.message.kind == MessageKind::Human
                && slot.origin == MessageOrigin::Optimistic
                && entry.is_some_and(|entry| entry.has(SUBMITTED) && entry.listed == NONE)
        };
        self.known.place(asked).is_some() && self.slots.iter().any(is_untold)
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

    pub(super) fn read_messages(&self, values: &Json, odd: &mut Oddities) -> Listed {
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
}

pub(super) fn is_object(values: &Json) -> bool {
    values.text().starts_with('{')
}

/// The thread's messages, as values tell of them.
pub(super) enum Listed {
    Messages(Vec<Message>),
    Nothing,
    /// Something that is no list of messages, or they are no values at all.
    Unreadable,
}
