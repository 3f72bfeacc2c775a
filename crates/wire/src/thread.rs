//! Threads, runs and checkpoints as the server describes them.
//!
//! Only what is read is typed. Fields that one server sends and the other does not are optional.

use crate::{
    CheckpointId, InterruptId, Json, RunId, ThreadId, WireError,
    json::{FromJson, JsonError, ToJson, Writer, fields, serde_by_text},
    word::words,
};

/// `GET /threads/{thread_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The thread.
    pub thread_id: ThreadId,
    /// What it is doing.
    pub status: ThreadStatus,
    /// The head's values; absent before the first run.
    pub values: Option<Json>,
    /// Pending interrupts by task id.
    pub interrupts: Vec<(String, Vec<Interrupt>)>,
    /// Why the last run failed: `{"error","message"}` or a string. Python's only record of it.
    pub error: Option<Json>,
}

words! {
    /// What a thread is doing.
    ThreadStatus {
        /// No run.
        Idle = "idle",
        /// A run is pending or running.
        Busy = "busy",
        /// The last run asked a question.
        Interrupted = "interrupted",
        /// The last run failed.
        Error = "error",
        ;
        /// A word this version does not know.
        Unknown = "unknown",
    }
}

/// `GET /threads/{thread_id}/runs/{run_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The run.
    pub run_id: RunId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// ISO 8601.
    pub created_at: Option<String>,
    /// How far it is.
    pub status: RunStatus,
    /// What the client said of it.
    pub metadata: Option<Json>,
}

words! {
    /// How far a run is. An agent that asks a question leaves its run `success`, its thread `interrupted`.
    RunStatus {
        /// Waiting for its turn.
        Pending = "pending",
        /// Under way.
        Running = "running",
        /// Ended by itself.
        Success = "success",
        /// Failed.
        Error = "error",
        /// Took longer than the server allows.
        Timeout = "timeout",
        /// Cancelled.
        Interrupted = "interrupted",
        ;
        /// A word this version does not know.
        Unknown = "unknown",
    }
}

impl RunStatus {
    /// Whether the run can still produce events.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// One question that an agent stopped to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interrupt {
    /// Names it when several are pending. Absent for breakpoints.
    pub id: Option<InterruptId>,
    /// What is asked: any JSON.
    pub value: Json,
    /// All else that the server says of it, by name: where it was asked, what an answer looks like.
    pub more: Vec<(String, Json)>,
}

/// A checkpoint's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The thread; Python leaves it out in some places.
    pub thread_id: Option<ThreadId>,
    /// The subgraph; empty for the root.
    pub checkpoint_ns: Option<String>,
    /// The checkpoint; absent on a thread that has none yet.
    pub checkpoint_id: Option<CheckpointId>,
}

/// A step that is about to run, is waiting for an answer, or failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The task.
    pub id: Option<String>,
    /// Its node.
    pub name: Option<String>,
    /// Why it failed: an object or a string.
    pub error: Option<Json>,
    /// What it asks.
    pub interrupts: Vec<Interrupt>,
}

/// `GET /threads/{thread_id}/state`, and one entry of its history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadState {
    /// The graph's values, unread.
    pub values: Json,
    /// Nodes that would run next. Empty: at rest.
    pub next: Vec<String>,
    /// Where this is.
    pub checkpoint: Option<Checkpoint>,
    /// Where this came from.
    pub parent_checkpoint: Option<Checkpoint>,
    /// `source`, `step`, `writes`.
    pub metadata: Option<Json>,
    /// ISO 8601.
    pub created_at: Option<String>,
    /// What is pending here.
    pub tasks: Vec<Task>,
}

impl ThreadState {
    /// Every question pending at this checkpoint. Both real servers keep the question of a task that was answered while
    /// another still waits (Python with the task's result, JS without): only those that run next are pending.
    pub fn interrupts(&self) -> impl Iterator<Item = &Interrupt> {
        let waits = |task: &&Task| {
            let node = task.name.as_ref();
            node.is_none_or(|node| self.next.contains(node))
        };
        self.tasks
            .iter()
            .filter(waits)
            .flat_map(|task| &task.interrupts)
    }
}

/// Reads a response body.
///
/// # Errors
/// [`WireError::Body`] naming `what` where the bytes are not a `T`.
pub fn read_body<T: FromJson>(what: &'static str, body: &[u8]) -> Result<T, WireError> {
    let read = match std::str::from_utf8(body) {
        Ok(text) => T::from_json(text),
        Err(_) => Err(JsonError::expected("UTF-8")),
    };
    read.map_err(|error| WireError::Body {
        what,
        reason: error.words(),
    })
}

fn set<T: FromJson>(place: &mut T, text: &str) -> Result<(), JsonError> {
    *place = T::from_json(text)?;
    Ok(())
}

/// A list; `null` is an empty one.
fn set_list<T: FromJson>(place: &mut Vec<T>, text: &str) -> Result<(), JsonError> {
    *place = Option::from_json(text)?.unwrap_or_default();
    Ok(())
}

fn required<T>(value: Option<T>, expected: &'static str) -> Result<T, JsonError> {
    value.ok_or_else(|| JsonError::expected(expected))
}

impl FromJson for Thread {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let (mut thread_id, mut status) = (None, None);
        let (mut values, mut error) = (None, None);
        let mut interrupts = Vec::new();
        fields(text, &mut |key, value| match key {
            "thread_id" => set(&mut thread_id, value),
            "status" => set(&mut status, value),
            "values" => set(&mut values, value),
            "error" => set(&mut error, value),
            "interrupts" if value != "null" => fields(value, &mut |task, list| {
                interrupts.push((task.to_owned(), Vec::from_json(list)?));
                Ok(())
            }),
            _ => Ok(()),
        })?;
        Ok(Self {
            thread_id: required(thread_id, "a `thread_id`")?,
            status: required(status, "a `status`")?,
            values,
            interrupts,
            error,
        })
    }
}

impl FromJson for Run {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let (mut run_id, mut thread_id, mut status) = (None, None, None);
        let (mut created_at, mut metadata) = (None, None);
        fields(text, &mut |key, value| match key {
            "run_id" => set(&mut run_id, value),
            "thread_id" => set(&mut thread_id, value),
            "created_at" => set(&mut created_at, value),
            "status" => set(&mut status, value),
            "metadata" => set(&mut metadata, value),
            _ => Ok(()),
        })?;
        Ok(Self {
            run_id: required(run_id, "a `run_id`")?,
            thread_id: required(thread_id, "a `thread_id`")?,
            status: required(status, "a `status`")?,
            created_at,
            metadata,
        })
    }
}

impl FromJson for Interrupt {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut interrupt = Self::default();
        fields(text, &mut |key, value| match key {
            "id" | "interrupt_id" => set(&mut interrupt.id, value),
            "value" => set(&mut interrupt.value, value),
            _ => {
                let value = Json::from_json(value)?;
                interrupt.more.push((key.to_owned(), value));
                Ok(())
            }
        })?;
        Ok(interrupt)
    }
}

impl ToJson for Interrupt {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.some_string("id", self.id.as_ref().map(InterruptId::as_str));
        object.raw("value", self.value.text());
        for (name, value) in &self.more {
            object.raw(name, value.text());
        }
        object.end();
    }
}

impl FromJson for Checkpoint {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut checkpoint = Self::default();
        fields(text, &mut |key, value| match key {
            "thread_id" => set(&mut checkpoint.thread_id, value),
            "checkpoint_ns" => set(&mut checkpoint.checkpoint_ns, value),
            "checkpoint_id" => set(&mut checkpoint.checkpoint_id, value),
            _ => Ok(()),
        })?;
        Ok(checkpoint)
    }
}

impl FromJson for Task {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut task = Self::default();
        fields(text, &mut |key, value| match key {
            "id" => set(&mut task.id, value),
            "name" => set(&mut task.name, value),
            "error" => set(&mut task.error, value),
            "interrupts" => set_list(&mut task.interrupts, value),
            _ => Ok(()),
        })?;
        Ok(task)
    }
}

impl FromJson for ThreadState {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut state = Self::default();
        fields(text, &mut |key, value| match key {
            "values" => set(&mut state.values, value),
            "next" => set_list(&mut state.next, value),
            "checkpoint" => set(&mut state.checkpoint, value),
            "parent_checkpoint" => set(&mut state.parent_checkpoint, value),
            "metadata" => set(&mut state.metadata, value),
            "created_at" => set(&mut state.created_at, value),
            "tasks" => set_list(&mut state.tasks, value),
            _ => Ok(()),
        })?;
        Ok(state)
    }
}

serde_by_text!(Interrupt);
serde_by_text!(read Thread, Run, ThreadState);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_whose_task_does_not_run_next_is_answered() {
        let check = |next: &str, result: &str, expected: &[&str]| {
            let asks = |name: &str, result: &str| {
                format!(r#"{{"name":"{name}","result":{result},"interrupts":[{{"id":"{name}"}}]}}"#)
            };
            let text = format!(
                r#"{{"next":{next},"tasks":[{},{}]}}"#,
                asks("ask_a", result),
                asks("ask_b", "null")
            );
            let state = ThreadState::from_json(&text).expect("a state");
            let found: Vec<_> = state
                .interrupts()
                .filter_map(|interrupt| interrupt.id.as_ref().map(InterruptId::as_str))
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check(r#"["ask_a","ask_b"]"#, "null", &["ask_a", "ask_b"]);
        // Python after one of two answers, and JS, where the state gives no result.
        check(r#"["ask_b"]"#, r#"{"answers":[]}"#, &["ask_b"]);
        check(r#"["ask_b"]"#, "null", &["ask_b"]);
    }

    #[test]
    fn an_interrupt_is_kept_whole() {
        let check = |text: &str, expected: &str| {
            let interrupt = Interrupt::from_json(text).expect("an interrupt");
            assert_eq!(interrupt.to_json(), expected);
        };
        let whole = r#"{"id":"i","value":{"q":1},"ns":["ask:1"],"resumable":true,"when":"during"}"#;
        check(whole, whole);
        check(r#"{"interrupt_id":"i"}"#, r#"{"id":"i","value":null}"#);
    }
}
