//! A client for the tests: plain HTTP, and streams read frame by frame.

#![allow(dead_code)] // Each test binary uses its own part.
#![allow(unreachable_pub)] // A module of several binaries: nothing here is anybody's API.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rejoin_server::{
    Config, Server,
    auth::{AuthSecret, Capability, Claims},
};
use rejoin_wire::sse::{Decoder, Frame, Item, Limits};
use serde_json::{Value, json};

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

pub struct Api {
    pub base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A server in memory, and a client for it.
pub async fn start() -> (Server, Api) {
    start_with(|_| {}).await
}

pub async fn start_with(change: impl FnOnce(&mut Config)) -> (Server, Api) {
    let mut config = Config {
        memory: true,
        faults: true,
        ..Config::default()
    };
    change(&mut config);
    let prefix = config.api_prefix.clone();
    let server = Server::start(config).await.unwrap();
    let api = Api::new(format!("{}{prefix}", server.url()));
    (server, api)
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn code(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// An answer to its end.
pub async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = tokio::time::timeout(PATIENCE, body.collect())
        .await
        .unwrap()
        .unwrap()
        .to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

impl Api {
    pub fn new(base: String) -> Self {
        Self {
            base,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response<Incoming> {
        self.try_open(method, path, headers, body).await.unwrap()
    }

    pub async fn try_open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.try_send(method, path, headers, body).await
    }

    /// Sends any text as the body.
    pub async fn send(&self, method: Method, path: &str, body: String) -> Answer {
        read(self.try_send(method, path, &[], body).await.unwrap()).await
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).unwrap();
        tokio::time::timeout(PATIENCE, self.client.request(request))
            .await
            .unwrap_or_else(|_| panic!("no answer: {path}"))
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        read(self.open(method, path, &[], body).await).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert!(
            answer.status.is_success(),
            "GET {path}: {} {:?}",
            answer.status,
            answer.body
        );
        answer.json()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert!(
            answer.status.is_success(),
            "POST {path}: {} {:?}",
            answer.status,
            answer.body
        );
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    pub async fn thread(&self) -> String {
        self.post("/threads", json!({})).await["thread_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Starts a run and streams it.
    pub async fn run(&self, thread: &str, request: Value) -> Stream {
        Stream::new(
            self.open(
                Method::POST,
                &format!("/threads/{thread}/runs/stream"),
                &[],
                Some(request),
            )
            .await,
        )
    }

    /// Runs to the end and returns every frame.
    pub async fn run_all(&self, thread: &str, request: Value) -> Vec<Frame> {
        self.run(thread, request).await.rest().await
    }

    pub async fn join(&self, thread: &str, run: &str, last_event_id: Option<&str>) -> Stream {
        let headers: Vec<_> = last_event_id
            .iter()
            .map(|id| ("last-event-id", *id))
            .collect();
        Stream::new(
            self.open(
                Method::GET,
                &format!("/threads/{thread}/runs/{run}/stream"),
                &headers,
                None,
            )
            .await,
        )
    }

    pub async fn run_status(&self, thread: &str, run: &str) -> String {
        self.get(&format!("/threads/{thread}/runs/{run}")).await["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until the run has the status.
    pub async fn until_status(&self, thread: &str, run: &str, status: &str) {
        let seen = async {
            while self.run_status(thread, run).await != status {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, seen).await.is_ok(),
            "the run never was {status}"
        );
    }

    pub async fn state(&self, thread: &str) -> Value {
        self.get(&format!("/threads/{thread}/state")).await
    }

    pub async fn faults(&self, rules: Value) {
        self.post("/faults", json!({"rules": rules})).await;
    }
}

/// What the servers of these tests sign tokens with.
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// A session, and the thread of the same name.
pub const OURS: &str = "1a111111-1111-4111-8111-11111111111b";
pub const THEIRS: &str = "2c222222-2222-4222-8222-22222222222d";

/// A server that asks for tokens.
pub async fn guarded() -> (Server, Api) {
    start_with(|config| config.auth = Some(secret())).await
}

pub fn secret() -> AuthSecret {
    AuthSecret::new(SECRET).unwrap()
}

/// A token as an application makes one.
pub fn token(session: &str, caps: &[Capability]) -> String {
    let claims = Claims::new(session, caps, Duration::from_secs(600));
    claims.sign(&secret()).unwrap()
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// An event stream being read.
pub struct Stream {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    decoder: Decoder,
    /// Whether the connection ended badly.
    pub broken: bool,
    pub comments: usize,
    pub bytes: Vec<u8>,
}

impl Stream {
    pub fn new(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
            decoder: Decoder::new(Limits::default()),
            broken: false,
            comments: 0,
            bytes: Vec::new(),
        }
    }

    /// The next frame; none at the end, orderly or not.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some(item) = self.decoder.next_item() {
                match item.unwrap() {
                    Item::Frame(frame) => return Some(frame),
                    Item::Comment => self.comments += 1,
                    _ => {}
                }
            }
            match tokio::time::timeout(PATIENCE, self.body.frame())
                .await
                .unwrap()
            {
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap();
                    self.bytes.extend_from_slice(&data);
                    self.decoder.push(&data);
                }
                Some(Err(_)) => {
                    self.broken = true;
                    return None;
                }
                None => return None,
            }
        }
    }

    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Reads until an event of this name.
    pub async fn until(&mut self, event: &str) -> Frame {
        while let Some(frame) = self.next().await {
            if frame.event_name() == event {
                return frame;
            }
        }
        panic!("no {event}");
    }

    /// The run's id, from the header.
    pub fn run_id(&self) -> String {
        let location = self.headers["content-location"].to_str().unwrap();
        location.rsplit('/').next().unwrap().to_owned()
    }
}

pub fn names(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(Frame::event_name).collect()
}

pub fn data(frame: &Frame) -> Value {
    serde_json::from_str(&frame.data).unwrap()
}

/// A request for an agent: one message, resumable, quick.
pub fn request(agent: &str, tokens: u32, delay_ms: f64) -> Value {
    json!({
        "assistant_id": agent,
        "input": {"messages": [{"type": "human", "content": "hi"}]},
        "config": {"configurable": {"n_tokens": tokens, "delay_ms": delay_ms}},
        "stream_mode": ["values", "messages-tuple", "updates"],
        "stream_resumable": true,
    })
}

/// The same with more in it.
pub fn with(mut request: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

pub fn words(count: usize) -> String {
    const WORDS: [&str; 5] = ["alpha", "bravo", "charlie", "delta", "echo"];
    (0..count)
        .map(|index| format!("{}{index} ", WORDS[index % 26]))
        .collect()
}

/// The text of the last message of a state.
pub fn last_text(state: &Value) -> &str {
    state["values"]["messages"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()["content"]
        .as_str()
        .unwrap()
}
