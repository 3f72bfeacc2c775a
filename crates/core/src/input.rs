//! Everything that can happen to a client.

use crate::{AttemptId, CommandId, Millis};
use rejoin_wire::{
    CheckpointId, Json, RunId, ThreadId,
    request::{Command, MultitaskStrategy, StreamMode},
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
    /// Join a run by hand. Without a run id: the stored run, else the thread's active one.
    JoinRequested {
        /// Named in [`crate::Notice::Concluded`].
        command: CommandId,
        /// Which run.
        run_id: Option<RunId>,
    },
    /// Disconnect. The agent goes on; everything received stays.
    StopRequested,
    /// Stop the agent on the server.
    CancelRequested,
    /// The status and headers of a stream's response.
    HeadersArrived {
        /// Whose.
        attempt: AttemptId,
        /// The HTTP status.
        status: u16,
        /// `content-type`, `content-location` and `retry-after`, where readable; names in lower case.
        headers: Vec<(String, String)>,
    },
    /// Bytes of a stream's body.
    ChunkArrived {
        /// Whose.
        attempt: AttemptId,
        /// At least one.
        bytes: Vec<u8>,
    },
    /// A stream's body has ended by itself, which says nothing about the run.
    BodyEnded {
        /// Whose.
        attempt: AttemptId,
    },
    /// The whole answer to a plain request.
    ResponseArrived {
        /// Whose.
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
        /// Whose.
        attempt: AttemptId,
        /// How.
        error: TransportError,
    },
    /// The answer to [`crate::Effect::LoadRecord`].
    RecordLoaded {
        /// The key asked for.
        key: String,
        /// What was stored. It is not trusted.
        text: Option<String>,
        /// Wall-clock time, for the record's time to live only.
        wall_clock: Millis,
    },
    /// Storage could not be read or written. The client goes on without it.
    StorageFailed {
        /// Why.
        error: crate::ErrorCode,
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
    /// The page is about to go away or to be frozen: what is not stored now is lost.
    PageHiding {
        /// Wall-clock time, for the record's time to live only.
        wall_clock: Millis,
    },
    /// [`crate::Client::deadline`] has come.
    DeadlineReached,
}

/// What a run is made of.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// The graph's input. Messages in it that have no id are given one.
    pub input: Option<Json>,
    /// The way on after an interrupt.
    pub command: Option<Command>,
    /// `configurable` and the like.
    pub config: Option<Json>,
    /// The graph's static context.
    pub context: Option<Json>,
    /// Kept with the run. An object; `rejoin_submission` is added to it.
    pub metadata: Option<Json>,
    /// Where to fork from.
    pub checkpoint_id: Option<CheckpointId>,
    /// Shown at once, merged over the values' top level, until the server's values come. Input messages are shown
    /// at once without it.
    pub optimistic_values: Option<Json>,
    /// What to stream instead of [`crate::Config::stream_modes`].
    pub stream_modes: Option<Vec<StreamMode>>,
    /// Instead of [`crate::Config::multitask_strategy`].
    pub multitask_strategy: Option<MultitaskStrategy>,
}

/// How a request failed below HTTP.
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
}
