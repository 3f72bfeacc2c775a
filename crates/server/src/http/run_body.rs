//! The body of a request for a run.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use rejoin_wire::request::RunRequest;
use serde::Deserialize;
use serde_json::Value;

use super::{
    parameters::{check_body, names_of},
    read_body, read_json,
};
use crate::error::ServerError;

/// The longest time that a run may wait for its beginning, in seconds.
const AFTER_SECONDS_MAX: f64 = 86_400.0;

/// A run as it is asked for.
pub(crate) struct RunBody {
    pub(crate) request: RunRequest,
    /// How long it waits before it begins.
    pub(crate) after: Duration,
    /// Whether the thread of a run without one stays; `None` where nothing is said.
    pub(crate) keep: Option<bool>,
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
        let request: RunRequest = read_json(text)?;
        let beside: Beside = read_json(text)?;
        let known = [names_of::<RunRequest>(), names_of::<Beside>()].concat();
        check_body(text, &known)?;
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
        })
    }

    /// It is for a thread, which stays.
    ///
    /// # Errors
    /// [`ServerError::NotImplemented`], where the thread is to go.
    pub(super) fn on_thread(self) -> Result<Self, ServerError> {
        if self.keep == Some(false) {
            let text = "a thread that goes with its run (on_completion); DELETE it";
            return Err(ServerError::NotImplemented(text.to_owned()));
        }
        Ok(self)
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
        ] {
            check(fine, None);
        }
        for unbuilt in [
            r#""webhook": "http://example.org""#,
            r#""feedback_keys": ["a"]"#,
            r#""strict_resume": true"#,
            r#""langsmith_tracer": {"project_name": "p"}"#,
            r#""made_up": 1"#,
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
        ] {
            check(odd, Some("invalid_request"));
        }
    }
}
