//! The run is over: what the thread holds now is read and shown, and the run ends with its outcome.

use super::{
    Client,
    answer::{Answer, run_failed},
    lost::timed_out,
    phase::{After, End, Next, Phase, Settle},
    recovery::{Failure, Purpose, STATE_TRIES_MAX, Verdict},
    run::{LastWord, Left, Run},
    standing::{LastRun, Standing},
};
use crate::{ErrorCode, MessageOrigin, Method, Notice, Outcome, StreamError};
use rejoin_wire::{event::ErrorBody, json::Read, thread::ThreadState};

impl Client {
    /// Reads the thread's state and ends with `outcome`, which the server has said or which follows from what it does not know.
    pub(super) fn begin_settle(&mut self, run: &mut Run, outcome: Outcome) {
        self.settle_as(run, outcome, false);
    }

    /// The same. `unconfirmed`: the outcome is the stream's word alone.
    pub(super) fn settle_as(&mut self, run: &mut Run, outcome: Outcome, unconfirmed: bool) {
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
                self.refresh_state(&state, false);
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
        if outcome == Outcome::TimedOut {
            let cause = run.recovery.last_error.clone();
            self.fail(run, cause.unwrap_or(error));
        } else {
            self.settled(run, outcome);
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

    /// The client's part is over. The next step begins when the input is done.
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
