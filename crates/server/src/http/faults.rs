//! Faults on demand, for tests and the demo: what networks, proxies and servers do to a stream.
//!
//! `POST /faults {"rules": [{"match", "times", "fault": {"kind", ..}}]}` replaces the rules, `DELETE /faults` clears them,
//! `POST /faults/restart` ends the process with code 75. Each request takes the first rule that matches it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body as HttpBody, BodyDataStream, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{Body, listener::Connection};
use crate::error::ServerError;

/// Time for bytes before a cut to leave the machine.
const FLUSH: Duration = Duration::from_millis(30);

/// The rules, and the way to ask for a restart.
#[derive(Clone)]
pub(crate) struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
    restart: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rule {
    /// `stream` (POST …/runs/stream), `join` (GET …/runs/{id}/stream), `any`, or a part of the path.
    #[serde(rename = "match")]
    matches: String,
    /// How many requests it takes; `null` for all.
    #[serde(default = "once")]
    times: Option<u32>,
    fault: Fault,
}

fn once() -> Option<u32> {
    Some(1)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Fault {
    /// The connection ends in the middle of the body.
    Cut { after_bytes: usize },
    /// The same with RST.
    Reset { after_bytes: usize },
    /// Nothing more comes, and the connection stays.
    Stall { after_bytes: usize },
    /// Another status instead of the answer; the request does not reach the server.
    Status {
        status: u16,
        #[serde(default)]
        headers: Map<String, Value>,
        #[serde(default)]
        body: String,
    },
    /// A proxy's page with status 200.
    Html,
    /// The answer comes late.
    Delay { delay_ms: u64 },
    /// No answer at all.
    Hang,
    /// These bytes as an event stream, instead of the answer.
    Raw { body: String },
    /// These bytes in the middle of the body.
    Inject { after_bytes: usize, body: String },
}

impl Faults {
    pub(crate) fn new(restart: watch::Sender<bool>, stopping: watch::Receiver<bool>) -> Self {
        Self {
            rules: Arc::default(),
            restart,
            stopping,
        }
    }

    fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut rules = self.rules();
        let at = rules
            .iter()
            .position(|rule| rule.times != Some(0) && rule.fits(method, path))?;
        let rule = &mut rules[at];
        rule.times = rule.times.map(|times| times - 1);
        Some(rule.fault.clone())
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stopped(mut self) {
        // An error means the server is gone as well.
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}

impl Rule {
    fn fits(&self, method: &Method, path: &str) -> bool {
        match self.matches.as_str() {
            "any" => true,
            "stream" => method == Method::POST && path.ends_with("/runs/stream"),
            "join" => method == Method::GET && path.contains("/runs/") && path.ends_with("/stream"),
            part => path.contains(part),
        }
    }
}

pub(crate) fn routes(faults: Faults) -> Router {
    Router::new()
        .route("/faults", post(replace).get(list).delete(clear))
        .route("/faults/restart", post(restart))
        .with_state(faults)
}

#[derive(Deserialize)]
struct Rules {
    rules: Vec<Rule>,
}

async fn replace(State(faults): State<Faults>, Body(rules): Body<Rules>) -> Json<Value> {
    *faults.rules() = rules.rules;
    Json(json!({"rules": *faults.rules()}))
}

async fn list(State(faults): State<Faults>) -> Json<Value> {
    Json(json!({"rules": *faults.rules()}))
}

async fn clear(State(faults): State<Faults>) -> StatusCode {
    faults.rules().clear();
    StatusCode::NO_CONTENT
}

async fn restart(State(faults): State<Faults>) -> StatusCode {
    faults.restart.send_replace(true);
    StatusCode::ACCEPTED
}

/// The same routes, each of whose requests may meet a fault.
pub(crate) fn around(router: Router, faults: &Faults) -> Router {
    router.layer(middleware::from_fn_with_state(faults.clone(), inject))
}

/// Lets a request meet the fault that waits for it.
async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let Some(fault) = faults.take(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    tracing::info!(?fault, path = request.uri().path(), "a fault");
    let connection = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .map(|info| info.0.clone());
    match fault {
        Fault::Status {
            status,
            headers,
            body,
        } => with_status(status, &headers, body),
        Fault::Html => {
            let page = "<!doctype html><title>Sign in</title><p>Please sign in to the network.";
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
        }
        Fault::Raw { body } => (
            [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")],
            body,
        )
            .into_response(),
        Fault::Hang => {
            faults.stopped().await;
            ServerError::Stopping.into_response()
        }
        Fault::Delay { delay_ms } => {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            next.run(request).await
        }
        Fault::Cut { after_bytes } => damage(next.run(request).await, after_bytes, Then::Cut),
        Fault::Reset { after_bytes } => damage(
            next.run(request).await,
            after_bytes,
            Then::Reset(connection),
        ),
        Fault::Stall { after_bytes } => {
            damage(next.run(request).await, after_bytes, Then::Stall(faults))
        }
        Fault::Inject { after_bytes, body } => damage(
            next.run(request).await,
            after_bytes,
            Then::Inject(body.into()),
        ),
    }
}

fn with_status(status: u16, headers: &Map<String, Value>, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, body).into_response();
    for (name, value) in headers {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The fate of a body after its first bytes.
enum Then {
    Cut,
    Reset(Option<Connection>),
    Stall(Faults),
    Inject(Bytes),
}

struct Damaged {
    body: BodyDataStream,
    left: usize,
    then: Option<Then>,
}

fn damage(response: Response, after_bytes: usize, then: Then) -> Response {
    let (mut parts, body) = response.into_parts();
    if matches!(then, Then::Inject(_)) {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let damaged = Damaged {
        body: body.into_data_stream(),
        left: after_bytes,
        then: Some(then),
    };
    let chunks = futures_util::stream::unfold(damaged, |mut damaged| async move {
        let chunk = damaged.next().await?;
        Some((chunk, damaged))
    });
    Response::from_parts(parts, HttpBody::from_stream(chunks))
}

impl Damaged {
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        if self.then.is_some() && self.left == 0 {
            return self.strike().await;
        }
        let chunk = self.body.next().await?;
        match (chunk, &mut self.then) {
            (Ok(mut chunk), Some(then)) => {
                let first = chunk.split_to(self.left.min(chunk.len()));
                self.left -= first.len();
                // What is left of the chunk comes after an injection; the other faults send nothing more.
                if let Then::Inject(body) = then
                    && !chunk.is_empty()
                {
                    *body = [body.as_ref(), chunk.as_ref()].concat().into();
                }
                Some(Ok(first))
            }
            (chunk, _) => Some(chunk),
        }
    }

    async fn strike(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let broken = |what: &'static str| Some(Err(axum::Error::new(std::io::Error::other(what))));
        match self.then.take()? {
            Then::Cut => {
                tokio::time::sleep(FLUSH).await;
                broken("cut by a fault rule")
            }
            Then::Reset(connection) => {
                tokio::time::sleep(FLUSH).await;
                if let Some(connection) = connection {
                    connection.reset_on_close();
                }
                broken("reset by a fault rule")
            }
            Then::Stall(faults) => {
                faults.stopped().await;
                None
            }
            Then::Inject(body) => Some(Ok(body)),
        }
    }
}
