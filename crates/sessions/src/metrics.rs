//! Metrics for an operator: counts and times, never a name or a text of a conversation.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use rejoin_wire::session::SnapshotReason;

/// Times from 0.1 ms to 13 s, each bucket twice as wide as the one before.
const BUCKETS: (f64, f64, u16) = (0.0001, 2.0, 18);

/// One label with a word out of a fixed list, so that no peer can make a series.
type Labelled = Family<[(&'static str, &'static str); 1], Counter>;

/// The counters of a process's sessions. Cheap to call from anywhere.
pub struct Metrics {
    readers: Gauge,
    tail_bytes: Gauge,
    records: Counter,
    repeated: Counter,
    appends: Labelled,
    append_seconds: Histogram,
    retried: Counter,
    repaired: Counter,
    snapshots: Labelled,
    lease_expirations: Counter,
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendResult {
    /// It is stored.
    Stored,
    /// It did not follow from what is there: a gap, another producer, an ended message.
    Refused,
    /// The store failed.
    Failed,
}

impl AppendResult {
    const ALL: [Self; 3] = [Self::Stored, Self::Refused, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let (start, factor, length) = BUCKETS;
        let metrics = Self {
            readers: Gauge::default(),
            tail_bytes: Gauge::default(),
            records: Counter::default(),
            repeated: Counter::default(),
            appends: Family::default(),
            append_seconds: Histogram::new(exponential_buckets(start, factor, length)),
            retried: Counter::default(),
            repaired: Counter::default(),
            snapshots: Family::default(),
            lease_expirations: Counter::default(),
        };
        // A series that is there from the start has a rate from the start.
        for result in AppendResult::ALL {
            drop(
                metrics
                    .appends
                    .get_or_create(&[("result", result.as_str())]),
            );
        }
        metrics
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds every counter to what is shown.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "session_readers",
            "Streams of sessions that are open",
            self.readers.clone(),
        );
        registry.register_with_unit(
            "session_tail",
            "Memory of the records that readers share",
            Unit::Bytes,
            self.tail_bytes.clone(),
        );
        registry.register(
            "session_records_appended",
            "Records stored",
            self.records.clone(),
        );
        registry.register(
            "session_records_repeated",
            "Changes that were sent again and had been stored before",
            self.repeated.clone(),
        );
        registry.register(
            "session_appends",
            "Batches by how they ended",
            self.appends.clone(),
        );
        registry.register_with_unit(
            "session_append_duration",
            "From a batch to the store's answer",
            Unit::Seconds,
            self.append_seconds.clone(),
        );
        registry.register(
            "session_appends_retried",
            "Batches that a producer of this server sent again",
            self.retried.clone(),
        );
        registry.register(
            "session_messages_repaired",
            "Messages that a producer of this server sent whole because appends had failed",
            self.repaired.clone(),
        );
        registry.register(
            "session_snapshots",
            "Snapshots that readers were given, by why",
            self.snapshots.clone(),
        );
        registry.register(
            "session_lease_expirations",
            "Messages ended because their producer was not heard of",
            self.lease_expirations.clone(),
        );
    }

    /// One reader more, until the guard is dropped.
    pub fn reader(self: &Arc<Self>) -> ReaderGuard {
        self.readers.inc();
        ReaderGuard(Arc::clone(self))
    }

    /// The shared records of live sessions grew by so many bytes, or shrank.
    pub fn tail_grew(&self, bytes: i64) {
        self.tail_bytes.inc_by(bytes);
    }

    /// A batch ended: how, after how long, and what of it was stored and had been before.
    pub fn appended(&self, result: AppendResult, took: Duration, stored: usize, repeated: usize) {
        self.appends
            .get_or_create(&[("result", result.as_str())])
            .inc();
        self.append_seconds.observe(took.as_secs_f64());
        self.records.inc_by(stored as u64);
        self.repeated.inc_by(repeated as u64);
    }

    /// A producer of this server sends a batch again.
    pub fn append_retried(&self) {
        self.retried.inc();
    }

    /// A producer of this server sends a whole message because appends had failed.
    pub fn message_repaired(&self) {
        self.repaired.inc();
    }

    /// A reader is given a snapshot.
    pub fn snapshot(&self, reason: SnapshotReason) {
        self.snapshots
            .get_or_create(&[("reason", reason.as_str())])
            .inc();
    }

    /// A message was ended because its lease was over.
    pub fn lease_expired(&self) {
        self.lease_expirations.inc();
    }
}

/// A reader that is counted while this is held.
pub struct ReaderGuard(Arc<Metrics>);

impl Drop for ReaderGuard {
    fn drop(&mut self) {
        self.0.readers.dec();
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    fn shown(metrics: &Metrics) -> String {
        let mut registry = Registry::with_prefix("rejoin");
        metrics.register(&mut registry);
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        out
    }

    #[test]
    fn what_happened_is_what_is_shown() {
        let metrics = Metrics::new();
        let reader = metrics.reader();
        drop(metrics.reader());
        metrics.tail_grew(300);
        metrics.tail_grew(-100);
        metrics.appended(AppendResult::Stored, Duration::from_millis(3), 5, 2);
        metrics.appended(AppendResult::Failed, Duration::from_secs(1), 0, 0);
        metrics.snapshot(SnapshotReason::Behind);
        let text = shown(&metrics);
        let check = |line: &str| assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        check("rejoin_session_readers 1");
        check("rejoin_session_tail_bytes 200");
        check("rejoin_session_records_appended_total 5");
        check("rejoin_session_records_repeated_total 2");
        check("rejoin_session_appends_total{result=\"stored\"} 1");
        check("rejoin_session_appends_total{result=\"refused\"} 0");
        check("rejoin_session_appends_total{result=\"failed\"} 1");
        check("rejoin_session_append_duration_seconds_count 2");
        check("rejoin_session_snapshots_total{reason=\"behind\"} 1");
        check("# EOF");
        drop(reader);
        assert!(shown(&metrics).contains("rejoin_session_readers 0\n"));
    }
}
