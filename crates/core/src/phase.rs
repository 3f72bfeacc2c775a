//! Where the client stands with a run.
//!
//! ```text
//!                submit / join / rejoin
//!   Idle,  ───────────────────────────────►  Opening ──── headers, 200 event stream ───►  Live
//!   Ended ◄──────────────────────────┐        │  ▲                                       │  │
//!     ▲                              │        │  │ backoff over, online,     lost, stalled│  │ end of body
//!     │                              │  failed│  │ visible, thawed                        │  │
//!     │                              │        ▼  │                                       │  ▼
//!     │  state read, or unreadable   │       Waiting ◄───────────────────────────────────┘ Checking ── still active
//!     │                              │        │  ▲       (Parked while offline or hidden)   │  │      ──► Opening
//!     └───────── Settling ◄──────────┼────────┘  └──── server cannot be asked ──────────────┘  │
//!                    ▲               │  out of attempts                                         │
//!                    │               └──────────── refused (4xx on submit)                      │
//!                    └────────────────────────────────── over, unknown ────────────────────────┘
//!   stop: any ──► Ended(Disconnected).      Finding: no run id yet; the thread's runs are listed.
//! ```

use crate::{AttemptId, Millis, StreamError};

/// The phase of the one run that a client follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// No run.
    Idle,
    /// The thread's runs are being listed, to find the one to join.
    Finding {
        /// The request.
        attempt: AttemptId,
    },
    /// A stream was asked for; its headers have not come.
    Opening {
        /// The connection.
        attempt: AttemptId,
    },
    /// Headers have come; events come, or could.
    Live {
        /// The connection.
        attempt: AttemptId,
    },
    /// The next attempt comes by itself.
    Waiting {
        /// When.
        until: Millis,
    },
    /// The next attempt comes when the page is visible and online again.
    Parked,
    /// The stream has ended; the run is asked for its status.
    Checking {
        /// The request.
        attempt: AttemptId,
    },
    /// The run is over; the thread's state is read.
    Settling {
        /// The request.
        attempt: AttemptId,
    },
    /// Nothing more comes.
    Ended(End),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The run is over and what is shown is the server's.
    Finished,
    /// The client left.
    Disconnected,
    /// The run was not to be had any more.
    Expired,
    /// Something failed for good.
    Failed(StreamError),
}

/// What a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// There is no run.
    Idle,
    /// The first connection is being made.
    Connecting,
    /// Events come, or could at any time.
    Live,
    /// Connected, but nothing has come for longer than it should.
    Stalled,
    /// The connection is lost and made anew.
    Reconnecting {
        /// How many attempts in a row have brought nothing new; counts from 1.
        attempt: u32,
        /// When the next attempt starts; in the past or `None` while one is under way.
        retry_at: Option<Millis>,
    },
    /// The browser says that there is no network; goes on when it is back.
    Offline,
    /// The page is hidden and the connection is lost; goes on when it is shown.
    Paused,
    /// What was missed is being fetched.
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
