//! A producer in another process: posts records, and the same ones again until it is answered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Place, try_call, wait_a_little};

/// The text of a message's piece: says which it is, so that one that is lost, doubled or in a wrong place shows.
pub fn piece(id: &str, at: u64) -> String {
    format!("{id}/{at} ")
}

/// The text of a message's first pieces.
pub fn pieces(id: &str, count: u64) -> String {
    (0..count).map(|at| piece(id, at)).collect()
}

/// What the server has acknowledged of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acked {
    /// Its pieces.
    pub pieces: u64,
    /// Whether its end.
    pub ended: bool,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Posted {
    /// `epoch-seq`.
    pub cursor: String,
    /// How many of its changes had been there.
    pub repeated: u64,
    /// How often it was sent.
    pub tries: u32,
}

/// A producer of one session.
pub struct Writer {
    place: Place,
    session: String,
    producer: String,
    lease: Duration,
    acked: Arc<Mutex<BTreeMap<String, Acked>>>,
    answers: watch::Sender<u64>,
}

impl Writer {
    pub fn new(place: Place, session: &str, producer: &str, lease: Duration) -> Self {
        Self {
            place,
            session: session.to_owned(),
            producer: producer.to_owned(),
            lease,
            acked: Arc::default(),
            answers: watch::Sender::new(0),
        }
    }

    /// Counts the batches that were acknowledged.
    pub fn answers(&self) -> watch::Receiver<u64> {
        self.answers.subscribe()
    }

    /// What was acknowledged so far, by message.
    pub fn acked(&self) -> BTreeMap<String, Acked> {
        self.acked.lock().unwrap().clone()
    }

    pub fn started(id: &str) -> Value {
        json!({"type": "started", "message": {"type": "ai", "id": id, "content": ""}})
    }

    pub fn appended(id: &str, at: u64) -> Value {
        json!({"type": "appended", "id": id, "at": at,
               "chunk": {"type": "AIMessageChunk", "id": id, "content": piece(id, at)}})
    }

    pub fn ended(id: &str) -> Value {
        json!({"type": "ended", "id": id, "status": "complete"})
    }

    /// A message that is whole when it comes.
    pub fn whole(id: &str) -> [Value; 2] {
        let message = json!({"type": "human", "id": id, "content": piece(id, 0)});
        [
            json!({"type": "started", "message": message}),
            Self::ended(id),
        ]
    }

    /// The body of a batch.
    pub fn body(&self, changes: &[Value]) -> Value {
        json!({"producer": self.producer, "lease_ms": self.lease.as_millis(), "changes": changes})
    }

    /// Posts once.
    ///
    /// # Errors
    /// The status and the code, or 0 and what became of the connection.
    pub async fn try_post(&self, changes: &[Value]) -> Result<Posted, (u16, String)> {
        let api = Arc::clone(&self.place.borrow());
        let path = format!("/sessions/{}/records", self.session);
        let answer = try_call(&api, Method::POST, &path, Some(self.body(changes))).await;
        let answer = answer.map_err(|error| (0, error))?;
        if !answer.status.is_success() {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            return Err((answer.status.as_u16(), text));
        }
        self.note(changes);
        self.answers.send_modify(|answers| *answers += 1);
        let answer = answer.json();
        Ok(Posted {
            cursor: answer["cursor"].as_str().unwrap().to_owned(),
            repeated: answer["repeated"].as_u64().unwrap(),
            tries: 1,
        })
    }

    /// Posts until it is answered. Whatever is not "try again" is a failure of the test.
    pub async fn post(&self, changes: &[Value]) -> Posted {
        let (mut tries, mut place) = (0, self.place.clone());
        let posted = async {
            loop {
                tries += 1;
                match self.try_post(changes).await {
                    Ok(posted) => return Posted { tries, ..posted },
                    // Not there, stopping, or without its store.
                    Err((0 | 503, _)) => wait_a_little(&mut place).await,
                    Err((status, text)) => panic!(
                        "{status} {text}\nto {changes:?} of {}, try {tries}; acknowledged {:?}",
                        self.session,
                        self.acked()
                    ),
                }
            }
        };
        tokio::time::timeout(super::PATIENCE, posted)
            .await
            .unwrap_or_else(|_| panic!("never answered: {changes:?}"))
    }

    fn note(&self, changes: &[Value]) {
        let mut acked = self.acked.lock().unwrap();
        for change in changes {
            let id = change["id"].as_str().or(change["message"]["id"].as_str());
            let entry = acked.entry(id.unwrap().to_owned()).or_default();
            match change["type"].as_str().unwrap() {
                "appended" => {
                    entry.pieces = entry.pieces.max(change["at"].as_u64().unwrap() + 1);
                }
                "ended" => entry.ended = true,
                _ => {}
            }
        }
    }
}
