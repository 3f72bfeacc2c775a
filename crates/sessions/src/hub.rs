//! Sessions that are being read: one tail each, kept up by one task, whatever the number of readers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use rejoin_wire::session::{Change, Cursor, Epoch, Record};
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    SessionError, SessionLimits,
    log::{Appended, LogError, SessionId, SessionLog},
    metrics::Metrics,
    tail::{Found, Frame, Tail},
};

/// Records that are read at once, and their bytes.
const RECORDS_AT_ONCE: usize = 512;
const RECORD_BYTES_AT_ONCE: usize = 512 << 10;
/// How often a log is looked at where it says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How soon a store that failed is asked again, at first and at most.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Sessions that are being read.
#[derive(Default)]
pub(super) struct Hub(Mutex<HashMap<SessionId, Weak<Live>>>);

/// One life of a session that is being read. It goes when its last reader does.
pub(super) struct Live {
    pub(super) epoch: Epoch,
    session: SessionId,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    tail: Mutex<Tail>,
    /// Told of each change of the tail; true once this life of the session is over.
    changed: watch::Sender<bool>,
    pump: OnceLock<AbortHandle>,
}

impl Hub {
    /// The session's tail, begun at the log's end where nobody reads it yet.
    ///
    /// # Errors
    /// An error of the log.
    pub(super) async fn join(
        self: &Arc<Self>,
        log: &Arc<dyn SessionLog>,
        session: &SessionId,
        limits: &SessionLimits,
        metrics: &Arc<Metrics>,
    ) -> Result<Arc<Live>, SessionError> {
        let wake = log.watch(session);
        let bounds = log.bounds(session).await?;
        let mut lives = self.lock();
        if let Some(live) = lives.get(session).and_then(Weak::upgrade)
            && live.epoch == bounds.epoch
            && !live.is_over()
        {
            return Ok(live);
        }
        let tail = Tail::new(bounds.head, limits.tail_records_max, limits.tail_bytes_max);
        let live = Arc::new(Live {
            epoch: bounds.epoch,
            session: session.clone(),
            hub: Arc::clone(self),
            metrics: Arc::clone(metrics),
            tail: Mutex::new(tail),
            changed: watch::Sender::new(false),
            pump: OnceLock::new(),
        });
        lives.insert(session.clone(), Arc::downgrade(&live));
        let pump = Pump {
            log: Arc::clone(log),
            session: session.clone(),
            live: Arc::downgrade(&live),
        };
        let task = tokio::spawn(pump.run(wake));
        // It was empty: this is the only place that sets it.
        let _ = live.pump.set(task.abort_handle());
        Ok(live)
    }

    /// The session's tail, where somebody reads it.
    pub(super) fn find(&self, session: &SessionId) -> Option<Arc<Live>> {
        self.lock().get(session).and_then(Weak::upgrade)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Weak<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// A receiver that is woken by every change. Subscribe before reading.
    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.changed.subscribe()
    }

    /// Whether this life of the session is over: deleted, or its end was lost.
    pub(super) fn is_over(&self) -> bool {
        *self.changed.borrow()
    }

    /// The newest record's number, as far as is known here.
    pub(super) fn head(&self) -> u64 {
        self.tail().head()
    }

    /// The records after a record.
    pub(super) fn after(&self, after: u64, records_max: usize, bytes_max: usize) -> Found {
        self.tail().after(after, records_max, bytes_max)
    }

    /// Shows changes that were just stored, where nothing came between; else the pump reads them.
    pub(super) fn show(&self, changes: &[Change], appended: &Appended) {
        let count = changes.len() as u64;
        let Some(before) = appended.head.seq.checked_sub(count) else {
            return;
        };
        if changes.is_empty() || appended.head.epoch != self.epoch || self.head() != before {
            return;
        }
        let records = changes.iter().cloned().zip(before + 1..);
        self.push(records.map(|(change, seq)| Record { seq, change }));
    }

    fn push(&self, records: impl Iterator<Item = Record>) {
        let frames: Vec<Frame> = records
            .map(|record| Frame::new(self.epoch, &record))
            .collect();
        self.change(|tail| frames.into_iter().for_each(|frame| tail.push(frame)));
    }

    fn change(&self, change: impl FnOnce(&mut Tail)) {
        let mut tail = self.tail();
        let before = tail.bytes();
        change(&mut tail);
        let grown = tail.bytes().cast_signed() - before.cast_signed();
        drop(tail);
        self.metrics.tail_grew(grown as i64);
        self.changed.send_modify(|_| {});
    }

    /// Readers look anew: what they read is no more.
    fn end(&self) {
        self.changed.send_replace(true);
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(pump) = self.pump.get() {
            pump.abort();
        }
        let bytes = self.tail().bytes().cast_signed();
        self.metrics.tail_grew(-(bytes as i64));
        let mut lives = self.hub.lock();
        // Another may have taken the place already.
        if lives
            .get(&self.session)
            .is_some_and(|live| live.strong_count() == 0)
        {
            lives.remove(&self.session);
        }
    }
}

/// The task that fills a tail.
struct Pump {
    log: Arc<dyn SessionLog>,
    session: SessionId,
    live: Weak<Live>,
}

/// The result of reading new records.
enum ReadResult {
    /// The tail has everything.
    UpToDate,
    /// The log has ended: it was deleted or replaced.
    Ended,
    /// Nobody reads any more.
    NoReaders,
}

impl Pump {
    async fn run(self, mut wake: watch::Receiver<u64>) {
        let mut retry = RETRY_MIN;
        loop {
            wake.mark_unchanged();
            match self.read_new_records().await {
                Ok(ReadResult::UpToDate) => {
                    retry = RETRY_MIN;
                    // Much is shown without a look; but now and then there is one, whatever is told.
                    let _ = tokio::time::timeout(LOOK_EVERY, self.wait_for_change(&mut wake)).await;
                }
                Ok(ReadResult::Ended | ReadResult::NoReaders) => return,
                Err(error) => {
                    tracing::debug!(session = self.session.as_str(), %error, "a session could not be read on");
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Waits until the log tells of something that the tail does not have.
    async fn wait_for_change(&self, wake: &mut watch::Receiver<u64>) {
        loop {
            if wake.changed().await.is_err() {
                // The engine is gone: nothing more will be told.
                std::future::pending::<()>().await;
            }
            // Who stored it here may be about to show it.
            tokio::task::yield_now().await;
            let told = *wake.borrow_and_update();
            let is_shown = |live: Arc<Live>| told != 0 && live.head() == told;
            if !self.live.upgrade().is_some_and(is_shown) {
                return;
            }
        }
    }

    async fn read_new_records(&self) -> Result<ReadResult, LogError> {
        loop {
            let Some(live) = self.live.upgrade() else {
                return Ok(ReadResult::NoReaders);
            };
            let after = Cursor {
                epoch: live.epoch,
                seq: live.head(),
            };
            let read =
                self.log
                    .records(&self.session, after, RECORDS_AT_ONCE, RECORD_BYTES_AT_ONCE);
            let records = match read.await {
                // The session is not there: the bounds say so, below.
                Err(LogError::NotFound) => Vec::new(),
                records => records?,
            };
            if !records.is_empty() {
                live.push(records.into_iter());
                continue;
            }
            let bounds = match self.log.bounds(&self.session).await {
                Err(LogError::NotFound) => {
                    live.end();
                    return Ok(ReadResult::Ended);
                }
                bounds => bounds?,
            };
            if bounds.epoch != live.epoch || bounds.head < after.seq {
                live.end();
                return Ok(ReadResult::Ended);
            }
            if bounds.head <= live.head() {
                return Ok(ReadResult::UpToDate);
            }
            if bounds.first > after.seq + 1 {
                // They were trimmed before they were read. Readers are told by what the log has.
                live.change(|tail| tail.skip_to(bounds.first - 1));
            }
        }
    }
}
