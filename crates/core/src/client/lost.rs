//! An attempt at the run has failed: what is told, how long to wait, and what is done then.

use super::{
    Client, Passing,
    answer::{Answer, failure_of, no_answer},
    link::{Asks, Link},
    phase::{After, Next, Phase},
    recovery::{Failure, Recovery, Turn, Wait},
    run::{Run, Waiter},
};
use crate::{ErrorCode, Millis, Outcome, StreamError};

/// Why an attempt at the run has failed, where that may pass.
pub(super) struct Loss {
    pub(super) error: StreamError,
    pub(super) failure: Failure,
    pub(super) retry_after: Option<Millis>,
    /// When the server was heard last, or when it was asked.
    pub(super) since: Millis,
}

impl Client {
    /// The connection failed or broke below HTTP.
    pub(super) fn link_broke(&mut self, run: &mut Run, error: StreamError) {
        let failure = failure_of(&error);
        if failure == Failure::Final {
            let purpose = self.link_purpose();
            return self.attempt_failed(run, purpose, failure, error, None);
        }
        self.link_lost(run, error);
    }

    /// The connection is gone, for a reason that may pass.
    pub(super) fn link_lost(&mut self, run: &mut Run, error: StreamError) {
        let link = self.phase.link();
        let since = link.map_or(self.now, |link| link.last_byte_at);
        let alive = self.config.timeouts.alive;
        if link.is_some_and(|link| link.was_held(self.now, alive)) {
            run.recovery.held();
        }
        let loss = Loss {
            error,
            failure: Failure::NoAnswer,
            retry_after: None,
            since,
        };
        self.lost(run, loss);
    }

    /// The connection is silent for too long.
    pub(super) fn link_late(&mut self, run: &mut Run) {
        let opening = matches!(self.phase, Phase::Opening(_));
        let Some(link) = self.phase.link_mut() else {
            return debug_assert!(false, "a link is late that is not there");
        };
        let since = link.last_byte_at;
        if link.is_silent_join() {
            // It asked for an event that it has already: a server that holds the stream would have answered.
            run.silent_joins += 1;
            run.was_interrupted();
            run.recovery.silent(since);
            self.close_link("silent");
            self.check_run(run, After::Silence);
        } else if opening {
            self.link_lost(run, no_answer());
        } else if !link.stalled {
            link.stalled = true;
            // A server that says nothing has nothing more to replay either.
            self.show_silent_replay(run);
            self.store.touch();
        } else {
            run.recovery.silent(since);
            self.close_link("stalled");
            self.reopen(run);
        }
    }

    /// A plain request of the run's was not answered as hoped, and may be the next time.
    pub(super) fn request_lost(&mut self, run: &mut Run, error: StreamError, answer: &Answer<'_>) {
        let loss = Loss {
            error,
            failure: answer.failure(),
            retry_after: answer.retry_after,
            since: answer.asked_at.unwrap_or(self.now),
        };
        self.lost(run, loss);
    }

    /// An attempt has failed, for a reason that may pass.
    pub(super) fn lost(&mut self, run: &mut Run, loss: Loss) {
        let Loss { error, .. } = &loss;
        let link = self.phase.link();
        let was_post = link.map(|link| link.asks) == Some(Asks::Post);
        let has_worked = link.is_some_and(Link::got_event) && run.recovery.tries == 0;
        self.close_link(error.code.as_str());
        if was_post {
            self.post_failed(run);
        }
        if self.is_stream_only() {
            return self.fail(run, loss.error);
        }
        run.was_interrupted();
        let before = run.recovery.last_error.as_ref().map(|before| before.code);
        if before != Some(error.code) && error.code != ErrorCode::Unreachable {
            // A lost connection is told by its state; a server's own words are told once.
            self.warn(error.clone());
        }
        run.recovery.failed(loss.since, loss.error, loss.failure);
        if loss.failure != Failure::NoAnswer {
            self.contact_made();
        }
        // A page that is being left loses its connections, and nobody waits for new ones.
        let may_go =
            has_worked && run.id.is_some() && self.reach().is_whole() && !self.is_being_left;
        if may_go && run.recovery.may_go_at_once(self.now) {
            self.open_stream(run);
        } else {
            self.rest(run, loss.retry_after);
        }
    }

    /// Waits before the next attempt. The client goes on as long as the page is open, unless the application wants an end.
    pub(super) fn rest(&mut self, run: &mut Run, retry_after: Option<Millis>) {
        if !self.reach().is_whole() {
            // Waiting for the reader or for the network is not a failure of the server's.
            run.recovery.uncount();
        } else if run.recovery.is_over(self.now, &self.config.retry) {
            return self.give_up(run);
        }
        let next = self.next_step(run);
        let wait = self.wait_after(&run.recovery, retry_after);
        self.set_phase(Phase::Waiting { wait, next });
    }

    /// If streams do not come through, every other attempt asks for the run instead, so that its end is noticed.
    fn next_step(&mut self, run: &mut Run) -> Next {
        let policy = &self.config.retry;
        let takes_long = run.recovery.failures() > policy.attempts_max
            || run.silent_joins >= policy.silent_joins_max;
        if !takes_long {
            return Next::Stream;
        }
        if !std::mem::replace(&mut run.timeout_told, true) {
            return self.tell_timeout(run);
        }
        match run.id.is_some() && run.recovery.tries % 2 == 1 {
            true => Next::Check,
            false => Next::Stream,
        }
    }

    /// The run cannot be followed in time: that is told, joins by hand end, and the thread's state is shown. Attempts go on.
    fn tell_timeout(&mut self, run: &mut Run) -> Next {
        let cause = run.recovery.last_error.clone();
        if run.id.is_none() {
            if let Some(cause) = cause {
                self.set_passing_error(cause, Passing::Contact);
            }
            return Next::Stream;
        }
        self.set_passing_error(timed_out(cause), Passing::Progress);
        self.save_record(run);
        let waiters = std::mem::take(&mut run.waiters).into_iter();
        let (joins, others): (Vec<Waiter>, _) = waiters.partition(|waiter| waiter.is_join);
        run.waiters = others;
        for join in joins {
            self.conclude(join.command, Outcome::TimedOut);
        }
        match self.reads_state() {
            true => Next::Look,
            false => Next::Check,
        }
    }

    pub(super) fn wait_after(&mut self, recovery: &Recovery, retry_after: Option<Millis>) -> Wait {
        let mut turn = Turn {
            now: self.now,
            reach: self.reach(),
            policy: &self.config.retry,
            rng: &mut self.rng,
        };
        recovery.wait(&mut turn, retry_after)
    }

    /// Starts the next step of the run.
    pub(super) fn take_step(&mut self, run: &mut Run, next: Next) {
        match next {
            Next::Stream => self.open_stream(run),
            Next::Check => self.check_run(run, After::Wait),
            Next::Look => self.look(run),
            Next::Settle(settle) => self.read_for_settle(run, settle),
        }
    }

    /// The wait is over.
    pub(super) fn go_on(&mut self, run: &mut Run) {
        if let Phase::Waiting { next, .. } = &self.phase {
            let next = next.clone();
            self.take_step(run, next);
        }
    }
}

/// The run could not be followed in time, and why.
pub(super) fn timed_out(cause: Option<StreamError>) -> StreamError {
    let error = StreamError::new(ErrorCode::RejoinTimedOut);
    match cause {
        Some(cause) if cause.code != ErrorCode::RejoinTimedOut => {
            error.with_detail(cause.message.as_str())
        }
        Some(cause) => cause,
        None => error,
    }
}
