//! Which run is it, and is it over? The thread's runs are listed to find it, and it is asked for its status.

use super::{
    Client,
    answer::Answer,
    known_run::{KnownRun, active_run, first_run, unmarked_run},
    phase::{After, Next, Phase},
    recovery::{Failure, Purpose, STATE_TRIES_MAX, Verdict},
    run::{Fate, LastWord, Left, Posting, Run},
    standing::Standing,
};
use crate::{ErrorCode, Method, Outcome, StreamError};
use rejoin_wire::{ThreadId, json::Read, thread::RunStatus};

impl Client {
    /// The runs of the thread are listed, to find the one to join.
    pub(super) fn find_run(&mut self, run: &mut Run) {
        let Some(url) = self.runs_url() else {
            return self.without_thread(run);
        };
        debug_assert!(run.id.is_none(), "a run with an id is not looked for");
        let asked = self.ask(Method::Get, url);
        self.set_phase(Phase::Finding {
            asked,
            asks_for_thread: false,
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
                    Verdict::Again if self.is_never_told(run, answer) => self.no_list(run),
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
        run.untold = 0;
        self.run_contact(run);
        let found = match &run.submission {
            Some(posting) => runs
                .iter()
                .find(|known| known.submission_id.as_ref() == Some(&posting.mark))
                .or_else(|| first_run(&runs).filter(|_| self.is_named_after(&posting.mark)))
                .or_else(|| unmarked_run(&runs).filter(|_| posting.fate == Fate::Received)),
            None => active_run(&runs),
        };
        let question = found.and_then(|known| known.question(&self.config.messages_key));
        let Some((status, run_id)) = found.and_then(|run| Some((run.status, run.run_id.clone()?)))
        else {
            return self.run_not_listed(run, active_run(&runs).is_some());
        };
        match run.turned_from.take() {
            // It is the same, so what was had of it counts.
            Some(mut before) if before.id.as_ref() == Some(&run_id) => {
                before.waiters = std::mem::take(&mut run.waiters);
                *run = *before;
                self.mark_record();
            }
            Some(_) | None => {
                self.run_named(run, run_id);
                if run.submission.is_none() {
                    self.store.expect_question(question);
                }
            }
        }
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
            None => self.run_not_listed(run, false),
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
                    self.run_not_listed(run, false);
                }
                Verdict::Refused => self.submission_unconfirmed(run),
            },
        }
    }

    /// Whether the thread was made for the submission of this name.
    pub(super) fn is_named_after(&self, mark: &str) -> bool {
        self.thread_id.as_ref().map(ThreadId::as_str) == Some(mark)
    }

    /// `is_busy`: another run of the thread is listed as active.
    fn run_not_listed(&mut self, run: &mut Run, is_busy: bool) {
        let is_done = self.with_part(
            |parts| &mut parts.outbox,
            |outbox, client| outbox.not_listed(client, run, is_busy),
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
                    Verdict::Again if self.is_never_told(run, answer) => self.run_is_gone(run),
                    Verdict::Again => self.request_lost(run, error, answer),
                    Verdict::Renew => self.renew(run, error, &Next::Check),
                    Verdict::Gone => {
                        self.run_contact(run);
                        self.not_told(run, after);
                    }
                    Verdict::Refused => self.fail(run, error),
                };
            }
        };
        run.recovery.accepted();
        run.untold = 0;
        let was_lost = self.run_contact(run);
        if known.status == RunStatus::Unknown {
            return self.not_told(run, after);
        }
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

    /// The server does not say how far the run is, as some say it of no run. After an outage or a silent join its stream may be there all the same, so
    /// that is asked for, once.
    fn not_told(&mut self, run: &mut Run, after: After) {
        let may_go_on =
            matches!(after, After::Wait | After::Silence) && run.last_outcome().is_none();
        if may_go_on && !std::mem::replace(&mut run.joined_untold, true) {
            self.reopen(run);
        } else {
            self.run_is_gone(run);
        }
    }

    /// The server does not know the run, or cannot say. The stream's word on its end counts all the same.
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
        let mut found = Run::joined(None);
        std::mem::swap(run, &mut found);
        run.waiters = std::mem::take(&mut found.waiters);
        run.turned_from = Some(found);
        run.was_interrupted();
        self.find_run(run);
    }

    /// Whether the server has answered with something else so often that it cannot be asked. The first times it may be a sign-in page on
    /// the way. A 500 may be the server's trouble of the moment for longer, so there the stream must have said how the run ended.
    fn is_never_told(&self, run: &mut Run, answer: &Answer<'_>) -> bool {
        let failure = answer.failure();
        if !matches!(failure, Failure::Unreadable | Failure::Status(500)) {
            return false;
        }
        run.untold += 1;
        if failure == Failure::Unreadable {
            return run.untold > STATE_TRIES_MAX;
        }
        run.untold > self.config.retry.attempts_max && run.last_outcome().is_some()
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
}
