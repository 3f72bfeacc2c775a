//! Tabs of one browser share the connection of a stream, sans-IO.
//!
//! ```text
//!              has the lock           answered by whoever leads
//!   Waiting ──────────────▶ Leading ◄─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┐
//!    │  ▲                     ▲  the lock is free, or     │ frames
//!    │  └ a gap, a new leader │  is taken by force       │
//!    ├─────────────────▶ Following ◄────────────────────── ┘
//!    │ not in the ring        ▲ the ring reaches back
//!    └─────────────────▶ CatchingUp
//! ```
//! One [`SharedStream`] is one connection of one client, as the client sees it: it opens, brings bytes and ends. Behind that it is the tab's own
//! connection, or what another tab receives. The client is not told which, and decides for itself what an end means.
//!
//! * Whoever holds the lock leads: it connects, keeps the last frames in a ring, and gives what it receives to the tabs that have asked.
//! * The others ask for what follows their place in the stream. If the ring does not reach back that far, they catch up with a connection of
//!   their own first.
//! * All of them queue for the lock, so a tab that is closed or has crashed is succeeded at once, from the successor's place.
//! * A tab that is told that it is to be frozen gives the lock back first. One that is frozen without a word gives no sign of life when it is
//!   asked for one, and the lock is taken from it. No timer of the leader's is part of that: browsers slow down the timers of hidden pages.
//! * A leader that answers, and brings nothing, is given up by whichever client's patience ends first. That client's tab listens to it no
//!   more and takes the lock as from a frozen one.
//! * If a leader's connection breaks, the next in the queue goes on. If the stream ends, every client is told, and sees for itself.

mod frames;
mod io;
mod message;
mod place;
mod ring;
mod role;
mod stream;

pub use io::{Effect, Input, Kind, Own};
pub use message::{Body, MESSAGE_BYTES_MAX, Message, VERSION};
pub use place::{Place, from_cursor, joined_at, open_thread, thread_of};
pub use stream::SharedStream;
