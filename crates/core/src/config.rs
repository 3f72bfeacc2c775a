//! All settings, with their defaults.

use crate::Millis;
use rejoin_wire::{
    AssistantId, Json,
    request::{MultitaskStrategy, OnDisconnect, StreamMode},
    sse::Limits,
};

/// The settings of a client. [`Config::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's base URL without a trailing slash, such as `http://127.0.0.1:8787` or `/api`.
    pub api_url: String,
    /// The assistant or graph that runs are made for.
    pub assistant_id: AssistantId,
    /// The key of the messages in the graph's values. Default `messages`.
    pub messages_key: String,
    /// The stream modes of runs. Default values, messages-tuple and custom: messages-tuple alone shows no interrupt.
    pub stream_modes: Vec<StreamMode>,
    /// Whether subgraphs' events are streamed. Default no.
    pub stream_subgraphs: bool,
    /// Whether the server keeps a run's events so that it can be rejoined. Default yes.
    pub stream_resumable: bool,
    /// The server's reaction when the client is gone. Default continue.
    pub on_disconnect: OnDisconnect,
    /// The server's reaction to a run on a busy thread. Default enqueue; always sent, as servers' defaults differ.
    pub multitask_strategy: MultitaskStrategy,
    /// Whether entering a thread joins the run that is active on it. Default yes.
    pub rejoin_on_mount: bool,
    /// Whether an open thread at rest is compared with the server when the page is shown, has the focus or the network again.
    /// Default yes.
    pub compare_on_wake: bool,
    /// The number of states of the thread's history to read, newest first, in place of its state. Default none:
    /// only the state is read, and there are no branches.
    pub history_limit: Option<u32>,
    /// Whether entering a thread reads its state or history. Default yes; no where
    /// [`crate::BranchesInput::HistoryProvided`] brings it.
    pub load_thread: bool,
    /// Whether the thread's state, all of its messages, is read when it is entered and when a run is over. Default yes.
    /// No where a session is shown instead ([`crate::SessionInput::Opened`]): a long thread then costs one page. Its values,
    /// what it asked before, and branches are not known then, and [`Config::stream_modes`] should leave out `values`. A
    /// server without sessions is read all the same.
    pub reads_state: bool,
    /// The kind of endpoint that answers submissions. Default an Agent Server.
    pub endpoint: Endpoint,
    /// Whether messages from within a tool (a namespace with a part that starts with `tools:`) go to lists of their
    /// own, [`crate::View::subgraphs`], rather than to the thread's. Default no.
    pub split_subgraphs: bool,
    /// Values, an object, that are shown while the thread has no state. Default none.
    pub initial_values: Option<Json>,
    /// The search for the checkpoint of an edit. Default automatic.
    pub checkpoints: Checkpoints,
    /// Whether a new human message answers the tool calls before it that nobody has answered, as cancelled. Default no.
    pub cancel_dangling_tool_calls: bool,
    /// The number and pace of attempts.
    pub retry: RetryPolicy,
    /// The longest waits.
    pub timeouts: Timeouts,
    /// The largest sizes of the server's events.
    pub limits: Limits,
    /// The largest stored record, in bytes. Above it the oldest messages are left out of it. Default 262,144.
    pub record_bytes_max: usize,
    /// The age until which a stored record counts, in milliseconds of wall-clock time. Default 24 hours.
    pub record_ttl: Millis,
    /// The handling of submissions that the server does not have yet.
    pub outbox: OutboxPolicy,
    /// Names the person, for example by an id. Run records and unsent submissions are stored under that name: another person of the same
    /// browser neither sees nor sends them. Default none: whoever opens the thread in this browser is the same person.
    pub identity: Option<String>,
}

impl Config {
    /// The defaults, for a server and an assistant.
    pub fn new(api_url: impl Into<String>, assistant_id: impl Into<AssistantId>) -> Self {
        Self {
            api_url: api_url.into().trim_end_matches('/').to_owned(),
            assistant_id: assistant_id.into(),
            messages_key: "messages".to_owned(),
            stream_modes: vec![
                StreamMode::Values,
                StreamMode::MessagesTuple,
                StreamMode::Custom,
            ],
            stream_subgraphs: false,
            stream_resumable: true,
            on_disconnect: OnDisconnect::Continue,
            multitask_strategy: MultitaskStrategy::Enqueue,
            rejoin_on_mount: true,
            compare_on_wake: true,
            history_limit: None,
            load_thread: true,
            reads_state: true,
            endpoint: Endpoint::AgentServer,
            split_subgraphs: false,
            initial_values: None,
            checkpoints: Checkpoints::default(),
            cancel_dangling_tool_calls: false,
            retry: RetryPolicy::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            record_bytes_max: 256 * 1024,
            record_ttl: Millis(24 * 60 * 60 * 1000),
            outbox: OutboxPolicy::default(),
            identity: None,
        }
    }
}

/// The handling of submissions that the server does not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxPolicy {
    /// Whether they are stored until the server has them, and stay for a person to decide where they cannot be sent. Default yes. No:
    /// they wait in this page only, and are dropped where the run before them fails. An endpoint that only streams has no outbox.
    pub enabled: bool,
    /// Older ones are not sent before a person says so. Default 3,600,000 ms, one hour.
    pub ask_after: Millis,
    /// The stored size per thread, in bytes of JSON. A submission without room is sent all the same, and does not outlive a
    /// reload. Default 262,144.
    pub bytes_max: usize,
}

impl Default for OutboxPolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            ask_after: Millis(60 * 60 * 1000),
            bytes_max: 256 * 1024,
        }
    }
}

/// The kind of endpoint that answers submissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// An Agent Server: runs outlive connections and can be joined, threads can be read.
    #[default]
    AgentServer,
    /// Something that only streams: a submission is one POST, and its body's end is the run's end. Nothing is
    /// joined, read, listed or stored.
    StreamOnly,
}

/// The search for the checkpoint of an edit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checkpoints {
    /// In the history that was read, else in the thread's history, which is read page by page until it is found.
    #[default]
    Automatic,
    /// By [`crate::Effect::ResolveCheckpoint`].
    Asked,
    /// Not at all: nothing can be edited or answered again.
    Off,
}

/// Exponential backoff with full jitter: the wait before the n-th attempt in a row is uniform in `0..=min(base * 2^(n-1), max)`. A run's
/// connection that broke after it had brought something new is made again without the first wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first wait's upper bound. Default 500 ms.
    pub backoff_base: Millis,
    /// Every wait's upper bound. Default 30,000 ms.
    pub backoff_max: Millis,
    /// The number of attempts in a row that may fail before that is told: [`crate::View::error`] is set, joins by hand end as timed out and the
    /// thread's state is shown. Attempts go on. Default 6.
    pub attempts_max: u32,
    /// The number of silent joins in a row before the same is told. Default 3.
    pub silent_joins_max: u32,
    /// How often one submission may be posted, as long as no byte of an answer has come. Default 5.
    pub posts_max: u32,
    /// The longest `Retry-After` that is honoured. Default 120,000 ms.
    pub retry_after_max: Millis,
    /// The longest silence of the server before the client gives up. Default `None`: it goes on while the page is open.
    pub give_up_after: Option<Millis>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            backoff_base: Millis(500),
            backoff_max: Millis(30_000),
            attempts_max: 6,
            silent_joins_max: 3,
            posts_max: 5,
            retry_after_max: Millis(120_000),
            give_up_after: None,
        }
    }
}

/// The longest waits for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the headers of a stream. Default 30,000 ms.
    pub headers: Millis,
    /// For the first byte of a join, which asks for an event it already has and so must be answered. Default 10,000 ms.
    pub join: Millis,
    /// For any byte of a live stream from a server that has not sent a heartbeat. Default 30,000 ms.
    pub stall: Millis,
    /// Bounds of the same where heartbeats come: three of their intervals, within these. Default 6,000 and 30,000 ms.
    pub stall_with_heartbeat: (Millis, Millis),
    /// When the page wakes up, a stream counts as alive if a byte came this recently. Default 3,000 ms.
    pub alive: Millis,
    /// For a plain request's whole answer. Default 15,000 ms.
    pub request: Millis,
    /// Between two attempts while the browser says that it is offline, or the page is hidden. Default 30,000 ms.
    pub offline_probe: Millis,
    /// For a server that has never answered, before [`crate::View::error`] says so. Default 2,000 ms.
    pub unreachable: Millis,
    /// The least time between two comparisons of an open thread with the server. Default 5,000 ms.
    pub compare: Millis,
    /// Between two writes of the record. Default 1,000 ms.
    pub record: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            headers: Millis(30_000),
            join: Millis(10_000),
            stall: Millis(30_000),
            stall_with_heartbeat: (Millis(6_000), Millis(30_000)),
            alive: Millis(3_000),
            request: Millis(15_000),
            offline_probe: Millis(30_000),
            unreachable: Millis(2_000),
            compare: Millis(5_000),
            record: Millis(1_000),
        }
    }
}
