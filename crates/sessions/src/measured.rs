//! A log that counts its records, their length and the store's failures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rejoin_wire::session::EndStatus;

use crate::{
    log::{Appended, Batch, LogError, Orphan, SessionId, SessionLog},
    metrics::{AppendResult, Metrics},
};

/// Writes to a log and counts it. Whatever is stored goes through here.
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

    /// As [`SessionLog::append`].
    pub(super) async fn append(
        &self,
        session: &SessionId,
        batch: Batch,
    ) -> Result<Appended, LogError> {
        let changes = batch.changes.len();
        let began = Instant::now();
        let answer = self.log.append(session, batch).await;
        let (result, repeated) = match &answer {
            Ok(appended) => (AppendResult::Stored, appended.repeated),
            Err(LogError::Store(_)) => (AppendResult::Failed, changes),
            Err(_) => (AppendResult::Refused, changes),
        };
        self.log_if_changed(&answer);
        let stored = changes.saturating_sub(repeated);
        let repeated = if answer.is_ok() { repeated } else { 0 };
        self.metrics
            .appended(result, began.elapsed(), stored, repeated);
        answer
    }

    /// As [`SessionLog::abort`].
    pub(super) async fn abort(
        &self,
        orphan: &Orphan,
        status: EndStatus,
    ) -> Result<Appended, LogError> {
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
    }

    /// Says that the store fails, or works again, once for each time.
    fn log_if_changed(&self, answer: &Result<Appended, LogError>) {
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
