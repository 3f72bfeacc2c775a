//! The body of a request for a run.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use rejoin_wire::request::{IfNotExists, OnDisconnect, RunRequest};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    address::{Address, the_only},
    parameters::{check_body, check_more, names_of},
    read_body, read_json,
    stream::check_mode,
};
use crate::{
    error::ServerError,
    ids::{CheckpointId, ThreadId},
    runner::STEPS_MAX,
    scheduler::NewRun,
};

/// The longest time that a run may wait for its beginning, in seconds.
const AFTER_SECONDS_MAX: f64 = 86_400.0;

/// A run as it is asked for.
pub(crate) struct RunBody {
    pub(crate) request: RunRequest,
    /// How long it waits before it begins.
    pub(crate) after: Duration,
    /// Whether the thread of a run without one stays; `None` where nothing is said.
    keep: Option<bool>,
    /// `checkpoint` and `config.configurable`, which may name a checkpoint.
    checkpoint: Option<Address>,
    configurable: Option<Address>,
}

/// The fields of a body beside those of [`RunRequest`].
#[derive(Deserialize)]
struct Beside {
    after_seconds: Option<f64>,
    on_completion: Option<OnCompletion>,
    /// The older word for `durability`.
    #[allow(dead_code)]
    // It has to be a truth value, and says nothing that is not done anyway.
    checkpoint_during: Option<bool>,
    // The fields below are those of the request, read again for what its types leave out.
    checkpoint: Option<Address>,
    command: Option<Command>,
    config: Option<Config>,
    #[serde(rename = "context")]
    _context: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Command {
    resume: Option<Value>,
    update: Option<Value>,
    goto: Option<Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
struct Config {
    /// The agent's settings, and perhaps a checkpoint.
    configurable: Option<Address>,
    recursion_limit: Option<u64>,
    /// Stored with the run, and shown in its `kwargs`.
    #[serde(rename = "tags")]
    _tags: Option<Vec<String>>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum OnCompletion {
    /// As the JS client says "delete".
    Complete,
    Delete,
    Keep,
    /// As the JS client says "keep".
    Continue,
}

impl<S: Send + Sync> FromRequest<S> for RunBody {
    type Rejection = ServerError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ServerError> {
        Self::read(&read_body(request, state).await?)
    }
}

impl RunBody {
    fn read(text: &[u8]) -> Result<Self, ServerError> {
        let mut request: RunRequest = read_json(text)?;
        let beside: Beside = read_json(text)?;
        let known = [names_of::<RunRequest>(), names_of::<Beside>()].concat();
        check_body(text, &known)?;
        request
            .stream_mode
            .iter()
            .copied()
            .try_for_each(check_mode)?;
        if let Some(command) = beside.command {
            command.check(&mut request)?;
        }
        if let Some(config) = &beside.config {
            config.check()?;
        }
        // Every checkpoint is stored as it comes about, before anything tells of it: none of these asks for more.
        if let Some(other) = request.durability.as_deref()
            && !["sync", "async", "exit"].contains(&other)
        {
            let text = format!("durability is sync, async or exit, not {other:?}");
            return Err(ServerError::InvalidRequest(text));
        }
        for (name, nodes) in [
            ("interrupt_before", &request.interrupt_before),
            ("interrupt_after", &request.interrupt_after),
        ] {
            let nodes = nodes.as_ref().map(|nodes| nodes.read::<Value>());
            if nodes.is_some_and(|nodes| !nodes.is_ok_and(|nodes| names_nodes(&nodes))) {
                let text = format!("{name} is \"*\" or a list of nodes' names");
                return Err(ServerError::InvalidRequest(text));
            }
        }
        let after = beside.after_seconds.unwrap_or_default();
        if !(0.0..=AFTER_SECONDS_MAX).contains(&after) {
            let text = format!("after_seconds is 0 to {AFTER_SECONDS_MAX}");
            return Err(ServerError::InvalidRequest(text));
        }
        let keeps = |word| matches!(word, OnCompletion::Keep | OnCompletion::Continue);
        Ok(Self {
            request,
            after: Duration::from_secs_f64(after),
            keep: beside.on_completion.map(keeps),
            checkpoint: beside.checkpoint,
            configurable: beside.config.and_then(|config| config.configurable),
        })
    }

    /// Nobody is connected to it, so nobody can disconnect.
    ///
    /// # Errors
    /// [`ServerError::InvalidRequest`], where it is to end with its client's connection.
    pub(super) fn in_background(self) -> Result<Self, ServerError> {
        if self.request.on_disconnect == Some(OnDisconnect::Cancel) {
            let text = "on_disconnect is of runs/stream and runs/wait: a run in the background has no connection";
            return Err(ServerError::InvalidRequest(text.to_owned()));
        }
        Ok(self)
    }

    /// A run on a thread, which stays.
    ///
    /// # Errors
    /// [`ServerError::NotImplemented`], where the thread is to go. The errors of its checkpoint.
    pub(super) fn on_thread(self, thread: &str) -> Result<NewRun, ServerError> {
        if self.keep == Some(false) {
            let text = "a thread that goes with its run (on_completion); DELETE it";
            return Err(ServerError::NotImplemented(text.to_owned()));
        }
        self.into_run(ThreadId::parse(thread)?, false)
    }

    /// A run with a thread of its own.
    ///
    /// # Errors
    /// The errors of its checkpoint.
    pub(super) fn without_thread(mut self) -> Result<NewRun, ServerError> {
        self.request.if_not_exists = Some(IfNotExists::Create);
        let is_temporary = self.keep != Some(true);
        self.into_run(ThreadId::fresh(), is_temporary)
    }

    fn into_run(self, thread_id: ThreadId, is_temporary: bool) -> Result<NewRun, ServerError> {
        let checkpoint = self.checkpoint.as_ref();
        let checkpoint = checkpoint.map(|named| named.id("checkpoint.", thread_id));
        let id = self.request.checkpoint_id.as_ref();
        let id = id.map(|id| CheckpointId::parse(id.as_str()));
        let settings = self.configurable.as_ref();
        let settings =
            settings.map(|named| named.id_beside_settings("config.configurable.", thread_id));
        the_only([
            checkpoint.transpose()?.flatten(),
            id.transpose()?,
            settings.transpose()?.flatten(),
        ])?;
        Ok(NewRun {
            thread_id,
            request: self.request,
            after: self.after,
            is_temporary,
        })
    }
}

impl Command {
    fn check(self, request: &mut RunRequest) -> Result<(), ServerError> {
        check_more(&self.more, "command.")?;
        // LangChain's class has an empty list where it goes nowhere.
        let goto = self.goto.filter(|goto| *goto != Value::Array(Vec::new()));
        if let (None, Some(command)) = (&goto, &mut request.command) {
            command.goto = None;
        }
        let has_input = request.input.as_ref().is_some_and(|input| !input.is_null());
        if has_input && (self.resume.is_some() || self.update.is_some() || goto.is_some()) {
            let text = "a run has an input or a command, and this request has both";
            return Err(ServerError::InvalidRequest(text.to_owned()));
        }
        if self.resume.is_some() && goto.is_some() {
            let text = "a command that answers and jumps (resume and goto)";
            return Err(ServerError::NotImplemented(text.to_owned()));
        }
        Ok(())
    }
}

impl Config {
    fn check(&self) -> Result<(), ServerError> {
        check_more(&self.more, "config.")?;
        let steps = 1..=STEPS_MAX as u64;
        if self
            .recursion_limit
            .is_some_and(|asked| !steps.contains(&asked))
        {
            let text = format!("config.recursion_limit is 1 to {STEPS_MAX}");
            return Err(ServerError::InvalidRequest(text));
        }
        Ok(())
    }
}

fn names_nodes(nodes: &Value) -> bool {
    match nodes {
        Value::Null => true,
        Value::String(name) => name == "*",
        Value::Array(names) => names.iter().all(Value::is_string),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_cannot_be_given_is_refused() {
        let check = |more: &str, code: Option<&str>| {
            let text = format!(r#"{{"assistant_id": "chat", {more}}}"#);
            let told = RunBody::read(text.as_bytes());
            assert_eq!(told.err().map(|error| error.code()), code, "{more}");
        };
        for fine in [
            r#""webhook": null, "feedback_keys": []"#,
            r#""after_seconds": 2.5, "durability": "async""#,
            r#""durability": "exit""#,
            r#""stream_subgraphs": true, "checkpoint_during": true"#,
            r#""checkpoint_during": false"#,
            r#""interrupt_before": "*", "interrupt_after": ["model"]"#,
            r#""on_completion": "keep""#,
            r#""stream_mode": ["values", "messages", "messages-tuple", "updates", "debug", "tasks", "checkpoints", "custom"]"#,
            r#""stream_mode": null"#,
            r#""input": {}, "command": null"#,
            r#""input": {}, "command": {}"#,
            r#""input": null, "command": {"resume": 1, "update": null, "goto": []}"#,
            r#""command": {"update": {"a": 1}, "goto": "model"}"#,
            r#""config": {"configurable": {"n_tokens": 1, "checkpoint_ns": "", "checkpoint_map": null}, "tags": ["a"]}"#,
            r#""config": {"recursion_limit": 10000, "metadata": {}, "callbacks": null}"#,
            r#""config": null, "context": null, "checkpoint": null"#,
        ] {
            check(fine, None);
        }
        for unbuilt in [
            r#""webhook": "http://example.org""#,
            r#""feedback_keys": ["a"]"#,
            r#""strict_resume": true"#,
            r#""langsmith_tracer": {"project_name": "p"}"#,
            r#""made_up": 1"#,
            r#""stream_mode": "events""#,
            r#""stream_mode": ["values", "tools"]"#,
            r#""command": {"resume": 1, "goto": "model"}"#,
            r#""command": {"graph": "parent"}"#,
            r#""config": {"run_name": "x"}"#,
            r#""config": {"metadata": {"a": 1}}"#,
        ] {
            check(unbuilt, Some("not_implemented"));
        }
        for odd in [
            r#""after_seconds": -1"#,
            r#""after_seconds": 1e9"#,
            r#""after_seconds": "soon""#,
            r#""durability": "maybe""#,
            r#""checkpoint_during": "no""#,
            r#""interrupt_before": "model""#,
            r#""interrupt_after": [1]"#,
            r#""on_completion": "explode""#,
            r#""stream_mode": ["values", "nonsense"]"#,
            r#""input": {}, "command": {"resume": 1}"#,
            r#""input": {"messages": []}, "command": {"goto": "model"}"#,
            r#""input": "hi", "command": {"update": {}}"#,
            r#""config": {"recursion_limit": 0}"#,
            r#""config": {"recursion_limit": 10001}"#,
            r#""config": {"recursion_limit": -1}"#,
            r#""config": {"recursion_limit": "many"}"#,
            r#""config": {"tags": "a"}"#,
            r#""config": {"configurable": "x"}"#,
            r#""config": "x""#,
            r#""context": ["x"]"#,
            r#""checkpoint": {"checkpoint_id": 5}"#,
        ] {
            check(odd, Some("invalid_request"));
        }
    }
}
