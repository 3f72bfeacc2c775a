//! The connection's state, for a person.

use crate::Millis;

/// The connection's state, as shown to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// There is no run.
    Idle,
    /// There is no run, and what was saved of the thread is shown until the server has answered.
    Saved,
    /// The first connection is being made.
    Connecting,
    /// Events come, or could at any time.
    Live,
    /// Connected, but nothing has come for longer than it should.
    Stalled,
    /// The connection is lost and made anew.
    Reconnecting {
        /// The number of attempts in a row that brought nothing new; counts from 1.
        attempt: u32,
        /// When the next attempt starts; in the past or `None` while one is under way.
        retry_at: Option<Millis>,
    },
    /// The browser says that there is no network; goes on when it is back.
    Offline,
    /// The page is hidden and the connection is lost; goes on when it is shown.
    Paused,
    /// Missed events are being fetched.
    CatchingUp,
    /// This client left on purpose; the agent goes on.
    Disconnected,
    /// The run is over.
    Finished,
    /// The run was not to be had any more; the thread's history is shown.
    Expired,
    /// Something failed for good.
    Failed,
}

impl Connection {
    /// The state's stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Saved => "saved",
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Stalled => "stalled",
            Self::Reconnecting { .. } => "reconnecting",
            Self::Offline => "offline",
            Self::Paused => "paused",
            Self::CatchingUp => "catching_up",
            Self::Disconnected => "disconnected",
            Self::Finished => "finished",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}
