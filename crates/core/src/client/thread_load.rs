//! Entering a thread: its stored record, its state and the thread itself are read, then the run that is active on
//! it, if any, is joined.

use super::{
    Client, Passing,
    answer::{Answer, Asked, no_answer},
    commands::Join,
    compare::ThreadSummary,
    loading::{Loading, Part, Piece, ThreadLoad},
    phase::{After, End, Phase},
    recovery::{Failure, Purpose, Reach, Turn, Verdict},
    run::Run,
    settle::failure_in_tasks,
    standing::{LastRun, Standing},
};
use crate::{
    AttemptId, Connection, DeadlineReason, Effect, ErrorCode, Method, Millis, Outcome, StreamError,
    run_record::{Record, record_key},
};
use rejoin_wire::json::Read;

impl Client {
    pub(crate) fn is_thread_loading(&self) -> bool {
        // Where a join has no thread yet, that is looked up first.
        self.load.is_loading() || self.thread_lookup.is_some()
    }

    pub(super) fn load_connection(&self) -> Connection {
        self.load.connection(self.online, self.store.shows_saved())
    }

    pub(super) fn start_load(&mut self) {
        self.thread_is_new = false;
        let Some(thread_id) = self.thread_id.clone().filter(|_| !self.is_stream_only()) else {
            self.load = ThreadLoad::None;
            return;
        };
        self.load = ThreadLoad::Loading(Box::new(Loading {
            shows_state: self.history.head().is_some(),
            ..Loading::default()
        }));
        let key = record_key(&self.config, &thread_id);
        self.effects.push(Effect::LoadRecord { key });
        self.load_outbox();
        self.ask_thread_and_state();
    }

    pub(super) fn load_then_join(&mut self, join: Join) {
        if !self.load.is_loading() {
            self.set_error(None);
            self.set_phase(Phase::Idle);
            self.start_load();
        }
        if let ThreadLoad::Loading(loading) = &mut self.load
            && let Some(before) = loading.join.replace(join)
        {
            self.conclude(before.command, Outcome::Disconnected);
        }
    }

    fn ask_thread_and_state(&mut self) {
        let refresh = self.refresh_headers;
        let reads = self.reads_state();
        let url = match reads {
            true => self.thread_url(""),
            false => self.runs_url(),
        };
        let Some(url) = url else {
            return self.give_load_up(StreamError::new(ErrorCode::ThreadNotFound));
        };
        let state = match self.config.load_thread && reads {
            true => self
                .ask_states()
                .map_or(Part::Missing, |asked| Part::Asked(asked.attempt)),
            false => Part::Unwanted,
        };
        self.refresh_headers = refresh;
        let thread = self.ask(Method::Get, url);
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.state = state;
            loading.thread = Part::Asked(thread.attempt);
            loading.lists_runs = !reads;
            loading.state_reread = false;
            loading.asked_at = thread.at;
            loading.wait = None;
        }
        self.store.touch();
    }

    pub(super) fn load_record(&mut self, record: Option<Box<Record>>) {
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.record = Some(record);
        }
        self.finish_load_if_complete();
    }

    /// One that nobody waits for is dropped.
    pub(super) fn load_answered(&mut self, attempt: AttemptId, answer: &Answer<'_>) {
        let loading = self.load.loading_mut();
        match loading.and_then(|loading| loading.asked_by(attempt)) {
            Some(Piece::State) => {
                let state = match answer.is_null() {
                    // There is a thread, and no state of it yet.
                    true => Ok(Box::default()),
                    false => self.take_states(answer).map(Box::new),
                };
                self.piece_came(answer, |loading| loading.state.set(state, answer));
            }
            Some(Piece::Thread) => self.thread_answered(answer),
            Some(Piece::Runs) => self.piece_came(answer, |loading| {
                let thread = Standing::of_runs(answer);
                loading.thread.set(thread, answer)
            }),
            None => {}
        }
    }

    fn thread_answered(&mut self, answer: &Answer<'_>) {
        let summary = answer.read::<ThreadSummary>("thread");
        if summary.is_err() && self.asks_for_runs(answer) {
            return;
        }
        let read = self.read_last_run(answer);
        if let (Ok(_), Ok(summary)) = (&read, summary) {
            self.note_update(summary);
        }
        self.piece_came(answer, |loading| {
            let thread = read.map(|thread| {
                loading.values = thread.values;
                Standing::of(thread.status, thread.failure)
            });
            loading.thread.set(thread, answer)
        });
    }

    fn piece_came(
        &mut self,
        answer: &Answer<'_>,
        set: impl FnOnce(&mut Loading) -> Result<(), StreamError>,
    ) {
        let set = self.load.loading_mut().map(|loading| {
            if answer.status != 0 {
                loading.recovery.contact();
            }
            set(loading)
        });
        if answer.status != 0 {
            self.contact_made();
        }
        match set {
            Some(Err(error)) => self.load_failed(error, answer),
            Some(Ok(())) | None => self.finish_load_if_complete(),
        }
    }

    /// The answer for the thread is no thread, so its runs are listed instead, once.
    fn asks_for_runs(&mut self, answer: &Answer<'_>) -> bool {
        let ThreadLoad::Loading(loading) = &self.load else {
            return false;
        };
        if answer.failure() != Failure::Unreadable || loading.lists_runs {
            return false;
        }
        let Some(url) = self.runs_url() else {
            return false;
        };
        if let Err(error) = answer.read::<ThreadSummary>("thread") {
            self.warn(error);
        }
        let asked = self.ask(Method::Get, url);
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.thread = Part::Asked(asked.attempt);
            loading.lists_runs = true;
        }
        true
    }

    /// Reads the thread's last run from the thread's own answer.
    fn read_last_run(&mut self, answer: &Answer<'_>) -> Result<LastRun, StreamError> {
        let read: Read<LastRun> = answer.read("thread")?;
        self.tell_odd("thread", read.oddities);
        Ok(read.value)
    }

    fn load_failed(&mut self, error: StreamError, answer: &Answer<'_>) {
        let failure = answer.failure();
        let verdict = Purpose::Load.verdict(failure);
        let loading = self.load.loading_mut();
        let may_renew = loading
            .is_some_and(|loading| verdict == Verdict::Renew && loading.recovery.may_renew());
        match verdict {
            Verdict::Renew if may_renew => {
                self.abort_load_requests();
                self.refresh_headers = true;
                self.ask_thread_and_state();
            }
            Verdict::Again => self.load_lost(error, failure, answer.retry_after),
            Verdict::Renew | Verdict::Gone | Verdict::Refused => self.give_load_up(error),
        }
    }

    /// Goes on until the thread is loaded: one that is not is no empty thread.
    fn load_lost(&mut self, error: StreamError, failure: Failure, retry_after: Option<Millis>) {
        self.abort_load_requests();
        self.store.touch();
        let mut turn = Turn {
            now: self.now,
            reach: Reach {
                online: self.online,
                visible: self.visible,
            },
            policy: &self.config.retry,
            rng: &mut self.rng,
        };
        let (mut is_over, mut takes_long, mut join) = (false, false, None);
        if let Some(loading) = self.load.loading_mut() {
            let recovery = &mut loading.recovery;
            recovery.failed_within(turn.reach, loading.asked_at, error.clone(), failure);
            is_over = turn.reach.is_whole() && recovery.is_over(turn.now, turn.policy);
            takes_long = recovery.failures() > turn.policy.attempts_max;
            loading.wait = Some(recovery.wait(&mut turn, retry_after));
            join = loading.join.take_if(|_| takes_long && !is_over);
        }
        if is_over {
            return self.give_load_up(error);
        }
        if takes_long {
            self.set_passing_error(error, Passing::Contact);
        }
        if let Some(join) = join {
            // A join by hand ends at its time; the thread's run is joined all the same when it is loaded.
            self.conclude(join.command, Outcome::TimedOut);
        }
    }

    fn give_load_up(&mut self, error: StreamError) {
        self.abort_load_requests();
        let loading = std::mem::replace(&mut self.load, ThreadLoad::Failed);
        if let ThreadLoad::Loading(mut loading) = loading {
            let record = loading.record.take().flatten();
            self.run = record.map(|record| Run::from_record(*record));
            if let Some(join) = loading.join {
                self.conclude(join.command, Outcome::Failed(error.clone()));
            }
        }
        self.drop_queue(&Outcome::Failed(error.clone()));
        self.set_error(Some(error.clone()));
        let run_id = self.run_id().cloned();
        self.notify_end(run_id, End::Failed(error.clone()), &Outcome::Failed(error));
    }

    pub(super) fn load_due(&self) -> Option<(Millis, DeadlineReason)> {
        let timeouts = &self.config.timeouts;
        let ThreadLoad::Loading(loading) = &self.load else {
            return None;
        };
        Some(match loading.wait {
            Some(wait) => wait.due(timeouts.offline_probe),
            None => (loading.asked_at + timeouts.request, DeadlineReason::Timeout),
        })
    }

    pub(super) fn load_deadline(&mut self) {
        if self.load_due().is_none_or(|(at, _)| at > self.now) {
            return;
        }
        match &self.load {
            ThreadLoad::Loading(loading) if loading.wait.is_some() => self.ask_thread_and_state(),
            ThreadLoad::Loading(_) => self.load_lost(no_answer(), Failure::NoAnswer, None),
            ThreadLoad::None | ThreadLoad::Loaded | ThreadLoad::Failed => {}
        }
    }

    /// The page is shown or hidden, the network is back or gone. `woke`: one of them has come back.
    pub(super) fn load_reached(&mut self, woke: bool) {
        let (now, reach) = (self.now, self.reach());
        let loads_again = woke && reach.is_whole() && self.may_load_again();
        match &mut self.load {
            ThreadLoad::Loading(loading) => {
                let wait = loading.wait.as_mut();
                if wait.is_some_and(|wait| wait.reached(now, reach, woke)) {
                    self.ask_thread_and_state();
                }
            }
            ThreadLoad::Failed if loads_again => {
                self.set_error(None);
                self.set_phase(Phase::Idle);
                self.start_load();
            }
            ThreadLoad::None | ThreadLoad::Loaded | ThreadLoad::Failed => {}
        }
    }

    /// Whether the load has failed with something that may have passed. A state over the limit is as large the next time.
    fn may_load_again(&self) -> bool {
        matches!(&self.phase, Phase::Ended(End::Failed(error)) if error.code != ErrorCode::AnswerTooLarge)
    }

    pub(super) fn abort_load(&mut self) {
        self.abort_load_requests();
        if let ThreadLoad::Loading(loading) = &mut self.load {
            let join = loading.join.take();
            self.load = ThreadLoad::Failed;
            if let Some(join) = join {
                self.conclude(join.command, Outcome::Disconnected);
            }
            self.set_phase(Phase::Ended(End::Disconnected));
        }
    }

    /// A run is submitted, so what is loaded is old, and a join that waits for it has no use.
    pub(super) fn leave_load(&mut self) {
        self.abort_load_requests();
        if let ThreadLoad::Loading(loading) = std::mem::replace(&mut self.load, ThreadLoad::Loaded)
            && let Some(join) = loading.join
        {
            self.conclude(join.command, Outcome::Disconnected);
        }
    }

    fn abort_load_requests(&mut self) {
        let asked = self.load.loading_mut().map(Loading::take_asked);
        for attempt in asked.into_iter().flatten().flatten() {
            self.abort(attempt);
        }
    }

    pub(super) fn finish_load_if_complete(&mut self) {
        if self.outbox.is_awaited() {
            return;
        }
        self.leave_record_to_outbox();
        let is_outdated = self
            .load
            .loading_mut()
            .is_some_and(|loading| loading.is_complete() && loading.has_outdated_state());
        if is_outdated && let Some(asked) = self.ask_states() {
            self.reread_state(asked);
        } else if let Some(loading) = self.load.take_complete() {
            self.enter_loaded(*loading);
        }
    }

    /// Of what is still to be sent the outbox knows more than the record, which is not followed then.
    fn leave_record_to_outbox(&mut self) {
        let Some(loading) = self.load.loading_mut().filter(|it| it.is_complete()) else {
            return;
        };
        let record = loading.record.as_ref().and_then(Option::as_ref);
        let unnamed = record.filter(|record| record.run_id.is_none());
        let mark = unnamed.and_then(|record| record.submission_id.clone());
        if self.is_waiting(mark.as_deref()) {
            self.remove_record();
            if let Some(loading) = self.load.loading_mut() {
                loading.record = Some(None);
            }
        }
    }

    fn enter_loaded(&mut self, loading: Loading) {
        let Loading {
            state,
            thread,
            record,
            join,
            lists_runs,
            ..
        } = loading;
        let record = record.flatten();
        match (state, thread) {
            (Part::Got(state), Part::Got(mut thread)) => {
                self.refresh_state(&state, false);
                if let (true, Standing::Idle) = (lists_runs, &thread) {
                    // The thread itself was not to be had, which says why its last run failed.
                    thread = failure_in_tasks(&state).map_or(thread, Standing::Failed);
                }
                self.enter(thread, record, join);
            }
            (Part::Unwanted, Part::Got(thread)) => {
                // What somebody else has read may have come while the thread was asked for.
                if let Some(state) = self.history.head_state() {
                    self.refresh_state(&state, false);
                }
                self.enter(thread, record, join);
            }
            (Part::Got(state), _) if matches!(&record, Some(r) if r.run_id.is_some()) => {
                // Some servers answer for the state of a thread that they do not list.
                self.refresh_state(&state, false);
                self.follow_record(None, record, join);
            }
            (
                Part::NotAsked | Part::Asked(_) | Part::Got(_) | Part::Missing | Part::Unwanted,
                _,
            ) => {
                self.enter_missing(join);
            }
        }
    }

    fn reread_state(&mut self, asked: Asked) {
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.state = Part::Asked(asked.attempt);
            loading.state_reread = true;
            loading.asked_at = asked.at;
        }
    }

    fn enter(&mut self, thread: Standing, record: Option<Box<Record>>, join: Option<Join>) {
        if record.is_some() || join.is_some() {
            return self.follow_record(Some(thread), record, join);
        }
        match thread {
            Standing::Busy | Standing::Idle if self.begin_posted() => return,
            Standing::Busy if self.config.rejoin_on_mount => return self.join_active_run(),
            Standing::Failed(error) => self.set_error(Some(error)),
            Standing::Busy | Standing::Idle => {}
        }
        self.begin_queued();
    }

    fn follow_record(
        &mut self,
        thread: Option<Standing>,
        record: Option<Box<Record>>,
        join: Option<Join>,
    ) {
        let wanted = join.as_ref().and_then(|join| join.run_id.clone());
        let mut run = match record {
            Some(record) if wanted.is_none() || record.run_id == wanted => {
                Run::from_record(*record)
            }
            Some(_) | None => Run::joined(wanted),
        };
        let follows = join.is_some() || self.config.rejoin_on_mount;
        match join {
            Some(join) => run.join_with(join.command, join.options),
            None => run.entered = thread,
        }
        self.run = Some(run);
        self.with_run(|client, run| {
            if follows {
                client.check_run(run, After::Entering);
            } else {
                // Kept for a person's rejoin.
                client.end(run, End::Disconnected, Outcome::Disconnected);
            }
        });
    }

    pub(super) fn enter_missing(&mut self, join: Option<Join>) {
        let error = StreamError::new(ErrorCode::ThreadNotFound);
        self.thread_is_new = true;
        self.remove_record();
        self.run = None;
        if let Some(join) = join {
            self.conclude(join.command, Outcome::Expired);
        }
        if self.has_waiting() {
            return self.waits_on_new_thread();
        }
        self.forget_history();
        self.set_error(Some(error));
        self.notify_end(None, End::Expired, &Outcome::Expired);
        self.has_ended = true;
    }
}
