//! Threads, runs and checkpoints as the server describes them.
//!
//! Only what is read is typed. Fields that one server sends and the other does not are optional.

use crate::{AssistantId, CheckpointId, InterruptId, Json, RunId, ThreadId, WireError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// `GET /threads/{thread_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The thread.
    pub thread_id: ThreadId,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// What was said of it when it was made or patched.
    #[serde(default)]
    pub metadata: Option<Json>,
    /// What it is doing.
    pub status: ThreadStatus,
    /// The head's values; absent before the first run.
    #[serde(default)]
    pub values: Option<Json>,
    /// Pending interrupts by task id.
    #[serde(default)]
    pub interrupts: Option<BTreeMap<String, Vec<Interrupt>>>,
    /// Why the last run failed: `{"error","message"}` or a string. Python's only record of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Json>,
}

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreadStatus {
    /// No run.
    Idle,
    /// A run is pending or running.
    Busy,
    /// The last run asked a question.
    Interrupted,
    /// The last run failed.
    Error,
    /// A word this version does not know.
    #[serde(other)]
    Unknown,
}

/// `GET /threads/{thread_id}/runs/{run_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The run.
    pub run_id: RunId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// Who runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant_id: Option<AssistantId>,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// How far it is.
    pub status: RunStatus,
    /// What the client said of it.
    #[serde(default)]
    pub metadata: Option<Json>,
}

/// How far a run is. An agent that asks a question leaves its run `success`, its thread `interrupted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Waiting for its turn.
    Pending,
    /// Under way.
    Running,
    /// Ended by itself.
    Success,
    /// Failed.
    Error,
    /// Took longer than the server allows.
    Timeout,
    /// Cancelled.
    Interrupted,
    /// A word this version does not know.
    #[serde(other)]
    Unknown,
}

impl RunStatus {
    /// Whether the run can still produce events.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// One question that an agent stopped to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupt {
    /// Names it when several are pending. Absent for breakpoints.
    #[serde(
        default,
        alias = "interrupt_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<InterruptId>,
    /// What is asked: any JSON.
    #[serde(default)]
    pub value: Json,
}

/// A checkpoint's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The thread; Python leaves it out in some places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// The subgraph; empty for the root.
    #[serde(default)]
    pub checkpoint_ns: Option<String>,
    /// The checkpoint; absent on a thread that has none yet.
    #[serde(default)]
    pub checkpoint_id: Option<CheckpointId>,
}

/// A step that is about to run, is waiting for an answer, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The task.
    #[serde(default)]
    pub id: Option<String>,
    /// Its node.
    #[serde(default)]
    pub name: Option<String>,
    /// Why it failed: an object or a string.
    #[serde(default)]
    pub error: Option<Json>,
    /// What it asks.
    #[serde(default)]
    pub interrupts: Vec<Interrupt>,
}

/// `GET /threads/{thread_id}/state`, and one entry of its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadState {
    /// The graph's values, unread.
    #[serde(default)]
    pub values: Json,
    /// Nodes that would run next. Empty: at rest.
    #[serde(default)]
    pub next: Vec<String>,
    /// Where this is.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
    /// Where this came from.
    #[serde(default)]
    pub parent_checkpoint: Option<Checkpoint>,
    /// `source`, `step`, `writes`.
    #[serde(default)]
    pub metadata: Option<Json>,
    /// ISO 8601.
    #[serde(default)]
    pub created_at: Option<String>,
    /// What is pending here.
    #[serde(default)]
    pub tasks: Vec<Task>,
}

impl ThreadState {
    /// Every question pending at this checkpoint.
    pub fn interrupts(&self) -> impl Iterator<Item = &Interrupt> {
        self.tasks.iter().flat_map(|task| &task.interrupts)
    }
}

/// Reads a response body.
///
/// # Errors
/// [`WireError::Body`] naming `what` where the bytes are not a `T`.
pub fn read_body<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(body).map_err(|error| WireError::Body {
        what,
        reason: error.to_string(),
    })
}
