//! After a stream: is the run over, and what does the thread hold now.

use super::{
    Client,
    events::run_failed,
    requests::{Answer, KnownRun},
    thread_load::LastRun,
};
use crate::{
    ErrorCode, MessageOrigin, Method, Outcome, StreamError,
    phase::{End, Phase},
};
use rejoin_wire::{
    event::ErrorBody,
    json::Read,
    thread::{RunStatus, ThreadState},
};

/// How often the thread's state is asked for before the client ends with what it has.
const SETTLE_TRIES_MAX: u32 = 3;

impl Client {
    /// Asks how far the run is.
    pub(super) fn check_run(&mut self) {
        let Some(url) = self.run_url("") else { return };
        let attempt = self.ask(Method::Get, url);
        // The link is kept for what it says of progress, but nothing more is taken from it.
        self.set_phase(Phase::Checking { attempt });
    }

    pub(super) fn run_checked(&mut self, answer: &Answer<'_>) {
        let run: KnownRun = match answer.read("run") {
            Ok(Read { value, .. }) => value,
            Err(_) if matches!(answer.status, 404 | 409 | 410) => {
                return self.begin_settle(Outcome::Expired);
            }
            Err(error) => return self.request_refused(error, answer),
        };
        if run.status.is_active() {
            self.still_active(run.status);
        } else {
            self.close_link("the run is over");
            self.run_is_over(run.status);
        }
    }

    fn still_active(&mut self, status: RunStatus) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        if status == RunStatus::Pending {
            // It has not begun, so there is nothing that a join could have answered.
            follow.silent_joins = 0;
        }
        if follow.silent_joins >= self.config.retry.silent_joins_max {
            return self.give_up(StreamError::new(ErrorCode::RejoinTimedOut));
        }
        if follow.silent_joins > 0 || follow.link.is_none() || status == RunStatus::Pending {
            return self.reopen();
        }
        self.lost(
            StreamError::new(ErrorCode::Unreachable)
                .with_detail("the stream ended while the run goes on"),
        );
    }

    fn run_is_over(&mut self, status: RunStatus) {
        let Some(follow) = &self.follow else { return };
        let outcome = match (&follow.failure, status) {
            (_, RunStatus::Interrupted) => Outcome::Cancelled,
            (Some(error), _) => Outcome::Failed(error.clone()),
            (None, RunStatus::Error) => Outcome::Failed(StreamError::new(ErrorCode::RunFailed)),
            (None, RunStatus::Timeout) => Outcome::Failed(StreamError::new(ErrorCode::RunTimedOut)),
            (
                None,
                RunStatus::Pending | RunStatus::Running | RunStatus::Success | RunStatus::Unknown,
            ) => follow.success(),
        };
        self.begin_settle(outcome);
    }

    /// Reads the thread's state and ends with `outcome`.
    pub(super) fn begin_settle(&mut self, outcome: Outcome) {
        self.close_link("settling");
        self.show_shadow();
        // What has not caught up by now is what the thread's state is read for.
        self.drop_shadow();
        if self.is_stream_only() || !self.reads_state() {
            return self.settled(outcome);
        }
        let (Some(url), Some(follow)) = (self.thread_url(""), &mut self.follow) else {
            return;
        };
        // Why a run failed stands on the thread alone where the stream did not say it.
        let ask_reason =
            lacks_reason(&outcome) && !std::mem::replace(&mut follow.reason_asked, true);
        follow.reading_reason = ask_reason;
        follow.settle = Some(outcome);
        let attempt = if ask_reason {
            Some(self.ask(Method::Get, url))
        } else {
            self.ask_states()
        };
        if let Some(attempt) = attempt {
            self.set_phase(Phase::Settling { attempt });
        }
    }

    /// No more attempts: what the thread holds is shown, if it is to be had.
    pub(super) fn give_up(&mut self, error: StreamError) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        follow.last_error = Some(error.clone());
        if follow.run_id.is_some() {
            follow.settle_tries = SETTLE_TRIES_MAX - 1;
            self.begin_settle(Outcome::TimedOut);
        } else {
            self.fail(Outcome::Failed(error));
        }
    }

    pub(super) fn state_read(&mut self, answer: &Answer<'_>) {
        let Some(outcome) = self
            .follow
            .as_ref()
            .and_then(|follow| follow.settle.clone())
        else {
            return;
        };
        if self
            .follow
            .as_mut()
            .is_some_and(|follow| std::mem::take(&mut follow.reading_reason))
        {
            let thread: Option<Read<LastRun>> = answer.read("thread").ok();
            let said = thread.and_then(|thread| thread.value.failure);
            return self.begin_settle(said.map_or(outcome, Outcome::Failed));
        }
        let state = match self.take_states(answer) {
            Ok(state) => state,
            Err(_) if matches!(answer.status, 404 | 410) => return self.thread_is_gone(outcome),
            Err(error) => return self.request_refused(error, answer),
        };
        let outcome = if lacks_reason(&outcome) {
            reason_from_tasks(&state)
        } else {
            outcome
        };
        let keeps = matches!(
            outcome,
            Outcome::Expired
                | Outcome::TimedOut
                | Outcome::Failed(_)
                | Outcome::Cancelled
                | Outcome::Denied(_)
        );
        self.show_state(&state, &|slot, past| {
            // A run that went well has nothing that its thread's state lacks; other runs' text is theirs, unless the thread
            // has gone on from before it.
            let stays = !past.stored && (keeps || !past.own && !past.told);
            match slot.origin {
                _ if !stays => None,
                // Of this run's own, the server either has it by now, or it never arrived.
                MessageOrigin::Optimistic => Some(MessageOrigin::Optimistic),
                MessageOrigin::Server | MessageOrigin::Partial => Some(MessageOrigin::Partial),
            }
        });
        self.show_chosen_branch();
        if outcome == Outcome::NothingToJoin {
            // How the thread's last run ended is all there is to tell.
            self.set_error(failure_in_tasks(&state));
        }
        self.settled(outcome);
    }

    fn thread_is_gone(&mut self, outcome: Outcome) {
        let error = StreamError::new(ErrorCode::ThreadNotFound);
        self.forget_run();
        self.remove_record();
        self.set_error(Some(error.clone()));
        match outcome {
            Outcome::Failed(failure) => {
                self.set_error(Some(failure.clone()));
                self.end(End::Failed(failure.clone()), Outcome::Failed(failure));
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
            | Outcome::Dropped => self.end(End::Expired, Outcome::Expired),
        }
    }

    /// Ends with an outcome whose state is shown.
    fn settled(&mut self, outcome: Outcome) {
        let end = match &outcome {
            Outcome::Finished
            | Outcome::Replayed
            | Outcome::SnapshotThenTail
            | Outcome::Cancelled => End::Finished,
            Outcome::NothingToJoin
            | Outcome::Disconnected
            | Outcome::Superseded
            | Outcome::Dropped => End::Finished,
            Outcome::Expired => {
                self.set_error(Some(StreamError::new(ErrorCode::RunExpired)));
                End::Expired
            }
            Outcome::TimedOut => {
                let cause = self.last_error_or(ErrorCode::RejoinTimedOut);
                let error = match cause.code {
                    ErrorCode::RejoinTimedOut => cause,
                    _ => StreamError::new(ErrorCode::RejoinTimedOut)
                        .with_detail(cause.message.as_str()),
                };
                self.set_error(Some(error.clone()));
                End::Failed(error)
            }
            Outcome::Failed(error) | Outcome::Denied(error) => {
                self.set_error(Some(error.clone()));
                End::Failed(error.clone())
            }
        };
        let rejoinable = match &outcome {
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
        self.forget_run();
        if let Some(follow) = &mut self.follow {
            follow.rejoinable = rejoinable;
            // What is shown is the state's now, so nothing may be appended to it from the middle.
            follow.cursor.rewind();
            follow.over = !rejoinable;
        }
        if !rejoinable {
            self.store.begin_run();
        }
        self.end(end, outcome);
    }

    /// Ends although the run may still be active: its record stays.
    pub(super) fn fail(&mut self, outcome: Outcome) {
        let Some(error) = outcome.error().cloned() else {
            return;
        };
        self.show_shadow();
        self.drop_shadow();
        self.save_record();
        if self
            .follow
            .as_ref()
            .is_some_and(|follow| follow.run_id.is_none() && !follow.posted)
        {
            // Nothing has left, or the server has refused it: there is no run to go back to.
            self.forget_run();
        }
        self.set_error(Some(error.clone()));
        self.end(End::Failed(error), outcome);
        if let Some(extras) = self.extras.filter(|_| self.was_refused_back()) {
            // The screen went back for it, and the thread has not.
            (extras.ask_history)(self);
        }
    }

    fn forget_run(&mut self) {
        if let Some(follow) = &mut self.follow {
            follow.rejoinable = false;
        }
        self.remove_own_record();
    }

    /// A request of the run's was not answered as hoped.
    pub(super) fn request_refused(&mut self, error: StreamError, answer: &Answer<'_>) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        if matches!(answer.status, 401 | 403) {
            if std::mem::replace(&mut follow.headers_refreshed, true) {
                self.close_link("denied");
                return self.fail(Outcome::Denied(error));
            }
            self.refresh_headers = true;
            return match self.phase {
                Phase::Checking { .. } => self.check_run(),
                _ => self.go_on(),
            };
        }
        self.request_lost(error);
    }

    pub(super) fn request_lost(&mut self, error: StreamError) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        let Some(outcome) = follow.settle.clone() else {
            return self.lost(error);
        };
        if !self.online || !self.visible {
            return self.set_phase(Phase::Parked);
        }
        follow.settle_tries += 1;
        if follow.settle_tries < SETTLE_TRIES_MAX {
            let tries = follow.settle_tries;
            let wait = self.backoff(tries);
            return self.set_phase(Phase::Waiting {
                until: self.now + wait,
            });
        }
        self.history_unavailable(error.message.clone());
        match outcome {
            Outcome::TimedOut => {
                let error = self.last_error_or(ErrorCode::RejoinTimedOut);
                self.fail(Outcome::Failed(error));
            }
            known => self.settled(known),
        }
    }

    pub(super) fn runs_listed(&mut self, answer: &Answer<'_>) {
        let runs = match answer.read_runs() {
            Ok(runs) => runs,
            Err(error) => return self.request_refused(error, answer),
        };
        let Some(follow) = &mut self.follow else {
            return;
        };
        let found = match &follow.submission_id {
            Some(_) => runs
                .iter()
                .find(|run| run.submission_id == follow.submission_id),
            None => active_run(&runs),
        };
        let Some(run) = found else {
            return self.run_not_listed();
        };
        let status = run.status;
        self.run_named(run.run_id.clone());
        if status.is_active() {
            self.open_stream()
        } else {
            self.run_is_over(status)
        }
    }

    fn run_not_listed(&mut self) {
        let Some(follow) = &mut self.follow else {
            return;
        };
        if follow.body.is_some() {
            // The post never arrived, so it is sent again.
            follow.posted = false;
            return self.open_stream();
        }
        follow.rejoinable = false;
        self.begin_settle(Outcome::NothingToJoin);
    }
}

fn lacks_reason(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(error) if error.code == ErrorCode::RunFailed && error.detail.is_none())
}

fn reason_from_tasks(state: &ThreadState) -> Outcome {
    Outcome::Failed(failure_in_tasks(state).unwrap_or_else(|| {
        StreamError::new(ErrorCode::RunFailed).with_detail("the server does not say why")
    }))
}

fn failure_in_tasks(state: &ThreadState) -> Option<StreamError> {
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
