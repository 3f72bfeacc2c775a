//! Submissions that the server is not known to have. Each is stored before it is sent, sent in its order, and forgotten when its run is
//! known.
//!
//! Each is sent once, because
//!
//! 1. it belongs to one client, which holds a lock for as long as it has something to send: see [`Effect::HoldLock`]. Another client shows
//!    it, and gets it with that lock, when its client is gone. A browser may tell of a part before it hears of its client's lock, so a part
//!    says once the lock is held, and others wait for that. Without locks, a person is asked before another client sends it;
//! 2. one that may have left already, be it before a reload, is looked for among the thread's runs by its name,
//!    `metadata.rejoin_submission`. It is only sent if there is no such run;
//! 3. a client sends one at a time, and the next one when the run of the one before is over.
//!
//! Nothing is sent as a surprise. Old submissions, those that a person has stopped, and those that were to follow an answer that never
//! came wait for a person to say so.
//!
//! This file owns the list; `shown.rs` says what each of it waits for, `sending.rs` sends it, `saving.rs` stores it, as
//! `record.rs` says. Features that a page needs only after a reload, beside other tabs or by hand are a part: `kept.rs`
//! reads back, `changes.rs` changes.

mod changes;
mod kept;
mod record;
mod saving;
mod sending;
mod shown;

pub(super) use kept::{KeptOutbox, OutboxPart};
pub use record::{outbox_key, with_part};
pub use shown::{WaitingState, WaitingSubmission};

use super::{Client, rng::Rng, submission::invalid_input};
use crate::{
    CommandId, Effect, ErrorCode, Millis, Outcome, StreamError, Submission, list::collected,
};
use record::StoredSubmission;
use rejoin_wire::{CheckpointId, Json, message::Message};
use std::sync::Arc;

/// Submissions that may wait, of this client and of others.
const ENTRIES_MAX: usize = 32;

/// Submissions whose end is remembered.
const DONE_MAX: usize = 64;

/// One that waits.
#[derive(Debug)]
pub(super) struct Entry {
    stored: StoredSubmission,
    command: Option<CommandId>,
    messages: Vec<Arc<Message>>,
    /// The checkpoint that the screen goes back to when it leaves, if it may have left before.
    checkpoint: Option<CheckpointId>,
    /// The part of the stored text that it is in, where that is another client's.
    part: Option<String>,
    is_stored: bool,
    /// Whether it is from before this client's time on the thread.
    is_read_back: bool,
}

/// Whether other clients may have taken over what this one has to send, as its page was put aside, where browsers may take its locks away.
/// Nothing is sent in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// The page was not put aside, or it is known.
    None,
    /// Storage is asked.
    Asked,
    /// Storage cannot be read. It is asked again, unless a person sends something before.
    Unreadable,
}

#[derive(Debug)]
pub(super) struct Outbox {
    /// Oldest first.
    entries: Vec<Entry>,
    /// Apart from the client's own, so that what a client draws does not depend on what is stored.
    names: Rng,
    /// The part of the stored text that this client writes, and the name of the lock that it holds meanwhile.
    part: Option<String>,
    /// Whether it holds that lock, as its part says.
    has_lock: bool,
    lacks_locks: bool,
    /// Whether the thread's load waits for what is stored.
    is_awaited: bool,
    /// Whether something is stored that cannot be read before the part has come, which is asked for.
    is_unread: bool,
    doubt: Doubt,
    /// Whether the server does not have the thread, which is an error unless that holds something to be sent on it.
    lacks_thread: bool,
    /// The one that is being sent.
    sending: Option<String>,
    /// Those that nothing is left to do for, newest last: where storage has not let go of one, it is not read back.
    done: Vec<String>,
    /// Whether the thread is being left, with all that waits on it.
    leaving: bool,
    not_stored_told: bool,
    /// The view's revision at which an entry came, went or changed.
    revision: u64,
}

impl Outbox {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            entries: Vec::new(),
            names: Rng::new(!seed),
            part: None,
            has_lock: false,
            lacks_locks: false,
            is_awaited: false,
            is_unread: false,
            doubt: Doubt::None,
            lacks_thread: false,
            sending: None,
            done: Vec::new(),
            leaving: false,
            not_stored_told: false,
            revision: 0,
        }
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.stored.id == id)
    }

    fn is_sending(&self, entry: &Entry) -> bool {
        self.sending.as_deref() == Some(&entry.stored.id)
    }

    /// Whether the thread's load waits for what is stored.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Whether nothing may be sent before it is known what other clients have taken over.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt != Doubt::None
    }

    /// Whether it belongs to another client, which may send it at any time.
    fn is_anothers(&self, entry: &Entry) -> bool {
        entry.part.is_some() && !self.lacks_locks
    }

    /// Nothing is left to do for it: it was sent, taken back or said again.
    fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries.remove(at);
        self.finish(&entry.stored.id);
        entry
    }

    fn finish(&mut self, id: &str) {
        if self.done.len() >= DONE_MAX {
            self.done.remove(0);
        }
        self.done.push(id.to_owned());
    }
}

impl Entry {
    fn of(stored: StoredSubmission, messages: Vec<Arc<Message>>) -> Self {
        Self {
            stored,
            command: None,
            messages,
            checkpoint: None,
            part: None,
            is_stored: false,
            is_read_back: false,
        }
    }

    /// Whether this client sends it, unless it is being sent or held.
    fn is_own(&self) -> bool {
        self.part.is_none()
    }
}

impl Client {
    /// Whether what waits is kept: over a reload, and for a person where it cannot be sent.
    fn keeps_outbox(&self) -> bool {
        self.config.outbox.enabled && !self.is_stream_only()
    }

    /// Whether something waits on the thread, so that it is no thread that is missing.
    pub(super) fn has_waiting(&self) -> bool {
        self.outbox.is_unread || !self.outbox.entries.is_empty()
    }

    /// The server does not have the thread: nothing of what waits was sent yet, so it is a new one.
    pub(super) fn waits_on_new_thread(&mut self) {
        self.outbox.lacks_thread = self.outbox.is_unread;
        self.has_ended = true;
        self.store.touch();
    }

    /// Whether the submission of this name waits here.
    pub(super) fn is_waiting(&self, mark: Option<&str>) -> bool {
        mark.is_some_and(|mark| self.outbox.place(mark).is_some())
    }

    /// A submission has to wait for its turn.
    pub(super) fn enqueue(
        &mut self,
        command: CommandId,
        mut submission: Box<Submission>,
    ) -> Result<(), StreamError> {
        let messages = self.name_messages(&mut submission)?;
        let id = self.outbox.names.uuid();
        let body = self.body_to_store(&submission, &id)?;
        self.check_room()?;
        let questions = self.questions_of(&submission);
        let stored = StoredSubmission {
            body,
            questions,
            ..StoredSubmission::new(id, submission, self.submitted_now())
        };
        self.outbox.entries.push(Entry {
            command: Some(command),
            ..Entry::of(stored, messages)
        });
        self.save_outbox();
        Ok(())
    }

    /// Gives the submission's messages their ids.
    fn name_messages(
        &mut self,
        submission: &mut Submission,
    ) -> Result<Vec<Arc<Message>>, StreamError> {
        let Some(input) = submission.input.as_ref().filter(|input| !input.is_null()) else {
            return Ok(Vec::new());
        };
        let (input, messages) = self.named_input(input).map_err(invalid_input)?;
        submission.input = Some(input);
        Ok(collected(messages.into_iter().map(Arc::new)))
    }

    /// The body to post, as far as it is known before its turn. `None` if it is not stored anyway, as it is too large.
    fn body_to_store(
        &self,
        submission: &Submission,
        id: &str,
    ) -> Result<Option<Json>, StreamError> {
        let bytes = submission
            .input
            .as_ref()
            .map_or(0, |input| input.text().len());
        if !self.keeps_outbox() || bytes > self.config.outbox.bytes_max {
            return Ok(None);
        }
        let body = self.body_of(submission, id).map_err(invalid_input)?;
        Ok(Some(body))
    }

    /// The time at which something is submitted now. The order is by it, so a clock that was set back changes nothing.
    fn submitted_now(&self) -> Millis {
        let entries = self.outbox.entries.iter();
        let newest = entries.map(|entry| entry.stored.submitted_at).max();
        self.wall_clock().max(newest.unwrap_or_default())
    }

    /// Nothing that waits makes room for another. Those that were taken back are not seen any more.
    fn has_room(&self) -> bool {
        let waits = |entry: &&Entry| !entry.stored.withdrawn;
        self.outbox.entries.iter().filter(waits).count() < ENTRIES_MAX
    }

    fn check_room(&self) -> Result<(), StreamError> {
        let refused = || StreamError::new(ErrorCode::TooManyWaiting);
        self.has_room().then_some(()).ok_or_else(refused)
    }

    /// Holds the waiting submissions until a person sends them. Their commands end with the outcome.
    pub(super) fn hold_waiting(&mut self, outcome: &Outcome) {
        let (keeps, leaving) = (self.keeps_outbox(), self.outbox.leaving);
        let mut commands = Vec::new();
        let mut changed = false;
        for entry in &mut self.outbox.entries {
            let is_sending = self.outbox.sending.as_deref() == Some(&entry.stored.id);
            if entry.is_own() && !is_sending {
                commands.extend(entry.command.take());
                changed |= !std::mem::replace(&mut entry.stored.held, true);
            }
        }
        if !keeps {
            self.outbox.entries.clear();
        }
        if changed && !leaving {
            self.save_outbox();
        }
        for command in commands {
            self.conclude(command, outcome.clone());
        }
    }

    /// The thread is left, with all that waits on it.
    pub(super) fn leave_outbox(&mut self, leave: impl FnOnce(&mut Self)) {
        self.outbox.leaving = true;
        leave(self);
        self.with_part(
            |parts| &mut parts.outbox,
            |outbox, client| outbox.leave(client),
        );
        let outbox = &mut self.outbox;
        outbox.leaving = false;
        outbox.sending = None;
        outbox.is_awaited = false;
        outbox.is_unread = false;
        outbox.doubt = Doubt::None;
        outbox.lacks_thread = false;
        outbox.entries.clear();
        if let Some(name) = outbox.part.take() {
            self.effects.push(Effect::ReleaseLock { name });
        }
        self.outbox.revision = self.store.touched();
    }
}
