//! Durable sessions: what happened to a conversation's messages, kept, and read from any point.
//!
//! ```text
//! publish ──► SessionLog (memory, redb, Redis) ──► hub: one tail per session ──► readers
//!                  └── pages, snapshots: nodes + the records since                  └── replay | snapshot + tail
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ids;
pub mod leases;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod redb;
#[cfg(feature = "redis")]
pub mod redis;
pub mod store;

#[cfg(test)]
mod agreement;
mod deadlines;
mod error;
mod hub;
mod lengths;
mod limits;
mod measured;
mod pages;
mod plan;
mod producer;
mod reader;
mod retention;
mod session_store;
mod sums;
mod tail;
mod watchers;

use std::sync::Arc;

use rejoin_wire::session::Cursor;

pub use error::SessionError;
pub use lengths::bytes_of;
pub use limits::{Retention, SessionLimits};
pub use producer::{Ending, MessageWriter, Producer, ProducerOptions, Stopped, chance};
pub use reader::{Reader, ReaderEvent};
pub use retention::sweep;
pub use session_store::{InvalidSessionStore, SessionStore};
pub use tail::Frame;

use hub::Hub;
use lengths::Lengths;
use log::{Appended, Batch, SessionId, SessionLog};
use measured::Measured;
use metrics::Metrics;

/// Every session of a store.
pub struct Sessions {
    log: Arc<dyn SessionLog>,
    measured: Measured,
    limits: SessionLimits,
    metrics: Arc<Metrics>,
    hub: Arc<Hub>,
    lengths: Lengths,
}

impl Sessions {
    /// Sessions that are stored in `log`.
    pub fn new(log: Arc<dyn SessionLog>, limits: SessionLimits) -> Arc<Self> {
        let metrics = Metrics::new();
        Arc::new(Self {
            measured: Measured::new(Arc::clone(&log), Arc::clone(&metrics)),
            log,
            limits,
            metrics,
            hub: Arc::default(),
            lengths: Lengths::default(),
        })
    }

    /// The metrics of these sessions.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// An error of the log.
    pub async fn probe(&self) -> Result<(), SessionError> {
        Ok(self.log.probe().await?)
    }

    /// The engine that stores them.
    pub fn log(&self) -> &Arc<dyn SessionLog> {
        &self.log
    }

    /// Their limits.
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
        self.check_batch(&batch)?;
        let growth = self.growth(session, &batch.changes).await?;
        let live = self.hub.find(session);
        let shown = live.as_ref().map(|_| batch.changes.clone());
        let answer = self.measured.append(session, batch).await;
        match &answer {
            Ok(appended) if appended.repeated == 0 => {
                self.lengths.grow(session, growth);
                if let (Some(live), Some(changes)) = (live, shown) {
                    live.show(&changes, appended);
                }
            }
            // What was stored of it is not known.
            Ok(_) | Err(_) => self.lengths.forget(session),
        }
        Ok(answer?)
    }

    /// A reader that goes on after `cursor`, or begins with the newest `limit` messages. A session that is not there is
    /// waited for.
    ///
    /// # Errors
    /// An error of the log.
    pub async fn attach(
        self: &Arc<Self>,
        session: &SessionId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Reader, SessionError> {
        let mut reader = Reader::new(Arc::clone(self), session.clone(), cursor, limit);
        reader.attach().await?;
        Ok(reader)
    }

    /// Throws a session away; its readers are told.
    ///
    /// # Errors
    /// An error of the log; [`LogError::NotFound`](log::LogError::NotFound) if the session does not exist.
    pub async fn delete(&self, session: &SessionId) -> Result<(), SessionError> {
        self.log.bounds(session).await?;
        self.lengths.forget(session);
        Ok(self.log.delete(session).await?)
    }

    /// The session's tail, which all its readers share.
    async fn join(&self, session: &SessionId) -> Result<Arc<hub::Live>, SessionError> {
        let hub = &self.hub;
        hub.join(&self.log, session, &self.limits, &self.metrics)
            .await
    }
}
