//! The engines that keep sessions, and what their tests write.

#![allow(dead_code)] // Each test binary uses its own part.
#![allow(unreachable_pub)] // A module of several binaries: nothing here is anybody's API.
#![allow(clippy::unwrap_used)]

pub mod model;

use std::{sync::Arc, time::Duration};

use rejoin_sessions::{
    log::{Appended, Batch, LogError, ProducerId, SessionId, SessionLog},
    memory::MemoryLog,
    redb::RedbLog,
    redis::{RedisConfig, RedisLog},
};
use rejoin_wire::{
    message::{Content, Message, MessageKind},
    session::{Change, Cursor, EndStatus, Node, NodeStatus, Record},
};
use tempfile::TempDir;

use crate::redis_server::RedisServer;

/// Longer than any test.
pub const LONG: Duration = Duration::from_secs(3600);

/// An engine without a session.
pub struct Engine {
    pub name: &'static str,
    pub log: Arc<dyn SessionLog>,
    _directory: Option<TempDir>,
    _redis: Option<RedisServer>,
}

/// Every engine.
pub async fn engines() -> Vec<Engine> {
    let directory = TempDir::new().unwrap();
    let redis = RedisServer::start();
    vec![
        Engine {
            name: "memory",
            log: Arc::new(MemoryLog::new()),
            _directory: None,
            _redis: None,
        },
        Engine {
            name: "redb",
            log: Arc::new(RedbLog::open(directory.path()).unwrap()),
            _directory: Some(directory),
            _redis: None,
        },
        Engine {
            name: "redis",
            log: Arc::new(on(&redis).await),
            _directory: None,
            _redis: Some(redis),
        },
    ]
}

/// Another server's engine on the same Redis.
pub async fn on(redis: &RedisServer) -> RedisLog {
    RedisLog::connect(quick(redis)).await.unwrap()
}

/// Looks now and then more often than a server does.
pub fn quick(redis: &RedisServer) -> RedisConfig {
    RedisConfig {
        poll: Duration::from_millis(100),
        timeout: Duration::from_secs(10),
        ..RedisConfig::new(redis.url())
    }
}

pub fn session() -> SessionId {
    SessionId::parse("a:session").unwrap()
}

pub fn producer(name: &str) -> ProducerId {
    ProducerId(name.to_owned())
}

pub fn batch(name: &str, changes: Vec<Change>) -> Batch {
    Batch {
        producer: producer(name),
        changes,
        lease: LONG,
    }
}

pub fn message(id: &str, text: &str) -> Message {
    Message {
        id: Some(id.into()),
        kind: MessageKind::Ai,
        content: Content::Text(text.to_owned()),
        ..Message::default()
    }
}

pub fn started(id: &str) -> Change {
    Change::Started {
        message: message(id, ""),
        run_id: None,
    }
}

pub fn appended(id: &str, at: u64, text: &str) -> Change {
    Change::Appended {
        id: id.into(),
        at,
        chunk: message(id, text),
    }
}

pub fn updated(id: &str, at: u64, text: &str) -> Change {
    Change::Updated {
        message: message(id, text),
        at,
    }
}

pub fn ended(id: &str, status: EndStatus) -> Change {
    Change::Ended {
        id: id.into(),
        status,
    }
}

pub fn complete(id: &str) -> Change {
    ended(id, EndStatus::Complete)
}

pub fn removed(id: &str) -> Change {
    Change::Removed { id: id.into() }
}

pub fn lease_expired() -> EndStatus {
    EndStatus::Aborted {
        reason: "lease_expired".to_owned(),
    }
}

pub fn node(id: &str, position: u64, changed: u64, text: &str) -> Node {
    Node {
        position,
        changed,
        pieces: 0,
        message: message(id, text),
        run_id: None,
        status: NodeStatus::Streaming,
    }
}

/// Appends for producer `a` with a long lease.
pub async fn append(log: &dyn SessionLog, changes: Vec<Change>) -> Result<Appended, LogError> {
    log.append(&session(), batch("a", changes)).await
}

/// A message with so many pieces, one batch each. Answers the log's end.
pub async fn write_message(log: &dyn SessionLog, id: &str, pieces: u64) -> Cursor {
    let mut head = append(log, vec![started(id)]).await.unwrap().head;
    for at in 0..pieces {
        let piece = appended(id, at, &format!("{at} "));
        head = append(log, vec![piece]).await.unwrap().head;
    }
    head
}

/// The cursor before everything.
pub async fn origin(log: &dyn SessionLog) -> Cursor {
    Cursor {
        epoch: log.bounds(&session()).await.unwrap().epoch,
        seq: 0,
    }
}

/// Every record after the cursor.
pub async fn records(log: &dyn SessionLog, after: Cursor) -> Vec<Record> {
    log.records(&session(), after, usize::MAX, usize::MAX)
        .await
        .unwrap()
}

pub fn seqs(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.seq).collect()
}
