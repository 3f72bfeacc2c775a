//! What was submitted and is not known to be with the server. It is stored before it is sent, sent in its order, and forgotten when its
//! run is known.
//!
//! Each submission is sent once, because
//!
//! 1. it belongs to one client, which holds a lock for as long as it has something to send: see [`Effect::HoldLock`]. Another client shows
//!    it, and gets it with that lock, when its client is gone. Where there are no locks, a person is asked before another client sends it;
//! 2. one that may have left already, be it before a reload, is looked for among the thread's runs by its name,
//!    `metadata.rejoin_submission`, and only sent where there is no such run;
//! 3. a client sends one at a time, and the next one when the run of the one before is over.
//!
//! Nothing is sent as a surprise: what is old, what a person has stopped, and what was to follow an answer that never came waits for a
//! person to say so. What changes entries by hand is in `outbox_edits.rs`.

use super::{Client, rng::Rng, run::Fate, run::Run, submission::Prepared};
use crate::{
    CommandId, DeadlineReason, Effect, ErrorCode, MessageOrigin, MessageSlot, Millis, Outcome,
    StreamError, Submission,
    list::{collected, retain},
    outbox_record::{StoredSubmission, outbox_key, read},
    phase::Phase,
};
use rejoin_wire::{
    Json,
    json::{ToJson, Writer},
    message::Message,
};
use std::sync::Arc;

/// Submissions that may wait, of this client and of others.
const ENTRIES_MAX: usize = 32;

/// Submissions whose end is remembered.
const DONE_MAX: usize = 64;

/// How often what other clients have stored is read again while some of it is shown.
const READ_EVERY: Millis = Millis(2_000);

/// A submission that the server is not known to have.
#[derive(Debug, Clone, Copy)]
pub struct WaitingSubmission<'a> {
    /// Names it for as long as it waits; the run's `metadata.rejoin_submission` later.
    pub id: &'a str,
    /// The messages that it brings, with the ids that they will be shown under.
    pub messages: &'a [Arc<Message>],
    /// Its input, unread.
    pub input: Option<&'a Json>,
    /// What it waits for.
    pub state: WaitingState,
    /// Whether its messages are in [`crate::View::messages`] already.
    pub is_shown: bool,
    /// Whether it outlives a reload. Not where it is too large, or where [`crate::OutboxPolicy::enabled`] is off.
    pub is_stored: bool,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted_at: Millis,
}

/// What a submission waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingState {
    /// The run before it, or the thread's load.
    Queued,
    /// The server, which cannot be reached: it is tried again.
    Unreachable,
    /// Another tab, which sends it.
    OtherTab,
    /// A person, who says whether it is to be sent.
    Held,
}

impl WaitingState {
    /// The state's stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Unreachable => "unreachable",
            Self::OtherTab => "other_tab",
            Self::Held => "held",
        }
    }
}

/// One that waits.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) stored: StoredSubmission,
    pub(super) command: Option<CommandId>,
    pub(super) messages: Vec<Arc<Message>>,
    /// The part of the stored text that it is in, where that is another client's.
    pub(super) part: Option<String>,
    pub(super) is_stored: bool,
    /// Whether it is from before this client's time on the thread.
    is_read_back: bool,
}

/// What the thread holds of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    /// Its words under another name: they may be its, or said twice.
    Alike,
    Itself,
}

#[derive(Debug)]
pub(super) struct Outbox {
    /// Oldest first.
    pub(super) entries: Vec<Entry>,
    /// Apart from the client's own, so that what a client draws does not depend on what is stored.
    names: Rng,
    /// The part of the stored text that this client writes, and the name of the lock that it holds meanwhile.
    part: Option<String>,
    /// Parts of other clients whose locks are asked for.
    asked: Vec<String>,
    /// Parts whose clients are gone.
    inherited: Vec<String>,
    lacks_locks: bool,
    /// When the stored text was read, or asked for.
    read_at: Option<Millis>,
    /// Whether the thread's load waits for it.
    is_awaited: bool,
    /// Whether the page was put aside, where browsers may take its locks away.
    is_doubtful: bool,
    /// The one that is being sent.
    sending: Option<String>,
    /// Those that nothing is left to do for, newest last: where storage has not let go of one, it is not read back.
    done: Vec<String>,
    /// Whether the thread is being left, with all that waits on it.
    leaving: bool,
    too_large_told: bool,
    /// The view's revision at which an entry came, went or changed.
    pub(super) revision: u64,
}

impl Outbox {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            entries: Vec::new(),
            names: Rng::new(!seed),
            part: None,
            asked: Vec::new(),
            inherited: Vec::new(),
            lacks_locks: false,
            read_at: None,
            is_awaited: false,
            is_doubtful: false,
            sending: None,
            done: Vec::new(),
            leaving: false,
            too_large_told: false,
            revision: 0,
        }
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.stored.id == id)
    }

    pub(super) fn is_sending(&self, entry: &Entry) -> bool {
        self.sending.as_deref() == Some(&entry.stored.id)
    }

    /// Whether the thread's load waits for what is stored.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Whether it belongs to another client, which may send it at any time.
    pub(super) fn is_anothers(&self, entry: &Entry) -> bool {
        entry.part.is_some() && !self.lacks_locks
    }

    /// Nothing is left to do for it: it was sent, taken back or said again.
    pub(super) fn remove(&mut self, at: usize) -> Entry {
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

    /// Puts one among the others by its age.
    fn insert(&mut self, entry: Entry) {
        let at = entry.stored.submitted_at;
        let mut entries = self.entries.iter();
        let newer = entries.position(|other| other.stored.submitted_at > at);
        let place = newer.unwrap_or(self.entries.len());
        self.entries.insert(place, entry);
    }
}

impl Entry {
    fn of(stored: StoredSubmission, messages: Vec<Arc<Message>>) -> Self {
        Self {
            stored,
            command: None,
            messages,
            part: None,
            is_stored: false,
            is_read_back: false,
        }
    }
}

impl Client {
    /// What waits, oldest first.
    pub(crate) fn waiting(&self) -> Vec<WaitingSubmission<'_>> {
        let mut waiting = Vec::new();
        for entry in &self.outbox.entries {
            let Some(state) = self.waiting_state(entry) else {
                continue;
            };
            waiting.push(WaitingSubmission {
                id: &entry.stored.id,
                messages: &entry.messages,
                input: entry.stored.submission.input.as_ref(),
                state,
                is_shown: self.shows_all(entry),
                is_stored: entry.is_stored,
                submitted_at: entry.stored.submitted_at,
            });
        }
        waiting
    }

    pub(crate) fn waiting_revision(&self) -> u64 {
        self.outbox.revision
    }

    fn shows_all(&self, entry: &Entry) -> bool {
        let mut ids = entry.messages.iter().map(|message| message.id.as_ref());
        !entry.messages.is_empty() && ids.all(|id| id.is_some_and(|id| self.store.shows(id)))
    }

    /// `None` for one that is on its way for the first time, or was taken back.
    fn waiting_state(&self, entry: &Entry) -> Option<WaitingState> {
        let is_away = self.is_unsent();
        if entry.stored.withdrawn {
            return None;
        }
        if self.outbox.is_sending(entry) {
            // One that may have arrived is not shown before that is known.
            let is_looked_for = !entry.messages.is_empty() && !self.shows_all(entry);
            return match (is_away, is_looked_for) {
                (true, _) => Some(WaitingState::Unreachable),
                (false, true) => Some(WaitingState::Queued),
                (false, false) => None,
            };
        }
        Some(if self.outbox.is_anothers(entry) {
            WaitingState::OtherTab
        } else if entry.part.is_some() || entry.stored.held || self.is_old(entry) {
            WaitingState::Held
        } else if is_away {
            WaitingState::Unreachable
        } else {
            WaitingState::Queued
        })
    }

    /// Whether nothing that was submitted is known to have reached the server, and it is tried again.
    pub(crate) fn is_unsent(&self) -> bool {
        if self.load.is_loading() {
            return !self.outbox.entries.is_empty() && self.load.is_away(self.online);
        }
        let unsent = |run: &Run| {
            let posting = run.submission.as_ref().filter(|_| run.id.is_none());
            let waits = posting.is_some_and(|p| p.body.is_some() && p.fate != Fate::Received);
            waits && !run.is_whole()
        };
        self.is_active() && self.run.as_deref().is_some_and(unsent)
    }

    fn is_old(&self, entry: &Entry) -> bool {
        let age = self.wall_clock() - entry.stored.submitted_at;
        !entry.stored.confirmed && age > self.config.outbox.ask_after
    }

    /// Whether what waits is kept: over a reload, and for a person where it cannot be sent.
    pub(super) fn keeps_outbox(&self) -> bool {
        self.config.outbox.enabled && !self.is_stream_only()
    }

    /// A submission has to wait for its turn.
    pub(super) fn enqueue(
        &mut self,
        command: CommandId,
        mut submission: Box<Submission>,
    ) -> Result<(), StreamError> {
        let messages = self.name_messages(&mut submission)?;
        let stored = StoredSubmission {
            id: self.outbox.names.uuid(),
            submission,
            submitted_at: self.wall_clock(),
            posts: 0,
            posted_at: None,
            held: false,
            confirmed: false,
            withdrawn: false,
        };
        self.make_room()?;
        self.outbox.entries.push(Entry {
            command: Some(command),
            ..Entry::of(stored, messages)
        });
        self.save_outbox();
        Ok(())
    }

    /// Gives the submission's messages their ids.
    pub(super) fn name_messages(
        &mut self,
        submission: &mut Submission,
    ) -> Result<Vec<Arc<Message>>, StreamError> {
        let Some(input) = submission.input.as_ref().filter(|input| !input.is_null()) else {
            return Ok(Vec::new());
        };
        let (input, messages) = self.named_input(input).map_err(|error| {
            StreamError::new(ErrorCode::InvalidInput).with_detail(error.words())
        })?;
        submission.input = Some(input);
        Ok(collected(messages.into_iter().map(Arc::new)))
    }

    /// What nobody has asked for goes first.
    fn make_room(&mut self) -> Result<(), StreamError> {
        if self.outbox.entries.len() < ENTRIES_MAX {
            return Ok(());
        }
        let outbox = &mut self.outbox;
        let held = |entry: &Entry| entry.stored.held && entry.part.is_none();
        match outbox.entries.iter().position(held) {
            Some(at) => {
                outbox.remove(at);
                Ok(())
            }
            None => Err(StreamError::new(ErrorCode::TooManyRequests)
                .with_detail("too many submissions wait")),
        }
    }

    /// A run is about to be sent: it is kept until the server is known to have it. How often it was posted before.
    pub(super) fn keep_until_sent(&mut self, run: &Prepared) -> u32 {
        let id = &run.submission_id;
        // What goes on from an earlier point of the thread, an edit, belongs to the screen that it was made on.
        let goes_back = run.checkpoint.is_some() || run.kept.is_some();
        if goes_back || !self.keeps_outbox() {
            if let Some(at) = self.outbox.place(id) {
                self.outbox.remove(at);
                self.outbox.revision = self.store.touched();
            }
            return 0;
        }
        let messages = collected(run.shown.iter().map(|message| Arc::new(message.clone())));
        // What was held and is said again now is not to be sent by itself as well.
        let said = |message: &Arc<Message>| {
            message.id.is_some() && messages.iter().any(|other| other.id == message.id)
        };
        let is_said = |entry: &Entry| {
            let is_other = entry.part.is_none() && entry.stored.id != *id;
            is_other && entry.stored.held && entry.messages.iter().any(said)
        };
        while let Some(at) = self.outbox.entries.iter().position(is_said) {
            self.outbox.remove(at);
        }
        let place = self.outbox.place(id);
        let before = place.map(|at| self.outbox.entries.remove(at));
        let posts = before.as_ref().map_or(0, |entry| entry.stored.posts);
        let posted_at = before.as_ref().and_then(|entry| entry.stored.posted_at);
        let is_read_back = before.as_ref().is_some_and(|entry| entry.is_read_back);
        let (submitted_at, confirmed) = match &before {
            Some(entry) => (entry.stored.submitted_at, entry.stored.confirmed),
            None => (self.wall_clock(), false),
        };
        let stored = StoredSubmission {
            id: id.clone(),
            submission: run.submission.clone(),
            submitted_at,
            posts,
            posted_at,
            held: false,
            confirmed,
            withdrawn: false,
        };
        // One that is sent is never refused for want of room.
        drop(self.make_room());
        let place = place.unwrap_or(self.outbox.entries.len());
        let place = place.min(self.outbox.entries.len());
        let entry = Entry {
            is_read_back,
            ..Entry::of(stored, messages)
        };
        self.outbox.entries.insert(place, entry);
        self.outbox.sending = Some(id.clone());
        self.outbox.revision = self.store.touched();
        // It is stored when it is posted, which is next, or was before.
        u32::try_from(posts).unwrap_or(u32::MAX)
    }

    /// It is about to leave. Only now it is shown as what is submitted is: one that had arrived before may be shown as the server's already,
    /// under another id.
    pub(super) fn post_leaves(&mut self, mark: &str, posts: u32) {
        let Some(at) = self.outbox.place(mark) else {
            return;
        };
        let posted_at = self.wall_clock();
        let entry = &mut self.outbox.entries[at];
        entry.stored.posts = posts.into();
        entry.stored.posted_at = Some(posted_at);
        let messages = collected(entry.messages.iter().map(|message| Message::clone(message)));
        self.show_submitted(messages);
        self.save_outbox();
    }

    /// The post has failed, so it is on its way no more.
    pub(super) fn post_failed(&mut self, run: &Run) {
        let mark = run.submission.as_ref().map(|posting| &posting.mark);
        let Some(at) = mark.and_then(|mark| self.outbox.place(mark)) else {
            return;
        };
        if self.outbox.entries[at].stored.posted_at.take().is_some() {
            self.save_outbox();
        }
    }

    /// Until when it may still arrive, although the server does not list it: a page that was left does not tell what became of its
    /// requests.
    pub(super) fn may_arrive_until(&self, mark: &str) -> Option<Millis> {
        let at = self.outbox.place(mark)?;
        let posted_at = self.outbox.entries[at].stored.posted_at?;
        let left = self.config.timeouts.headers - (self.wall_clock() - posted_at);
        (left.0 > 0).then_some(self.now + left)
    }

    /// What the thread holds of one that was read back and that the server does not list. Servers forget runs, so that one may have
    /// arrived all the same.
    pub(super) fn held_of(&self, mark: &str) -> Held {
        let place = self.outbox.place(mark);
        let entry = place.map(|at| &self.outbox.entries[at]);
        let Some(entry) = entry.filter(|entry| entry.is_read_back) else {
            return Held::Nothing;
        };
        let slots = self.store.slots().iter();
        let mut known = slots.filter(|slot| slot.origin == MessageOrigin::Server);
        let is_own = |slot: &MessageSlot| {
            let mut messages = entry.messages.iter();
            messages.any(|message| message.id.as_ref() == Some(slot.id()))
        };
        let is_alike = |slot: &MessageSlot| {
            let mut messages = entry.messages.iter();
            messages.any(|message| {
                message.kind == slot.message.kind && message.content == slot.message.content
            })
        };
        if known.clone().any(is_own) {
            Held::Itself
        } else if entry.stored.confirmed {
            Held::Nothing
        } else if known.any(is_alike) {
            Held::Alike
        } else {
            Held::Nothing
        }
    }

    /// Whether it was read back and answers an interrupt, and none is open: it may have done so already.
    fn has_lost_its_question(&self, entry: &Entry) -> bool {
        let command = entry.stored.submission.command.as_ref();
        let answers = command.is_some_and(|command| command.resume.is_some());
        let is_open = !answers || !self.store.interrupts().is_empty();
        entry.is_read_back && !is_open && !entry.stored.confirmed
    }

    /// It may have arrived, so it is not sent before a person says so.
    pub(super) fn hold_sending(&mut self, mark: &str) {
        if let Some(at) = self.outbox.place(mark) {
            self.outbox.sending = None;
            self.outbox.entries[at].stored.held = true;
            self.save_outbox();
        }
    }

    /// The run is asked for again: what it was submitted with is on its way once more.
    pub(super) fn sends_again(&mut self, run: &Run) {
        let mark = run.submission.as_ref().map(|posting| &posting.mark);
        if let Some(mark) = mark.filter(|mark| self.outbox.place(mark).is_some()) {
            self.outbox.sending = Some(mark.clone());
        }
    }

    /// Whether the submission has become so old that a person is asked before it is sent.
    pub(super) fn asks_before_sending(&self, run: &Run) -> bool {
        let mark = run.submission.as_ref().map(|posting| &posting.mark);
        let place = mark.and_then(|mark| self.outbox.place(mark));
        place.is_some_and(|at| self.is_old(&self.outbox.entries[at]))
    }

    /// The server has it.
    pub(super) fn sent(&mut self, mark: &str) {
        if self.outbox.sending.as_deref() == Some(mark) {
            self.outbox.sending = None;
        }
        if let Some(at) = self.outbox.place(mark) {
            self.outbox.remove(at);
            self.save_outbox();
        }
    }

    /// Its run is over for this client. What the server may not have stays, and is sent when a person says so.
    pub(super) fn sending_ended(&mut self, run: &Run, outcome: &Outcome) {
        let Some(posting) = run.submission.as_ref().filter(|_| !self.outbox.leaving) else {
            return;
        };
        let has_failed = matches!(
            outcome,
            Outcome::Failed(_) | Outcome::Denied(_) | Outcome::TimedOut | Outcome::Disconnected
        );
        let is_stopped = *outcome == Outcome::Disconnected;
        // What was taken back is looked for once in this page, unless a person interrupts that.
        let is_lost =
            has_failed && posting.fate != Fate::Received && (!posting.withdrawn || is_stopped);
        let place = self.outbox.place(&posting.mark);
        let is_held = place.is_some_and(|at| self.outbox.entries[at].stored.held);
        if is_lost {
            self.hold_sending(&posting.mark);
        } else if !is_held {
            self.sent(&posting.mark);
        }
    }

    /// What waits for its turn is not sent by itself any more. Whoever waits for it is told.
    pub(super) fn hold_waiting(&mut self, outcome: &Outcome) {
        let (keeps, leaving) = (self.keeps_outbox(), self.outbox.leaving);
        let mut commands = Vec::new();
        let mut changed = false;
        for entry in &mut self.outbox.entries {
            let is_sending = self.outbox.sending.as_deref() == Some(&entry.stored.id);
            if entry.part.is_none() && !is_sending {
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

    /// Sends what has waited longest, of what may be sent by itself.
    pub(super) fn begin_queued(&mut self) {
        while !self.is_active() && !self.load.is_loading() {
            let mut entries = self.outbox.entries.iter();
            let may_be_sent = |entry: &Entry| {
                let waits = !entry.stored.held && !self.is_old(entry);
                entry.part.is_none() && (waits || entry.stored.withdrawn)
            };
            let Some(at) = entries.position(may_be_sent) else {
                return;
            };
            self.send_entry(at);
        }
    }

    /// The same, of what was sent when the page was left: it may be the run that is active.
    pub(super) fn begin_posted(&mut self) -> bool {
        let mut entries = self.outbox.entries.iter();
        let first = entries.find(|entry| entry.part.is_none() && !entry.stored.held);
        if first.is_some_and(|entry| entry.stored.posts > 0) {
            self.begin_queued();
        }
        self.is_active()
    }

    fn send_entry(&mut self, at: usize) {
        if self.has_lost_its_question(&self.outbox.entries[at]) {
            self.outbox.entries[at].stored.held = true;
            return self.save_outbox();
        }
        let entry = &mut self.outbox.entries[at];
        let commands = collected(entry.command.take().into_iter());
        let stored = &entry.stored;
        let (id, submission) = (stored.id.clone(), stored.submission.clone());
        if stored.withdrawn {
            self.set_error(None);
            self.store.begin_run();
            self.run = Some(Run::withdrawn(id));
            return self.with_run(|client, run| client.open_stream(run));
        }
        let shown = self.store.slots().len();
        match self.prepare_as(id, submission, shown, &[]) {
            Ok(run) => self.begin_prepared(commands, run),
            Err(error) => {
                if self.keeps_outbox() {
                    self.outbox.entries[at].stored.held = true;
                } else {
                    self.outbox.remove(at);
                }
                self.save_outbox();
                self.cannot_begin(commands, error);
            }
        }
    }

    /// It is not sent, and there is no run to go back to.
    pub(super) fn abandon(&mut self, run: &mut Run) {
        self.close_link("not sent");
        self.abort_phase_request();
        self.store.drop_optimistic();
        self.remove_own_record(run);
        run.left = super::run::Left::Nothing;
        self.outbox.sending = None;
        let waiters = std::mem::take(&mut run.waiters);
        self.set_phase(Phase::Idle);
        self.outbox.revision = self.store.touched();
        for waiter in waiters {
            self.conclude(waiter.command, Outcome::Dropped);
        }
        self.has_ended = true;
    }

    /// The thread is left, with all that waits on it.
    pub(super) fn leave_outbox(&mut self, leave: impl FnOnce(&mut Self)) {
        self.outbox.leaving = true;
        leave(self);
        let outbox = &mut self.outbox;
        outbox.leaving = false;
        outbox.sending = None;
        outbox.is_awaited = false;
        outbox.is_doubtful = false;
        outbox.read_at = None;
        outbox.entries.clear();
        let own = outbox.part.take().into_iter();
        let asked = std::mem::take(&mut outbox.asked).into_iter();
        let inherited = std::mem::take(&mut outbox.inherited).into_iter();
        for name in own.chain(asked).chain(inherited) {
            self.effects.push(Effect::ReleaseLock { name });
        }
        self.outbox.revision = self.store.touched();
    }

    /// Stores what this client has to send.
    pub(super) fn save_outbox(&mut self) {
        self.outbox.revision = self.store.touched();
        let Some(thread_id) = self.thread_id.as_ref().filter(|_| self.keeps_outbox()) else {
            return;
        };
        let key = outbox_key(&self.config, thread_id);
        let (text, left_out) = self.own_part();
        if left_out && !std::mem::replace(&mut self.outbox.too_large_told, true) {
            self.warn_code(ErrorCode::SubmissionNotStored);
        }
        if text == "[]" {
            if let Some(name) = self.outbox.part.take() {
                let part = name.clone();
                let text = None;
                self.effects.push(Effect::SavePart { key, part, text });
                self.effects.push(Effect::ReleaseLock { name });
            }
            return;
        }
        let part = match &self.outbox.part {
            Some(part) => part.clone(),
            None => {
                // Another name each time: whoever waited for the last lock must not get this one.
                let name = self.outbox.names.uuid();
                self.outbox.part = Some(name.clone());
                self.hold_lock(name.clone());
                name
            }
        };
        let text = Some(text);
        self.effects.push(Effect::SavePart { key, part, text });
    }

    /// This client's entries as they are stored, and whether one was left out as it is too large.
    fn own_part(&mut self) -> (String, bool) {
        let mut text = String::new();
        let mut left_out = false;
        let bytes_max = self.config.outbox.bytes_max;
        let mut used = 0;
        let mut list = Writer::list(&mut text);
        for entry in &mut self.outbox.entries {
            if entry.part.is_some() {
                continue;
            }
            let json = entry.stored.to_json();
            entry.is_stored = used + json.len() <= bytes_max;
            if entry.is_stored {
                used += json.len();
                list.item().push_str(&json);
            }
            left_out |= !entry.is_stored;
        }
        list.end();
        (text, left_out)
    }

    fn hold_lock(&mut self, name: String) {
        if !self.outbox.lacks_locks {
            self.effects.push(Effect::HoldLock { name });
        }
    }

    /// A thread is entered: what was not sent on it is read.
    pub(super) fn load_outbox(&mut self) {
        self.outbox.is_awaited = self.keeps_outbox();
        self.read_outbox();
    }

    fn read_outbox(&mut self) {
        if let Some(thread_id) = self.thread_id.as_ref().filter(|_| self.keeps_outbox()) {
            let key = outbox_key(&self.config, thread_id);
            self.outbox.read_at = Some(self.now);
            self.effects.push(Effect::LoadRecord { key });
        }
    }

    pub(super) fn is_outbox(&self, key: &str) -> bool {
        let thread_id = self.thread_id.as_ref().filter(|_| self.keeps_outbox());
        thread_id.is_some_and(|thread_id| outbox_key(&self.config, thread_id) == key)
    }

    /// What is stored for the thread: this client knows its own part better.
    pub(super) fn outbox_loaded(&mut self, key: String, text: Option<&str>) {
        let parts = read(text.unwrap_or("{}"), self.wall_clock());
        let parts = parts.unwrap_or_else(|_| {
            self.warn_code(ErrorCode::RecordCorrupt);
            let key = key.clone();
            self.effects.push(Effect::RemoveRecord { key });
            Vec::new()
        });
        let former = self.outbox.part.clone();
        if std::mem::take(&mut self.outbox.is_doubtful) {
            self.keep_what_nobody_else_has(&key, &parts);
        }
        let before = self.of_others();
        retain(&mut self.outbox.entries, |entry| entry.part.is_none());
        let inherited = std::mem::take(&mut self.outbox.inherited);
        let mut has_more = false;
        for (name, list) in parts {
            if self.outbox.part.as_ref() == Some(&name) || former.as_ref() == Some(&name) {
                continue;
            }
            let is_own = inherited.contains(&name);
            for stored in list {
                if self.outbox.place(&stored.id).is_some()
                    || self.outbox.done.contains(&stored.id)
                    || self.outbox.entries.len() >= ENTRIES_MAX
                {
                    continue;
                }
                has_more |= is_own;
                self.take_in(stored, Some(name.clone()).filter(|_| !is_own));
            }
            if !is_own && !self.outbox.asked.contains(&name) {
                self.outbox.asked.push(name.clone());
                self.hold_lock(name);
            }
        }
        if has_more {
            self.save_outbox();
        }
        if before != self.of_others() {
            self.outbox.revision = self.store.touched();
        }
        for name in inherited {
            let (key, part) = (key.clone(), name.clone());
            let text = None;
            self.effects.push(Effect::SavePart { key, part, text });
            self.effects.push(Effect::ReleaseLock { name });
        }
        if std::mem::take(&mut self.outbox.is_awaited) {
            self.finish_load_if_complete();
        } else if !self.load.has_failed() {
            self.begin_queued();
        }
    }

    /// The page was put aside, and another client may have taken over what was this one's: that is left to it. What nobody else has is looked
    /// for before it is sent, and goes on under another lock, as the one before may be gone.
    fn keep_what_nobody_else_has(&mut self, key: &str, parts: &[(String, Vec<StoredSubmission>)]) {
        let Some(name) = self.outbox.part.take() else {
            return;
        };
        let others = parts.iter().filter(|(part, _)| *part != name);
        let taken = collected(others.flat_map(|(_, list)| list.iter().map(|stored| &stored.id)));
        let mut commands = Vec::new();
        for mut entry in std::mem::take(&mut self.outbox.entries) {
            let is_own = entry.part.is_none() && !self.outbox.is_sending(&entry);
            if is_own && taken.contains(&&entry.stored.id) {
                commands.extend(entry.command);
                continue;
            }
            if is_own {
                entry.stored.posts = entry.stored.posts.max(1);
            }
            self.outbox.entries.push(entry);
        }
        self.save_outbox();
        let (key, part) = (key.to_owned(), name.clone());
        let text = None;
        self.effects.push(Effect::SavePart { key, part, text });
        self.effects.push(Effect::ReleaseLock { name });
        for command in commands {
            self.conclude(command, Outcome::Disconnected);
        }
    }

    /// The page is back from where it was put aside.
    pub(super) fn outbox_thawed(&mut self) {
        if self.outbox.part.is_some() {
            self.outbox.is_doubtful = true;
            self.read_outbox();
        }
    }

    /// The names of what other clients have to send.
    fn of_others(&self) -> Vec<String> {
        let entries = self.outbox.entries.iter();
        let others = entries.filter(|entry| entry.part.is_some());
        collected(others.map(|entry| entry.stored.id.clone()))
    }

    fn take_in(&mut self, mut stored: StoredSubmission, part: Option<String>) {
        // What is stored is not trusted: where its messages cannot be read, it brings none that could be shown.
        let messages = self.name_messages(&mut stored.submission);
        // Storage may have failed when it was posted, and clocks are set.
        stored.posts = stored.posts.max(1);
        stored.posted_at = stored.posted_at.map(|at| at.min(self.wall_clock()));
        self.outbox.insert(Entry {
            part,
            is_stored: true,
            is_read_back: true,
            ..Entry::of(stored, messages.unwrap_or_default())
        });
    }

    /// A lock that was asked for is held now.
    pub(super) fn lock_held(&mut self, name: String) {
        if self.outbox.part.as_ref() == Some(&name) {
            return;
        }
        if self.outbox.asked.contains(&name) {
            retain(&mut self.outbox.asked, |asked| *asked != name);
            self.outbox.inherited.push(name);
            self.read_outbox();
        } else {
            self.effects.push(Effect::ReleaseLock { name });
        }
    }

    /// This page has no locks, so nothing tells whether another client is still there.
    pub(super) fn locks_missing(&mut self) {
        self.outbox.lacks_locks = true;
        self.outbox.revision = self.store.touched();
    }

    /// When what other clients have stored is read again.
    pub(super) fn outbox_due(&self) -> Option<(Millis, DeadlineReason)> {
        let mut entries = self.outbox.entries.iter();
        let shows_others = self.visible && entries.any(|entry| entry.part.is_some());
        let read_at = self.outbox.read_at.filter(|_| shows_others)?;
        Some((read_at + READ_EVERY, DeadlineReason::Record))
    }

    pub(super) fn outbox_deadline(&mut self) {
        if self.outbox_due().is_some_and(|(at, _)| at <= self.now) {
            self.read_outbox();
        }
    }

    /// Whether something waits on the thread, so that it is no thread that is missing.
    pub(super) fn has_waiting(&self) -> bool {
        !self.outbox.entries.is_empty()
    }

    /// Whether the submission of this name waits here.
    pub(super) fn is_waiting(&self, mark: Option<&str>) -> bool {
        mark.is_some_and(|mark| self.outbox.place(mark).is_some())
    }
}
