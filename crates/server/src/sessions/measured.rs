//! An engine that is watched: how many records, how long, how often it fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rejoin_wire::session::{Cursor, EndStatus, Epoch, Node, Record};
use tokio::sync::watch;

use super::log::{
    Answer, Appended, Batch, Bounds, LogError, MessageHead, Orphan, SessionId, SessionLog,
};
use crate::metrics::{AppendResult, Metrics};

/// Counts what goes through it and passes everything on.
pub(super) struct Measured {
    log: Arc<dyn SessionLog>,
    metrics: Arc<Metrics>,
    is_failing: AtomicBool,
}

impl Measured {
    pub(super) fn new(log: Arc<dyn SessionLog>, metrics: Arc<Metrics>) -> Self {
        Self {
            log,
            metrics,
            is_failing: AtomicBool::new(false),
        }
    }

    /// Says that the store fails, or works again, once for each time.
    fn say_if_new(&self, answer: &Result<Appended, LogError>) {
        match answer {
            Err(LogError::Store(why)) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(why, "sessions cannot be stored");
                }
            }
            Ok(_) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("sessions can be stored again");
                }
            }
            // It may not have come as far as the store.
            Err(_) => {}
        }
    }
}

impl SessionLog for Measured {
    fn append<'a>(&'a self, session: &'a SessionId, batch: Batch) -> Answer<'a, Appended> {
        Box::pin(async move {
            let changes = batch.changes.len();
            let began = Instant::now();
            let answer = self.log.append(session, batch).await;
            let (result, repeated) = match &answer {
                Ok(appended) => (AppendResult::Stored, appended.repeated),
                Err(LogError::Store(_)) => (AppendResult::Failed, changes),
                Err(_) => (AppendResult::Refused, changes),
            };
            self.say_if_new(&answer);
            let stored = changes.saturating_sub(repeated);
            let repeated = if answer.is_ok() { repeated } else { 0 };
            self.metrics
                .appended(result, began.elapsed(), stored, repeated);
            answer
        })
    }

    fn abort<'a>(&'a self, orphan: &'a Orphan, status: EndStatus) -> Answer<'a, Appended> {
        Box::pin(async move {
            let answer = self.log.abort(orphan, status).await;
            // Another server may have been first.
            if answer.as_ref().is_ok_and(|appended| appended.repeated == 0) {
                tracing::info!(
                    session = orphan.session.as_str(),
                    id = orphan.id.as_str(),
                    "ended a message whose producer was not heard of in time"
                );
                self.metrics.lease_expired();
            }
            answer
        })
    }

    fn bounds<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Bounds> {
        self.log.bounds(session)
    }

    fn records<'a>(
        &'a self,
        session: &'a SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Answer<'a, Vec<Record>> {
        self.log.records(session, after, limit, bytes)
    }

    fn messages<'a>(
        &'a self,
        session: &'a SessionId,
        before: u64,
        limit: usize,
    ) -> Answer<'a, Vec<MessageHead>> {
        self.log.messages(session, before, limit)
    }

    fn streaming<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Vec<MessageHead>> {
        self.log.streaming(session)
    }

    fn compact<'a>(
        &'a self,
        session: &'a SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Answer<'a, ()> {
        self.log.compact(session, epoch, nodes)
    }

    fn trim<'a>(&'a self, session: &'a SessionId, through: Cursor) -> Answer<'a, ()> {
        self.log.trim(session, through)
    }

    fn delete<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()> {
        self.log.delete(session)
    }

    fn orphans(&self, limit: usize) -> Answer<'_, Vec<Orphan>> {
        self.log.orphans(limit)
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionId>> {
        self.log.sessions()
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.log.probe()
    }

    fn watch(&self, session: &SessionId) -> watch::Receiver<u64> {
        self.log.watch(session)
    }
}
