//! A durable session: a log of what happened to a conversation's messages, and what it adds up to.
//!
//! ```text
//! producer ── Change ──► log: Record = (seq, Change) ──► reader: Transcript::apply
//!                          └─ compaction: Transcript::apply ──► Snapshot ──► reader: Transcript::from
//! ```
//! Server and client add records up with the same [`Transcript`], so that a whole replay shows what a snapshot and the
//! records after it show. A position in a log is a [`Cursor`]: serials, never clocks. Within an epoch the numbers have no
//! holes, so a reader knows by itself whether it has missed something.

mod change;
mod cursor;
mod node;
mod page;
mod transcript;

pub use change::{Change, EndStatus, Record};
pub use cursor::{Cursor, Epoch};
pub use node::{Node, NodeStatus};
pub use page::{AttachMode, Attached, Page, SnapshotReason};
pub use transcript::{Applied, Diverged, Transcript};
