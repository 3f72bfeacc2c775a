//! Everything that a client orders.

use crate::{Cache, CommandId, Millis, Notice, SavedKey};
use rejoin_wire::{Json, MessageId};

/// Names one request or one connection. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

/// An order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send a request and feed its body as it comes.
    OpenStream {
        /// Goes with everything fed.
        attempt: AttemptId,
        /// The request to send.
        request: HttpRequest,
    },
    /// Send a request and feed its whole answer.
    SendRequest {
        /// Goes with the answer.
        attempt: AttemptId,
        /// The request to send.
        request: HttpRequest,
    },
    /// Drop a request or a connection. Later inputs for it are ignored.
    Abort {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Read what is stored under a key and feed [`crate::Input::RecordLoaded`].
    LoadRecord {
        /// The key.
        key: String,
    },
    /// Store a text under a key; feed [`crate::Input::StorageFailed`] where that fails.
    SaveRecord {
        /// The key.
        key: String,
        /// JSON.
        text: String,
    },
    /// Remove what is stored under a key.
    RemoveRecord {
        /// The key.
        key: String,
    },
    /// Store JSON as a part of the object that is stored under a key, or with `None` take the part away:
    /// [`crate::with_part`] says how. In one step, as other pages of the origin write other parts of it: an object that cannot be read is
    /// not written either. Feed [`crate::Input::StorageFailed`] where that fails.
    SavePart {
        /// The key.
        key: String,
        /// The name of the part.
        part: String,
        /// JSON.
        text: Option<String>,
    },
    /// Hold a lock that at most one client of the origin has, as soon as it is free, and feed [`crate::Input::LockHeld`] then. It is held
    /// until [`Effect::ReleaseLock`], or until the client or its page is gone. Feed [`crate::Input::LocksMissing`] where there are none.
    HoldLock {
        /// The lock.
        name: String,
    },
    /// Give a lock back, or do not wait for it any more.
    ReleaseLock {
        /// The lock.
        name: String,
    },
    /// Find the checkpoint whose messages are exactly these, and feed [`crate::EditInput::CheckpointResolved`]. Ordered
    /// where [`crate::Checkpoints::Asked`] is set.
    ResolveCheckpoint {
        /// Goes with the answer.
        command: CommandId,
        /// The messages that are kept, oldest first.
        parents: Vec<MessageId>,
    },
    /// Something of the saved states of threads.
    Saved(SavedEffect),
    /// Tell whoever listens.
    Notify(Notice),
}

/// An order to the place where threads' last states are saved. It may take its time, or never be done.
#[derive(Debug, Clone)]
pub enum SavedEffect {
    /// Read what is saved under a key and feed [`crate::SavedInput::Read`].
    Load {
        /// The key.
        key: SavedKey,
    },
    /// Save a text under a key, within the bounds. Feed [`crate::SavedInput::Failed`] where nothing can be saved.
    Save {
        /// The key.
        key: SavedKey,
        /// JSON.
        text: String,
        /// The bounds.
        cache: Cache,
    },
    /// Remove what is saved under a key.
    Remove {
        /// The key.
        key: SavedKey,
    },
}

/// A request. The driver adds the application's headers, asked anew for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The whole URL: the base and an encoded path.
    pub url: String,
    /// Headers of the protocol's own, such as `last-event-id`.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Option<Json>,
    /// Whether the application's headers were refused just now and must be made anew.
    pub refresh_headers: bool,
    /// The longest wait for the whole answer (a stream: its headers). The client watches it itself; this is for the log.
    pub timeout: Millis,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Why a client wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadlineReason {
    /// No headers, no first byte of a join, or no answer in time.
    Timeout,
    /// No byte on a live stream.
    Stall,
    /// The wait before the next attempt is over.
    Backoff,
    /// The browser says offline; the server may still be reachable.
    OfflineProbe,
    /// The record is due to be written.
    Record,
}
