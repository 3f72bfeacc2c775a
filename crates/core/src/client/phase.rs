//! The phases of a client that follows a run. Each phase holds its own data and nothing else.
//!
//! ```text
//!                submit / join / rejoin
//!   Idle,  ───────────────────────────────►  Opening ──── headers, 200 event stream ───►  Live
//!   Ended ◄──────────────────────────┐        │  ▲                                       │  │
//!     ▲                              │        │  │ the wait is over, online,  lost, cut, │  │ end of body,
//!     │                              │  failed│  │ visible, thawed            stalled    │  │ or silence
//!     │                              │        ▼  │                                       │  ▼
//!     │  state read, or unreadable   │       Waiting ◄───────────────────────────────────┘ Checking ── still active
//!     │                              │        │  ▲                                         │  │      ──► Opening, Waiting
//!     └───────── Settling ◄──────────┼────────┘  └──── no answer ──────────────────────────┘  │
//!                    ▲               │                                                        │
//!                    │               └──── refused (4xx on a submission)                      │
//!                    └────────────────────────────────── over, unknown ───────────────────────┘
//!   stop: any ──► Ended(Disconnected).
//!   Finding: the run has no id yet, so the thread's runs are listed. MakingThread: the server does not make threads by
//!   itself, or the application has named a new one. Looking: the run cannot be followed for now, so the thread's state is shown while attempts go on.
//! ```

use super::{answer::Asked, link::Link, recovery::Wait};
use crate::{Outcome, StreamError};

/// The phase of the one run that a client follows.
#[derive(Debug)]
pub(crate) enum Phase {
    /// No run.
    Idle,
    /// The thread's runs are being listed, to find the one to join.
    Finding {
        asked: Asked,
        /// Whether the list was not to be had, so the thread is read to learn whether the server has it.
        asks_for_thread: bool,
    },
    /// The thread is being made, so that the submission can be posted to it.
    MakingThread(Asked),
    /// A stream was asked for; its headers have not come.
    Opening(Box<Link>),
    /// Headers have come; events come, or could.
    Live(Box<Link>),
    /// The next step comes by itself.
    Waiting { wait: Wait, next: Next },
    /// The run is asked for its status.
    Checking { asked: Asked, after: After },
    /// The thread's state is read while the run cannot be followed.
    Looking(Asked),
    /// The run is over; the thread's state is read.
    Settling { asked: Asked, settle: Settle },
    /// Nothing more comes.
    Ended(End),
}

impl Phase {
    /// Whether a run is followed.
    pub(crate) fn is_active(&self) -> bool {
        !matches!(self, Self::Idle | Self::Ended(_))
    }

    /// The connection, where there is one.
    pub(crate) fn link(&self) -> Option<&Link> {
        match self {
            Self::Opening(link) | Self::Live(link) => Some(link),
            Self::Idle
            | Self::Finding { .. }
            | Self::MakingThread(_)
            | Self::Waiting { .. }
            | Self::Checking { .. }
            | Self::Looking(_)
            | Self::Settling { .. }
            | Self::Ended(_) => None,
        }
    }

    pub(crate) fn link_mut(&mut self) -> Option<&mut Link> {
        match self {
            Self::Opening(link) | Self::Live(link) => Some(link),
            Self::Idle
            | Self::Finding { .. }
            | Self::MakingThread(_)
            | Self::Waiting { .. }
            | Self::Checking { .. }
            | Self::Looking(_)
            | Self::Settling { .. }
            | Self::Ended(_) => None,
        }
    }

    /// The connection, while its headers have not come.
    pub(crate) fn opening_mut(&mut self) -> Option<&mut Link> {
        match self {
            Self::Opening(link) => Some(link),
            Self::Idle
            | Self::Finding { .. }
            | Self::MakingThread(_)
            | Self::Live(_)
            | Self::Waiting { .. }
            | Self::Checking { .. }
            | Self::Looking(_)
            | Self::Settling { .. }
            | Self::Ended(_) => None,
        }
    }

    /// The plain request that the phase waits for.
    pub(crate) fn asked(&self) -> Option<Asked> {
        match self {
            Self::Finding { asked, .. }
            | Self::MakingThread(asked)
            | Self::Checking { asked, .. }
            | Self::Looking(asked)
            | Self::Settling { asked, .. } => Some(*asked),
            Self::Idle
            | Self::Opening(_)
            | Self::Live(_)
            | Self::Waiting { .. }
            | Self::Ended(_) => None,
        }
    }
}

/// The step that is taken when a wait is over.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// The stream is asked for: posted, joined, or its run found.
    Stream,
    /// The run is asked for its status.
    Check,
    /// The thread's state is read and shown.
    Look,
    /// The thread's state is read, and the run ends with it.
    Settle(Settle),
}

/// Why a run is asked for its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The stream's body has ended by itself.
    CleanEnd,
    /// A join has brought no byte in time.
    Silence,
    /// The wait was over, and streams do not come through.
    Wait,
    /// The run is entered, or its cancellation was accepted.
    Entering,
}

/// The end of a run, while the thread's state is read for it.
#[derive(Debug, Clone)]
pub(crate) struct Settle {
    pub(crate) outcome: Outcome,
    /// Whether the thread is read first, as only it says why the run failed.
    pub(crate) reads_reason: bool,
    /// Whether only the stream has said that it is the end.
    pub(crate) unconfirmed: bool,
    /// How many answers could not be used.
    pub(crate) failures: u32,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The run is over and what is shown is the server's.
    Finished,
    /// The client left.
    Disconnected,
    /// The run was not to be had any more.
    Expired,
    /// Something failed for good.
    Failed(StreamError),
}
