//! The requests of a client.

use crate::{AssistantId, CheckpointId, Json, ThreadId, word::words};
use serde::{Deserialize, Serialize};

words! {
    /// The kind of events that a run streams. [`StreamMode::MessagesTuple`] alone gives no sign of an interrupt.
    #[allow(missing_docs)] // Each is the protocol's own word; see `event::EventBody` for what it carries.
    #[derive(PartialOrd, Ord, Hash)]
    StreamMode {
        Values = "values",
        Messages = "messages",
        MessagesTuple = "messages-tuple",
        Updates = "updates",
        Events = "events",
        Debug = "debug",
        Tasks = "tasks",
        Checkpoints = "checkpoints",
        Custom = "custom",
        Tools = "tools",
    }
}

words! {
    /// The server's reaction when a run's client has gone.
    OnDisconnect {
        /// The run goes on. Rejoining needs this, and both servers do it by default.
        Continue = "continue",
        /// The run is cancelled within milliseconds.
        Cancel = "cancel",
    }
}

words! {
    /// The server's reaction to a new run on a busy thread. The servers' defaults differ, so always send it.
    MultitaskStrategy {
        /// The new run is refused: 409 (Python) or 422 (JS).
        Reject = "reject",
        /// The new run waits. Python's default.
        Enqueue = "enqueue",
        /// The running one is stopped, its checkpoints are kept.
        Interrupt = "interrupt",
        /// The running one is stopped and undone.
        Rollback = "rollback",
    }
}

words! {
    /// The server's reaction when the thread does not exist.
    IfNotExists {
        /// Make it.
        Create = "create",
        /// Refuse with 404.
        Reject = "reject",
    }
}

/// The way on after an interrupt, or a jump.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The answer: any JSON for one pending interrupt, or a map from interrupt id to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Json>,
    /// State to write before going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Json>,
    /// Node or nodes to go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goto: Option<Json>,
}

/// The checkpoint that a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRef {
    /// The thread, where the server wants it said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// The subgraph; empty for the root.
    #[serde(default)]
    pub checkpoint_ns: String,
    /// The checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<CheckpointId>,
    /// Of a subgraph's checkpoint, those of the graphs around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_map: Option<Json>,
}

/// The body of `POST /threads/{thread_id}/runs/stream` and of its siblings `/runs` and `/runs/wait`.
///
/// Fields left `None` or empty are not sent, so the server's defaults apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The assistant or graph.
    pub assistant_id: AssistantId,
    /// The graph's input. `None` with a command or a checkpoint goes on from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// The way on after an interrupt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// `configurable`, `recursion_limit`, `tags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Json>,
    /// The graph's static context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Json>,
    /// Kept with the run and given back when runs are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    /// The checkpoint to start from; the thread's head when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointRef>,
    /// The short form of `checkpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<CheckpointId>,
    /// The stream modes. Empty: the server's default, `values`.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_many"
    )]
    pub stream_mode: Vec<StreamMode>,
    /// Whether subgraphs' events are streamed too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream_subgraphs: bool,
    /// Whether the events are kept so that a stream can be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_resumable: Option<bool>,
    /// The reaction to a lost client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_disconnect: Option<OnDisconnect>,
    /// The reaction to a busy thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multitask_strategy: Option<MultitaskStrategy>,
    /// The reaction to an unknown thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_not_exists: Option<IfNotExists>,
    /// Nodes to stop before: names, or `"*"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupt_before: Option<Json>,
    /// Nodes to stop after: names, or `"*"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupt_after: Option<Json>,
    /// When checkpoints are written: `sync`, `async`, `exit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    /// Fields that only some servers know, such as `strict_resume`: sent as they are.
    #[serde(skip)]
    pub more: Vec<(String, Json)>,
}

impl RunRequest {
    /// A request with nothing but the assistant.
    pub fn new(assistant_id: AssistantId) -> Self {
        Self {
            assistant_id,
            input: None,
            command: None,
            config: None,
            context: None,
            metadata: None,
            checkpoint: None,
            checkpoint_id: None,
            stream_mode: Vec::new(),
            stream_subgraphs: false,
            stream_resumable: None,
            on_disconnect: None,
            multitask_strategy: None,
            if_not_exists: None,
            interrupt_before: None,
            interrupt_after: None,
            durability: None,
            more: Vec::new(),
        }
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<StreamMode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(StreamMode),
        Many(Vec<StreamMode>),
        Null(()),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(mode) => vec![mode],
        OneOrMany::Many(modes) => modes,
        OneOrMany::Null(()) => Vec::new(),
    })
}
