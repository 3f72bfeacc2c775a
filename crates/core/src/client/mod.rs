//! The client: one state, one way in ([`Client::handle`]), one way out ([`Client::poll_effect`]).

mod commands;
mod compare;
mod connect;
mod deadlines;
mod edits;
mod events;
mod extras;
mod feed;
mod link;
mod oddities;
mod older;
mod outbox;
mod outbox_edits;
mod page;
mod recovery;
mod requests;
mod resume;
mod rng;
mod run;
mod settle;
mod storage;
mod submission;
mod thread_load;
mod thread_states;
mod tools;
#[cfg(test)]
mod transitions;
mod urls;

pub use extras::{EXTRAS, Extras};
pub use outbox::{WaitingState, WaitingSubmission};

pub(crate) use feed::Feed;
pub(crate) use link::Link;
pub(crate) use older::Older;
pub(crate) use recovery::Wait;
pub(crate) use requests::Asked;
pub(crate) use tools::pending_calls;
pub(crate) use urls::encode_path_segment;

use crate::{
    AttemptId, Config, Connection, Effect, Endpoint, ErrorCode, HttpRequest, Input, Millis, Notice,
    StreamError, View,
    history::History,
    phase::{End, Phase},
    session::Session,
    thread_store::ThreadStore,
};
use commands::ThreadLookup;
use compare::Comparison;
use recovery::Recovery;
use rejoin_wire::{RunId, ThreadId};
use rng::Rng;
use run::Run;
use thread_load::ThreadLoad;

/// One thread as seen by one reader, and the run being followed on it. See the crate's documentation for the loop
/// that drives it.
pub struct Client {
    config: Config,
    rng: Rng,
    now: Millis,
    effects: Vec<Effect>,
    /// Effects that are being taken out, the oldest last.
    outgoing: Vec<Effect>,
    last_attempt: u64,
    pub(crate) phase: Phase,
    pub(crate) thread_id: Option<ThreadId>,
    pub(crate) store: ThreadStore,
    pub(crate) error: Option<StreamError>,
    /// What takes the error away again, where it is told while attempts go on.
    error_passes: Option<Passing>,
    /// While a view of the thread's session is open.
    pub(crate) session: Option<Box<Session>>,
    /// The run that is followed, or was last. Taken out while it is changed: see [`Client::with_run`].
    run: Option<Box<Run>>,
    load: ThreadLoad,
    /// Submissions that the server does not have yet.
    outbox: outbox::Outbox,
    /// A join of a run whose thread is being looked up.
    thread_lookup: Option<ThreadLookup>,
    pub(crate) history: History,
    /// The history, read again beside whatever else goes on.
    history_asked: Option<requests::Asked>,
    /// The request that is to bring the history, and whether the state is read in its place by now.
    states_asked: Option<AttemptId>,
    reads_state: bool,
    /// The edit whose checkpoint is being looked up.
    editing: Option<Box<edits::Resolving>>,
    /// What was submitted last, to be begun again.
    last: Option<Box<commands::Last>>,
    /// Results of tools that wait to be sent.
    results: Vec<tools::Waiting>,
    /// The events that are told, by name.
    listened: Vec<String>,
    comparison: Comparison,
    /// Whether cursors are sent in the query as well, as they do not arrive as a header.
    cursor_in_query: bool,
    /// Whether a run has just ended, so that what waits for it can begin.
    has_ended: bool,
    records: storage::Records,
    online: bool,
    visible: bool,
    refresh_headers: bool,
    told: Connection,
    told_oddities: oddities::Told,
    extras: Option<&'static Extras>,
}

impl Client {
    /// A client without a thread. `seed` makes ids and waits; two clients of one user should differ in it.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            extras: Some(&EXTRAS),
            ..Self::without_extras(config, seed)
        }
    }

    /// A client that does without what [`EXTRAS`] holds until [`Input::ExtrasCame`].
    pub fn without_extras(config: Config, seed: u64) -> Self {
        let store = ThreadStore::new(&config.messages_key);
        let mut client = Self {
            config,
            rng: Rng::new(seed),
            now: Millis(0),
            effects: Vec::new(),
            outgoing: Vec::new(),
            last_attempt: 0,
            phase: Phase::Idle,
            thread_id: None,
            store,
            error: None,
            error_passes: None,
            session: None,
            run: None,
            load: ThreadLoad::None,
            outbox: outbox::Outbox::new(seed),
            thread_lookup: None,
            history: History::default(),
            history_asked: None,
            states_asked: None,
            reads_state: false,
            editing: None,
            last: None,
            results: Vec::new(),
            listened: ["custom", "updates", "error"].map(str::to_owned).to_vec(),
            comparison: Comparison::default(),
            cursor_in_query: false,
            has_ended: false,
            records: storage::Records::default(),
            online: true,
            visible: true,
            refresh_headers: false,
            told: Connection::Idle,
            told_oddities: oddities::Told::default(),
            extras: None,
        };
        client.show_initial();
        client
    }

    /// Takes in a fact. `now` that goes backwards counts as standing still.
    pub fn handle(&mut self, now: Millis, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::ThreadSwitched { thread_id } => self.switch_thread(thread_id),
            Input::SubmitRequested {
                command,
                submission,
            } => self.submit(command, submission),
            Input::JoinRequested {
                command,
                run_id,
                options,
            } => self.join(command, run_id, options),
            Input::ValuesMutated { values } => self.mutate_values(&values),
            Input::StreamModesSet { modes } => self.config.stream_modes = modes,
            Input::EventsListened { names } => self.listened = names,
            Input::StopRequested => self.stop(),
            Input::CancelRequested => self.request_cancel(),
            Input::HeadersArrived {
                attempt,
                status,
                headers,
            } => {
                if self.is_link(attempt) {
                    self.with_run(|client, run| client.headers_arrived(run, status, &headers));
                } else if let Some(extras) = self.feed_extras(attempt) {
                    (extras.feed_headers)(self, status, &headers);
                }
            }
            Input::ChunkArrived { attempt, bytes } => {
                if self.is_link(attempt) {
                    self.with_run(|client, run| client.chunk_arrived(run, &bytes));
                } else if let Some(extras) = self.feed_extras(attempt) {
                    (extras.feed_chunk)(self, &bytes);
                }
            }
            Input::EventArrived { attempt, event } => {
                if self.is_link(attempt) {
                    self.with_run(|client, run| client.event_given(run, event));
                }
            }
            Input::BodyEnded { attempt } => {
                if self.is_link(attempt) {
                    self.with_run(Self::body_ended);
                } else if let Some(extras) = self.feed_extras(attempt) {
                    (extras.feed_ended)(self);
                }
            }
            Input::ResponseArrived {
                attempt,
                status,
                headers,
                body,
            } => {
                self.answered(attempt, &requests::Answer::new(status, &headers, &body));
            }
            Input::RequestFailed { attempt, error } => {
                let error = requests::transport_error(&error);
                if self.is_link(attempt) {
                    self.with_run(|client, run| client.link_broke(run, error));
                } else if let Some(extras) = self.feed_extras(attempt) {
                    (extras.feed_broke)(self, error);
                } else {
                    self.answered(attempt, &requests::Answer::failed(error));
                }
            }
            Input::RecordLoaded {
                key,
                text,
                wall_clock,
            } => self.record_loaded(&key, text, wall_clock),
            Input::LockHeld { name } => self.lock_held(name),
            Input::LocksMissing => self.locks_missing(),
            Input::StorageFailed { error } => self.storage_failed(error),
            Input::WentOnline => self.set_reachable(true, self.visible),
            Input::WentOffline => self.set_reachable(false, self.visible),
            Input::BecameVisible => self.set_reachable(self.online, true),
            Input::BecameHidden => self.set_reachable(self.online, false),
            Input::Thawed => self.thawed(),
            Input::Focused => self.compare(),
            Input::PageOpened { wall_clock } => self.set_wall_clock(wall_clock),
            Input::PageHiding { wall_clock } => self.page_hiding(wall_clock),
            Input::DeadlineReached => self.deadline_reached(),
            Input::ExtrasCame { extras } => {
                self.extras = Some(extras);
                if self.thread_id.is_some() {
                    // There is more to be said of what is shown.
                    self.store.touch();
                }
            }
            input @ (Input::EditRequested { .. }
            | Input::CheckpointResolved { .. }
            | Input::ToolResultAdded { .. }
            | Input::BranchSelected { .. }
            | Input::HistoryProvided { .. }
            | Input::HistoryRequested
            | Input::ViewOpened { .. }
            | Input::OlderRequested { .. }
            | Input::ViewClosed
            | Input::Waiting(_)) => match self.extras {
                Some(extras) => (extras.handle)(self, input),
                None => self.refuse_extra(&input),
            },
        }
        if std::mem::take(&mut self.has_ended) {
            self.begin_what_waits();
        }
        if let Some(extras) = self.session_extras() {
            (extras.tend_session)(self);
        }
        self.tell_connection();
    }

    /// A run has ended, so what waits for it begins.
    fn begin_what_waits(&mut self) {
        if self.was_refused_back() {
            // The screen went back for it, and the thread has not.
            self.ask_history();
        }
        if let Some(extras) = self.extras.filter(|_| !self.results.is_empty()) {
            (extras.send_tool_results)(self);
        }
        self.begin_queued();
    }

    /// Changes the run. It is taken out meanwhile, so that whatever it takes can be done with the client as well.
    fn with_run(&mut self, change: impl FnOnce(&mut Self, &mut Run)) {
        if let Some(mut run) = self.run.take() {
            change(self, &mut run);
            self.run = Some(run);
        }
    }

    /// The next order, oldest first.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.outgoing.is_empty() {
            std::mem::swap(&mut self.outgoing, &mut self.effects);
            self.outgoing.reverse();
        }
        self.outgoing.pop()
    }

    /// Reads what readers are about to look at and tokens did not pay for: the arguments of streamed tool calls.
    /// Call it once before reading a frame.
    pub fn refresh_view(&mut self) {
        self.store.refresh_tool_calls();
        if let Some(extras) = self.session_extras() {
            (extras.refresh_session)(self);
        }
    }

    /// What a reader sees.
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn run_id(&self) -> Option<&RunId> {
        self.run.as_ref()?.id.as_ref()
    }

    pub(crate) fn editing(&self) -> Option<&rejoin_wire::MessageId> {
        self.editing.as_ref().map(|editing| &editing.message)
    }

    pub(crate) fn can_rejoin(&self) -> bool {
        let left = self.run.as_ref().is_some_and(|run| run.is_rejoinable());
        !self.is_stream_only() && (left || self.load.has_failed())
    }

    /// Since when the server was not heard, while something is asked of it.
    pub(crate) fn lost_since(&self) -> Option<Millis> {
        self.recovery()?.lost_since()
    }

    /// Of whatever is under way: the run, or the thread's load.
    fn recovery(&self) -> Option<&Recovery> {
        let run = self.run.as_ref().filter(|_| self.is_active());
        run.map(|run| &run.recovery).or(self.load.recovery())
    }

    pub(crate) fn connection(&self) -> Connection {
        let Some(run) = self.run.as_ref().filter(|_| self.is_active()) else {
            return match &self.phase {
                Phase::Ended(End::Finished) => Connection::Finished,
                Phase::Ended(End::Disconnected) => Connection::Disconnected,
                Phase::Ended(End::Expired) => Connection::Expired,
                Phase::Ended(End::Failed(_)) => Connection::Failed,
                _ => self.load.connection(self.online),
            };
        };
        let recovery = &run.recovery;
        let trying = |retry_at| match recovery.has_met() {
            true => Connection::Reconnecting {
                attempt: recovery.tries.max(1),
                retry_at,
            },
            false => Connection::Connecting,
        };
        match &self.phase {
            Phase::Waiting {
                wait: Wait::Parked { .. },
                ..
            } if !self.online => Connection::Offline,
            Phase::Waiting {
                wait: Wait::Parked { .. },
                ..
            } => Connection::Paused,
            Phase::Waiting { wait, .. } => trying(wait.until()),
            Phase::Live(link) if link.stalled => Connection::Stalled,
            Phase::Live(link) if run.replay.is_some() || link.is_silent_join() => {
                Connection::CatchingUp
            }
            Phase::Live(_) => Connection::Live,
            // What was asked is not answered yet, so nothing says that the server is there again.
            _ if recovery.lost_since().is_some() || recovery.tries > 0 => trying(None),
            Phase::Opening(_) | Phase::MakingThread(_) if run.is_whole() => Connection::Connecting,
            Phase::Opening(_)
            | Phase::MakingThread(_)
            | Phase::Finding { .. }
            | Phase::Checking { .. }
            | Phase::Looking(_)
            | Phase::Settling { .. } => Connection::CatchingUp,
            Phase::Idle | Phase::Ended(_) => Connection::Idle,
        }
    }

    fn tell_connection(&mut self) {
        let connection = self.connection();
        if connection != self.told {
            self.told = connection;
            self.store.touch();
            self.notify(Notice::ConnectionChanged(connection));
        }
    }

    fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.store.touch();
    }

    fn set_error(&mut self, error: Option<StreamError>) {
        self.error_passes = None;
        if self.error != error {
            self.error = error;
            self.store.touch();
        }
    }

    /// Tells an error beside attempts that go on; what passes takes it away again.
    fn set_passing_error(&mut self, error: StreamError, passing: Passing) {
        self.set_error(Some(error));
        self.error_passes = Some(passing);
    }

    /// What was wrong is over.
    fn clear_passing_error(&mut self) {
        if self.error_passes.is_some() {
            self.set_error(None);
        }
    }

    /// The server has answered.
    fn contact_made(&mut self) {
        if self.error_passes == Some(Passing::Contact) {
            self.set_error(None);
        }
    }

    /// The server has answered the run. Whether it could not be reached before.
    fn run_contact(&mut self, run: &mut Run) -> bool {
        self.contact_made();
        run.recovery.contact()
    }

    /// When it is told that a server which never answered cannot be reached.
    fn error_due(&self) -> Option<Millis> {
        let patience = self.config.timeouts.unreachable;
        let untold = self.error.is_none() && self.reach().is_whole();
        self.recovery().filter(|_| untold)?.told_at(patience)
    }

    fn error_deadline(&mut self) {
        if self.error_due().is_some_and(|at| at <= self.now) {
            let error = self
                .recovery()
                .and_then(|recovery| recovery.last_error.clone());
            let error = error.unwrap_or_else(|| StreamError::new(ErrorCode::Unreachable));
            self.set_passing_error(error, Passing::Contact);
        }
    }

    fn notify(&mut self, notice: Notice) {
        self.effects.push(Effect::Notify(notice));
    }

    fn warn(&mut self, error: StreamError) {
        self.notify(Notice::Warning(error));
    }

    fn warn_code(&mut self, code: ErrorCode) {
        self.warn(StreamError::new(code));
    }

    fn new_attempt(&mut self) -> AttemptId {
        self.last_attempt += 1;
        AttemptId(self.last_attempt)
    }

    fn abort(&mut self, attempt: AttemptId) {
        self.effects.push(Effect::Abort { attempt });
    }

    fn request(&mut self, method: crate::Method, url: String, timeout: Millis) -> HttpRequest {
        let refresh_headers = std::mem::take(&mut self.refresh_headers);
        HttpRequest {
            method,
            url,
            headers: Vec::new(),
            body: None,
            refresh_headers,
            timeout,
        }
    }

    fn is_link(&self, attempt: AttemptId) -> bool {
        self.phase
            .link()
            .is_some_and(|link| link.attempt == attempt)
    }

    /// Whether the endpoint knows neither threads nor runs.
    fn is_stream_only(&self) -> bool {
        self.config.endpoint == Endpoint::StreamOnly
    }

    fn is_active(&self) -> bool {
        self.phase.is_active()
    }
}

/// What takes an error away that is told while attempts go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// Any answer of the server's.
    Contact,
    /// Something new of the run.
    Progress,
}
