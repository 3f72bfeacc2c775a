//! Entering a thread: its stored record, its state and the thread itself are read, then the run that is active on
//! it, if any, is joined.

use super::{
    Client,
    commands::Join,
    events::run_failed,
    follow::Follow,
    requests::{Answer, no_answer},
    settle::active_run,
};
use crate::{
    AttemptId, Connection, Effect, ErrorCode, Method, Millis, Outcome, StreamError,
    phase::{End, Phase},
    record::{Record, record_key},
};
use rejoin_wire::{
    Json,
    event::ErrorBody,
    json::{JsonError, Lenient, Oddities, Read, parts},
    thread::{ThreadState, ThreadStatus},
};

/// How far the thread is loaded.
#[derive(Debug)]
pub(super) enum ThreadLoad {
    /// There is nothing to load.
    None,
    Loading(Box<Loading>),
    Loaded,
    /// It could not be loaded; a rejoin, or the network's return, tries again.
    Failed,
}

#[derive(Debug, Default)]
pub(super) struct Loading {
    state: Part<Box<ThreadState>>,
    thread: Part<Standing>,
    /// The thread's values, as it tells them itself.
    values: Option<Json>,
    /// Outer `None`: not answered yet.
    record: Option<Option<Box<Record>>>,
    asked_at: Millis,
    tries: u32,
    retry_at: Option<Millis>,
    parked: bool,
    /// Whether a state of the thread was shown before, which is newer than what is stored of it.
    shows_state: bool,
    headers_refreshed: bool,
    /// Whether the state was read once more, after the thread had said that nothing runs.
    state_reread: bool,
    /// Whether the thread's runs are listed instead of reading the thread, with all its values.
    lists_runs: bool,
    /// A join asked for while the thread was not there yet.
    join: Option<Join>,
}

/// What is asked of a thread that is entered.
#[derive(Debug)]
enum Standing {
    Idle,
    /// It has an active run.
    Busy,
    /// Its last run failed.
    Failed(StreamError),
}

#[derive(Debug, Default)]
enum Part<T> {
    #[default]
    NotAsked,
    Asked(AttemptId),
    Got(T),
    /// The server does not know it.
    Missing,
    /// Somebody else reads it.
    Unwanted,
}

impl<T> Part<T> {
    fn is_asked_by(&self, attempt: AttemptId) -> bool {
        matches!(self, Self::Asked(asked) if *asked == attempt)
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Got(_) | Self::Missing | Self::Unwanted)
    }

    fn asked(&self) -> Option<AttemptId> {
        match self {
            Self::Asked(attempt) => Some(*attempt),
            Self::NotAsked | Self::Got(_) | Self::Missing | Self::Unwanted => None,
        }
    }

    fn set(&mut self, read: Result<T, StreamError>, status: u16) -> Result<(), StreamError> {
        *self = match read {
            Ok(value) => Self::Got(value),
            Err(_) if matches!(status, 404 | 410) => Self::Missing,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

impl Loading {
    /// State and thread are read side by side. What a run did in between is in the thread, which says that nothing runs any
    /// more, and not in the state.
    fn has_outdated_state(&self) -> bool {
        let Part::Got(state) = &self.state else {
            return false;
        };
        let is_over = matches!(self.thread, Part::Got(Standing::Idle | Standing::Failed(_)));
        let follows = self.join.is_some() || matches!(self.record, Some(Some(_)));
        let goes_on = |values: &Json| values.text() != state.values.text();
        is_over
            && !follows
            && !self.state_reread
            && (state.is_under_way() || self.values.as_ref().is_some_and(goes_on))
    }
}

impl ThreadLoad {
    pub(super) fn is_loading(&self) -> bool {
        matches!(self, Self::Loading(_))
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Failed)
    }

    pub(super) fn waits_for_record(&self) -> bool {
        matches!(self, Self::Loading(loading) if loading.record.is_none())
    }

    pub(super) fn shows_state(&self) -> bool {
        matches!(self, Self::Loading(loading) if loading.shows_state)
    }

    pub(super) fn set_loaded(&mut self) {
        *self = Self::Loaded;
    }

    /// `probe` is how long to wait before the server is tried although the browser says offline; `None` while hidden.
    pub(super) fn deadline(&self, request: Millis, probe: Option<Millis>) -> Option<Millis> {
        match self {
            Self::Loading(loading) if loading.parked => Some(loading.asked_at + probe?),
            Self::Loading(loading) => Some(loading.retry_at.unwrap_or(loading.asked_at + request)),
            Self::None | Self::Loaded | Self::Failed => None,
        }
    }

    /// What a person is told while there is no run.
    pub(super) fn connection(&self, online: bool) -> Connection {
        match self {
            Self::Loading(loading) if loading.parked && !online => Connection::Offline,
            Self::Loading(loading) if loading.parked => Connection::Paused,
            Self::Loading(loading) if loading.tries > 0 => Connection::Reconnecting {
                attempt: loading.tries,
                retry_at: loading.retry_at,
            },
            Self::Loading(loading) if matches!(loading.record, Some(Some(_))) => {
                Connection::CatchingUp
            }
            Self::Loading(_) | Self::None | Self::Loaded | Self::Failed => Connection::Idle,
        }
    }
}

impl Client {
    pub(crate) fn is_thread_loading(&self) -> bool {
        // Where a join has no thread yet, that is looked up first.
        self.load.is_loading() || self.lookup.is_some()
    }

    pub(super) fn start_load(&mut self) {
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
        let Some(url) = url else { return };
        let state = match self.config.load_thread && reads {
            true => self.ask_states().map_or(Part::Missing, Part::Asked),
            false => Part::Unwanted,
        };
        self.refresh_headers = refresh;
        let thread = self.ask(Method::Get, url);
        let now = self.now;
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.state = state;
            loading.thread = Part::Asked(thread);
            loading.lists_runs = !reads;
            loading.state_reread = false;
            loading.asked_at = now;
            loading.retry_at = None;
            loading.parked = false;
        }
        self.store.touch();
    }

    pub(super) fn load_record(&mut self, record: Option<Box<Record>>) {
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.record = Some(record);
        }
        self.finish_load_if_complete();
    }

    pub(super) fn load_answered(&mut self, attempt: AttemptId, answer: &Answer<'_>) {
        let is_state = matches!(&self.load, ThreadLoad::Loading(loading) if loading.state.is_asked_by(attempt));
        let state = is_state.then(|| self.take_states(answer));
        let is_thread = matches!(&self.load, ThreadLoad::Loading(loading)
            if loading.thread.is_asked_by(attempt) && !loading.lists_runs);
        let last_run = is_thread.then(|| self.read_last_run(answer));
        let ThreadLoad::Loading(loading) = &mut self.load else {
            return;
        };
        let set = if let Some(state) = state {
            loading.state.set(state.map(Box::new), answer.status)
        } else if loading.thread.is_asked_by(attempt) {
            let thread = match last_run {
                None => Standing::of_runs(answer),
                Some(read) => read.map(|thread| {
                    loading.values = thread.values;
                    Standing::of(thread.status, thread.failure)
                }),
            };
            loading.thread.set(thread, answer.status)
        } else {
            return;
        };
        match set {
            Ok(()) => self.finish_load_if_complete(),
            Err(error) => self.load_failed(error, answer),
        }
    }

    /// What the thread says of its last run. An answer that is no thread says nothing of one, and what the thread's state
    /// holds is shown all the same.
    fn read_last_run(&mut self, answer: &Answer<'_>) -> Result<LastRun, StreamError> {
        match answer.read::<Read<LastRun>>("thread") {
            Ok(read) => {
                self.tell_odd("thread", read.oddities);
                Ok(read.value)
            }
            Err(error) if error.code == ErrorCode::BodyInvalid => {
                self.warn(error);
                Ok(LastRun::unknown())
            }
            Err(error) => Err(error),
        }
    }

    fn load_failed(&mut self, error: StreamError, answer: &Answer<'_>) {
        let ThreadLoad::Loading(loading) = &mut self.load else {
            return;
        };
        if matches!(answer.status, 401 | 403)
            && !std::mem::replace(&mut loading.headers_refreshed, true)
        {
            self.abort_load_requests();
            self.refresh_headers = true;
            return self.ask_thread_and_state();
        }
        let passing = matches!(answer.status, 0 | 408 | 429 | 500..)
            && error.code != ErrorCode::InvalidRequest;
        if passing || error.code == ErrorCode::BodyInvalid {
            self.load_lost(error, answer.retry_after);
        } else {
            self.give_load_up(error);
        }
    }

    fn load_lost(&mut self, error: StreamError, retry_after: Option<Millis>) {
        self.abort_load_requests();
        let parked = !self.online || !self.visible;
        let ThreadLoad::Loading(loading) = &mut self.load else {
            return;
        };
        loading.parked = parked;
        if parked {
            return;
        }
        loading.tries += 1;
        let tries = loading.tries;
        if tries > self.config.retry.attempts_max {
            return self.give_load_up(error);
        }
        let retry_at = self.now + self.wait_before(tries, retry_after);
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.retry_at = Some(retry_at);
        }
    }

    fn give_load_up(&mut self, error: StreamError) {
        self.abort_load_requests();
        let loading = std::mem::replace(&mut self.load, ThreadLoad::Failed);
        if let ThreadLoad::Loading(mut loading) = loading {
            self.follow = loading
                .record
                .take()
                .flatten()
                .map(|record| Follow::from_record(*record));
            if let Some(join) = loading.join {
                self.conclude(join.command, Outcome::Failed(error.clone()));
            }
        }
        self.set_error(Some(error.clone()));
        self.end(End::Failed(error.clone()), Outcome::Failed(error));
    }

    pub(super) fn load_due(&self) -> Option<Millis> {
        let timeouts = &self.config.timeouts;
        let probe = self.visible.then_some(timeouts.offline_probe);
        self.load.deadline(timeouts.request, probe)
    }

    pub(super) fn load_deadline(&mut self) {
        let due = self.load_due().is_some_and(|at| at <= self.now);
        let ThreadLoad::Loading(loading) = &self.load else {
            return;
        };
        if !due {
            return;
        }
        if loading.retry_at.is_some() || loading.parked {
            self.ask_thread_and_state();
        } else {
            self.load_lost(no_answer(), None);
        }
    }

    /// The page is shown, or the network is back.
    pub(super) fn load_woke(&mut self) {
        match &self.load {
            ThreadLoad::Loading(loading) if loading.parked || loading.retry_at.is_some() => {
                self.ask_thread_and_state()
            }
            ThreadLoad::Failed if matches!(self.phase, Phase::Ended(End::Failed(_))) => {
                self.set_error(None);
                self.set_phase(Phase::Idle);
                self.start_load();
            }
            ThreadLoad::None | ThreadLoad::Loading(_) | ThreadLoad::Loaded | ThreadLoad::Failed => {
            }
        }
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

    fn abort_load_requests(&mut self) {
        let ThreadLoad::Loading(loading) = &mut self.load else {
            return;
        };
        let asked = [loading.state.asked(), loading.thread.asked()];
        if asked[0].is_some() {
            loading.state = Part::NotAsked;
        }
        if asked[1].is_some() {
            loading.thread = Part::NotAsked;
        }
        for attempt in asked.into_iter().flatten() {
            self.abort(attempt);
        }
    }

    fn finish_load_if_complete(&mut self) {
        let ThreadLoad::Loading(loading) = &self.load else {
            return;
        };
        if loading.record.is_none() || !loading.state.is_done() || !loading.thread.is_done() {
            return;
        }
        if loading.has_outdated_state()
            && let Some(attempt) = self.ask_states()
        {
            return self.reread_state(attempt);
        }
        let ThreadLoad::Loading(loading) = std::mem::replace(&mut self.load, ThreadLoad::Loaded)
        else {
            return;
        };
        let Loading {
            state,
            thread,
            record,
            join,
            ..
        } = *loading;
        let record = record.flatten();
        match (state, thread) {
            (Part::Got(state), Part::Got(thread)) => {
                self.refresh_state(&state);
                self.enter(thread, record, join);
            }
            (Part::Unwanted, Part::Got(thread)) => {
                // What somebody else has read may have come while the thread was asked for.
                if let Some(state) = self.history.head_state() {
                    self.refresh_state(&state);
                }
                self.enter(thread, record, join);
            }
            (Part::Got(state), _) if matches!(&record, Some(r) if r.run_id.is_some()) => {
                // Some servers answer for the state of a thread that they do not list.
                self.refresh_state(&state);
                self.follow_record(record, join);
            }
            _ => self.enter_missing(join),
        }
    }

    fn reread_state(&mut self, attempt: AttemptId) {
        let now = self.now;
        if let ThreadLoad::Loading(loading) = &mut self.load {
            loading.state = Part::Asked(attempt);
            loading.state_reread = true;
            loading.asked_at = now;
        }
    }

    fn enter(&mut self, thread: Standing, record: Option<Box<Record>>, join: Option<Join>) {
        if record.is_some() || join.is_some() {
            return self.follow_record(record, join);
        }
        match thread {
            Standing::Busy if self.config.rejoin_on_mount => {
                let mut follow = Follow::joined(None);
                follow.reconnected = true;
                self.follow = Some(follow);
                return self.find_run();
            }
            Standing::Failed(error) => self.set_error(Some(error)),
            Standing::Busy | Standing::Idle => {}
        }
        self.begin_queued();
    }

    fn follow_record(&mut self, record: Option<Box<Record>>, join: Option<Join>) {
        let wanted = join.as_ref().and_then(|join| join.run_id.clone());
        let mut follow = match record {
            Some(record) if wanted.is_none() || record.run_id == wanted => {
                Follow::from_record(*record)
            }
            _ => Follow::joined(wanted),
        };
        if let Some(join) = join {
            follow.commands.push(join.command);
            follow.join_with(join.options);
        } else if !self.config.rejoin_on_mount {
            // Kept for a person's rejoin.
            self.follow = Some(follow);
            return self.end(End::Disconnected, Outcome::Disconnected);
        }
        let known = follow.run_id.is_some();
        self.follow = Some(follow);
        if known {
            self.check_run()
        } else {
            self.find_run()
        }
    }

    fn enter_missing(&mut self, join: Option<Join>) {
        let error = StreamError::new(ErrorCode::ThreadNotFound);
        self.remove_record();
        self.follow = None;
        self.set_error(Some(error));
        if let Some(join) = join {
            self.conclude(join.command, Outcome::Expired);
        }
        self.end(End::Expired, Outcome::Expired);
    }
}

/// What a thread says of its last run.
pub(super) struct LastRun {
    status: ThreadStatus,
    pub(super) failure: Option<StreamError>,
    values: Option<Json>,
}

impl LastRun {
    fn unknown() -> Self {
        Self {
            status: ThreadStatus::Unknown,
            failure: None,
            values: None,
        }
    }
}

/// What is no object is not to be compared with the state's values.
fn is_values(values: &Json) -> bool {
    values.text().starts_with('{')
}

impl Lenient for LastRun {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let [status, error, values] = parts(text, &["status", "error", "values"])?;
        let said: Option<Json> = odd.field("error", error);
        Ok(Self {
            status: ThreadStatus::read_field(status, odd),
            failure: said.map(|said| run_failed(&ErrorBody::read(&said))),
            values: odd.field("values", values).filter(is_values),
        })
    }
}

impl Standing {
    fn of(status: ThreadStatus, failure: Option<StreamError>) -> Self {
        match (status, failure) {
            (ThreadStatus::Busy, _) => Self::Busy,
            (ThreadStatus::Error, Some(error)) => Self::Failed(error),
            _ => Self::Idle,
        }
    }

    /// A thread that the server does not have may have a session all the same.
    fn of_runs(answer: &Answer<'_>) -> Result<Self, StreamError> {
        Ok(match active_run(&answer.read_runs()?) {
            Some(_) => Self::Busy,
            None => Self::Idle,
        })
    }
}
