//! The store of sessions: one trait, several engines.
//!
//! An engine only stores. It numbers the records and reports the range that it still has. It refuses appends that leave a
//! gap, so that a retried append is applied once, and a producer that lost its lease cannot go on. The layers above, shared
//! by all engines, decide the meaning of records, their readers and their retention.

use std::time::Duration;

use futures_util::future::BoxFuture;
use rejoin_wire::{
    MessageId,
    session::{Change, Cursor, EndStatus, Epoch, Node, Record},
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::ids::is_misspelt;

/// A session's name: of a thread's session, the thread's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(String);

/// Longer names are refused.
const SESSION_ID_BYTES_MAX: usize = 200;

impl SessionId {
    /// Checks a name: 1 to 200 of `A-Z a-z 0-9 - _ . : ~`. One that is a UUID is in the spelling of a thread's id, so
    /// that no thread has two.
    ///
    /// # Errors
    /// [`LogError::InvalidSession`], where it is another.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
        let is_short = (1..=SESSION_ID_BYTES_MAX).contains(&text.len());
        if !is_short || !text.bytes().all(is_fine) || is_misspelt(text) {
            return Err(LogError::InvalidSession);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name that a UUID is: a thread's session has the thread's id.
    pub fn of(id: Uuid) -> Self {
        Self(id.to_string())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A producer's id. A process draws one when it starts; no other can go on with its messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProducerId(pub String);

/// Changes that are stored together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The writing producer.
    pub producer: ProducerId,
    /// The changes, in order. Every message in them has an id.
    pub changes: Vec<Change>,
    /// For how long the producer holds the messages that it has begun, from now on.
    pub lease: Duration,
}

/// The result of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The log's end.
    pub head: Cursor,
    /// How many of the changes had been stored before: they were sent again, and are not stored again.
    pub repeated: usize,
}

/// The range of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The epoch of the log.
    pub epoch: Epoch,
    /// The number of the oldest record that is kept; `head + 1` where none is.
    pub first: u64,
    /// The number of the newest record; 0 where there never was one.
    pub head: u64,
    /// The records that are kept, in bytes.
    pub bytes: u64,
}

/// The facts about a message that are known without its records.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageHead {
    /// The message's id.
    pub id: MessageId,
    /// The number of the record that began it.
    pub position: u64,
    /// The number of the last record about it. If [`Node::changed`] of its node is the same, the node is complete.
    pub changed: u64,
    /// The producer that writes it.
    pub producer: ProducerId,
    /// How many pieces it has.
    pub pieces: u64,
    /// How it ended; `None` while it is streaming.
    pub ended: Option<EndStatus>,
    /// The message as it was once added up, where it was: [`Node::changed`] says as of which record about it.
    pub node: Option<Node>,
}

/// A message whose producer was not heard of in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its session.
    pub session: SessionId,
    /// The message's id.
    pub id: MessageId,
    /// The producer that held it.
    pub producer: ProducerId,
}

/// Why an engine refuses or fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The name is none (the caller's fault).
    #[error(
        "a session's name is 1 to 200 of A-Z a-z 0-9 - _ . : ~, and a UUID in lower case with hyphens"
    )]
    InvalidSession,
    /// No record was ever stored under this name, or it was deleted.
    #[error("no session has this name")]
    NotFound,
    /// An append is not the message's next piece: `expected` is (pieces are missing).
    #[error("the next piece of message {id} is {expected}")]
    PieceGap {
        /// The message's id.
        id: String,
        /// The number that is next.
        expected: u64,
    },
    /// Another producer writes this message, or it was taken away from this one when its lease was over.
    #[error("message {0} belongs to another producer")]
    Fenced(String),
    /// The message has ended; nothing can be added.
    #[error("message {0} has ended")]
    MessageEnded(String),
    /// The message was never begun, or was removed.
    #[error("no message {0} in this session")]
    MessageNotFound(String),
    /// A message with this id is already there.
    #[error("message {0} was begun already")]
    MessageExists(String),
    /// A stored row of the session cannot be read. It can be deleted.
    #[error("what is stored of the session cannot be read")]
    Damaged,
    /// The store cannot be reached, or is full; nothing of the batch is known to be stored. Try again.
    #[error("the store failed: {0}")]
    Store(String),
}

/// An engine's answer.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, LogError>>;

/// An engine.
///
/// Every method may be called from any number of tasks, and on Redis from any number of servers, at once.
pub trait SessionLog: Send + Sync + 'static {
    /// Stores a batch; makes the session where it is not there and there is something to store, else that is
    /// [`LogError::NotFound`]. When this answers, the records survive a crash.
    ///
    /// Each change is admitted by [`admit`]: stored, known to be there already, or refused, and then nothing of the
    /// batch is stored. The producer's lease on every message it has begun in this session is renewed, also by a batch
    /// without changes.
    fn append<'a>(&'a self, session: &'a SessionId, batch: Batch) -> Answer<'a, Appended>;

    /// The range of the log.
    fn bounds<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Bounds>;

    /// The records after `after`, in order, without gaps: at most `limit`, and no more once they have `bytes`. Empty at the
    /// log's end. Empty too if the next record is no longer kept, if `after` is beyond the log's end (which may have been
    /// lost), or if it has another epoch. [`SessionLog::bounds`], called afterwards, tells which.
    fn records<'a>(
        &'a self,
        session: &'a SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Answer<'a, Vec<Record>>;

    /// Messages that began before record `before`, newest first, without those that were removed: at most `limit`.
    fn messages<'a>(
        &'a self,
        session: &'a SessionId,
        before: u64,
        limit: usize,
    ) -> Answer<'a, Vec<MessageHead>>;

    /// Every message that is streaming, oldest first.
    fn streaming<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Vec<MessageHead>>;

    /// Stores messages added up, so that their records may be deleted. A stored message of a later record stays as it is; a
    /// message that was removed meanwhile is left out. If `epoch` is not the log's, nothing happens.
    fn compact<'a>(
        &'a self,
        session: &'a SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Answer<'a, ()>;

    /// Deletes the records up to and including `through`. Every message that began there must have been
    /// [compacted](SessionLog::compact) as of `through` or later. If `through` has another epoch, nothing happens.
    fn trim<'a>(&'a self, session: &'a SessionId, through: Cursor) -> Answer<'a, ()>;

    /// Deletes a session. A later session of the same name has another epoch.
    fn delete<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()>;

    /// Whether a session that is not there was deleted, as far as is known. Else its store has lost it, and another life of
    /// it may begin. Default: it was deleted, as a store of one process loses nothing while that runs.
    fn was_deleted<'a>(&'a self, session: &'a SessionId) -> Answer<'a, bool> {
        let _ = session;
        Box::pin(async { Ok(true) })
    }

    /// Messages whose lease is over, of all sessions.
    fn orphans(&self, limit: usize) -> Answer<'_, Vec<Orphan>>;

    /// Ends a message whose lease is over, whoever holds it; refused with [`LogError::Fenced`] where it is not over any
    /// more. A server that finds it ended already, however, is answered like the first.
    fn abort<'a>(&'a self, orphan: &'a Orphan, status: EndStatus) -> Answer<'a, Appended>;

    /// Every session with a record that may be too old or too much: those that retention has to look at.
    fn sessions(&self) -> Answer<'_, Vec<SessionId>>;

    /// Whether it can be read, and written as far as is known.
    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async {
            match self.bounds(&SessionId("readiness".to_owned())).await {
                Ok(_) | Err(LogError::NotFound) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    /// Tells whenever the log may have grown or is gone: its newest record's number as far as this engine knows, 0 where
    /// there is none. A reader subscribes first and reads then, so that nothing falls between.
    fn watch(&self, session: &SessionId) -> watch::Receiver<u64>;
}

/// More pieces a message does not have: an update that claims more is refused as a gap. Every engine counts exactly up
/// to here.
pub const PIECES_MAX: u64 = 1 << 48;

/// The effect of a change in an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Stores it.
    Store,
    /// Nothing: it is there already.
    Repeated,
}

/// Whether a change follows from what is known of its message (`None`: nothing, or it was removed). The one rule for
/// every engine; Redis has it as a script, which the engines' tests hold against this.
///
/// # Errors
/// Why it does not follow.
pub fn admit(
    head: Option<&MessageHead>,
    producer: &ProducerId,
    change: &Change,
) -> Result<Admission, LogError> {
    let id = change.message_id().map_or("", MessageId::as_str);
    let Some(head) = head else {
        return match change {
            Change::Started { .. } => Ok(Admission::Store),
            Change::Removed { .. } => Ok(Admission::Repeated),
            Change::Appended { .. } | Change::Updated { .. } | Change::Ended { .. } => {
                Err(LogError::MessageNotFound(id.to_owned()))
            }
        };
    };
    let is_own = head.producer == *producer;
    match change {
        Change::Started { .. } if is_own => Ok(Admission::Repeated),
        Change::Started { .. } => Err(LogError::MessageExists(id.to_owned())),
        // Anybody who may write may take a message away, or say it anew once it is over: above its last number, so that what
        // arrives late does not go over what is newer.
        Change::Removed { .. } => Ok(Admission::Store),
        Change::Updated { at, .. } if *at > PIECES_MAX => Err(LogError::PieceGap {
            id: id.to_owned(),
            expected: head.pieces,
        }),
        Change::Updated { at, .. } if head.ended.is_some() && *at > head.pieces => {
            Ok(Admission::Store)
        }
        Change::Updated { .. } if head.ended.is_some() => Ok(Admission::Repeated),
        _ if !is_own => Err(LogError::Fenced(id.to_owned())),
        Change::Ended { status, .. } => match &head.ended {
            None => Ok(Admission::Store),
            Some(ended) if ended == status => Ok(Admission::Repeated),
            Some(_) => Err(LogError::MessageEnded(id.to_owned())),
        },
        Change::Appended { at, .. } if *at < head.pieces => Ok(Admission::Repeated),
        Change::Appended { .. } if head.ended.is_some() => {
            Err(LogError::MessageEnded(id.to_owned()))
        }
        Change::Appended { at, .. } if *at == head.pieces => Ok(Admission::Store),
        Change::Appended { .. } => Err(LogError::PieceGap {
            id: id.to_owned(),
            expected: head.pieces,
        }),
        Change::Updated { at, .. } if *at <= head.pieces => Ok(Admission::Repeated),
        Change::Updated { .. } => Ok(Admission::Store),
    }
}
