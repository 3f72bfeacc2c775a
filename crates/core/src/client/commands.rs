//! The requests of a person: submit, join, stop, cancel, another thread.

use super::{
    Client,
    phase::{After, End, Phase},
    run::{Left, Run, Waiter},
    submission::Prepared,
    urls::check_id,
};
use crate::{
    CommandId, Effect, ErrorCode, JoinOptions, Notice, Outcome, StreamError, Submission,
    history::Pages,
    list::{collected, retain},
    run_record::run_key,
};
use rejoin_wire::{
    MessageId, RunId, ThreadId,
    message::{Message, MessageKind},
    request::MultitaskStrategy,
};

/// The last submission.
pub(super) struct Last {
    pub(super) submission: Box<Submission>,
    /// The messages that it brought.
    pub(super) messages: Vec<MessageId>,
    /// Of an edit, the messages that were kept.
    pub(super) kept: Option<Vec<MessageId>>,
}

impl Last {
    /// Whether it goes on from an earlier point of the thread.
    pub(super) fn goes_back(&self) -> bool {
        let named = self.submission.checkpoint.as_ref();
        named.is_some_and(|named| !named.is_null()) || self.submission.checkpoint_id.is_some()
    }
}

/// A join that was asked for and has to wait.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) command: CommandId,
    pub(super) run_id: Option<RunId>,
    pub(super) options: JoinOptions,
}

/// A join of a run whose thread is being looked up under a key.
#[derive(Debug)]
pub(super) struct ThreadLookup {
    pub(super) key: String,
    pub(super) join: Join,
}

impl Client {
    pub(super) fn switch_thread(&mut self, thread_id: Option<ThreadId>) {
        if thread_id.is_some() && thread_id == self.thread_id {
            return self.enter_again();
        }
        if let Some(Err(error)) = thread_id.as_ref().map(|id| check_id(id.as_str())) {
            return self.set_error(Some(error));
        }
        self.leave_outbox(Self::leave);
        self.run = None;
        self.last = None;
        self.forget_comparison();
        self.records.forget();
        self.store.clear();
        self.forget_history();
        self.show_initial();
        self.set_error(None);
        self.set_phase(Phase::Idle);
        self.thread_id = thread_id;
        self.start_load();
    }

    /// The thread is shown already, so its run and its connection stay. A thread that could not be loaded is loaded again.
    fn enter_again(&mut self) {
        if self.load.has_failed() {
            self.leave();
            self.set_error(None);
            self.set_phase(Phase::Idle);
            self.start_load();
        }
    }

    pub(super) fn submit(&mut self, command: CommandId, submission: Box<Submission>) {
        self.supersede_edit();
        let strategy = submission
            .multitask_strategy
            .unwrap_or(self.config.multitask_strategy);
        let replaces = matches!(
            strategy,
            MultitaskStrategy::Interrupt | MultitaskStrategy::Rollback
        );
        if self.is_active() && replaces && !self.load.is_loading() {
            return self.replace_run(command, submission);
        } else if self.is_active() || self.load.is_loading() || self.outbox.is_in_doubt() {
            if let Err(error) = self.enqueue(command, submission) {
                self.set_error(Some(error.clone()));
                self.conclude(command, Outcome::Failed(error));
            }
            return;
        }
        self.begin_run(vec![command], submission);
    }

    /// The run that is active is left for another one, unless that cannot be sent as it is.
    fn replace_run(&mut self, command: CommandId, submission: Box<Submission>) {
        let stored = self.store.slots().len();
        match self.prepare(submission, stored, &[]) {
            Ok(run) => {
                self.leave_run();
                self.begin_prepared(vec![command], run);
            }
            Err(error) => {
                self.set_error(Some(error.clone()));
                self.conclude(command, Outcome::Failed(error));
            }
        }
    }

    /// Does not send what waits for its turn.
    pub(super) fn drop_queue(&mut self, outcome: &Outcome) {
        self.hold_waiting(outcome);
        self.drop_results(outcome);
    }

    /// Gives up results of tools that wait.
    fn drop_results(&mut self, outcome: &Outcome) {
        self.with_part(
            |parts| &mut parts.tools,
            |tools, client| tools.drop_all(client, outcome),
        );
    }

    pub(super) fn begin_run(&mut self, commands: Vec<CommandId>, submission: Box<Submission>) {
        let stored = self.store.slots().len();
        match self.prepare(submission, stored, &[]) {
            Ok(run) => self.begin_prepared(commands, run),
            Err(error) => self.cannot_begin(commands, error),
        }
    }

    pub(super) fn cannot_begin(&mut self, commands: Vec<CommandId>, error: StreamError) {
        self.set_error(Some(error.clone()));
        if error.code == ErrorCode::InvalidInput {
            self.last = None;
            self.set_phase(Phase::Ended(End::Failed(error.clone())));
        }
        for command in commands {
            self.conclude(command, Outcome::Failed(error.clone()));
        }
    }

    /// Begins a run that can be sent as it is.
    pub(super) fn begin_prepared(&mut self, mut commands: Vec<CommandId>, run: Prepared) {
        self.set_error(None);
        let failed = matches!(self.phase, Phase::Ended(End::Failed(_)));
        let brought_nothing = |run: &Run| run.id.is_none() && run.recent.is_empty();
        if failed && self.run.as_deref().is_none_or(brought_nothing) {
            // It never became a run, and is said again or given up.
            self.store.drop_optimistic();
        }
        self.store.begin_run();
        // One that may have arrived changes what is shown when it is known that it has not.
        let from = run.checkpoint.as_ref();
        let was_posted = self.was_posted(&run.submission_id);
        self.leave_branches(from.filter(|_| !was_posted));
        self.history.pages = Pages::default();
        self.store.expect_newer_values();
        commands.extend(&run.answered);
        if run.shown.iter().any(|m| m.kind == MessageKind::Human) {
            self.drop_results(&Outcome::Dropped);
        }
        self.store.answer_interrupts(run.interrupts.as_deref());
        if self.thread_id.is_none() {
            // Made here, so that the thread has its id before the first answer and a lost one costs nothing.
            let thread_id = run.submission.thread_id.clone();
            let is_named = thread_id.is_some() && !self.is_stream_only();
            self.thread_is_new = is_named && !run.submission.thread_is_made;
            let thread_id = thread_id.unwrap_or_else(|| ThreadId::from(run.submission_id.clone()));
            self.thread_id = Some(thread_id.clone());
            self.notify(Notice::ThreadCreated { thread_id });
        }
        let posts = self.keep_until_sent(&run);
        let last = Box::new(Last {
            messages: ids_of(&run.shown),
            submission: run.submission,
            kept: run.kept,
        });
        if posts == 0 {
            self.show_submitted(run.shown);
        }
        if let Some(values) = &last.submission.optimistic_values {
            self.mutate_values(values);
        }
        self.last = Some(last);
        self.leave_load();
        self.run = Some(Run::submitted(run.submission_id, run.body, posts, commands));
        self.with_run(|client, run| client.open_stream(run));
    }

    pub(super) fn show_submitted(&mut self, mut shown: Vec<Message>) {
        // An order to remove, or an edit of a message that is shown, is the server's to carry out.
        retain(&mut shown, |message| {
            let id = message.id.as_ref();
            message.kind != MessageKind::Remove && id.is_none_or(|id| !self.store.shows(id))
        });
        self.with_part(
            |parts| &mut parts.session,
            |session, client| session.submitted(client, ids_of(&shown)),
        );
        self.store.show_optimistic(shown);
    }

    pub(super) fn join(&mut self, command: CommandId, run_id: Option<RunId>, options: JoinOptions) {
        if let Some(Err(error)) = run_id.as_ref().map(|id| check_id(id.as_str())) {
            self.set_error(Some(error.clone()));
            return self.conclude(command, Outcome::Failed(error));
        }
        if self.thread_id.is_none() || self.is_stream_only() {
            return self.look_up(command, run_id, options);
        }
        let same = run_id.is_none() || run_id.as_ref() == self.run_id();
        if self.is_active() && same {
            return self.with_run(|client, run| {
                run.waiters.push(Waiter {
                    command,
                    is_join: true,
                });
                client.go_on(run);
            });
        }
        if self.load.is_loading() || self.load.has_failed() {
            self.load_then_join(Join {
                command,
                run_id,
                options,
            });
            return;
        }
        self.leave_run();
        self.leave_branches(None);
        self.set_error(None);
        if !same {
            self.last = None;
        }
        let mut run = match self.run.take() {
            Some(mut run) if same => {
                run.begin_again();
                run
            }
            other => {
                self.store.begin_run();
                if other.is_some() || run_id.is_some() {
                    self.store.expect_older_values();
                }
                Run::joined(run_id)
            }
        };
        let over = std::mem::replace(&mut run.left, Left::Active) == Left::Over;
        run.join_with(command, options);
        self.run = Some(run);
        self.with_run(|client, run| match over && run.id.is_some() {
            true => client.check_run(run, After::Entering),
            false => client.open_stream(run),
        });
    }

    /// Without a thread: the one that the run was stored for.
    fn look_up(&mut self, command: CommandId, run_id: Option<RunId>, options: JoinOptions) {
        let Some(run_id) = run_id.filter(|_| !self.is_stream_only()) else {
            return self.conclude(command, Outcome::NothingToJoin);
        };
        self.conclude_thread_lookup();
        let key = run_key(&self.config, &run_id);
        self.thread_lookup = Some(ThreadLookup {
            key: key.clone(),
            join: Join {
                command,
                run_id: Some(run_id),
                options,
            },
        });
        self.effects.push(Effect::LoadRecord { key });
    }

    pub(super) fn thread_looked_up(&mut self, join: Join, thread_id: Option<ThreadId>) {
        if self.thread_id.is_none() {
            let Some(thread_id) = thread_id else {
                return self.conclude(join.command, Outcome::NothingToJoin);
            };
            self.thread_id = Some(thread_id);
            return self.load_then_join(join);
        }
        self.join(join.command, join.run_id, join.options);
    }

    fn conclude_thread_lookup(&mut self) {
        if let Some(lookup) = self.thread_lookup.take() {
            self.conclude(lookup.join.command, Outcome::Disconnected);
        }
    }

    /// Something later has overtaken the edit that is looked up.
    fn supersede_edit(&mut self) {
        self.with_part(
            |parts| &mut parts.edits,
            |edits, client| edits.supersede(client),
        );
    }

    pub(super) fn conclude(&mut self, command: CommandId, outcome: Outcome) {
        self.notify(Notice::Concluded { command, outcome });
    }

    pub(super) fn stop(&mut self) {
        self.leave();
    }

    /// Disconnects from whatever is under way. The agent goes on; everything received stays.
    pub(super) fn leave(&mut self) {
        self.supersede_edit();
        self.drop_queue(&Outcome::Disconnected);
        self.conclude_thread_lookup();
        self.abort_load();
        self.leave_run();
    }

    pub(super) fn leave_run(&mut self) {
        if !self.is_active() {
            return;
        }
        self.close_link("disconnected");
        self.abort_phase_request();
        self.with_run(|client, run| {
            run.drop_replay();
            client.save_record(run);
            client.end(run, End::Disconnected, Outcome::Disconnected);
        });
    }

    /// Closes the connection, if there is one. The phase that comes then is the caller's to set. `reason` is for a timeline, in
    /// words.
    pub(super) fn close_link(&mut self, reason: &'static str) {
        if let Some(link) = self.phase.link() {
            let attempt = link.attempt;
            self.phase = Phase::Idle;
            self.abort(attempt);
            if cfg!(feature = "timeline") {
                self.notify(Notice::AttemptEnded { reason });
            }
        }
    }

    pub(super) fn abort_phase_request(&mut self) {
        if let Some(asked) = self.phase.asked() {
            self.abort(asked.attempt);
        }
    }
}

/// The ids of messages that have one.
fn ids_of(messages: &[Message]) -> Vec<MessageId> {
    collected(messages.iter().filter_map(|message| message.id.clone()))
}
