//! The part that reads what is stored for a thread: what an earlier page has left, and what other tabs have to send.

use super::{
    Doubt, ENTRIES_MAX, Entry, Outbox,
    record::{PARTS_MAX, StoredPart, StoredSubmission, read},
};
use crate::{
    Client, Connection, DeadlineReason, Effect, ErrorCode, MessageOrigin, MessageSlot, Millis,
    Outcome, WaitingInput,
    client::{
        part::{Due, Part},
        phase::{Next, Phase},
        recovery::Wait,
        run::{Fate, Run},
    },
    list::{collected, retain},
};
use rejoin_wire::{json::field, message::Message};

/// How often what other clients have stored is read again while some of it is shown.
const READ_EVERY: Millis = Millis(2_000);

/// Parts that are over are remembered, up to so many.
const OVER_MAX: usize = 64;

/// The submissions that are stored to be sent, and changes of those that wait.
pub(in crate::client) trait OutboxPart: Part {
    /// Whether more can be sent because of it.
    fn handle(&mut self, client: &mut Client, input: WaitingInput) -> bool;

    /// The text that is stored for the thread has been loaded.
    fn read(&mut self, client: &mut Client, text: Option<&str>);

    /// Storage could not be read for the thread.
    fn unreadable(&mut self, client: &mut Client);

    /// A lock is held. Whether it was asked for.
    fn lock_held(&mut self, client: &mut Client, name: &str) -> bool;

    /// A lock that was held is held no more.
    fn lock_lost(&mut self, name: &str);

    /// An entry that was read back or taken back is about to be sent. Whether it is not.
    fn before_sending(&mut self, client: &mut Client, at: usize) -> bool;

    /// An entry that may have left before is posted.
    fn leaves_again(&mut self, client: &mut Client, at: usize);

    /// The server does not list the run of a submission. `is_busy`: it lists another one as active. Whether it is known how to go on.
    fn not_listed(&mut self, client: &mut Client, run: &mut Run, is_busy: bool) -> bool;

    /// The thread is left.
    fn leave(&mut self, client: &mut Client);
}

/// The part. Entries that it reads join those that the client has to send by itself.
#[derive(Debug, Default)]
pub(in crate::client) struct KeptOutbox {
    /// Parts of other clients whose locks are asked for.
    asked: Vec<String>,
    /// Parts whose clients do not say that they hold their locks, and when each was read first: they may be about to get it.
    unlocked: Vec<(String, Millis)>,
    /// Parts whose clients are gone: their submissions are this client's. The lock of each is kept until storage is seen to
    /// have let go of it. Another client that got the lock before would send all of it as well.
    inherited: Vec<String>,
    /// Parts that this client had or took over, and that storage has let go of. No part has their names again: where one is read, it is
    /// storage as it was before.
    over: Vec<String>,
    /// When the stored text was read, or asked for.
    read_at: Option<Millis>,
}

/// The trace of a submission in the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Its words under another name: they may be its, or said twice.
    Alike,
    Itself,
}

impl Part for KeptOutbox {
    /// Entries that other clients have stored are read again while a person sees them, and until their clients must have their locks.
    /// Inherited ones are until they are gone, and all while they are in doubt.
    fn due(&self, client: &Client) -> Option<Due> {
        let mut entries = client.outbox.entries.iter();
        let shows_others = client.visible && entries.any(|entry| !entry.is_own());
        let has_inherited = !self.inherited.is_empty();
        let is_unknown = client.outbox.doubt == Doubt::Unreadable;
        let is_read_again =
            shows_others || has_inherited || is_unknown || !self.unlocked.is_empty();
        let read_at = self.read_at.filter(|_| is_read_again)?;
        Some((read_at + READ_EVERY, DeadlineReason::Record))
    }

    fn late(&mut self, client: &mut Client) {
        self.ask(client);
    }
}

impl OutboxPart for KeptOutbox {
    fn handle(&mut self, client: &mut Client, input: WaitingInput) -> bool {
        client.change_waiting(input)
    }

    /// This client knows its own part better than what is stored.
    fn read(&mut self, client: &mut Client, text: Option<&str>) {
        self.read_at = Some(client.now);
        let Some(key) = client.outbox_key() else {
            return;
        };
        let mut parts = read(text.unwrap_or("{}")).unwrap_or_else(|_| {
            client.warn_code(ErrorCode::RecordCorrupt);
            let key = key.clone();
            client.effects.push(Effect::RemoveRecord { key });
            Vec::new()
        });
        retain(&mut parts, |part| !self.over.contains(&part.name));
        let former = client.outbox.part.clone();
        let doubt = std::mem::replace(&mut client.outbox.doubt, Doubt::None);
        let is_stored = |name: &String| parts.iter().any(|part| part.name == *name);
        // Somebody has removed it, or has written over a text that could not be read.
        let has_part = |own: &String| field(text.unwrap_or("{}"), own).is_some();
        let is_missing = doubt == Doubt::None && former.as_ref().is_some_and(|own| !has_part(own));
        if doubt != Doubt::None {
            client.keep_what_nobody_else_has(&parts);
            self.inherited.extend(former.clone());
        } else if let Some(own) = &former {
            let is_other =
                |part: &&StoredPart| part.name != *own && !self.inherited.contains(&part.name);
            client.keep_one_of_each(own, parts.iter().filter(is_other));
        }
        let inherited = std::mem::take(&mut self.inherited).into_iter();
        let (stale, gone): (Vec<_>, Vec<_>) = inherited.partition(is_stored);
        for name in gone {
            if self.over.len() >= OVER_MAX {
                self.over.remove(0);
            }
            self.over.push(name.clone());
            client.effects.push(Effect::ReleaseLock { name });
        }
        self.inherited.clone_from(&stale);
        let before = client.outbox.of_others();
        retain(&mut client.outbox.entries, Entry::is_own);
        let (has_more, left) = self.take_in(client, parts, former.as_ref());
        let mut makes_room = false;
        for name in stale {
            // What there is no room for stays where it is.
            if !left.contains(&name) {
                makes_room = true;
                client.remove_part(&key, name);
            }
        }
        if is_missing {
            // Without locks a person may have sent it from another tab.
            client.look_before_sending(false);
        }
        // Behind the removal, as storage may be too full for both.
        if has_more || makes_room || is_missing {
            client.save_outbox();
        }
        if before != client.outbox.of_others() {
            client.outbox.revision = client.store.touched();
        }
    }

    fn unreadable(&mut self, client: &mut Client) {
        self.read_at = Some(client.now);
        if client.outbox.doubt == Doubt::Asked {
            client.outbox.doubt = Doubt::Unreadable;
            client.outbox.revision = client.store.touched();
        }
    }

    fn lock_held(&mut self, client: &mut Client, name: &str) -> bool {
        let is_asked = self.asked.iter().any(|asked| asked == name);
        if is_asked {
            retain(&mut self.asked, |asked| asked != name);
            self.inherited.push(name.to_owned());
            self.ask(client);
        }
        is_asked
    }

    /// The rest of that part is asked for again, as any other client's.
    fn lock_lost(&mut self, name: &str) {
        retain(&mut self.inherited, |inherited| inherited != name);
    }

    fn before_sending(&mut self, client: &mut Client, at: usize) -> bool {
        let stored = &client.outbox.entries[at].stored;
        let is_withdrawn = stored.withdrawn;
        if is_withdrawn {
            let id = stored.id.clone();
            client.look_for_withdrawn(id);
        }
        is_withdrawn
    }

    /// Only now it is shown as what is submitted is: one that had arrived before may be shown as the server's already, under another id.
    fn leaves_again(&mut self, client: &mut Client, at: usize) {
        let entry = &mut client.outbox.entries[at];
        let messages = collected(entry.messages.iter().map(|message| Message::clone(message)));
        if let Some(checkpoint) = entry.checkpoint.take() {
            client.leave_branches(Some(&checkpoint));
        }
        client.show_submitted(messages);
    }

    fn not_listed(&mut self, client: &mut Client, run: &mut Run, is_busy: bool) -> bool {
        let Some(posting) = &run.submission else {
            return false;
        };
        let (mark, withdrawn) = (posting.mark.clone(), posting.withdrawn);
        if let Some(until) = client.may_arrive_until(&mark) {
            let (wait, next) = (Wait::Backoff { until }, Next::Stream);
            client.set_phase(Phase::Waiting { wait, next });
            return true;
        }
        if withdrawn {
            client.sent(&mark);
            client.abandon(run);
            return true;
        }
        if posting.fate == Fate::Received {
            return false;
        }
        if posting.body.is_none() && client.outbox.place(&mark).is_some() {
            // What is stored came after its run was looked for.
            client.abandon(run);
            return true;
        }
        match client.held_of(&mark) {
            Held::Nothing if client.must_not_answer(&mark, is_busy) => client.hold_sending(&mark),
            Held::Nothing => return false,
            Held::Alike => client.hold_sending(&mark),
            Held::Itself => client.sent(&mark),
        }
        // It may be the active run, of which the list does not say what it was submitted as.
        client.turn_to_active_run(run);
        true
    }

    fn leave(&mut self, client: &mut Client) {
        let Self {
            asked, inherited, ..
        } = std::mem::take(self);
        for name in asked.into_iter().chain(inherited) {
            client.effects.push(Effect::ReleaseLock { name });
        }
    }
}

impl KeptOutbox {
    fn ask(&mut self, client: &mut Client) {
        self.read_at = Some(client.now);
        client.read_outbox();
    }

    /// Submissions of others are shown, and those of clients that are gone are this client's. Whether there are any of the latter, and the
    /// parts with some that there is no room for.
    fn take_in(
        &mut self,
        client: &mut Client,
        parts: Vec<StoredPart>,
        former: Option<&String>,
    ) -> (bool, Vec<String>) {
        let (mut has_more, mut left) = (false, Vec::new());
        let is_stored = |name: &String| parts.iter().any(|part| part.name == *name);
        retain(&mut self.unlocked, |(name, _)| is_stored(name));
        // Those that were taken over come first, so that nothing of others takes their room.
        let is_inherited = |part: &StoredPart| self.inherited.contains(&part.name);
        let (mut parts, mut others): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_inherited);
        others.truncate(PARTS_MAX);
        parts.append(&mut others);
        for part in parts {
            let name = part.name;
            if client.outbox.part.as_ref() == Some(&name) || former == Some(&name) {
                continue;
            }
            let is_own = self.inherited.contains(&name);
            for stored in part.submissions {
                let outbox = &client.outbox;
                let is_known =
                    outbox.place(&stored.id).is_some() || outbox.done.contains(&stored.id);
                if is_known {
                    continue;
                }
                if outbox.entries.len() >= ENTRIES_MAX {
                    left.push(name.clone());
                    break;
                }
                // Without locks nobody tells whether the client is gone that was to look for it.
                let is_own = is_own || client.outbox.lacks_locks && stored.withdrawn;
                has_more |= is_own;
                client.take_in(stored, Some(name.clone()).filter(|_| !is_own));
            }
            let is_asked = is_own || self.asked.contains(&name);
            if !is_asked && (part.was_locked || self.is_left(&name, client.now)) {
                retain(&mut self.unlocked, |(other, _)| *other != name);
                self.asked.push(name.clone());
                client.hold_lock(name);
            }
        }
        (has_more, left)
    }

    /// Whether a part whose client does not say that it holds its lock was read so long ago that it holds it, or is gone.
    fn is_left(&mut self, name: &String, now: Millis) -> bool {
        let mut unlocked = self.unlocked.iter();
        match unlocked.find(|(other, _)| other == name) {
            Some((_, read_at)) => now >= *read_at + READ_EVERY,
            None => {
                self.unlocked.push((name.clone(), now));
                false
            }
        }
    }
}

impl Outbox {
    /// The names of what other clients have to send.
    fn of_others(&self) -> Vec<String> {
        let others = self.entries.iter().filter(|entry| !entry.is_own());
        collected(others.map(|entry| entry.stored.id.clone()))
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

impl Client {
    fn take_in(&mut self, mut stored: StoredSubmission, part: Option<String>) {
        // What is stored is not trusted: where its messages cannot be read, it brings none that could be shown.
        let messages = self.name_messages(&mut stored.submission);
        // Storage may have failed when it was posted, and clocks are set.
        stored.posts = stored.posts.max(1);
        stored.posted_at = stored.posted_at.map(|at| at.min(self.wall_clock()));
        // A person has stopped before it was read, or the thread cannot be loaded: nothing is sent by itself then.
        let is_stopped = self.connection() == Connection::Disconnected || self.load.has_failed();
        stored.held |= part.is_none() && is_stopped;
        self.outbox.insert(Entry {
            part,
            is_stored: true,
            is_read_back: true,
            ..Entry::of(stored, messages.unwrap_or_default())
        });
    }

    /// The page was put aside, and another client may have taken over this one's submissions: those are left to it. The
    /// rest is looked for before it is sent, and goes on under another lock, as the one before may be gone.
    fn keep_what_nobody_else_has<'a>(&mut self, parts: &'a [StoredPart]) {
        let Some(name) = self.outbox.part.take() else {
            return;
        };
        let others = parts.iter().filter(|part| part.name != name);
        let ids = |part: &'a StoredPart| part.submissions.iter().map(|stored| &stored.id);
        let taken = collected(others.flat_map(ids));
        self.look_before_sending(false);
        if !self.leave_to_others(&taken) {
            self.save_outbox();
        }
    }

    /// Two clients have the same submissions: storage showed one of them a part that the other had moved already. Both see it, and the same
    /// one keeps each of them: the one that has posted it last, or else the one whose part comes first by its name.
    fn keep_one_of_each<'a>(&mut self, own: &str, others: impl Iterator<Item = &'a StoredPart>) {
        let mut taken = Vec::new();
        for part in others {
            for theirs in &part.submissions {
                let place = self.outbox.place(&theirs.id);
                let entry = place.map(|at| &self.outbox.entries[at]);
                let Some(mine) = entry.filter(|entry| entry.is_own()) else {
                    continue;
                };
                let posted = theirs.posted_at.cmp(&mine.stored.posted_at);
                if posted.then_with(|| own.cmp(part.name.as_str())).is_gt() {
                    taken.push(&theirs.id);
                }
            }
        }
        self.leave_to_others(&taken);
    }

    /// Leaves submissions to the clients that have them as well. Whether there are any.
    fn leave_to_others(&mut self, taken: &[&String]) -> bool {
        let mut commands = Vec::new();
        let mut sends_anothers = false;
        let mut is_any = false;
        for entry in std::mem::take(&mut self.outbox.entries) {
            if entry.is_own() && taken.contains(&&entry.stored.id) {
                is_any = true;
                sends_anothers |= self.outbox.is_sending(&entry);
                commands.extend(entry.command);
            } else {
                self.outbox.entries.push(entry);
            }
        }
        if is_any {
            self.save_outbox();
        }
        if sends_anothers {
            self.with_run(|client, run| {
                let waiters = run.waiters.drain(..);
                commands.extend(waiters.map(|waiter| waiter.command));
                client.abandon(run);
            });
        }
        for command in commands {
            self.conclude(command, Outcome::Disconnected);
        }
        is_any
    }

    /// Nothing is left of a part.
    fn remove_part(&mut self, key: &str, part: String) {
        let (key, text) = (key.to_owned(), None);
        self.effects.push(Effect::SavePart { key, part, text });
    }

    /// It may have been sent before it was taken back, so its run is looked for, to be cancelled.
    fn look_for_withdrawn(&mut self, id: String) {
        self.set_error(None);
        self.store.begin_run();
        self.run = Some(Run::withdrawn(id));
        self.with_run(|client, run| client.open_stream(run));
    }

    /// Until when it may still arrive, although the server does not list it: a page that was left does not tell what became of its
    /// requests.
    fn may_arrive_until(&mut self, mark: &str) -> Option<Millis> {
        let at = self.outbox.place(mark)?;
        let wall_clock = self.wall_clock();
        let posted_at = self.outbox.entries[at].stored.posted_at.as_mut()?;
        // A clock that was set back starts this wait once, not again and again.
        *posted_at = wall_clock.min(*posted_at);
        let left = self.config.timeouts.headers - (wall_clock - *posted_at);
        (left.0 > 0).then_some(self.now + left)
    }

    /// Whether a submission that was read back answers questions that are closed. An active run (`is_busy`) closes all questions before it.
    fn must_not_answer(&self, mark: &str, is_busy: bool) -> bool {
        let entry = self.outbox.place(mark).map(|at| &self.outbox.entries[at]);
        entry
            .filter(|entry| entry.is_read_back)
            .is_some_and(|entry| {
                let is_answer = entry.stored.questions.is_some() && !entry.stored.confirmed;
                is_busy && is_answer || self.has_lost_its_question(entry)
            })
    }

    /// The trace in the thread of a submission that was read back and that the server does not list. Servers forget runs, so that
    /// it may have arrived all the same.
    fn held_of(&self, mark: &str) -> Held {
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
}
