//! The client: one state, one way in ([`Client::handle`]), one way out ([`Client::poll_effect`]).

mod commands;
mod connect;
mod deadlines;
mod edits;
mod events;
mod extras;
mod feed;
mod follow;
mod heads;
mod link;
mod oddities;
mod older;
mod records;
mod requests;
mod resume;
mod rng;
mod settle;
mod submission;
mod thread_load;
mod tools;
mod urls;

pub use extras::{EXTRAS, Extras};

pub(crate) use feed::Feed;
pub(crate) use older::Older;
pub(crate) use tools::pending_calls;
pub(crate) use urls::encode_path_segment;

use crate::{
    AttemptId, CommandId, Config, Connection, Effect, Endpoint, ErrorCode, HttpRequest, Input,
    Millis, Notice, StreamError, Submission, View,
    history::History,
    phase::{End, Phase},
    session::Session,
    thread_store::ThreadStore,
};
use commands::Lookup;
use follow::Follow;
use rejoin_wire::{RunId, ThreadId};
use rng::Rng;
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
    /// A full replay is applied here and shown when it has caught up, so that no reader sees text shrink.
    shadow: Option<Box<ThreadStore>>,
    pub(crate) error: Option<StreamError>,
    /// While a view of the thread's session is open.
    pub(crate) session: Option<Box<Session>>,
    follow: Option<Box<Follow>>,
    load: ThreadLoad,
    /// Submissions that wait for the run before them.
    queue: Vec<(CommandId, Box<Submission>)>,
    cancel: Option<requests::Asked>,
    /// A join of a run whose thread is being looked up.
    lookup: Option<Lookup>,
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
    /// When the phase's own request was sent, or when it was parked.
    phase_since: Millis,
    records: records::Records,
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
            shadow: None,
            error: None,
            session: None,
            follow: None,
            load: ThreadLoad::None,
            queue: Vec::new(),
            cancel: None,
            lookup: None,
            history: History::default(),
            history_asked: None,
            states_asked: None,
            reads_state: false,
            editing: None,
            last: None,
            results: Vec::new(),
            listened: ["custom", "updates", "error"].map(str::to_owned).to_vec(),
            phase_since: Millis(0),
            records: records::Records::default(),
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
                    self.headers_arrived(status, &headers);
                } else if let Some(extras) = self.feed_extras(attempt) {
                    (extras.feed_headers)(self, status, &headers);
                }
            }
            Input::ChunkArrived { attempt, bytes } => {
                if self.is_link(attempt) {
                    self.chunk_arrived(&bytes);
                } else if let Some(extras) = self.feed_extras(attempt) {
                    (extras.feed_chunk)(self, &bytes);
                }
            }
            Input::BodyEnded { attempt } => {
                if self.is_link(attempt) {
                    self.body_ended();
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
                    self.lost(error);
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
            Input::StorageFailed { error } => self.storage_failed(error),
            Input::WentOnline => self.set_reachable(true, self.visible),
            Input::WentOffline => self.set_reachable(false, self.visible),
            Input::BecameVisible => self.set_reachable(self.online, true),
            Input::BecameHidden => self.set_reachable(self.online, false),
            Input::Thawed => self.thawed(),
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
            | Input::ViewClosed) => match self.extras {
                Some(extras) => (extras.handle)(self, input),
                None => self.refuse_extra(&input),
            },
        }
        if let Some(extras) = self.session_extras() {
            (extras.tend_session)(self);
        }
        self.tell_connection();
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
        self.follow.as_ref()?.run_id.as_ref()
    }

    pub(crate) fn editing(&self) -> Option<&rejoin_wire::MessageId> {
        self.editing.as_ref().map(|editing| &editing.message)
    }

    pub(crate) fn can_rejoin(&self) -> bool {
        let left = self.follow.as_ref().is_some_and(|follow| follow.rejoinable);
        !self.is_stream_only() && (left || self.load.has_failed())
    }

    pub(crate) fn connection(&self) -> Connection {
        let tries = self.follow.as_ref().map_or(0, |follow| follow.tries);
        match &self.phase {
            Phase::Idle => self.load.connection(self.online),
            Phase::Finding { .. } | Phase::Checking { .. } | Phase::Settling { .. } => {
                Connection::CatchingUp
            }
            Phase::Opening { .. } => match &self.follow {
                Some(follow) if follow.tries > 0 => Connection::Reconnecting {
                    attempt: tries,
                    retry_at: None,
                },
                Some(follow) if follow.reconnected => Connection::CatchingUp,
                Some(_) | None => Connection::Connecting,
            },
            Phase::Live { .. } => self.live_connection(),
            Phase::Waiting { until } => Connection::Reconnecting {
                attempt: tries.max(1),
                retry_at: Some(*until),
            },
            Phase::Parked if !self.online => Connection::Offline,
            Phase::Parked => Connection::Paused,
            Phase::Ended(End::Finished) => Connection::Finished,
            Phase::Ended(End::Disconnected) => Connection::Disconnected,
            Phase::Ended(End::Expired) => Connection::Expired,
            Phase::Ended(End::Failed(_)) => Connection::Failed,
        }
    }

    fn live_connection(&self) -> Connection {
        let Some(link) = self.follow.as_ref().and_then(|follow| follow.link.as_ref()) else {
            return Connection::Connecting;
        };
        if link.stalled {
            Connection::Stalled
        } else if self.shadow.is_some() || (link.is_join && !link.got_byte) {
            Connection::CatchingUp
        } else {
            Connection::Live
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
        self.phase_since = self.now;
        self.store.touch();
    }

    fn set_error(&mut self, error: Option<StreamError>) {
        if self.error != error {
            self.error = error;
            self.store.touch();
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
        let link = self.follow.as_ref().and_then(|follow| follow.link.as_ref());
        link.is_some_and(|link| link.attempt == attempt)
    }

    /// Whether the endpoint knows neither threads nor runs.
    fn is_stream_only(&self) -> bool {
        self.config.endpoint == Endpoint::StreamOnly
    }

    fn is_active(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Ended(_))
    }
}
