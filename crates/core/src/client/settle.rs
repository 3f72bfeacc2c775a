//! After a stream: is the run over, and what does the thread hold now.

use super::{
    Client,
    connect::timed_out,
    events::run_failed,
    recovery::{Failure, Purpose, STATE_TRIES_MAX, Verdict},
    requests::{Answer, KnownRun},
    run::{Cancel, Fate, LastWord, Left, Posting, Run},
    standing::{LastRun, Standing},
};
use crate::{
    ErrorCode, MessageOrigin, Method, Notice, Outcome, StreamError,
    phase::{After, End, Next, Phase, Settle},
};
use rejoin_wire::{
    event::ErrorBody,
    json::Read,
    thread::{RunStatus, ThreadState},
};

impl Client {
    /// Asks how far the run is.
    pub(super) fn check_run(&mut self, run: &mut Run, after: After) {
        let Some(url) = run.id.as_ref().and_then(|id| self.run_url(id, "")) else {
            return self.find_run(run);
        };
        let asked = self.ask(Method::Get, url);
        self.set_phase(Phase::Checking { asked, after });
    }

    pub(super) fn run_checked(&mut self, run: &mut Run, after: After, answer: &Answer<'_>) {
        let known: KnownRun = match answer.read("run") {
            Ok(Read { value, .. }) => value,
            Err(error) => {
                return match Purpose::CheckRun.verdict(answer.failure()) {
                    Verdict::Again if is_foreign(run, answer) => self.run_is_gone(run),
                    Verdict::Again => self.request_lost(run, error, answer),
                    Verdict::Renew => self.renew(run, error, &Next::Check),
                    Verdict::Gone => {
                        self.run_contact(run);
                        self.run_is_gone(run);
                    }
                    Verdict::Refused => self.fail(run, error),
                };
            }
        };
        run.recovery.accepted();
        let was_lost = self.run_contact(run);
        if !known.status.is_active() {
            return self.run_is_over(run, known.status);
        }
        let is_pending = known.status == RunStatus::Pending;
        if is_pending {
            // It has not begun, so there is nothing that a join could have answered.
            run.silent_joins = 0;
        }
        let silent_often = run.silent_joins >= self.config.retry.silent_joins_max;
        match after {
            After::Entering => self.reopen(run),
            After::Silence if was_lost || !silent_often => self.reopen(run),
            After::CleanEnd if is_pending && was_lost => self.reopen(run),
            After::Wait if was_lost => self.reopen(run),
            After::Silence | After::CleanEnd | After::Wait => {
                run.was_interrupted();
                run.recovery.ended_early();
                self.rest(run, None);
            }
        }
    }

    /// The server does not know the run, or cannot say. What the stream has said of its end counts all the same.
    pub(super) fn run_is_gone(&mut self, run: &mut Run) {
        match run.last_outcome() {
            Some(outcome) => self.settle_as(run, outcome, true),
            // It may well be the run that the thread calls failed.
            None => match run.entered.take() {
                Some(Standing::Failed(error)) => self.begin_settle(run, Outcome::Failed(error)),
                // It may well be the run that is active there.
                Some(Standing::Busy) => self.turn_to_active_run(run),
                Some(Standing::Idle) | None => self.begin_settle(run, Outcome::Expired),
            },
        }
    }

    /// The stored run is over, and the thread has said something else of its last one when it was entered: that counts. False: it
    /// has not.
    fn turns_to_the_thread(&mut self, run: &mut Run) -> bool {
        match run.entered.take() {
            None | Some(Standing::Idle) => false,
            Some(Standing::Failed(error)) => {
                self.remove_own_record(run);
                run.entered = Some(Standing::Failed(error));
                self.begin_settle(run, Outcome::NothingToJoin);
                true
            }
            Some(Standing::Busy) => {
                self.turn_to_active_run(run);
                true
            }
        }
    }

    /// Follows whichever run is active on the thread instead.
    pub(super) fn turn_to_active_run(&mut self, run: &mut Run) {
        self.remove_own_record(run);
        let waiters = std::mem::take(&mut run.waiters);
        *run = *Run::joined(None);
        run.waiters = waiters;
        run.was_interrupted();
        self.find_run(run);
    }

    fn run_is_over(&mut self, run: &mut Run, status: RunStatus) {
        let has_failed = matches!(status, RunStatus::Error | RunStatus::Timeout);
        if status == RunStatus::Interrupted && run.entered.is_some() {
            // What it has said is kept, whatever came after it.
            self.store.begin_run();
        }
        if !has_failed && self.turns_to_the_thread(run) {
            return;
        }
        let outcome = match (&run.last_word, status) {
            (_, RunStatus::Interrupted) => Outcome::Cancelled,
            (LastWord::Failed(error), _) => Outcome::Failed(error.clone()),
            (_, RunStatus::Error) => Outcome::Failed(StreamError::new(ErrorCode::RunFailed)),
            (_, RunStatus::Timeout) => Outcome::Failed(StreamError::new(ErrorCode::RunTimedOut)),
            (
                _,
                RunStatus::Pending | RunStatus::Running | RunStatus::Success | RunStatus::Unknown,
            ) => run.success(),
        };
        self.begin_settle(run, outcome);
    }

    /// Reads the thread's state and ends with `outcome`, which the server has said or which follows from what it does not know.
    pub(super) fn begin_settle(&mut self, run: &mut Run, outcome: Outcome) {
        self.settle_as(run, outcome, false);
    }

    /// The same. `unconfirmed`: the outcome is the stream's word alone.
    fn settle_as(&mut self, run: &mut Run, outcome: Outcome, unconfirmed: bool) {
        self.close_link("settling");
        self.show_replay(run);
        // What has not caught up by now is what the thread's state is read for.
        run.drop_replay();
        if self.is_stream_only() || !self.reads_state() {
            return self.settled(run, outcome);
        }
        let settle = Settle {
            // Why a run failed stands on the thread alone where the stream did not say it.
            reads_reason: lacks_reason(&outcome),
            outcome,
            unconfirmed,
            failures: 0,
        };
        self.read_for_settle(run, settle);
    }

    pub(super) fn read_for_settle(&mut self, run: &mut Run, settle: Settle) {
        let asked = if settle.reads_reason {
            self.thread_url("").map(|url| self.ask(Method::Get, url))
        } else {
            self.ask_states()
        };
        match asked {
            Some(asked) => self.set_phase(Phase::Settling { asked, settle }),
            None => self.settled(run, settle.outcome),
        }
    }

    /// The application wants an end: what the thread holds is shown, if it is to be had.
    pub(super) fn give_up(&mut self, run: &mut Run) {
        if run.id.is_some() {
            self.begin_settle(run, Outcome::TimedOut);
        } else {
            let error = run.recovery.last_error.clone();
            let error = error.unwrap_or_else(|| StreamError::new(ErrorCode::Unreachable));
            self.fail(run, error);
        }
    }

    /// Shows the thread's state while the run cannot be followed.
    pub(super) fn look(&mut self, run: &mut Run) {
        match self.ask_states() {
            Some(asked) => self.set_phase(Phase::Looking(asked)),
            None => self.open_stream(run),
        }
    }

    pub(super) fn looked(&mut self, run: &mut Run, answer: &Answer<'_>) {
        match self.take_states(answer) {
            Ok(state) => {
                run.recovery.accepted();
                self.run_contact(run);
                self.refresh_state(&state);
                self.check_run(run, After::Wait);
            }
            Err(error) => match Purpose::State.verdict(answer.failure()) {
                Verdict::Renew => self.renew(run, error, &Next::Look),
                // Attempts go on without it.
                Verdict::Again | Verdict::Gone | Verdict::Refused => {
                    self.request_lost(run, error, answer);
                }
            },
        }
    }

    /// The answer that the run's end waits for has come.
    pub(super) fn settle_answered(
        &mut self,
        run: &mut Run,
        mut settle: Settle,
        answer: &Answer<'_>,
    ) {
        if answer.status != 0 {
            self.run_contact(run);
        }
        if std::mem::take(&mut settle.reads_reason) {
            let thread: Option<Read<LastRun>> = answer.read("thread").ok();
            if let Some(failure) = thread.and_then(|thread| thread.value.failure) {
                settle.outcome = Outcome::Failed(failure);
            }
            return self.read_for_settle(run, settle);
        }
        match self.take_states(answer) {
            Ok(state) => self.show_end(run, settle, &state),
            Err(error) => match Purpose::State.verdict(answer.failure()) {
                Verdict::Renew => self.renew(run, error, &Next::Settle(settle)),
                Verdict::Gone => self.thread_is_gone(run, settle.outcome),
                Verdict::Again => self.settle_again(run, settle, error, answer),
                Verdict::Refused => self.settle_without_state(run, settle.outcome, error),
            },
        }
    }

    /// A server that cannot be reached is asked until it can be; one that answers, and not with the state, is asked a few times.
    fn settle_again(
        &mut self,
        run: &mut Run,
        mut settle: Settle,
        error: StreamError,
        answer: &Answer<'_>,
    ) {
        let failure = answer.failure();
        let counts = failure != Failure::NoAnswer || settle.outcome == Outcome::TimedOut;
        if counts && self.reach().is_whole() {
            settle.failures += 1;
        }
        let is_last = settle.failures >= STATE_TRIES_MAX
            || settle.failures > 0 && settle.outcome == Outcome::TimedOut;
        if is_last || run.recovery.is_over(self.now, &self.config.retry) {
            return self.settle_without_state(run, settle.outcome, error);
        }
        let since = answer.asked_at.unwrap_or(self.now);
        run.recovery
            .failed_within(self.reach(), since, error, failure);
        let wait = self.wait_after(&run.recovery, answer.retry_after);
        let next = Next::Settle(settle);
        self.set_phase(Phase::Waiting { wait, next });
    }

    fn settle_without_state(&mut self, run: &mut Run, outcome: Outcome, error: StreamError) {
        self.history_unavailable(error.message.clone());
        if keeps_parts(&outcome) {
            self.store.mark_parts();
        }
        match outcome {
            Outcome::TimedOut => {
                let cause = run.recovery.last_error.clone();
                self.fail(run, cause.unwrap_or(error));
            }
            known => self.settled(run, known),
        }
    }

    fn show_end(&mut self, run: &mut Run, settle: Settle, state: &ThreadState) {
        let unconfirmed = settle.unconfirmed;
        // A stream that has ended may have been cut before the event that says why the run failed.
        let says_well = settle.outcome.error().is_none();
        let missed = failure_in_tasks(state).filter(|_| unconfirmed && says_well);
        let outcome = match missed {
            Some(failure) => Outcome::Failed(failure),
            None if lacks_reason(&settle.outcome) => reason_from_tasks(state),
            None => settle.outcome,
        };
        let keeps = keeps_parts(&outcome);
        self.show_state(state, &|slot, past| {
            // A run that went well has nothing that its thread's state lacks, if it did go well. Other runs' text is theirs. What
            // values have held lies on a branch that was left, unless the server has lost it.
            let is_part = match past.told {
                true => keeps && past.own && !past.left,
                false => !past.left && (keeps || unconfirmed || !past.own),
            };
            let stays = !past.stored && is_part;
            match slot.origin {
                _ if !stays => None,
                // Of this run's own, the server either has it by now, or it never arrived.
                MessageOrigin::Optimistic => Some(MessageOrigin::Optimistic),
                MessageOrigin::Server | MessageOrigin::Partial => Some(MessageOrigin::Partial),
            }
        });
        if !self.history.branch().is_empty() {
            // The history may go on showing a branch that was chosen while the run was followed.
            run.cursor.rewind();
            self.show_branch();
        }
        if outcome == Outcome::NothingToJoin {
            // How the thread's last run ended is all there is to tell.
            let said = match run.entered.take() {
                Some(Standing::Failed(error)) => Some(error),
                Some(Standing::Idle | Standing::Busy) | None => None,
            };
            self.set_error(failure_in_tasks(state).or(said));
        }
        self.settled(run, outcome);
    }

    /// The server knows no state of the thread.
    fn thread_is_gone(&mut self, run: &mut Run, outcome: Outcome) {
        match outcome {
            // The stream was followed to its end, so what it brought is whole, whatever the server forgets.
            Outcome::Finished | Outcome::Replayed if matches!(run.last_word, LastWord::Ended) => {
                self.history_unavailable(ErrorCode::ThreadNotFound.message().to_owned());
                self.settled(run, outcome);
            }
            Outcome::Failed(failure) => {
                self.forget_thread(run);
                self.set_error(Some(failure.clone()));
                self.end(run, End::Failed(failure.clone()), Outcome::Failed(failure));
            }
            Outcome::Denied(_)
            | Outcome::Finished
            | Outcome::Replayed
            | Outcome::SnapshotThenTail
            | Outcome::Expired
            | Outcome::TimedOut
            | Outcome::Cancelled
            | Outcome::Disconnected
            | Outcome::NothingToJoin
            | Outcome::Superseded
            | Outcome::Dropped => {
                self.forget_thread(run);
                self.set_error(Some(StreamError::new(ErrorCode::ThreadNotFound)));
                self.end(run, End::Expired, Outcome::Expired);
            }
        }
    }

    fn forget_thread(&mut self, run: &mut Run) {
        run.left = Left::Nothing;
        self.remove_record();
        self.forget_history();
    }

    /// Ends with an outcome whose state is shown.
    fn settled(&mut self, run: &mut Run, outcome: Outcome) {
        let end = match &outcome {
            Outcome::Finished
            | Outcome::Replayed
            | Outcome::SnapshotThenTail
            | Outcome::Cancelled
            | Outcome::NothingToJoin
            | Outcome::Disconnected
            | Outcome::Superseded
            | Outcome::Dropped => End::Finished,
            Outcome::Expired => {
                self.set_error(Some(StreamError::new(ErrorCode::RunExpired)));
                End::Expired
            }
            Outcome::TimedOut => {
                let error = timed_out(run.recovery.last_error.clone());
                self.set_error(Some(error.clone()));
                End::Failed(error)
            }
            Outcome::Failed(error) | Outcome::Denied(error) => {
                self.set_error(Some(error.clone()));
                End::Failed(error.clone())
            }
        };
        if matches!(end, End::Finished) {
            self.clear_passing_error();
        }
        let may_go_on = match &outcome {
            Outcome::TimedOut => true,
            Outcome::Failed(error) => {
                !matches!(error.code, ErrorCode::RunFailed | ErrorCode::RunTimedOut)
            }
            Outcome::Finished
            | Outcome::Replayed
            | Outcome::SnapshotThenTail
            | Outcome::Expired
            | Outcome::Denied(_)
            | Outcome::Cancelled
            | Outcome::Disconnected
            | Outcome::NothingToJoin
            | Outcome::Superseded
            | Outcome::Dropped => false,
        };
        self.remove_own_record(run);
        // What is shown is the state's now, so nothing may be appended to it from the middle.
        run.cursor.rewind();
        run.left = match may_go_on {
            true => Left::Active,
            false => Left::Over,
        };
        if !may_go_on {
            self.store.begin_run();
        }
        self.end(run, end, outcome);
    }

    /// Ends although the run may still be active: its record stays.
    pub(super) fn fail(&mut self, run: &mut Run, error: StreamError) {
        self.end_with(run, error.clone(), Outcome::Failed(error));
    }

    /// The same, as the server has refused the headers.
    pub(super) fn deny(&mut self, run: &mut Run, error: StreamError) {
        self.end_with(run, error.clone(), Outcome::Denied(error));
    }

    fn end_with(&mut self, run: &mut Run, error: StreamError, outcome: Outcome) {
        self.show_replay(run);
        run.drop_replay();
        self.save_record(run);
        if !run.may_exist() {
            // Nothing has left, or the server has refused it: there is no run to go back to.
            run.left = Left::Nothing;
            self.remove_own_record(run);
        }
        self.set_error(Some(error.clone()));
        self.end(run, End::Failed(error), outcome);
    }

    /// The client's part is over. What follows it is begun when the input is done.
    pub(super) fn end(&mut self, run: &mut Run, end: End, outcome: Outcome) {
        let run_id = run.id.clone();
        let waiters = std::mem::take(&mut run.waiters);
        self.sending_ended(run, &outcome);
        self.notify_end(run_id, end, &outcome);
        for waiter in waiters {
            self.conclude(waiter.command, outcome.clone());
        }
        if matches!(outcome, Outcome::Failed(_) | Outcome::Denied(_)) {
            self.drop_queue(&Outcome::Dropped);
        }
        self.has_ended = outcome != Outcome::Disconnected;
    }

    pub(super) fn notify_end(
        &mut self,
        run_id: Option<rejoin_wire::RunId>,
        end: End,
        outcome: &Outcome,
    ) {
        self.records.pause();
        self.set_phase(Phase::Ended(end));
        self.notify(Notice::Ended {
            run_id,
            outcome: outcome.clone(),
        });
    }

    pub(super) fn runs_listed(
        &mut self,
        run: &mut Run,
        asks_for_thread: bool,
        answer: &Answer<'_>,
    ) {
        if asks_for_thread {
            return self.thread_looked_for(run, answer);
        }
        let runs = match answer.read_runs() {
            Ok(runs) => runs,
            Err(error) => {
                return match Purpose::FindRun.verdict(answer.failure()) {
                    Verdict::Again if is_foreign(run, answer) => self.no_list(run),
                    Verdict::Again => self.request_lost(run, error, answer),
                    Verdict::Renew => self.renew(run, error, &Next::Stream),
                    Verdict::Gone => {
                        self.run_contact(run);
                        self.no_list(run);
                    }
                    Verdict::Refused => self.fail(run, error),
                };
            }
        };
        run.recovery.accepted();
        self.run_contact(run);
        let found = match &run.submission {
            Some(posting) => runs
                .iter()
                .find(|known| known.submission_id.as_ref() == Some(&posting.mark)),
            None => active_run(&runs),
        };
        let Some((status, run_id)) = found.and_then(|run| Some((run.status, run.run_id.clone()?)))
        else {
            return self.run_not_listed(run);
        };
        self.run_named(run, run_id);
        if status.is_active() {
            self.open_stream(run);
        } else {
            self.run_is_over(run, status);
        }
    }

    /// The server lists no runs of the thread: as it does not have the thread, or as it does not list any.
    fn no_list(&mut self, run: &mut Run) {
        let unknown = |posting: &&Posting| posting.fate == Fate::Unknown && posting.body.is_some();
        let url = run.submission.as_ref().filter(unknown);
        match url.and_then(|_| self.thread_url("")) {
            Some(url) => {
                let asked = self.ask(Method::Get, url);
                self.set_phase(Phase::Finding {
                    asked,
                    asks_for_thread: true,
                });
            }
            None => self.run_not_listed(run),
        }
    }

    fn thread_looked_for(&mut self, run: &mut Run, answer: &Answer<'_>) {
        match answer.check() {
            // The thread is there, so its runs are not to be had: the submission may have become one of them.
            Ok(()) => {
                self.run_contact(run);
                self.submission_unconfirmed(run);
            }
            Err(error) => match Purpose::Load.verdict(answer.failure()) {
                Verdict::Again => self.request_lost(run, error, answer),
                Verdict::Renew => self.renew(run, error, &Next::Stream),
                Verdict::Gone => {
                    self.run_contact(run);
                    self.run_not_listed(run);
                }
                Verdict::Refused => self.submission_unconfirmed(run),
            },
        }
    }

    fn run_not_listed(&mut self, run: &mut Run) {
        let is_done = self.with_part(
            |parts| &mut parts.outbox,
            |outbox, client| outbox.not_listed(client, run),
        );
        if is_done == Some(true) {
            return;
        }
        match &mut run.submission {
            Some(posting) if posting.fate == Fate::Received => {
                // The server has it, and says nothing of it but what it has streamed.
                match run.last_outcome() {
                    Some(outcome) => self.begin_settle(run, outcome),
                    None => self.submission_unconfirmed(run),
                }
            }
            Some(posting) if posting.body.is_some() => {
                // The post never arrived, so it is sent again, a few times.
                posting.fate = Fate::Unsent;
                posting.thread_made = false;
                self.open_stream(run);
            }
            // It may well be the run that is active there.
            Some(_) if matches!(run.entered, Some(Standing::Busy)) => self.turn_to_active_run(run),
            Some(_) | None => {
                run.left = Left::Nothing;
                self.begin_settle(run, Outcome::NothingToJoin);
            }
        }
    }

    /// Nothing tells what became of the submission, and sending it again could run it twice.
    fn submission_unconfirmed(&mut self, run: &mut Run) {
        let error = StreamError::new(ErrorCode::SubmissionUnconfirmed);
        self.begin_settle(run, Outcome::Failed(error));
    }

    /// A cancellation was answered.
    pub(super) fn cancel_answered(&mut self, run: &mut Run, answer: &Answer<'_>) {
        run.cancel = Cancel::No;
        let over = matches!(answer.status, 404 | 409 | 410);
        if let Err(error) = answer.check()
            && !over
        {
            return self.cancel_failed(&error);
        }
        // A stream that is open ends by itself; without one, nobody else would look.
        if !self.is_active() {
            run.begin_again();
            self.check_run(run, After::Entering);
        }
    }

    pub(super) fn cancel_failed(&mut self, error: &StreamError) {
        let words = error.detail.as_deref().unwrap_or(error.code.message());
        let told = StreamError::new(ErrorCode::CancelFailed).with_detail(words);
        self.warn(match error.status {
            Some(status) => told.with_status(status),
            None => told,
        });
    }
}

/// Whether the server has answered with something else so often that it cannot be asked. The first times it may be a sign-in page on
/// the way.
fn is_foreign(run: &Run, answer: &Answer<'_>) -> bool {
    answer.failure() == Failure::Unreadable && run.recovery.failures() >= STATE_TRIES_MAX
}

/// Whether what a run has streamed and the thread's state lacks stays, as a part.
fn keeps_parts(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Expired
            | Outcome::TimedOut
            | Outcome::Failed(_)
            | Outcome::Cancelled
            | Outcome::Denied(_)
    )
}

fn lacks_reason(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(error) if error.code == ErrorCode::RunFailed && error.detail.is_none())
}

fn reason_from_tasks(state: &ThreadState) -> Outcome {
    Outcome::Failed(failure_in_tasks(state).unwrap_or_else(|| {
        StreamError::new(ErrorCode::RunFailed).with_detail("the server does not say why")
    }))
}

pub(super) fn failure_in_tasks(state: &ThreadState) -> Option<StreamError> {
    let mut said = state.tasks.iter().filter_map(|task| task.error.as_ref());
    let said = said.find(|error| !error.is_null())?;
    Some(run_failed(&ErrorBody::read(said)))
}

/// The run that is running; else the one that has waited longest. Servers list in opposite orders.
pub(super) fn active_run(runs: &[KnownRun]) -> Option<&KnownRun> {
    let running = runs.iter().find(|run| run.status == RunStatus::Running);
    running.or_else(|| {
        let pending = runs.iter().filter(|run| run.status == RunStatus::Pending);
        pending.min_by(|a, b| a.created_at.cmp(&b.created_at))
    })
}
