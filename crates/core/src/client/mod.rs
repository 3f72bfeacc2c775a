//! The client: one state, one way in ([`Client::handle`]), one way out ([`Client::poll_effect`]).

mod answer;
mod branches;
mod cancel;
mod commands;
mod compare;
mod connect;
mod continuity;
mod deadlines;
mod edits;
mod events;
mod growing;
mod input;
mod known_run;
mod link;
mod loading;
mod lost;
mod oddities;
mod outbox;
mod page;
mod part;
mod parts;
mod phase;
mod recovery;
mod requests;
mod resume;
mod rng;
mod run;
mod run_status;
mod saved;
mod session;
mod settle;
mod standing;
mod storage;
mod submission;
mod thread_load;
mod thread_states;
mod tools;
#[cfg(test)]
mod transitions;
pub(crate) mod urls;
mod wake;

pub use input::{
    BranchesInput, Edit, EditAt, EditInput, Input, JoinOptions, SavedInput, SessionInput,
    Submission, ToolResult, ToolsInput, TransportError, WaitingInput,
};
pub use outbox::{WaitingState, WaitingSubmission, outbox_key, with_part};
pub use parts::{EXTRAS, Extras};

pub(crate) use session::Session;
pub(crate) use tools::pending_calls;

use crate::{
    AttemptId, Config, Connection, Effect, Endpoint, ErrorCode, HttpRequest, Millis, Notice,
    StreamError, history::History, thread_store::ThreadStore,
};
use commands::ThreadLookup;
use compare::Comparison;
use loading::ThreadLoad;
use part::Arrived;
use parts::Parts;
use phase::{End, Phase};
use recovery::{Recovery, Wait};
use rejoin_wire::{RunId, ThreadId};
use rng::Rng;
use run::Run;

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
    phase: Phase,
    pub(crate) thread_id: Option<ThreadId>,
    pub(crate) store: ThreadStore,
    pub(crate) error: Option<StreamError>,
    /// The sign that takes the error away again, if it is told while attempts go on.
    error_passes: Option<Passing>,
    /// The run that is followed, or was last. Taken out while it is changed: see [`Client::with_run`].
    run: Option<Box<Run>>,
    load: ThreadLoad,
    /// Whether the server is not known to have the thread, as the application has named a new one or the server has said so.
    thread_is_new: bool,
    /// Submissions that the server does not have yet.
    outbox: outbox::Outbox,
    /// A join of a run whose thread is being looked up.
    thread_lookup: Option<ThreadLookup>,
    pub(crate) history: History,
    /// The history, read again beside whatever else goes on.
    history_asked: Option<answer::Asked>,
    /// The last submission, to be begun again.
    last: Option<Box<commands::Last>>,
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
    /// Whether the page is going away, or was put aside.
    is_being_left: bool,
    refresh_headers: bool,
    told: Connection,
    told_oddities: oddities::Told,
    parts: Parts,
}

impl Client {
    /// A client without a thread. `seed` makes ids and waits; two clients of one user should differ in it.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut client = Self::without_extras(config, seed);
        client.extras_came(&EXTRAS);
        client
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
            run: None,
            load: ThreadLoad::None,
            thread_is_new: false,
            outbox: outbox::Outbox::new(seed),
            thread_lookup: None,
            history: History::default(),
            history_asked: None,
            last: None,
            listened: ["custom", "updates", "error"].map(str::to_owned).to_vec(),
            comparison: Comparison::default(),
            cursor_in_query: false,
            has_ended: false,
            records: storage::Records::default(),
            online: true,
            visible: true,
            is_being_left: false,
            refresh_headers: false,
            told: Connection::Idle,
            told_oddities: oddities::Told::default(),
            parts: Parts::default(),
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
                } else {
                    let headers = &headers;
                    self.parts_answered(attempt, &Arrived::Headers { status, headers });
                }
            }
            Input::ChunkArrived { attempt, bytes } => {
                if self.is_link(attempt) {
                    self.with_run(|client, run| client.chunk_arrived(run, &bytes));
                } else {
                    self.parts_answered(attempt, &Arrived::Chunk(&bytes));
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
                } else {
                    self.parts_answered(attempt, &Arrived::Ended);
                }
            }
            Input::ResponseArrived {
                attempt,
                status,
                headers,
                body,
            } => {
                self.answered(attempt, &answer::Answer::new(status, &headers, &body));
            }
            Input::RequestFailed { attempt, error } => {
                let error = answer::transport_error(&error);
                if self.is_link(attempt) {
                    self.with_run(|client, run| client.link_broke(run, error));
                } else {
                    self.answered(attempt, &answer::Answer::failed(error));
                }
            }
            Input::RecordLoaded {
                key,
                text,
                wall_clock,
            } => self.record_loaded(&key, text, wall_clock),
            Input::LockHeld { name } => self.lock_held(name),
            Input::LockLost { name } => self.lock_lost(&name),
            Input::RecordChanged { key } => self.record_changed(&key),
            Input::LocksMissing => self.locks_missing(),
            Input::StorageFailed { error } => self.storage_failed(error),
            Input::WentOnline => self.set_reachable(true, self.visible),
            Input::WentOffline => self.set_reachable(false, self.visible),
            Input::BecameVisible => self.set_reachable(self.online, true),
            Input::BecameHidden => self.set_reachable(self.online, false),
            Input::Thawed => self.thawed(),
            Input::Focused => self.compare(),
            Input::RunBegunElsewhere => self.begun_elsewhere(),
            Input::PageOpened { wall_clock } => self.set_wall_clock(wall_clock),
            Input::PageHiding { wall_clock } => self.page_hiding(wall_clock),
            Input::DeadlineReached => self.deadline_reached(),
            Input::ExtrasCame { extras } => self.extras_came(extras),
            Input::Session(input) => self.session_input(input),
            Input::Edit(input) => self.edit_input(input),
            Input::Tools(input) => self.tools_input(input),
            Input::Branches(input) => self.branches_input(input),
            Input::Waiting(input) => self.waiting_input(input),
            Input::Saved(input) => self.saved_input(input),
        }
        if std::mem::take(&mut self.has_ended) {
            self.begin_what_waits();
        }
        self.tend_parts();
        self.tell_connection();
    }

    /// A run has ended, so what waits for it begins.
    fn begin_what_waits(&mut self) {
        if self.was_refused_back() {
            // The screen went back for it, and the thread has not.
            self.ask_history();
        }
        self.with_part(
            |parts| &mut parts.tools,
            |tools, client| tools.run_ended(client),
        );
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
        if let Some(session) = &mut self.parts.session {
            session.refresh();
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn run_id(&self) -> Option<&RunId> {
        self.run.as_ref()?.id.as_ref()
    }

    pub(crate) fn editing(&self) -> Option<&rejoin_wire::MessageId> {
        self.parts.edits.as_ref()?.editing()
    }

    /// The session of the thread, while a view of it is open.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.parts.session.as_ref()?.open()
    }

    /// Whether the thread's whole state is read when it is entered and when a run is over.
    fn reads_state(&self) -> bool {
        let absent = |session: &Session| session.feed.is_absent();
        self.config.reads_state || self.session().is_some_and(absent)
    }

    /// Whether there is a run to go back to.
    pub(crate) fn can_rejoin(&self) -> bool {
        let is_left = matches!(
            self.phase,
            Phase::Ended(End::Disconnected | End::Failed(_) | End::Expired)
        );
        is_left && self.has_unfinished()
    }

    /// Whether something that was followed may go on: a run, or the thread's load.
    fn has_unfinished(&self) -> bool {
        let may_go_on = self.run.as_ref().is_some_and(|run| run.is_rejoinable());
        !self.is_stream_only() && (may_go_on || self.load.has_failed())
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
                Phase::Idle
                | Phase::Finding { .. }
                | Phase::MakingThread(_)
                | Phase::Opening(_)
                | Phase::Live(_)
                | Phase::Waiting { .. }
                | Phase::Checking { .. }
                | Phase::Looking(_)
                | Phase::Settling { .. } => self.load_connection(),
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
            Phase::Live(link) if run.catches_up() || link.is_silent_join() => {
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

    /// The cause of a passing error is over.
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

    /// Whether a run is followed.
    pub(crate) fn is_active(&self) -> bool {
        self.phase.is_active()
    }
}

/// The sign that takes away an error that is told while attempts go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// Any answer of the server's.
    Contact,
    /// Something new of the run.
    Progress,
}
