//! Everything that can happen to a client.

use super::Extras;
use crate::{AttemptId, Cache, CommandId, ErrorCode, Millis};
use rejoin_wire::{
    CheckpointId, EventId, Json, MessageId, RunId, ThreadId,
    request::{Command, MultitaskStrategy, OnDisconnect, StreamMode},
    sse::Frame,
};

/// A fact. Commands are facts too: a person asked for something.
#[derive(Debug, Clone)]
pub enum Input {
    /// Enter a thread, or with `None` a new one. Loads its state, and joins the run that is active on it.
    ThreadSwitched {
        /// The thread.
        thread_id: Option<ThreadId>,
    },
    /// Run the assistant.
    SubmitRequested {
        /// Named in [`crate::Notice::Concluded`].
        command: CommandId,
        /// With what.
        submission: Box<Submission>,
    },
    /// Join a run by hand. Without a run id: the stored run, else the thread's active one. Without a thread: the
    /// one that the run was stored for.
    JoinRequested {
        /// Named in [`crate::Notice::Concluded`].
        command: CommandId,
        /// The run.
        run_id: Option<RunId>,
        /// How.
        options: JoinOptions,
    },
    /// A part that [`Client::without_extras`] lacks is there now. Nothing that needs it is done before: its commands end as
    /// [`crate::Outcome::Dropped`].
    ///
    /// [`Client::without_extras`]: crate::Client::without_extras
    ExtrasCame {
        /// One part, such as [`Extras::EDITS`], or all: [`crate::EXTRAS`].
        extras: &'static Extras,
    },
    /// Something of the view of the thread's session.
    Session(SessionInput),
    /// Something of an edit.
    Edit(EditInput),
    /// Something of the tools that run here.
    Tools(ToolsInput),
    /// Something of the thread's history and its branches.
    Branches(BranchesInput),
    /// Something of the saved states of threads.
    Saved(SavedInput),
    /// Lay an object over the values' top level until the server sends values or its state is read. Messages in it
    /// take the place of those shown.
    ValuesMutated {
        /// The object.
        values: Json,
    },
    /// The stream modes from now on, instead of [`crate::Config::stream_modes`].
    StreamModesSet {
        /// The modes.
        modes: Vec<StreamMode>,
    },
    /// The events that [`crate::Notice::EventApplied`] tells from now on, by their names without a namespace. An event whose
    /// data is not of the type that its name promises is not told. Of a name that means nothing here (`ping`) the data is
    /// the JSON that came, and where it is not JSON, its text as a JSON string.
    EventsListened {
        /// Such as `custom`. Before the first time: `custom`, `updates` and `error`.
        names: Vec<String>,
    },
    /// Disconnect. The agent goes on; everything received stays. An open view of the session goes on too.
    StopRequested,
    /// Stop the agent on the server.
    CancelRequested,
    /// The status and headers of a stream's response.
    HeadersArrived {
        /// The request or connection.
        attempt: AttemptId,
        /// The HTTP status.
        status: u16,
        /// `content-type`, `content-location` and `retry-after`, where readable; names in lower case.
        headers: Vec<(String, String)>,
    },
    /// Bytes of a stream's body.
    ChunkArrived {
        /// The request or connection.
        attempt: AttemptId,
        /// At least one.
        bytes: Vec<u8>,
    },
    /// An event of a stream whose bytes somebody else reads: a transport or a filter of the application's own.
    EventArrived {
        /// The request or connection.
        attempt: AttemptId,
        /// `None`: one came that is not for this client, or a heartbeat.
        event: Option<Frame>,
    },
    /// A stream's body has ended by itself, which says nothing about the run.
    BodyEnded {
        /// The request or connection.
        attempt: AttemptId,
    },
    /// The whole answer to a plain request.
    ResponseArrived {
        /// The request or connection.
        attempt: AttemptId,
        /// The HTTP status.
        status: u16,
        /// `retry-after`, `content-type`, where readable; names in lower case.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A request or a stream failed below HTTP.
    RequestFailed {
        /// The request or connection.
        attempt: AttemptId,
        /// How.
        error: TransportError,
    },
    /// The answer to [`crate::Effect::LoadRecord`].
    RecordLoaded {
        /// The key asked for.
        key: String,
        /// The stored text, which is not trusted; `None` where nothing is stored; the error where storage cannot be read.
        text: Result<Option<String>, ErrorCode>,
        /// Wall-clock time, for the record's time to live only.
        wall_clock: Millis,
    },
    /// Another page has changed the record of a key. A browser tells it by its `storage` event.
    RecordChanged {
        /// The key.
        key: String,
    },
    /// A lock that [`crate::Effect::HoldLock`] has asked for is held.
    LockHeld {
        /// The lock.
        name: String,
    },
    /// A lock that was held is held no more: a script of the origin has taken it.
    LockLost {
        /// The lock.
        name: String,
    },
    /// This page has no locks.
    LocksMissing,
    /// Change a submission that waits. Not of one that another tab sends.
    Waiting(WaitingInput),
    /// Storage could not be read or written. The client goes on without it.
    StorageFailed {
        /// Why.
        error: ErrorCode,
    },
    /// The browser says that the network is back.
    WentOnline,
    /// The browser says that the network is gone.
    WentOffline,
    /// The page is shown. Also after `pageshow` and `resume`.
    BecameVisible,
    /// The page is hidden.
    BecameHidden,
    /// The page was shown again from the back/forward cache or thawed: connections it held may be dead.
    Thawed,
    /// The page has the focus: an open thread at rest is compared with the server.
    Focused,
    /// Another tab has begun a run on the thread, which is joined where the thread is open and at rest.
    RunBegunElsewhere,
    /// The page has been opened. Before anything else: a run that is stored without this may look too old to a reload.
    PageOpened {
        /// Wall-clock time, for the record's time to live only.
        wall_clock: Millis,
    },
    /// The page is about to go away or to be frozen: what is not stored now is lost.
    PageHiding {
        /// Wall-clock time, for the record's time to live only.
        wall_clock: Millis,
    },
    /// [`crate::Client::deadline`] has come.
    DeadlineReached,
}

/// Inputs for the view of the thread's session.
#[derive(Debug, Clone)]
pub enum SessionInput {
    /// Show the session of the client's thread, whichever that is, until [`SessionInput::Closed`]: [`crate::View::session`].
    /// Once more: another page size from now on, and a feed that was refused is asked for again.
    Opened {
        /// The number of messages in a page: 1 to 1,000.
        limit: usize,
    },
    /// Show the page of the session before the first message that is shown. Several at once are one request.
    OlderRequested {
        /// Named in [`crate::Notice::Concluded`]: `Finished` also where there is nothing older, `NothingToJoin` where no
        /// view is open.
        command: CommandId,
    },
    /// Forget the session. The run that is followed goes on.
    Closed,
}

/// Inputs for an edit.
#[derive(Debug, Clone)]
pub enum EditInput {
    /// Go on from an earlier point of the thread: edit a message, answer again, or try again.
    Requested {
        /// Named in [`crate::Notice::Concluded`].
        command: CommandId,
        /// The edit.
        edit: Box<Edit>,
    },
    /// The answer to [`crate::Effect::ResolveCheckpoint`].
    CheckpointResolved {
        /// The request or connection.
        command: CommandId,
        /// The checkpoint that holds exactly what is kept; `None` where there is none; `Err` in words.
        checkpoint: Result<Option<CheckpointId>, String>,
    },
}

/// Inputs for the tools that run here.
#[derive(Debug, Clone)]
pub enum ToolsInput {
    /// A tool that runs here has its result. It is sent when every pending call of its message has one, and when no run
    /// is active.
    ResultAdded {
        /// Named in [`crate::Notice::Concluded`]: by the run that the results are sent with.
        command: CommandId,
        /// The tool's result.
        result: Box<ToolResult>,
    },
}

/// Inputs for the thread's history and its branches.
#[derive(Debug, Clone)]
pub enum BranchesInput {
    /// Show another branch of the thread's history; `""` is the newest. While a run is followed only
    /// [`crate::View::branch`] changes; what is shown follows when the run is over.
    Selected {
        /// As [`crate::MessageBranch::options`] name it.
        branch: String,
    },
    /// The thread's history, read by somebody else.
    HistoryProvided {
        /// An array of thread states, newest first.
        states: Json,
    },
    /// Read the thread's history, or where [`crate::Config::history_limit`] is not set its state, again.
    HistoryRequested,
}

/// Inputs for the saved states of threads.
#[derive(Debug, Clone)]
pub enum SavedInput {
    /// Save the last states of the threads that are entered from now on, and show what is saved of one until the server has
    /// answered.
    Kept {
        /// The limits.
        cache: Cache,
    },
    /// The answer to [`crate::SavedEffect::Load`].
    Read {
        /// The thread asked for.
        thread_id: ThreadId,
        /// The saved state. It is not trusted.
        text: Option<String>,
        /// Wall-clock time, for the state's time to live only.
        wall_clock: Millis,
    },
    /// Nothing can be read or saved. The client goes on without.
    Failed {
        /// Why, in words.
        why: String,
    },
    /// A thread was deleted: what is saved of it is removed.
    ThreadDeleted {
        /// The thread.
        thread_id: ThreadId,
    },
}

impl SessionInput {
    /// The command that waits for the outcome.
    pub(crate) fn command(&self) -> Option<CommandId> {
        match self {
            Self::OlderRequested { command } => Some(*command),
            Self::Opened { .. } | Self::Closed => None,
        }
    }
}

impl EditInput {
    /// The command that waits for the outcome.
    pub(crate) fn command(&self) -> Option<CommandId> {
        match self {
            Self::Requested { command, .. } => Some(*command),
            Self::CheckpointResolved { .. } => None,
        }
    }
}

impl ToolsInput {
    /// The command that waits for the outcome.
    pub(crate) fn command(&self) -> Option<CommandId> {
        match self {
            Self::ResultAdded { command, .. } => Some(*command),
        }
    }
}

impl WaitingInput {
    /// The command that waits for the outcome.
    pub(crate) fn command(&self) -> Option<CommandId> {
        match self {
            Self::Replace { command, .. } => Some(*command),
            Self::TakeBack { .. } | Self::SendNow { .. } => None,
        }
    }
}

/// The content of a run.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// The graph's input. Messages in it that have no id are given one.
    pub input: Option<Json>,
    /// The way on after an interrupt.
    pub command: Option<Command>,
    /// `configurable` and the like.
    pub config: Option<Json>,
    /// Kept with the run. An object; `rejoin_submission` is added to it.
    pub metadata: Option<Json>,
    /// The checkpoint to fork from, as thread states name it. `null`: from the thread's newest state, whichever
    /// branch is shown. Without it and `checkpoint_id`, the head of the shown branch.
    pub checkpoint: Option<Json>,
    /// The checkpoint to fork from, by its id.
    pub checkpoint_id: Option<CheckpointId>,
    /// Shown at once, laid over the values' top level, until the server's values come; messages in it take the place
    /// of those shown. Input messages are shown at once without it.
    pub optimistic_values: Option<Json>,
    /// The stream modes, instead of [`crate::Config::stream_modes`].
    pub stream_modes: Option<Vec<StreamMode>>,
    /// Instead of [`crate::Config::multitask_strategy`].
    pub multitask_strategy: Option<MultitaskStrategy>,
    /// Instead of [`crate::Config::on_disconnect`].
    pub on_disconnect: Option<OnDisconnect>,
    /// Instead of [`crate::Config::stream_resumable`].
    pub stream_resumable: Option<bool>,
    /// Instead of [`crate::Config::stream_subgraphs`].
    pub stream_subgraphs: Option<bool>,
    /// The id that a new thread gets, which is made before the run is posted. Ignored where the client has a thread.
    pub thread_id: Option<ThreadId>,
    /// Whether the application has made that thread already.
    pub thread_is_made: bool,
    /// Fields that only the server reads: `context`, `interrupt_before`, `interrupt_after`, `durability`, and fields that
    /// only some servers know, such as `strict_resume`. Sent as it is.
    pub more: Vec<(String, Json)>,
}

/// Changes of a waiting submission: [`crate::View::waiting`].
#[derive(Debug, Clone)]
pub enum WaitingInput {
    /// It is not sent. If it may have been sent already, its run is looked for and cancelled.
    TakeBack {
        /// [`crate::WaitingSubmission::id`].
        id: String,
    },
    /// It is sent, in its order, however old it is and whatever became of the run before it.
    SendNow {
        /// [`crate::WaitingSubmission::id`].
        id: String,
    },
    /// It is taken back, and another one is sent in its place.
    Replace {
        /// [`crate::WaitingSubmission::id`].
        id: String,
        /// Named in [`crate::Notice::Concluded`]; [`crate::Outcome::Dropped`] where that one does not wait any more.
        command: CommandId,
        /// The submission that is sent instead.
        submission: Box<Submission>,
    },
}

/// The place of an edit, and the submission for it.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The place that the thread goes on from.
    pub at: EditAt,
    /// The run. Its `checkpoint` and `checkpoint_id` are not looked at: they are what is looked up.
    pub submission: Submission,
}

/// The place that an edit goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditAt {
    /// The submission's messages replace this message and all after it.
    Message(MessageId),
    /// This message's turn is answered again: what is kept ends with the human message before it. The submission's
    /// input is not looked at.
    Answer(MessageId),
    /// The failed run is started again. If nothing of its submission was stored, it starts with that submission, else
    /// without input from the thread's newest state. A run that may still be active is joined. The given submission is
    /// ignored.
    Failed,
}

/// The result of a tool that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The call it answers.
    pub tool_call_id: String,
    /// Any JSON. A text, or a list of content blocks, is sent as it is; all else as its JSON text.
    pub content: Json,
    /// Whether the tool failed.
    pub is_error: bool,
    /// The tool, where the call does not say.
    pub name: Option<String>,
    /// Data that is stored with the message and not shown to the model.
    pub artifact: Option<Json>,
}

/// Options of a join by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinOptions {
    /// The last event that is known, instead of the stored one; `-1` asks for everything.
    pub last_event_id: Option<EventId>,
    /// Only these kinds of event, where the server filters; the protocol's words. Empty: what the run streams.
    pub stream_modes: Vec<String>,
}

/// A failure of a request below HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// Nothing answered, or the connection broke: a browser does not tell which.
    Network {
        /// The browser's words.
        message: String,
    },
    /// The header provider failed.
    Headers {
        /// Its words.
        message: String,
    },
    /// The URL or a header cannot be sent as it is.
    InvalidRequest {
        /// The browser's words.
        message: String,
    },
    /// The answer was a redirect, which is not followed: headers and the conversation would go wherever it leads.
    Redirected {
        /// The redirect's target, if the browser tells it.
        to: String,
    },
    /// The answer is larger than the driver keeps, as it would be the next time.
    TooLarge {
        /// The limit, in words.
        message: String,
    },
}
