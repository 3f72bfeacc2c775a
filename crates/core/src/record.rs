//! What is stored so that a reload finds its run: the run's id, the cursor, and the messages so far.
//!
//! No token, header or key is ever part of it. What is read back is not trusted.

use crate::{Config, MessageOrigin, Millis, cursor::Cursor};
use rejoin_wire::{RunId, ThreadId, message::Message};
use serde::{Deserialize, Serialize};

/// Every key starts with this.
pub const RECORD_PREFIX: &str = "rejoin:1:";
const VERSION: u32 = 1;

/// The key under which a thread's record is stored: server, assistant and thread, each percent-encoded.
pub fn record_key(config: &Config, thread_id: &ThreadId) -> String {
    let part = |text: &str| crate::client::encode_path_segment(text);
    format!(
        "{RECORD_PREFIX}{}|{}|{}",
        part(&config.api_url),
        part(config.assistant_id.as_str()),
        part(thread_id.as_str())
    )
}

/// The key under which the thread of a run is stored: its id as a JSON string.
pub fn run_key(config: &Config, run_id: &RunId) -> String {
    let part = |text: &str| crate::client::encode_path_segment(text);
    format!(
        "{RECORD_PREFIX}run|{}|{}",
        part(&config.api_url),
        part(run_id.as_str())
    )
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    v: u32,
    pub(crate) thread_id: ThreadId,
    /// Absent while the server has not named the run yet.
    pub(crate) run_id: Option<RunId>,
    /// Finds the run when it has no id here.
    pub(crate) submission_id: Option<String>,
    /// Wall-clock time of the first write.
    pub(crate) saved_at: Millis,
    /// Absent where the messages were too large to store; the run is then fetched from its start.
    pub(crate) cursor: Option<Cursor>,
    pub(crate) messages: Vec<StoredMessage>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    pub(crate) message: Message,
    /// Whether this run was streaming it.
    #[serde(default)]
    pub(crate) streamed: bool,
    #[serde(default)]
    pub(crate) optimistic: bool,
}

impl StoredMessage {
    pub(crate) fn into_parts(self) -> (Message, MessageOrigin, bool) {
        let origin = if self.optimistic {
            MessageOrigin::Optimistic
        } else {
            MessageOrigin::Server
        };
        (self.message, origin, self.streamed)
    }
}

/// Why a stored record is not used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is not one of ours, or was damaged.
    Corrupt,
    /// It is too old. The run it was of.
    Stale(Option<RunId>),
}

impl Record {
    pub(crate) fn new(
        thread_id: ThreadId,
        run_id: Option<RunId>,
        submission_id: Option<String>,
        saved_at: Millis,
    ) -> Self {
        Self {
            v: VERSION,
            thread_id,
            run_id,
            submission_id,
            saved_at,
            cursor: None,
            messages: Vec::new(),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a record is plain data with string keys")
    }

    pub(crate) fn read(
        text: &str,
        thread_id: &ThreadId,
        wall_clock: Millis,
        ttl: Millis,
    ) -> Result<Self, Unusable> {
        let record: Self = serde_json::from_str(text).map_err(|_| Unusable::Corrupt)?;
        if record.v != VERSION || record.thread_id != *thread_id {
            return Err(Unusable::Corrupt);
        }
        if record.run_id.is_none() && record.submission_id.is_none() {
            return Err(Unusable::Corrupt);
        }
        // A clock that was set back makes a record look as if it came from the future: that is no reason to drop it.
        if wall_clock - record.saved_at > ttl {
            return Err(Unusable::Stale(record.run_id));
        }
        Ok(record)
    }
}
