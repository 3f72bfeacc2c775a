//! Everything that can happen to a shared stream, and everything that it orders.

use super::Message;

/// The kind of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A run's. Ids may repeat, and events that were had already are dropped by the client.
    Run,
    /// A session's feed. Ids do not repeat, and it says at its beginning how it goes on.
    Feed,
}

/// An event of the tab's own connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own<'a> {
    /// Status and headers; whether they promise a stream.
    Headers {
        /// Whether they do.
        is_stream: bool,
    },
    /// A piece of the body.
    Bytes(&'a [u8]),
    /// A piece that is no bytes, and so cannot be shared.
    Other,
    /// The body's end.
    Ended,
    /// It failed or broke.
    Failed,
}

/// Everything else that can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The stream that this tab has begun has its name now.
    Named,
    /// The lock was granted.
    Locked,
    /// The lock was taken by another tab, or is not to be had.
    LockLost,
    /// A tab has said something.
    Heard(Message),
    /// The page is about to be frozen. One that is may still hear the other tabs while its connection stands still.
    Frozen,
    /// [`SharedStream::deadline`] has come.
    DeadlineReached,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask for the lock; with `steal`, take it from whoever has it.
    Lock {
        /// By force.
        steal: bool,
    },
    /// Connect; with a cursor, from there.
    Fetch {
        /// The cursor to go on from, if it is another than the request's own.
        cursor: Option<String>,
    },
    /// Drop the tab's own connection.
    DropFetch,
    /// Say this to the other tabs.
    Post(Message),
    /// Tell the client that a stream has opened.
    Open,
    /// Give the client these bytes of the body.
    Feed(Vec<u8>),
    /// Tell the client that the body has ended.
    End,
    /// Give the lock back and leave the channel: nothing is shared any more. An own connection goes on by itself.
    Close,
}
