//! The stored records, and their form in the protocol.

use rejoin_wire::request::{RunRequest, StreamMode};
pub(crate) use rejoin_wire::thread::{RunStatus, ThreadStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    client::Client,
    clock::now_iso,
    ids::{CheckpointId, RunId, ThreadId, assistant_id, derived},
    state::{self, MESSAGES},
};

/// The node that only holds a graph's input.
pub(crate) const START: &str = "__start__";

/// A conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ThreadRow {
    pub(crate) thread_id: ThreadId,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) state_updated_at: String,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) status: ThreadStatus,
    pub(crate) config: Value,
    pub(crate) error: Option<Value>,
    pub(crate) head: Option<CheckpointId>,
    /// The agent that ran last: it knows what comes after a node.
    pub(crate) graph: Option<String>,
    /// Whether it is only there for a run without a thread of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_temporary: bool,
    /// The client that made it, for the limit. A thread from before that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Client>,
}

/// An execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunRow {
    pub(crate) run_id: RunId,
    pub(crate) thread_id: ThreadId,
    pub(crate) graph: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) status: RunStatus,
    pub(crate) request: RunRequest,
    pub(crate) resumable: bool,
    /// The thread's head before the run: what a rollback goes back to.
    pub(crate) base: Option<CheckpointId>,
    /// Whether its client may take away or change what is in the conversation. Of a run from before that: it was let in.
    #[serde(default = "yes")]
    pub(crate) may_remove: bool,
    /// Whether the event log was dropped.
    pub(crate) log_dropped: bool,
    pub(crate) error: Option<Value>,
}

fn yes() -> bool {
    true
}

/// A saved state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CheckpointRow {
    pub(crate) id: CheckpointId,
    pub(crate) parent: Option<CheckpointId>,
    pub(crate) values: Map<String, Value>,
    pub(crate) next: Vec<String>,
    pub(crate) tasks: Vec<TaskRecord>,
    pub(crate) source: Source,
    pub(crate) step: i64,
    pub(crate) run_id: Option<RunId>,
    pub(crate) created_at: String,
    /// The node that wrote it; what an update without `as_node` counts as.
    pub(crate) node: Option<String>,
    /// Whether it holds what a step had streamed before it failed. A run that goes on from here takes that step again,
    /// from the state it began with.
    #[serde(default)]
    pub(crate) failed: bool,
}

/// Why a checkpoint was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Input,
    Loop,
    Update,
    Fork,
}

/// A node to run after a checkpoint, and what is known of it so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) error: Option<String>,
    pub(crate) interrupts: Vec<InterruptRecord>,
    /// The node's writes, kept while another task of the step waits for an answer. For `__start__` this is the input, so
    /// that a run from this checkpoint gets it again.
    pub(crate) result: Option<Value>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InterruptRecord {
    pub(crate) id: String,
    pub(crate) value: Value,
}

impl ThreadRow {
    pub(crate) fn new(thread_id: ThreadId, metadata: Map<String, Value>) -> Self {
        let now = now_iso();
        Self {
            thread_id,
            created_at: now.clone(),
            updated_at: now.clone(),
            state_updated_at: now,
            metadata,
            status: ThreadStatus::Idle,
            config: json!({}),
            error: None,
            head: None,
            graph: None,
            is_temporary: false,
            owner: None,
        }
    }

    /// The entry in a list for a thread that cannot be read.
    pub(crate) fn unreadable(thread_id: ThreadId) -> Self {
        const LONG_AGO: &str = "1970-01-01T00:00:00+00:00";
        let message = "a stored record of this thread cannot be read; delete the thread";
        Self {
            created_at: LONG_AGO.to_owned(),
            updated_at: LONG_AGO.to_owned(),
            state_updated_at: LONG_AGO.to_owned(),
            status: ThreadStatus::Error,
            error: Some(json!({"error": "RecordUnreadable", "message": message})),
            ..Self::new(thread_id, Map::new())
        }
    }

    /// The protocol's shape, without anything that was said or written.
    pub(crate) fn outline(&self) -> Value {
        json!({
            "thread_id": self.thread_id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "state_updated_at": self.state_updated_at,
            "metadata": {},
            "status": self.status,
            "config": {},
            "values": null,
            "error": null,
            "interrupts": {},
        })
    }

    /// The protocol's shape, with the head's values and open questions.
    pub(crate) fn to_json(&self, head: Option<&CheckpointRow>) -> Value {
        let mut interrupts = Map::new();
        for task in head
            .iter()
            .flat_map(|head| &head.tasks)
            .filter(|task| !task.interrupts.is_empty())
        {
            interrupts.insert(task.id.clone(), json!(task.interrupts));
        }
        json!({
            "thread_id": self.thread_id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "state_updated_at": self.state_updated_at,
            "metadata": self.metadata,
            "status": self.status,
            "config": self.config,
            "values": head.map(|head| &head.values),
            "error": self.error,
            "interrupts": interrupts,
        })
    }
}

impl RunRow {
    /// The protocol's shape.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "run_id": self.run_id,
            "thread_id": self.thread_id,
            "assistant_id": assistant_id(&self.graph),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "metadata": self.metadata,
            "status": self.status,
            // A request from before it was checked on its way in may not be readable.
            "kwargs": serde_json::to_value(&self.request).unwrap_or_default(),
            "multitask_strategy": self.request.multitask_strategy,
        })
    }

    /// The protocol's shape, without anything that was said or written.
    pub(crate) fn outline(&self) -> Value {
        let mut shown = self.to_json();
        shown["metadata"] = json!({});
        shown["kwargs"] = json!({});
        shown
    }

    /// The modes that the client asked for; `values` by default.
    pub(crate) fn modes(&self) -> Vec<StreamMode> {
        if self.request.stream_mode.is_empty() {
            vec![StreamMode::Values]
        } else {
            self.request.stream_mode.clone()
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status.is_active()
    }
}

impl CheckpointRow {
    /// A checkpoint that follows `parent` (or begins a thread), with nothing in it but the parent's values.
    pub(crate) fn after(parent: Option<&Self>, source: Source, run_id: Option<RunId>) -> Self {
        Self {
            id: CheckpointId::fresh(),
            parent: parent.map(|parent| parent.id),
            values: parent
                .map(|parent| parent.values.clone())
                .unwrap_or_default(),
            next: Vec::new(),
            tasks: Vec::new(),
            source,
            step: parent.map_or(-1, |parent| parent.step + 1),
            run_id,
            created_at: now_iso(),
            node: None,
            failed: false,
        }
    }

    /// Says what runs next, with a task for each.
    pub(crate) fn go_to(&mut self, next: Vec<String>) {
        let id = self.id;
        self.tasks = next
            .iter()
            .map(|name| TaskRecord {
                id: derived(id, name).to_string(),
                name: name.clone(),
                error: None,
                interrupts: Vec::new(),
                result: None,
            })
            .collect();
        self.next = next;
    }

    /// The messages, with what tasks of a step have written that waits for an answer.
    pub(crate) fn conversation(&self) -> Vec<Value> {
        let mut values = Map::new();
        let written = self.tasks.iter().filter(|task| task.name != START);
        let results = written.filter_map(|task| task.result.as_ref());
        let lists = std::iter::once(self.values.get(MESSAGES))
            .chain(results.map(|result| result.get(MESSAGES)));
        for messages in lists.flatten() {
            let written = Map::from_iter([(MESSAGES.to_owned(), messages.clone())]);
            state::apply(&mut values, written, &[]);
        }
        state::messages(&values).to_vec()
    }

    /// Every open question.
    pub(crate) fn interrupts(&self) -> Vec<&InterruptRecord> {
        self.tasks
            .iter()
            .flat_map(|task| &task.interrupts)
            .collect()
    }

    /// The nodes that run next: of a step that is half done, those that are not.
    fn waiting(&self) -> Vec<&str> {
        let names = |is_done: bool| -> Vec<&str> {
            let fits = |task: &&TaskRecord| task.result.is_some() == is_done;
            self.tasks
                .iter()
                .filter(fits)
                .map(|task| task.name.as_str())
                .collect()
        };
        let open = names(false);
        if open.is_empty() { names(true) } else { open }
    }

    /// The protocol's shape of a thread's state.
    pub(crate) fn to_json(&self, thread_id: ThreadId) -> Value {
        let address = |id: CheckpointId| json!({"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": id});
        json!({
            "values": self.values,
            "next": self.waiting(),
            "tasks": self.tasks.iter().map(TaskRecord::to_json).collect::<Vec<_>>(),
            "metadata": {
                "source": self.source, "step": self.step, "parents": {},
                "run_id": self.run_id, "thread_id": thread_id, "langgraph_node": self.node,
            },
            "created_at": self.created_at,
            "checkpoint": address(self.id),
            "parent_checkpoint": self.parent.map(address),
            "interrupts": self.interrupts(),
            "checkpoint_id": self.id,
            "parent_checkpoint_id": self.parent,
        })
    }
}

impl TaskRecord {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "path": ["__pregel_pull", self.name], "error": self.error,
            "interrupts": self.interrupts, "checkpoint": null, "state": null, "result": self.result,
        })
    }
}

/// The state of a thread that has no checkpoint yet.
pub(crate) fn empty_state() -> Value {
    json!({
        "values": {}, "next": [], "tasks": [], "metadata": null, "created_at": null, "checkpoint": null,
        "parent_checkpoint": null, "interrupts": [], "checkpoint_id": null, "parent_checkpoint_id": null,
    })
}
