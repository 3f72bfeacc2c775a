//! What tests of sessions write, and a reader that adds up what it is told, as the client does.

#![allow(dead_code)] // Each test binary uses its own part.
#![allow(unreachable_pub)] // A module of several binaries: nothing here is anybody's API.
#![allow(clippy::unwrap_used)]

use hyper::Method;
use rejoin_wire::{
    json::FromJson,
    session::{Attached, Cursor, Page, Record, Transcript},
};
use serde_json::{Value, json};

use crate::support::{Api, Stream};

pub fn started(id: &str) -> Value {
    json!({"type": "started", "message": {"id": id, "type": "ai", "content": ""}})
}

pub fn appended(id: &str, at: u64, text: &str) -> Value {
    json!({"type": "appended", "id": id, "at": at, "chunk": {"type": "AIMessageChunk", "content": text}})
}

pub fn ended(id: &str) -> Value {
    json!({"type": "ended", "id": id, "status": "complete"})
}

pub fn removed(id: &str) -> Value {
    json!({"type": "removed", "id": id})
}

pub fn not_found() -> (u16, String) {
    (404, "session_not_found".to_owned())
}

/// Writes as producer `p` and returns the log's end.
pub async fn publish(api: &Api, session: &str, changes: impl IntoIterator<Item = Value>) -> Value {
    let changes: Vec<Value> = changes.into_iter().collect();
    let body = json!({"producer": "p", "lease_ms": 60_000, "changes": changes});
    api.post(&format!("/sessions/{session}/records"), body)
        .await["cursor"]
        .clone()
}

pub fn epoch_of(cursor: &Value) -> u64 {
    Cursor::parse(cursor.as_str().unwrap()).unwrap().epoch.0
}

pub fn seq_of(cursor: &Value) -> u64 {
    Cursor::parse(cursor.as_str().unwrap()).unwrap().seq
}

/// A stream whose events are looked at one by one.
pub struct Events {
    pub stream: Stream,
}

impl Events {
    /// The next event: its name, its data and its id.
    pub async fn next(&mut self) -> (String, Value, Option<String>) {
        let frame = self.stream.next().await.unwrap();
        let data = serde_json::from_str(&frame.data).unwrap();
        (frame.event_name().to_owned(), data, frame.id)
    }
}

pub async fn observe(api: &Api, session: &str, query: &str) -> Events {
    observe_with(api, session, query, &[]).await
}

pub async fn observe_with(
    api: &Api,
    session: &str,
    query: &str,
    headers: &[(&str, &str)],
) -> Events {
    let path = format!("/sessions/{session}/stream{query}");
    let stream = Stream::new(api.open(Method::GET, &path, headers, None).await);
    assert_eq!(stream.status, 200);
    Events { stream }
}

/// A reader that adds up what it is told.
pub struct Following {
    pub stream: Stream,
    pub transcript: Transcript,
    pub attached: Option<Attached>,
    pub caught_up: Option<Value>,
    pub snapshots: usize,
    pub records: usize,
}

impl Following {
    /// Opens a stream and reads until it has caught up.
    pub async fn open(api: &Api, session: &str, query: &str) -> Self {
        let mut following = Self::from(observe(api, session, query).await.stream);
        while following.caught_up.is_none() {
            following.step().await;
        }
        following
    }

    pub fn from(stream: Stream) -> Self {
        Self {
            stream,
            transcript: Transcript::default(),
            attached: None,
            caught_up: None,
            snapshots: 0,
            records: 0,
        }
    }

    /// Takes one event, and checks that it follows.
    pub async fn step(&mut self) {
        let frame = self.stream.next().await.unwrap();
        match frame.event_name() {
            "attached" => {
                let attached = Attached::from_json(&frame.data).unwrap();
                if attached.mode.as_str() == "replay" && self.transcript.nodes().is_empty() {
                    // Whoever comes with a cursor has what is before it; here that is nothing.
                    self.transcript = Transcript::from_page(attached.cursor.seq, Page::default());
                }
                self.attached = Some(attached);
                self.caught_up = None;
            }
            "snapshot" => {
                let cursor = Cursor::parse(frame.id.as_ref().unwrap()).unwrap();
                assert_eq!(cursor, self.attached.as_ref().unwrap().cursor);
                let page = Page::from_json(&frame.data).unwrap();
                self.transcript = Transcript::from_page(cursor.seq, page);
                self.snapshots += 1;
            }
            "record" => {
                let record = Record::from_json(&frame.data).unwrap();
                assert!(record.seq > self.transcript.seq(), "told twice");
                self.transcript.apply(record).unwrap();
                self.records += 1;
            }
            "caught_up" => {
                let data: Value = serde_json::from_str(&frame.data).unwrap();
                let cursor = Cursor::parse(data["cursor"].as_str().unwrap()).unwrap();
                assert!(cursor.seq >= self.attached.as_ref().unwrap().head);
                assert_eq!(cursor.seq, self.transcript.seq());
                self.caught_up = Some(data["cursor"].clone());
            }
            other => panic!("{other}"),
        }
    }

    /// Reads until it has that record.
    pub async fn until(&mut self, head: &Value) {
        let epoch =
            |attached: &Option<Attached>| attached.as_ref().map(|attached| attached.cursor.epoch.0);
        while epoch(&self.attached) != Some(epoch_of(head)) || self.transcript.seq() < seq_of(head)
        {
            self.step().await;
        }
    }

    pub fn texts(&self) -> Vec<String> {
        let nodes = self.transcript.nodes().iter();
        nodes
            .map(|node| node.message.content.text().into_owned())
            .collect()
    }

    pub fn ids(&self) -> Vec<&str> {
        let nodes = self.transcript.nodes().iter();
        nodes.map(|node| node.id().as_str()).collect()
    }
}
