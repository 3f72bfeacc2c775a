//! Threads, runs and checkpoints as the server describes them.
//!
//! Only what is read is typed. Fields that one server sends and the other does not are optional.

use crate::{
    CheckpointId, InterruptId, Json, RunId, ThreadId, WireError,
    json::{
        FromJson, JsonError, Node, Object, Optional, ToJson, Writer, fields, parts, parts_and_more,
        required, serde_by_text,
    },
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
    /// The list of pending interrupts by task id, unread.
    pub interrupts: Vec<(String, Json)>,
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
    pub more: Object,
}

/// A checkpoint's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The subgraph; empty for the root.
    pub checkpoint_ns: Option<String>,
    /// The checkpoint; absent on a thread that has none yet.
    pub checkpoint_id: Option<CheckpointId>,
}

/// A step that is about to run, is waiting for an answer, or failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
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

    /// Whether a step would run next that neither asks nor has failed: it runs, or was not begun.
    pub fn is_under_way(&self) -> bool {
        let has_stopped = |task: &&Task| task.error.is_some() || !task.interrupts.is_empty();
        self.tasks.iter().filter(has_stopped).count() < self.next.len()
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
    read.map_err(|error| no_body(what, &error))
}

// Not written again for each shape that is read.
#[inline(never)]
fn no_body(what: &'static str, error: &JsonError) -> WireError {
    let reason = error.words();
    WireError::Body { what, reason }
}

impl FromJson for Thread {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = ["thread_id", "status", "values", "interrupts", "error"];
        let [thread_id, status, values, interrupts, error] = parts(text, &names)?;
        let mut optional = Optional::default();
        let thread = Self {
            thread_id: ThreadId::from_json(required(thread_id, "a `thread_id`")?)?,
            status: ThreadStatus::from_json(required(status, "a `status`")?)?,
            interrupts: named(interrupts)?,
            values: optional.some(values),
            error: optional.some(error),
        };
        optional.done(thread)
    }
}

/// An object's fields, unread; `null` has none.
fn named(text: &str) -> Result<Vec<(String, Json)>, JsonError> {
    let mut named = Vec::new();
    if text != "null" {
        fields(text, &mut |name, value| {
            named.push((name.to_owned(), Json::from_json(value)?));
            Ok(())
        })?;
    }
    Ok(named)
}

impl FromJson for Run {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = ["run_id", "thread_id", "created_at", "status", "metadata"];
        let [run_id, thread_id, created_at, status, metadata] = parts(text, &names)?;
        let mut optional = Optional::default();
        let run = Self {
            run_id: RunId::from_json(required(run_id, "a `run_id`")?)?,
            thread_id: ThreadId::from_json(required(thread_id, "a `thread_id`")?)?,
            status: RunStatus::from_json(required(status, "a `status`")?)?,
            created_at: optional.some(created_at),
            metadata: optional.some(metadata),
        };
        optional.done(run)
    }
}

impl FromJson for Interrupt {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut more = Object::default();
        let names = ["id", "interrupt_id", "value"];
        let [id, interrupt_id, value] = parts_and_more(text, &names, &mut |key, value| {
            more.set(key, Node::from_json(value)?);
            Ok(())
        })?;
        let mut optional = Optional::default();
        let interrupt = Self {
            id: optional.some(if id == "null" { interrupt_id } else { id }),
            value: optional.or_default(value),
            more,
        };
        optional.done(interrupt)
    }
}

impl ToJson for Interrupt {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.some_string("id", self.id.as_ref().map(InterruptId::as_str));
        object.raw("value", self.value.text());
        for (name, value) in self.more.iter() {
            value.write_json(object.field(name));
        }
        object.end();
    }
}

impl FromJson for Checkpoint {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [checkpoint_ns, checkpoint_id] = parts(text, &["checkpoint_ns", "checkpoint_id"])?;
        let mut optional = Optional::default();
        let checkpoint = Self {
            checkpoint_ns: optional.some(checkpoint_ns),
            checkpoint_id: optional.some(checkpoint_id),
        };
        optional.done(checkpoint)
    }
}

impl FromJson for Task {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [name, error, interrupts] = parts(text, &["name", "error", "interrupts"])?;
        let mut optional = Optional::default();
        let task = Self {
            name: optional.some(name),
            error: optional.some(error),
            interrupts: optional.or_default(interrupts),
        };
        optional.done(task)
    }
}

impl FromJson for ThreadState {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = ["values", "next", "checkpoint", "tasks"];
        let [values, next, checkpoint, tasks] = parts(text, &names)?;
        let mut optional = Optional::default();
        let state = Self {
            values: optional.or_default(values),
            next: optional.or_default(next),
            checkpoint: optional.some(checkpoint),
            tasks: optional.or_default(tasks),
        };
        optional.done(state)
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
