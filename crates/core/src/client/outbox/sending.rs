//! Sends waiting submissions in their order, and follows what becomes of each: the server has it, or a person is asked.

use super::{Entry, record::StoredSubmission};
use crate::{
    Client, Outcome,
    client::{
        commands::Last,
        phase::Phase,
        run::{Fate, Left, Run},
        submission::Prepared,
    },
    list::collected,
};
use rejoin_wire::message::Message;
use std::sync::Arc;

impl Client {
    /// A run is about to be sent: it is kept until the server is known to have it. How often it was posted before.
    pub(in crate::client) fn keep_until_sent(&mut self, run: &Prepared) -> u32 {
        let id = &run.submission_id;
        self.outbox.lacks_thread = false;
        if !self.keeps_outbox() {
            if let Some(at) = self.outbox.place(id) {
                self.outbox.remove(at);
                self.outbox.revision = self.store.touched();
            }
            return 0;
        }
        let messages = collected(run.shown.iter().map(|message| Arc::new(message.clone())));
        self.forget_what_is_said_again(id, &messages);
        let place = self.outbox.place(id);
        if place.is_none() && !self.has_room() {
            // It is sent all the same, and not kept.
            self.tell_not_stored();
            return 0;
        }
        let mut entry = match place.map(|at| self.outbox.entries.remove(at)) {
            Some(mut entry) => {
                entry.stored.submission = run.submission.clone();
                entry.stored.body = Some(run.body.clone());
                entry.stored.held = false;
                Entry { messages, ..entry }
            }
            None => {
                let submitted_at = self.submitted_now();
                let stored = StoredSubmission {
                    body: Some(run.body.clone()),
                    questions: run.questions,
                    ..StoredSubmission::new(id.clone(), run.submission.clone(), submitted_at)
                };
                Entry::of(stored, messages)
            }
        };
        let posts = entry.stored.posts;
        entry.checkpoint = run.checkpoint.clone().filter(|_| posts > 0);
        let place = place.unwrap_or(self.outbox.entries.len());
        self.outbox.entries.insert(place, entry);
        self.outbox.sending = Some(id.clone());
        self.outbox.revision = self.store.touched();
        // It is stored when it is posted, which is next, or was before.
        u32::try_from(posts).unwrap_or(u32::MAX)
    }

    /// Whether a submission may have arrived: in an earlier page, or before it was held.
    pub(in crate::client) fn was_posted(&self, id: &str) -> bool {
        let place = self.outbox.place(id);
        place.is_some_and(|at| self.outbox.entries[at].stored.posts > 0)
    }

    /// A submission that was held and is said again now is not to be sent by itself as well.
    fn forget_what_is_said_again(&mut self, id: &str, messages: &[Arc<Message>]) {
        let is_again = |message: &Arc<Message>| {
            message.id.is_some() && messages.iter().any(|other| other.id == message.id)
        };
        let is_said = |entry: &Entry| {
            let is_other = entry.is_own() && entry.stored.id != id;
            is_other && entry.stored.held && entry.messages.iter().any(is_again)
        };
        while let Some(at) = self.outbox.entries.iter().position(is_said) {
            self.outbox.remove(at);
        }
    }

    /// It is about to leave.
    pub(in crate::client) fn post_leaves(&mut self, mark: &str, posts: u32) {
        let Some(at) = self.outbox.place(mark) else {
            return;
        };
        let posted_at = self.wall_clock();
        let entry = &mut self.outbox.entries[at];
        entry.stored.posts = posts.into();
        entry.stored.posted_at = Some(posted_at);
        if posts > 1 {
            self.with_part(
                |parts| &mut parts.outbox,
                |outbox, client| outbox.leaves_again(client, at),
            );
        }
        self.save_outbox();
    }

    /// The post has failed, so it is on its way no more.
    pub(in crate::client) fn post_failed(&mut self, run: &Run) {
        let Some(at) = self.place_of(run) else {
            return;
        };
        if self.outbox.entries[at].stored.posted_at.take().is_some() {
            self.save_outbox();
        }
    }

    /// The place of what a run was submitted with.
    fn place_of(&self, run: &Run) -> Option<usize> {
        self.outbox.place(&run.submission.as_ref()?.mark)
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
    pub(in crate::client) fn sends_again(&mut self, run: &Run) {
        if let Some(at) = self.place_of(run) {
            self.outbox.sending = Some(self.outbox.entries[at].stored.id.clone());
        }
    }

    /// Whether the submission has become so old that a person is asked before it is sent.
    pub(in crate::client) fn asks_before_sending(&self, run: &Run) -> bool {
        self.place_of(run)
            .is_some_and(|at| self.is_old(&self.outbox.entries[at]))
    }

    /// The server has it.
    pub(in crate::client) fn sent(&mut self, mark: &str) {
        self.thread_is_new = false;
        if self.outbox.sending.as_deref() == Some(mark) {
            self.outbox.sending = None;
        }
        if let Some(at) = self.outbox.place(mark) {
            self.outbox.remove(at);
            self.save_outbox();
        } else if self.outbox.is_unread {
            // It may be among what is stored.
            self.outbox.finish(mark);
        }
    }

    /// Its run is over for this client. A submission that the server may not have stays, and is sent when a person says
    /// so.
    pub(in crate::client) fn sending_ended(&mut self, run: &Run, outcome: &Outcome) {
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
        // The server has nothing of that name, so it is still to be sent.
        let is_unsent = *outcome == Outcome::NothingToJoin;
        if is_lost {
            self.hold_sending(&posting.mark);
        } else if !is_held && !is_unsent {
            self.sent(&posting.mark);
        }
    }

    /// Sends what has waited longest, of what may be sent by itself.
    pub(in crate::client) fn begin_queued(&mut self) {
        while !self.is_active() && !self.load.is_loading() && !self.outbox.is_in_doubt() {
            let mut entries = self.outbox.entries.iter();
            let may_be_sent = |entry: &Entry| {
                let waits = !entry.stored.held && !self.is_old(entry);
                entry.is_own() && (waits || entry.stored.withdrawn)
            };
            let Some(at) = entries.position(may_be_sent) else {
                return;
            };
            self.send_entry(at);
        }
    }

    /// The same, of what was sent when the page was left: it may be the run that is active.
    pub(in crate::client) fn begin_posted(&mut self) -> bool {
        let mut entries = self.outbox.entries.iter();
        let first = entries.find(|entry| entry.is_own() && !entry.stored.held);
        if first.is_some_and(|entry| entry.stored.posts > 0) {
            self.begin_queued();
        }
        self.is_active()
    }

    fn send_entry(&mut self, at: usize) {
        let entry = &self.outbox.entries[at];
        // One that may have arrived is looked for first.
        if entry.stored.posts == 0 && self.has_lost_its_question(entry) {
            return self.hold_answer(at);
        }
        if entry.is_read_back || entry.stored.withdrawn {
            let is_done = self.with_part(
                |parts| &mut parts.outbox,
                |outbox, client| outbox.before_sending(client, at),
            );
            debug_assert!(
                is_done.is_some(),
                "what was read back is sent with the part only"
            );
            if is_done == Some(true) {
                return;
            }
        }
        let entry = &mut self.outbox.entries[at];
        let commands = collected(entry.command.take().into_iter());
        let (id, submission) = (entry.stored.id.clone(), entry.stored.submission.clone());
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

    /// Whether one of the questions that it answers is closed. It may have answered that already, and must not answer another.
    pub(super) fn has_lost_its_question(&self, entry: &Entry) -> bool {
        let stored = &entry.stored;
        if stored.withdrawn || stored.confirmed {
            return false;
        }
        let command = stored.submission.command.as_ref();
        let answers = command.is_some_and(|command| command.resume.is_some());
        match stored.questions {
            Some(_) => stored.questions != self.questions_of(&stored.submission),
            None => entry.is_read_back && answers && self.store.interrupts().is_empty(),
        }
    }

    /// A person decides on an answer whose question is gone.
    fn hold_answer(&mut self, at: usize) {
        let entry = &mut self.outbox.entries[at];
        entry.stored.held = true;
        let command = entry.command.take();
        self.save_outbox();
        if let Some(command) = command {
            self.conclude(command, Outcome::Dropped);
        }
    }

    /// It is not sent, and there is no run to go back to.
    pub(in crate::client) fn abandon(&mut self, run: &mut Run) {
        self.close_link("not sent");
        self.abort_phase_request();
        self.store.drop_optimistic();
        self.remove_own_record(run);
        run.left = Left::Nothing;
        self.outbox.sending = None;
        let waiters = std::mem::take(&mut run.waiters);
        self.set_phase(Phase::Idle);
        self.outbox.revision = self.store.touched();
        for waiter in waiters {
            self.conclude(waiter.command, Outcome::Dropped);
        }
        if self.last.as_deref().is_some_and(Last::goes_back) {
            // The screen went back for it, and the thread has not.
            self.ask_history();
        }
        self.has_ended = true;
    }
}
