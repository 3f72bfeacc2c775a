//! Threads, runs and checkpoints as the server describes them.
//!
//! Only what is read is typed. Fields that one server sends and the other does not are optional.

use crate::{
    CheckpointId, InterruptId, Json, RunId, ThreadId, WireError,
    json::{
        FromJson, JsonError, Lenient, Node, Object, Oddities, ToJson, Writer, fields, parts,
        parts_and_more, serde_by_text, strict_from_json,
    },
    word::words,
};

/// `GET /threads/{thread_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The thread.
    pub thread_id: ThreadId,
    /// Its status.
    pub status: ThreadStatus,
    /// The head's values; absent before the first run.
    pub values: Option<Json>,
    /// The list of pending interrupts by task id, unread.
    pub interrupts: Vec<(String, Json)>,
    /// Why the last run failed: `{"error","message"}` or a string. Python's only record of it.
    pub error: Option<Json>,
}

words! {
    /// The status of a thread.
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
    /// Its status.
    pub status: RunStatus,
    /// The client's metadata.
    pub metadata: Option<Json>,
}

words! {
    /// The status of a run. An agent that asks a question leaves its run `success`, its thread `interrupted`.
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
    /// Reads a word, in whatever letters; also those that other servers have for the same.
    pub fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "queued" | "created" | "scheduled" => Self::Pending,
            "in_progress" | "started" | "streaming" | "active" => Self::Running,
            "completed" | "complete" | "succeeded" | "finished" | "done" => Self::Success,
            "failed" | "failure" => Self::Error,
            "timed_out" => Self::Timeout,
            "cancelled" | "canceled" | "aborted" | "stopped" => Self::Interrupted,
            word => Self::from_wire(word).unwrap_or(Self::Unknown),
        }
    }

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
    /// The question: any JSON.
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
    /// Its questions.
    pub interrupts: Vec<Interrupt>,
}

/// `GET /threads/{thread_id}/state`, and one entry of its history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadState {
    /// The graph's values, unread.
    pub values: Json,
    /// Nodes that would run next. Empty: at rest.
    pub next: Vec<String>,
    /// The state's own checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// The pending tasks.
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

impl Lenient for Thread {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let names = ["thread_id", "status", "values", "interrupts", "error"];
        let [thread_id, status, values, interrupts, error] = parts(text, &names)?;
        let expected = || JsonError::expected("a `thread_id`");
        Ok(Self {
            thread_id: odd.id("thread_id", thread_id).ok_or_else(expected)?,
            status: ThreadStatus::read_field(status, odd),
            interrupts: named(interrupts, odd),
            values: odd.field("values", values),
            error: odd.field("error", error),
        })
    }
}

impl ThreadStatus {
    /// Reads a word, in whatever letters; a run's word for being active means a busy thread.
    pub fn of_word(word: &str) -> Self {
        match Self::from_wire(&word.to_ascii_lowercase()) {
            Some(known) if known != Self::Unknown => known,
            Some(_) | None if RunStatus::of_word(word).is_active() => Self::Busy,
            Some(_) | None => Self::Unknown,
        }
    }

    /// Reads a field `status`; unknown where it says nothing.
    pub fn read_field(text: &str, odd: &mut Oddities) -> Self {
        Self::of_word(&status_word(text, odd))
    }
}

impl RunStatus {
    /// Reads a field `status`; unknown where it says nothing.
    pub fn read_field(text: &str, odd: &mut Oddities) -> Self {
        Self::of_word(&status_word(text, odd))
    }
}

fn status_word(text: &str, odd: &mut Oddities) -> String {
    if text == "null" {
        odd.note("status", "a `status`", text);
    }
    odd.field("status", text).unwrap_or_default()
}

/// An object's fields, unread; `null` has none.
fn named(text: &str, odd: &mut Oddities) -> Vec<(String, Json)> {
    let mut named = Vec::new();
    if text != "null" {
        let read = fields(text, &mut |name, value| {
            named.push((name.to_owned(), Json::from_json(value)?));
            Ok(())
        });
        if let Err(error) = read {
            odd.note("interrupts", error.expected, text);
        }
    }
    named
}

impl Lenient for Run {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let names = ["run_id", "thread_id", "created_at", "status", "metadata"];
        let [run_id, thread_id, created_at, status, metadata] = parts(text, &names)?;
        let expected = |what| move || JsonError::expected(what);
        Ok(Self {
            run_id: odd
                .id("run_id", run_id)
                .ok_or_else(expected("a `run_id`"))?,
            thread_id: odd
                .id("thread_id", thread_id)
                .ok_or_else(expected("a `thread_id`"))?,
            status: RunStatus::read_field(status, odd),
            created_at: odd.field("created_at", created_at),
            metadata: odd.field("metadata", metadata),
        })
    }
}

/// Fields by which an object is known as an interrupt, and is not a bare value.
const INTERRUPT_FIELDS: [&str; 5] = ["ns", "resumable", "response_schema", "when", "namespace"];

impl Lenient for Interrupt {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        if text == "null" {
            return Err(JsonError::expected("an interrupt"));
        }
        let bare = |odd: &mut Oddities| {
            odd.note("", "an object with an `id` and a `value`", text);
            Ok(Self {
                value: Json::from_json(text)?,
                ..Self::default()
            })
        };
        if !text.starts_with('{') {
            return bare(odd);
        }
        let mut more = Object::default();
        let names = ["id", "interrupt_id", "value"];
        let [id, interrupt_id, value] = parts_and_more(text, &names, &mut |key, value| {
            more.set(key, Node::from_json(value)?);
            Ok(())
        })?;
        let says_nothing = [id, interrupt_id, value] == ["null"; 3] && !more.is_empty();
        if says_nothing && INTERRUPT_FIELDS.iter().all(|name| more.get(name).is_none()) {
            return bare(odd);
        }
        let first_id = odd.id("id", id);
        Ok(Self {
            id: first_id.or_else(|| odd.id("interrupt_id", interrupt_id)),
            value: odd.field("value", value).unwrap_or_default(),
            more,
        })
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

impl Lenient for Checkpoint {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        if !text.starts_with(['{', '[', 'n']) {
            odd.note("", "an object with a `checkpoint_id`", text);
            return Ok(Self {
                checkpoint_ns: None,
                checkpoint_id: Oddities::default().id("", text),
            });
        }
        let [checkpoint_ns, checkpoint_id] = parts(text, &["checkpoint_ns", "checkpoint_id"])?;
        Ok(Self {
            checkpoint_ns: odd.field("checkpoint_ns", checkpoint_ns),
            checkpoint_id: odd.id("checkpoint_id", checkpoint_id),
        })
    }
}

impl Lenient for Task {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let [name, error, interrupts] = parts(text, &["name", "error", "interrupts"])?;
        Ok(Self {
            name: odd.field("name", name),
            error: odd.field("error", error),
            interrupts: odd.list("interrupts", interrupts),
        })
    }
}

impl Lenient for ThreadState {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let names = ["values", "next", "checkpoint", "tasks"];
        let [values, next, checkpoint, tasks] = parts(text, &names)?;
        if !values.starts_with(['{', 'n']) {
            odd.note("values", "an object", values);
        }
        Ok(Self {
            values: odd.field("values", values).unwrap_or_default(),
            next: odd.list("next", next),
            checkpoint: odd.field("checkpoint", checkpoint),
            tasks: odd.list("tasks", tasks),
        })
    }
}

strict_from_json!(Interrupt, Checkpoint, Task, ThreadState, Thread, Run);
serde_by_text!(Interrupt);
serde_by_text!(read Thread, Run, ThreadState);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Oddity, Read};

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
        check(
            r#"{"when":"breakpoint"}"#,
            r#"{"value":null,"when":"breakpoint"}"#,
        );
    }

    fn words(oddities: &[Oddity]) -> Vec<String> {
        oddities.iter().map(Oddity::words).collect()
    }

    #[test]
    fn an_odd_interrupt_is_asked_as_well_as_it_can_be() {
        let check = |text: &str, expected: &str, found: &str| {
            let read = Read::<Interrupt>::from_json(text).expect("an interrupt");
            assert_eq!(read.value.to_json(), expected);
            assert_eq!(words(&read.oddities), [found], "{text}");
        };
        check(
            r#""Go on?""#,
            r#"{"value":"Go on?"}"#,
            r#"it is a text ("Go on?") where an object with an `id` and a `value` belongs"#,
        );
        check(
            r#"{"question":"Go on?"}"#,
            r#"{"value":{"question":"Go on?"}}"#,
            r#"it is an object ({"question":"Go on?"}) where an object with an `id` and a `value` belongs"#,
        );
        check(
            r#"{"id":7,"value":1}"#,
            r#"{"id":"7","value":1}"#,
            "id is a number (7) where a text belongs",
        );
        check(
            r#"{"id":[],"interrupt_id":"i","value":1}"#,
            r#"{"id":"i","value":1}"#,
            "id is a list ([]) where an id belongs",
        );
    }

    #[test]
    fn whatever_a_piece_of_a_state_is_the_others_are_read() {
        let good = r#"{"values":{"a":1},"next":["n"],"checkpoint":{"checkpoint_id":"c"},"tasks":[{"name":"n","interrupts":[{"id":"i"}]}]}"#;
        let whole = ThreadState::from_json(good).expect("a state");
        let read = |text: &str| Read::<ThreadState>::from_json(text).expect(text);
        let check = |from: &str, to: &str, change: fn(&mut ThreadState), found: &[&str]| {
            let text = good.replace(from, to);
            assert_ne!(text, good);
            let mut expected = whole.clone();
            change(&mut expected);
            let read = read(&text);
            assert_eq!(
                (read.value, words(&read.oddities)),
                (expected, owned(found))
            );
        };
        check(
            r#"["n"]"#,
            r#""n""#,
            |_| {},
            &[r#"next is a text ("n") where a list belongs"#],
        );
        check(
            r#"["n"]"#,
            r#"["n",null,{}]"#,
            |_| {},
            &[
                "next[1] is null where a text belongs",
                "next[2] is an object ({}) where a text belongs",
            ],
        );
        check(
            r#""c""#,
            "7",
            |state| state.checkpoint.as_mut().expect("one").checkpoint_id = Some("7".into()),
            &["checkpoint.checkpoint_id is a number (7) where a text belongs"],
        );
        check(
            r#"{"checkpoint_id":"c"}"#,
            r#""c""#,
            |_| {},
            &[r#"checkpoint is a text ("c") where an object with a `checkpoint_id` belongs"#],
        );
        check(
            r#"[{"name""#,
            r#"[null,4,{"name""#,
            |_| {},
            &[
                "tasks[0] is null where an object belongs",
                "tasks[1] is a number (4) where an object belongs",
            ],
        );
        check(
            r#"[{"id":"i"}]"#,
            r#"[{"id":"i"},null]"#,
            |_| {},
            &["tasks[0].interrupts[1] is null where an interrupt belongs"],
        );
        assert!(ThreadState::read_quietly("[]").is_err());
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_thread_or_a_run_without_a_status_is_one() {
        let thread = Read::<Thread>::from_json(r#"{"thread_id":"t"}"#).expect("a thread");
        assert_eq!(thread.value.status, ThreadStatus::Unknown);
        assert_eq!(
            words(&thread.oddities),
            ["status is null where a `status` belongs"]
        );
        let text = r#"{"run_id":7,"thread_id":"t","status":5,"created_at":[]}"#;
        let run = Read::<Run>::from_json(text).expect("a run");
        assert_eq!(
            (run.value.run_id, run.value.status),
            ("7".into(), RunStatus::Unknown)
        );
        assert_eq!(run.oddities.len(), 3);
    }
}
