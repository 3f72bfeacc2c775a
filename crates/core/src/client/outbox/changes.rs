//! The changes that a person makes to a submission that waits: take it back, put another in its place, send it now.

use super::{Doubt, Entry};
use crate::{
    Client, CommandId, Effect, Outcome, StreamError, Submission, WaitingInput,
    client::{
        phase::Phase,
        run::{Cancel, Fate},
        submission::invalid_input,
    },
};
use rejoin_wire::json::{ToJson, Writer};

impl Client {
    /// Whether the queue can go on. The caller starts it, because sending needs the part, which is taken out during this call.
    pub(super) fn change_waiting(&mut self, input: WaitingInput) -> bool {
        match input {
            WaitingInput::TakeBack { id } => {
                if let Some(at) = self.changeable(&id) {
                    self.take_back(at);
                }
                false
            }
            WaitingInput::SendNow { id } => self.send_now(&id),
            WaitingInput::Replace {
                id,
                command,
                submission,
            } => self.replace_waiting(&id, command, submission),
        }
    }

    /// The place of one that this client may change.
    fn changeable(&self, id: &str) -> Option<usize> {
        let at = self.outbox.place(id)?;
        let entry = &self.outbox.entries[at];
        (!entry.stored.withdrawn && !self.outbox.is_anothers(entry)).then_some(at)
    }

    fn take_back(&mut self, at: usize) {
        self.adopt(at);
        let entry = &self.outbox.entries[at];
        if self.outbox.is_sending(entry) {
            return self.withdraw(at);
        }
        let entry = self.outbox.remove(at);
        self.save_outbox();
        if let Some(command) = entry.command {
            self.conclude(command, Outcome::Dropped);
        }
    }

    /// It may have been sent, which only the server can say: its run is looked for, to be cancelled.
    fn withdraw(&mut self, at: usize) {
        self.with_run(|client, run| {
            let Some(posting) = &mut run.submission else {
                return debug_assert!(false, "an entry that is being sent has no posting");
            };
            if posting.fate == Fate::Unsent {
                client.outbox.remove(at);
                client.abandon(run);
                return client.save_outbox();
            }
            posting.body = None;
            posting.withdrawn = true;
            run.cancel = Cancel::Wanted;
            let waiters = std::mem::take(&mut run.waiters);
            client.outbox.entries[at].stored.withdrawn = true;
            client.save_outbox();
            client.store.drop_optimistic();
            for waiter in waiters {
                client.conclude(waiter.command, Outcome::Dropped);
            }
            if matches!(client.phase, Phase::Opening(_)) {
                client.close_link("taken back");
                client.find_run(run);
            }
        });
    }

    fn send_now(&mut self, id: &str) -> bool {
        let Some(at) = self.changeable(id) else {
            return false;
        };
        self.adopt(at);
        if self.outbox.doubt == Doubt::Unreadable {
            self.leave_doubt_to_person();
        }
        let stored = &mut self.outbox.entries[at].stored;
        stored.held = false;
        stored.confirmed = true;
        // As often as ever, and looked for first where it may have arrived.
        stored.posts = stored.posts.min(1);
        self.save_outbox();
        true
    }

    /// Nothing tells which submissions other clients have taken over, so a person decides on each.
    fn leave_doubt_to_person(&mut self) {
        self.outbox.doubt = Doubt::None;
        self.look_before_sending(true);
    }

    /// Another client may have posted any submission that is not being sent, so each run is looked for before the post. `holds`:
    /// each waits for a person as well.
    pub(super) fn look_before_sending(&mut self, holds: bool) {
        for at in 0..self.outbox.entries.len() {
            let entry = &self.outbox.entries[at];
            if entry.is_own() && !self.outbox.is_sending(entry) {
                let stored = &mut self.outbox.entries[at].stored;
                stored.held |= holds;
                stored.posts = stored.posts.max(1);
            }
        }
    }

    /// Another one takes its place in the order.
    fn replace_waiting(
        &mut self,
        id: &str,
        command: CommandId,
        mut submission: Box<Submission>,
    ) -> bool {
        let Some(at) = self.changeable(id) else {
            self.conclude(command, Outcome::Dropped);
            return false;
        };
        // Named before anything changes, so that what is wrong with it is found while there is nothing to undo.
        if let Err(error) = self.name_messages(&mut submission) {
            self.refused_waiting(command, error);
            return false;
        }
        if let Err(error) = self.body_of(&submission, id) {
            self.refused_waiting(command, invalid_input(error));
            return false;
        }
        // One that is being sent keeps its place until it is known what became of it.
        if self.outbox.is_sending(&self.outbox.entries[at])
            && let Err(error) = self.check_room()
        {
            self.refused_waiting(command, error);
            return false;
        }
        let at = self.outbox.place(id).unwrap_or(at);
        let count = self.outbox.entries.len();
        self.take_back(at);
        if let Err(error) = self.enqueue(command, submission) {
            self.refused_waiting(command, error);
            return false;
        }
        if let Some(entry) = self.outbox.entries.pop() {
            let place = at + usize::from(self.outbox.entries.len() == count);
            let place = place.min(self.outbox.entries.len());
            self.outbox.entries.insert(place, entry);
            self.keep_order(place);
        }
        true
    }

    /// One that was put before others counts as submitted before them, as it is in that order that they are read again. It is sent all
    /// the same, however old that makes it.
    fn keep_order(&mut self, place: usize) {
        let next = self.outbox.entries.get(place + 1);
        let next = next.map(|entry: &Entry| entry.stored.submitted_at);
        let stored = &mut self.outbox.entries[place].stored;
        stored.submitted_at = stored.submitted_at.min(next.unwrap_or(stored.submitted_at));
        stored.confirmed = true;
        self.save_outbox();
    }

    fn refused_waiting(&mut self, command: CommandId, error: StreamError) {
        self.set_error(Some(error.clone()));
        self.conclude(command, Outcome::Failed(error));
    }

    /// One of a client of which nothing is known becomes this client's.
    fn adopt(&mut self, at: usize) {
        let Some(part) = self.outbox.entries[at].part.take() else {
            return;
        };
        self.save_outbox();
        let Some(key) = self.outbox_key() else {
            return;
        };
        let mut text = String::new();
        let mut list = Writer::list(&mut text);
        for entry in &self.outbox.entries {
            if entry.part.as_ref() == Some(&part) {
                entry.stored.write_json(list.item());
            }
        }
        list.end();
        let text = Some(text).filter(|text| text != "[]");
        self.effects.push(Effect::SavePart { key, part, text });
    }
}
