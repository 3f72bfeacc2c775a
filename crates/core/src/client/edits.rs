//! Editing a message, answering again, trying again.
//!
//! The checkpoint is looked up first, beside whatever runs. Only then, in one step, the active run is replaced, the
//! screen goes back to the state of the checkpoint, and the new run begins there.

use super::{
    Client,
    answer::{Answer, no_answer},
    commands::Last,
    page::{PageFailed, PageRequest},
    part::{Arrived, Due, Part, Woke},
    phase::{End, Phase},
    recovery::Purpose,
};
use crate::{
    AttemptId, Checkpoints, CommandId, Edit, EditAt, EditInput, Effect, ErrorCode, HistoryState,
    JoinOptions, MessageOrigin, MessageSlot, Method, Outcome, StreamError, Submission,
    history::{Beginning, Found, PAGE_STATES, Pages, Which},
    list::collected,
};
use rejoin_wire::{
    CheckpointId, Json, MessageId,
    json::{Lenient, Read, digits},
    message::MessageKind,
    request::MultitaskStrategy,
    thread::ThreadState,
};

/// An edit whose checkpoint is being looked up.
#[derive(Debug)]
struct Resolving {
    message: MessageId,
    command: CommandId,
    submission: Box<Submission>,
    /// The messages that are kept, oldest first, by the server's ids.
    kept: Vec<MessageId>,
    /// How many of them a state must hold. Messages that came with the one that is edited, such as answers to the tool
    /// calls before it, are in no state without it, and are sent again.
    stored: usize,
    which: Which,
    /// The page that is being read.
    request: PageRequest,
    /// Whether the thread's newest state was read for this edit, rather than known before.
    read_anew: bool,
}

/// Edits.
pub(super) trait EditsPart: Part {
    fn handle(&mut self, client: &mut Client, input: EditInput);

    /// The message whose edit is looked up.
    fn editing(&self) -> Option<&MessageId>;

    /// Something later has overtaken the edit that is looked up, if any.
    fn supersede(&mut self, client: &mut Client);
}

/// The part: the edit whose checkpoint is being looked up, if any.
#[derive(Debug, Default)]
pub(super) struct Edits(Option<Box<Resolving>>);

impl Part for Edits {
    fn answered(&mut self, client: &mut Client, attempt: AttemptId, arrived: &Arrived<'_>) -> bool {
        let Arrived::Answer(answer) = arrived else {
            return false;
        };
        let is_own = self.0.as_ref().is_some_and(|it| it.request.is(attempt));
        if is_own {
            self.go_on(|editing| editing.page_answered(client, answer));
        }
        is_own
    }

    fn due(&self, client: &Client) -> Option<Due> {
        self.0.as_ref()?.request.due(&client.config.timeouts)
    }

    fn late(&mut self, client: &mut Client) {
        self.go_on(|editing| editing.late(client));
    }

    fn woke(&mut self, client: &mut Client, woke: Woke) {
        let (now, reach) = (client.now, client.reach());
        self.go_on(
            |mut editing| match editing.request.reached(now, reach, woke.is_back()) {
                true => editing.ask_page(client),
                false => Some(editing),
            },
        );
    }
}

impl EditsPart for Edits {
    fn handle(&mut self, client: &mut Client, input: EditInput) {
        match input {
            EditInput::Requested { command, edit } => self.begin(client, command, *edit),
            EditInput::CheckpointResolved {
                command,
                checkpoint,
            } => {
                let asked = client.config.checkpoints == Checkpoints::Asked;
                self.go_on(|editing| match asked && editing.command == command {
                    true => editing.resolved(client, checkpoint),
                    false => Some(editing),
                });
            }
        }
    }

    fn editing(&self) -> Option<&MessageId> {
        Some(&self.0.as_ref()?.message)
    }

    fn supersede(&mut self, client: &mut Client) {
        self.go_on(|editing| {
            let command = editing.close(client);
            client.conclude(command, Outcome::Superseded);
            None
        });
    }
}

impl Edits {
    /// Changes the edit whose checkpoint is looked up. The edit is over where `change` gives none.
    fn go_on(&mut self, change: impl FnOnce(Box<Resolving>) -> Option<Box<Resolving>>) {
        self.0 = self.0.take().and_then(change);
    }

    fn begin(&mut self, client: &mut Client, command: CommandId, edit: Edit) {
        self.supersede(client);
        let (message, which) = match edit.at {
            EditAt::Message(message) => (message, Which::Newest),
            EditAt::Answer(message) => (message, Which::Oldest),
            EditAt::Failed => return client.try_again(command),
        };
        let Some(kept) = client.kept_by(&message, which) else {
            return client.refuse(command, ErrorCode::EditUnavailable, "");
        };
        let slots = &client.store.slots()[..kept];
        let kept = collected(slots.iter().map(|slot| client.store.name_of(slot.id())));
        let parents = collected(slots.iter().map(|slot| slot.id().clone()));
        let answer = slots
            .iter()
            .rposition(|slot| slot.message.kind == MessageKind::Ai);
        let stored = match which {
            Which::Newest => answer.map_or(0, |at| at + 1),
            Which::Oldest => kept.len(),
        };
        let mut submission = Box::new(edit.submission);
        if which == Which::Oldest {
            submission.input = None;
            submission.command = None;
        }
        let editing = Box::new(Resolving {
            message,
            command,
            submission,
            kept,
            stored,
            which,
            request: PageRequest::default(),
            read_anew: false,
        });
        client.store.touch();
        self.0 = if client.config.checkpoints == Checkpoints::Asked {
            let effect = Effect::ResolveCheckpoint { command, parents };
            client.effects.push(effect);
            Some(editing)
        } else {
            editing.look_up(client)
        };
    }
}

/// Each step of the edit gives the rest of the edit: nothing if it was sent or given up.
impl Resolving {
    /// In what was read already; else page by page.
    fn look_up(self: Box<Self>, client: &mut Client) -> Option<Box<Self>> {
        if client.history.pages.len() == 0 {
            let states = client.history.states().to_vec();
            client
                .history
                .pages
                .add(states, &client.config.messages_key);
        }
        match self.found(client) {
            Found::At { id, state, count } => self.send(client, id, state.as_ref(), count),
            // The thread has gone on since those were read.
            Found::More if client.is_active() => self.read_anew(client),
            Found::More => self.ask_page(client),
            Found::Nothing => self.read_anew(client),
        }
    }

    fn read_anew(mut self: Box<Self>, client: &mut Client) -> Option<Box<Self>> {
        client.history.pages = Pages::default();
        self.read_anew = true;
        self.ask_page(client)
    }

    fn found(&self, client: &Client) -> Found {
        let head = client.history.older_head();
        let wanted = Beginning::from_shortest(&self.kept, self.stored);
        client.history.pages.find(head, &wanted, self.which)
    }

    fn ask_page(mut self: Box<Self>, client: &mut Client) -> Option<Box<Self>> {
        let before = client.history.pages.oldest();
        if let Some(url) = client.page_url(PAGE_STATES, before) {
            self.request.asked(client.ask(Method::Get, url));
        }
        Some(self)
    }

    fn page_answered(
        mut self: Box<Self>,
        client: &mut Client,
        answer: &Answer<'_>,
    ) -> Option<Box<Self>> {
        let states: Vec<HistoryState> = match answer.read("thread history") {
            Ok(Read { value, .. }) => value,
            Err(error) => return self.page_failed(client, error, answer),
        };
        self.request.came();
        client
            .history
            .pages
            .add(states, &client.config.messages_key);
        match self.found(client) {
            Found::At { id, state, count } => self.send(client, id, state.as_ref(), count),
            Found::More => self.ask_page(client),
            Found::Nothing if !self.read_anew => self.read_anew(client),
            Found::Nothing => {
                let read = digits(client.history.pages.len() as u64) + " states were read";
                self.give_up(client, ErrorCode::CheckpointNotFound, &read)
            }
        }
    }

    fn page_failed(
        mut self: Box<Self>,
        client: &mut Client,
        error: StreamError,
        answer: &Answer<'_>,
    ) -> Option<Box<Self>> {
        let request = &mut self.request;
        match client.page_failed(request, Purpose::ForkPoint, error, answer) {
            PageFailed::AskAgain => self.ask_page(client),
            PageFailed::Waits => Some(self),
            PageFailed::ForGood(error) => {
                self.give_up(client, ErrorCode::CheckpointLookupFailed, &error.message)
            }
        }
    }

    /// The application has looked the checkpoint up.
    fn resolved(
        self,
        client: &mut Client,
        checkpoint: Result<Option<CheckpointId>, String>,
    ) -> Option<Box<Self>> {
        match checkpoint {
            Ok(Some(id)) => {
                let state = client.history.find(&id).map(|state| state.json.clone());
                self.send(client, id, state.as_ref(), usize::MAX)
            }
            Ok(None) => self.give_up(client, ErrorCode::CheckpointNotFound, ""),
            Err(why) => self.give_up(client, ErrorCode::CheckpointLookupFailed, &why),
        }
    }

    /// The one step. Of what is kept the checkpoint holds the first `count`; the others are sent again.
    fn send(
        self,
        client: &mut Client,
        checkpoint: CheckpointId,
        state: Option<&Json>,
        count: usize,
    ) -> Option<Box<Self>> {
        client.store.touch();
        let mut submission = self.submission;
        submission.checkpoint = None;
        submission.checkpoint_id = Some(checkpoint);
        submission
            .multitask_strategy
            .get_or_insert(MultitaskStrategy::Interrupt);
        let kept = self.kept;
        let again = kept.get(count..).unwrap_or_default();
        let mut run = match client.prepare(submission, kept.len(), again) {
            Ok(run) => run,
            Err(error) => {
                client.refused_with(self.command, error);
                return None;
            }
        };
        client.drop_queue(&Outcome::Dropped);
        client.leave_run();
        let state = state.and_then(|state| ThreadState::read_quietly(state.text()).ok());
        if let Some(state) = state {
            client.show_state(&state, &|_, _| None);
        } else {
            client.store.keep_only(&kept[..kept.len() - again.len()]);
        }
        run.kept = Some(kept);
        client.begin_prepared(vec![self.command], run);
        None
    }

    /// Nothing was sent, and nothing on the screen changes.
    fn give_up(self, client: &mut Client, code: ErrorCode, why: &str) -> Option<Box<Self>> {
        let command = self.close(client);
        client.refuse(command, code, why);
        None
    }

    /// The command that asked for the edit. Nobody waits for its page any more.
    fn close(mut self, client: &mut Client) -> CommandId {
        if let Some(attempt) = self.request.close() {
            client.abort(attempt);
        }
        client.store.touch();
        self.command
    }

    /// A page is late, or the wait before the next request for it is over.
    fn late(mut self: Box<Self>, client: &mut Client) -> Option<Box<Self>> {
        if self.request.waits() {
            return self.ask_page(client);
        }
        if let Some(attempt) = self.request.close() {
            client.abort(attempt);
        }
        self.page_answered(client, &Answer::failed(no_answer()))
    }
}

impl Client {
    /// How many messages an edit of this one keeps; `None` where it cannot be edited.
    pub(crate) fn kept_by(&self, message: &MessageId, which: Which) -> Option<usize> {
        let slots = self.store.slots();
        let message = self.store.key_of(message);
        let at = slots.iter().position(|slot| slot.id() == message)?;
        let is_human = |at: &usize| slots[*at].message.kind == MessageKind::Human;
        let kept = match which {
            Which::Newest => Some(at).filter(is_human)?,
            Which::Oldest if slots[at].message.kind != MessageKind::Ai => return None,
            Which::Oldest => (0..at).rev().find(is_human)? + 1,
        };
        (kept <= self.stored_messages()?).then_some(kept)
    }

    /// How many messages from the first on the server has; `None` where nothing can be edited.
    pub(crate) fn stored_messages(&self) -> Option<usize> {
        let off = self.config.checkpoints == Checkpoints::Off || self.thread_id.is_none();
        let is_unconfirmed = self.load.is_loading() || self.store.shows_saved();
        if off || self.is_stream_only() || is_unconfirmed {
            return None;
        }
        let mut slots = self.store.slots().iter();
        let unknown = slots.position(|slot| slot.origin != MessageOrigin::Server);
        Some(unknown.unwrap_or(self.store.slots().len()))
    }

    pub(super) fn refuse(&mut self, command: CommandId, code: ErrorCode, why: &str) {
        self.refused_with(command, StreamError::new(code).with_detail(why));
    }

    fn refused_with(&mut self, command: CommandId, error: StreamError) {
        self.set_error(Some(error.clone()));
        self.conclude(command, Outcome::Failed(error));
    }

    /// Whether a submission that goes on from an earlier point was refused: it never became a run.
    pub(super) fn was_refused_back(&self) -> bool {
        let failed = matches!(self.phase, Phase::Ended(End::Failed(_)));
        failed && self.run_id().is_none() && self.last.as_deref().is_some_and(Last::goes_back)
    }

    pub(crate) fn can_retry(&self) -> bool {
        let failed = matches!(self.phase, Phase::Ended(End::Failed(_)));
        // A thread may be entered after its run has failed.
        let of_run = |error: &StreamError| error.code == ErrorCode::RunFailed;
        let run_failed = self.error.as_ref().is_some_and(of_run);
        let has_run = run_failed || self.last.is_some() || self.has_unfinished();
        !self.is_active() && !self.load.is_loading() && (failed || run_failed) && has_run
    }

    fn try_again(&mut self, command: CommandId) {
        if !self.can_retry() {
            return self.refuse(command, ErrorCode::EditUnavailable, "");
        }
        if self.has_unfinished() {
            return self.join(command, None, JoinOptions::default());
        }
        let slots = self.store.slots();
        let of_last = |slot: &MessageSlot| {
            let mut said = self.last.iter().flat_map(|last| &last.messages);
            said.any(|id| self.store.key_of(id) == slot.id())
        };
        let said = slots.iter().position(of_last).unwrap_or(slots.len());
        let is_stored = |slot: &MessageSlot| of_last(slot) && slot.origin == MessageOrigin::Server;
        let any_stored = slots.iter().any(is_stored);
        let never_stored = |last: &&Last| {
            let has_messages = !last.messages.is_empty();
            self.run_id().is_none() || self.is_stream_only() || has_messages && !any_stored
        };
        let last = self.last.as_deref();
        let submission = match last.filter(never_stored) {
            Some(last) => {
                // It is said again, and what was answered to it goes.
                let before = slots[..said].iter().map(|slot| slot.id().clone());
                let kept = last.kept.clone().unwrap_or_else(|| collected(before));
                self.store.keep_only(&kept);
                last.submission.clone()
            }
            None => {
                // A part of an answer is answered anew.
                self.store.keep_stored();
                self.settings_of_last()
            }
        };
        self.submit(command, submission);
    }
}
