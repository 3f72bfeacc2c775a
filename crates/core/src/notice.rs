//! The notices of a client: for callbacks, and for a timeline that a person can read.

use crate::{Connection, ErrorCode, StreamError};
use rejoin_wire::{RunId, ThreadId, event::Event};

/// Names a command, so that its outcome can be told. The caller's to choose; 0 where nobody waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CommandId(pub u64);

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The run has its id (`onCreated`).
    Created {
        /// The run.
        run_id: RunId,
        /// Its thread.
        thread_id: ThreadId,
    },
    /// A new thread got its id (`onThreadId`).
    ThreadCreated {
        /// The thread.
        thread_id: ThreadId,
    },
    /// An event that is listened for ([`crate::Input::EventsListened`]) was applied for the first time.
    EventApplied(Event),
    /// The connection state has changed.
    ConnectionChanged(Connection),
    /// A connection is being opened. Told with the feature `timeline` only.
    AttemptOpened {
        /// The number of attempts in a row that brought nothing new.
        tries: u32,
        /// The cursor sent; `-1` asks for everything.
        last_event_id: Option<String>,
    },
    /// A connection is over, in words. Told with the feature `timeline` only.
    AttemptEnded {
        /// Why.
        reason: &'static str,
    },
    /// Something was wrong that the client dealt with; nothing received was lost.
    Warning(StreamError),
    /// The server started the run over: what it had streamed before is void.
    StartedOver {
        /// The run.
        run_id: RunId,
    },
    /// Storage does not work; runs cannot be rejoined after a reload by what is stored.
    StorageFailed {
        /// Why.
        code: ErrorCode,
    },
    /// [`crate::EXTRAS`] is needed to read the stored submissions: [`crate::Input::ExtrasCame`] brings it. Nothing else
    /// waits for it.
    ExtrasWanted,
    /// A run is over, or the client has given it up (`onFinish`, `onError`).
    Ended {
        /// The run, where its id was known.
        run_id: Option<RunId>,
        /// How.
        outcome: Outcome,
    },
    /// A command is done.
    Concluded {
        /// The command.
        command: CommandId,
        /// How.
        outcome: Outcome,
    },
}

/// The end of a run, a submission or a join for this client. Each recovery ends in one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The run ended while connected throughout.
    Finished,
    /// Connections were lost, each missed event was replayed, and the run has ended.
    Replayed,
    /// The events were not all to be had; the thread's state was shown and the run followed to its end.
    SnapshotThenTail,
    /// The run is not known any more; the thread's history is shown.
    Expired,
    /// The run could not be followed in time; the thread's history is shown.
    TimedOut,
    /// The server refused.
    Denied(StreamError),
    /// The run or the request failed.
    Failed(StreamError),
    /// The agent was cancelled.
    Cancelled,
    /// This client disconnected, or turned to something else.
    Disconnected,
    /// There was nothing to join.
    NothingToJoin,
    /// An edit that something later overtook before it was sent.
    Superseded,
    /// It was never sent. It waited for a run that failed or that an edit replaced, or it is a tool's result for no pending
    /// call.
    Dropped,
}

impl Outcome {
    /// The error, if there was one.
    pub fn error(&self) -> Option<&StreamError> {
        match self {
            Self::Denied(error) | Self::Failed(error) => Some(error),
            Self::Finished
            | Self::Replayed
            | Self::SnapshotThenTail
            | Self::Expired
            | Self::TimedOut
            | Self::Cancelled
            | Self::Disconnected
            | Self::NothingToJoin
            | Self::Superseded
            | Self::Dropped => None,
        }
    }

    /// A stable word for logs and for JS.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Replayed => "replayed",
            Self::SnapshotThenTail => "snapshot_then_tail",
            Self::Expired => "expired",
            Self::TimedOut => "timed_out",
            Self::Denied(_) => "denied",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::Disconnected => "disconnected",
            Self::NothingToJoin => "nothing_to_join",
            Self::Superseded => "superseded",
            Self::Dropped => "dropped",
        }
    }
}
