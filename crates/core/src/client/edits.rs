//! Editing a message, answering again, trying again.
//!
//! The checkpoint is looked up first, beside whatever runs; only then, in one step, the run that is active is replaced,
//! the screen goes back to what the checkpoint holds, and the new run begins there.

use super::{
    Client,
    page::{PageFailed, PageRequest},
    recovery::Purpose,
    requests::{Answer, no_answer},
};
use crate::{
    Checkpoints, CommandId, DeadlineReason, Edit, EditAt, Effect, ErrorCode, HistoryState,
    JoinOptions, MessageOrigin, MessageSlot, Method, Outcome, StreamError, Submission,
    fork_point::{Beginning, Found, PAGE_STATES, Pages, Which},
    list::collected,
    phase::{End, Phase},
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
pub(super) struct Resolving {
    pub(super) message: MessageId,
    command: CommandId,
    submission: Box<Submission>,
    /// What is kept, oldest first, by the server's ids.
    kept: Vec<MessageId>,
    /// How many of them a state must hold. What came with the message that is edited, such as answers to the tool calls
    /// before it, is in no state without it, and is sent again.
    stored: usize,
    which: Which,
    /// The page that is being read.
    request: PageRequest,
    /// Whether the thread's newest state was read for this edit, rather than known before.
    read_anew: bool,
}

impl Client {
    pub(super) fn edit(&mut self, command: CommandId, edit: Edit) {
        self.supersede_edit();
        let (message, which) = match edit.at {
            EditAt::Message(message) => (message, Which::Newest),
            EditAt::Answer(message) => (message, Which::Oldest),
            EditAt::Failed => return self.try_again(command),
        };
        let Some(kept) = self.kept_by(&message, which) else {
            return self.refuse(command, ErrorCode::EditUnavailable, "");
        };
        let slots = &self.store.slots()[..kept];
        let kept = collected(slots.iter().map(|slot| self.store.name_of(slot.id())));
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
        self.editing = Some(Box::new(Resolving {
            message,
            command,
            submission,
            kept,
            stored,
            which,
            request: PageRequest::default(),
            read_anew: false,
        }));
        self.store.touch();
        if self.config.checkpoints == Checkpoints::Asked {
            self.effects
                .push(Effect::ResolveCheckpoint { command, parents });
        } else {
            self.look_up_checkpoint();
        }
    }

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
        if off || self.is_stream_only() || self.load.is_loading() {
            return None;
        }
        let mut slots = self.store.slots().iter();
        let unknown = slots.position(|slot| slot.origin != MessageOrigin::Server);
        Some(unknown.unwrap_or(self.store.slots().len()))
    }

    /// In what was read already; else page by page.
    fn look_up_checkpoint(&mut self) {
        let key = self.config.messages_key.clone();
        if self.history.pages.len() == 0 {
            let states = self.history.states().to_vec();
            self.history.pages.add(states, &key);
        }
        match self.found_checkpoint() {
            Found::At { id, state, count } => self.send_edit(id, state.as_ref(), count),
            // The thread has gone on since those were read.
            Found::More if self.is_active() => self.read_anew(),
            Found::More => self.ask_page(),
            Found::Nothing => self.read_anew(),
        }
    }

    fn read_anew(&mut self) {
        self.history.pages = Pages::default();
        if let Some(editing) = &mut self.editing {
            editing.read_anew = true;
        }
        self.ask_page();
    }

    fn found_checkpoint(&self) -> Found {
        let Some(editing) = &self.editing else {
            return Found::Nothing;
        };
        let head = self.history.older_head();
        let wanted = Beginning::from_shortest(&editing.kept, editing.stored);
        self.history.pages.find(head, &wanted, editing.which)
    }

    fn ask_page(&mut self) {
        let before = self.history.pages.oldest();
        let Some(url) = self.page_url(PAGE_STATES, before) else {
            return;
        };
        let asked = self.ask(Method::Get, url);
        if let Some(editing) = &mut self.editing {
            editing.request.asked(asked);
        }
    }

    pub(super) fn page_answered(&mut self, answer: &Answer<'_>) {
        let states: Vec<HistoryState> = match answer.read("thread history") {
            Ok(Read { value, .. }) => value,
            Err(error) => return self.look_up_failed(error, answer),
        };
        if let Some(editing) = &mut self.editing {
            editing.request.came();
        }
        self.history.pages.add(states, &self.config.messages_key);
        match self.found_checkpoint() {
            Found::At { id, state, count } => self.send_edit(id, state.as_ref(), count),
            Found::More => self.ask_page(),
            Found::Nothing if self.editing.as_ref().is_some_and(|e| !e.read_anew) => {
                self.read_anew();
            }
            Found::Nothing => self.checkpoint_missing(),
        }
    }

    fn look_up_failed(&mut self, error: StreamError, answer: &Answer<'_>) {
        let Some(editing) = &mut self.editing else {
            return;
        };
        let mut request = std::mem::take(&mut editing.request);
        let failed = self.page_failed(&mut request, Purpose::ForkPoint, error, answer);
        if let Some(editing) = &mut self.editing {
            editing.request = request;
        }
        match failed {
            PageFailed::AskAgain => self.ask_page(),
            PageFailed::Waits => {}
            PageFailed::ForGood(error) => {
                self.give_edit_up(ErrorCode::CheckpointLookupFailed, &error.message);
            }
        }
    }

    fn checkpoint_missing(&mut self) {
        let read = digits(self.history.pages.len() as u64) + " states were read";
        self.give_edit_up(ErrorCode::CheckpointNotFound, &read);
    }

    pub(super) fn checkpoint_resolved(
        &mut self,
        command: CommandId,
        checkpoint: Result<Option<CheckpointId>, String>,
    ) {
        let waits = |editing: &Resolving| editing.command == command;
        if self.config.checkpoints != Checkpoints::Asked
            || !self.editing.as_deref().is_some_and(waits)
        {
            return;
        }
        match checkpoint {
            Ok(Some(id)) => {
                let state = self.history.find(&id).map(|state| state.json.clone());
                self.send_edit(id, state.as_ref(), usize::MAX);
            }
            Ok(None) => self.give_edit_up(ErrorCode::CheckpointNotFound, ""),
            Err(why) => self.give_edit_up(ErrorCode::CheckpointLookupFailed, &why),
        }
    }

    /// The one step. Of what is kept the checkpoint holds the first `count`; the others are sent again.
    fn send_edit(&mut self, checkpoint: CheckpointId, state: Option<&Json>, count: usize) {
        let Some(editing) = self.editing.take() else {
            return;
        };
        self.store.touch();
        let mut submission = editing.submission;
        submission.checkpoint = None;
        submission.checkpoint_id = Some(checkpoint);
        submission
            .multitask_strategy
            .get_or_insert(MultitaskStrategy::Interrupt);
        let kept = editing.kept;
        let again = kept.get(count..).unwrap_or_default();
        let mut run = match self.prepare(submission, kept.len(), again) {
            Ok(run) => run,
            Err(error) => return self.refused_with(editing.command, error),
        };
        self.drop_queue(&Outcome::Dropped);
        self.leave_run();
        let state = state.and_then(|state| ThreadState::read_quietly(state.text()).ok());
        if let Some(state) = state {
            self.show_state(&state, &|_, _| None);
        } else {
            self.store.keep_only(&kept[..kept.len() - again.len()]);
        }
        run.kept = Some(kept);
        self.begin_prepared(vec![editing.command], run);
    }

    /// Something later has overtaken the edit that is being looked up.
    pub(super) fn supersede_edit(&mut self) {
        if let Some(editing) = self.drop_edit() {
            self.conclude(editing.command, Outcome::Superseded);
        }
    }

    /// Nothing was sent, and nothing on the screen changes.
    fn give_edit_up(&mut self, code: ErrorCode, why: &str) {
        if let Some(editing) = self.drop_edit() {
            self.refuse(editing.command, code, why);
        }
    }

    fn drop_edit(&mut self) -> Option<Box<Resolving>> {
        let mut editing = self.editing.take()?;
        if let Some(attempt) = editing.request.close() {
            self.abort(attempt);
        }
        self.store.touch();
        Some(editing)
    }

    pub(super) fn refuse(&mut self, command: CommandId, code: ErrorCode, why: &str) {
        self.refused_with(command, StreamError::new(code).with_detail(why));
    }

    fn refused_with(&mut self, command: CommandId, error: StreamError) {
        self.set_error(Some(error.clone()));
        self.conclude(command, Outcome::Failed(error));
    }

    pub(super) fn edit_due(&self) -> Option<(crate::Millis, DeadlineReason)> {
        self.editing.as_ref()?.request.due(&self.config.timeouts)
    }

    /// A page is late, or the wait before the next request for it is over.
    pub(super) fn edit_deadline(&mut self) {
        let Some(editing) = &mut self.editing else {
            return;
        };
        if editing.request.waits() {
            return self.ask_page();
        }
        if let Some(attempt) = editing.request.close() {
            self.abort(attempt);
        }
        self.page_answered(&Answer::failed(no_answer()));
    }

    /// The page is shown or hidden, the network is back or gone.
    pub(super) fn edit_reached(&mut self, woke: bool) {
        let (now, reach) = (self.now, self.reach());
        let editing = self.editing.as_mut();
        if editing.is_some_and(|editing| editing.request.reached(now, reach, woke)) {
            self.ask_page();
        }
    }

    pub(super) fn is_edit(&self, attempt: crate::AttemptId) -> bool {
        let editing = self.editing.as_ref();
        editing.is_some_and(|editing| editing.request.is(attempt))
    }

    /// Whether a submission that goes on from an earlier point was refused: it never became a run.
    pub(super) fn was_refused_back(&self) -> bool {
        let goes_back = |last: &super::commands::Last| {
            let named = last.submission.checkpoint.as_ref();
            let named = named.is_some_and(|named| !named.is_null());
            named || last.submission.checkpoint_id.is_some()
        };
        let failed = matches!(self.phase, Phase::Ended(End::Failed(_)));
        failed && self.run_id().is_none() && self.last.as_deref().is_some_and(goes_back)
    }

    pub(crate) fn can_retry(&self) -> bool {
        let failed = matches!(self.phase, Phase::Ended(End::Failed(_)));
        // A thread may be entered after its run has failed.
        let of_run = |error: &StreamError| error.code == ErrorCode::RunFailed;
        let run_failed = self.error.as_ref().is_some_and(of_run);
        let has_run = run_failed || self.last.is_some() || self.can_rejoin();
        !self.is_active() && !self.load.is_loading() && (failed || run_failed) && has_run
    }

    fn try_again(&mut self, command: CommandId) {
        if !self.can_retry() {
            return self.refuse(command, ErrorCode::EditUnavailable, "");
        }
        if self.can_rejoin() {
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
        let never_stored = |last: &&super::commands::Last| {
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
