//! How much a session may be, and what a reader may cost.

use std::time::Duration;

/// Limits of a session's size and of a reader's cost.
#[derive(Debug, Clone)]
pub struct SessionLimits {
    /// The longest message, as JSON. Default: 1 MiB.
    pub message_bytes_max: usize,
    /// The most changes of one batch. Default: 1,000.
    pub batch_changes_max: usize,
    /// The longest batch, as JSON. Default: 4 MiB.
    pub batch_bytes_max: usize,
    /// The longest time for which a producer may hold its messages without a word. Default: 10 min.
    pub lease_max: Duration,
    /// The most records that are replayed; a reader that lacks more is given a snapshot. Default: 2,000.
    pub replay_records_max: u64,
    /// The same in bytes. Default: 1 MiB.
    pub replay_bytes_max: u64,
    /// The most records of a session with readers that are kept in memory, encoded. Default: 1,024.
    pub tail_records_max: usize,
    /// The same in bytes. Default: 1 MiB.
    pub tail_bytes_max: usize,
    /// A page ends once its messages are this long, so that it may have fewer than were asked for; a message is never
    /// cut. Default: 16 MiB.
    pub page_bytes_max: usize,
    /// The most that may wait of a thread's session while its store cannot be reached, as JSON. With more it is forgotten,
    /// and said anew from the thread once the store is back. Default: 16 MiB.
    pub waiting_bytes_max: usize,
    /// The records to keep.
    pub retention: Retention,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            message_bytes_max: 1 << 20,
            batch_changes_max: 1000,
            batch_bytes_max: 4 << 20,
            lease_max: Duration::from_secs(600),
            replay_records_max: 2000,
            replay_bytes_max: 1 << 20,
            tail_records_max: 1024,
            tail_bytes_max: 1 << 20,
            page_bytes_max: 16 << 20,
            waiting_bytes_max: 16 << 20,
            retention: Retention::default(),
        }
    }
}

/// The records of a session to keep. Its messages stay: they are added up before their records are deleted.
#[derive(Debug, Clone)]
pub struct Retention {
    /// The most records. Default: 50,000.
    pub records_max: u64,
    /// The most bytes of records. Default: 32 MiB.
    pub bytes_max: u64,
    /// For how long a record is kept, counted from when this server first looked. Default: 1 h.
    pub age_max: Duration,
    /// How often a server looks. Default: 15 s.
    pub every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            records_max: 50_000,
            bytes_max: 32 << 20,
            age_max: Duration::from_secs(3600),
            every: Duration::from_secs(15),
        }
    }
}
