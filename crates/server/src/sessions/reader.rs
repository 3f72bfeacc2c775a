//! A reader of one session.

use axum::body::Bytes;
use rejoin_wire::{
    json::{FromJson, JsonError},
    session::{Attached, Cursor, Page, Record},
};

use super::SessionError;

/// What a reader is told, in order.
#[derive(Debug, Clone)]
pub enum ReaderEvent {
    /// How it goes on: at the beginning, and whenever it has to start over.
    Attached(Attached),
    /// The newest messages, after an [`Attached`] that announced them.
    Snapshot {
        /// The last record that they hold.
        cursor: Cursor,
        /// The messages.
        page: Page,
    },
    /// A record: the one after the last.
    Record {
        /// Its number.
        cursor: Cursor,
        /// It, encoded once for all readers.
        frame: Frame,
    },
    /// The reader has what [`Attached::head`] said.
    CaughtUp {
        /// The last record that it has.
        cursor: Cursor,
    },
    /// The session was deleted; nothing follows.
    Deleted,
}

/// A record as readers get it: an SSE frame. Cloning it shares it.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Bytes,
}

impl Frame {
    /// The SSE frame.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The record.
    ///
    /// # Errors
    /// Never: it was encoded from one.
    pub fn record(&self) -> Result<Record, JsonError> {
        Record::from_json("")
    }
}

/// Reads a session from a cursor on, for as long as it is asked.
#[derive(Debug)]
pub struct Reader {}

impl Reader {
    /// What comes next; waits where there is nothing. `None` after [`ReaderEvent::Deleted`] or an error.
    pub async fn next(&mut self) -> Option<Result<ReaderEvent, SessionError>> {
        std::future::pending().await
    }
}
