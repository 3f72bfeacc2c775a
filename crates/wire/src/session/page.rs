//! The server's answers to a reader.

use super::{Cursor, Node};
use crate::{
    json::{FromJson, JsonError, Optional, ToJson, Writer, parts},
    word::words,
};

/// A stretch of a session's messages without a hole, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The messages.
    pub nodes: Vec<Node>,
    /// Whether there are messages before the first.
    pub has_older: bool,
}

words! {
    /// The way a reader goes on.
    AttachMode {
        /// With the records after its cursor: every one, in order.
        Replay = "replay",
        /// With the newest messages as they are now, then the records after that.
        Snapshot = "snapshot",
        ;
        /// A word this version does not know.
        Unknown = "unknown",
    }
}

words! {
    /// Why a reader is given a snapshot.
    SnapshotReason {
        /// It came without a cursor.
        New = "new",
        /// Records after its cursor are not kept any more.
        Trimmed = "trimmed",
        /// Its cursor is of another life of the log.
        ForeignEpoch = "foreign_epoch",
        /// Its cursor is beyond the log's end.
        Ahead = "ahead",
        /// There are more records after its cursor than are worth sending, also while it reads.
        Behind = "behind",
        ;
        /// A word this version does not know.
        Unknown = "unknown",
    }
}

/// The first event of a stream, and the first after a reader has fallen behind: what follows, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The kind of answer that follows.
    pub mode: AttachMode,
    /// With a snapshot, why.
    pub reason: Option<SnapshotReason>,
    /// With a replay, the reader's own cursor; with a snapshot, the last record that it holds.
    pub cursor: Cursor,
    /// The number of the log's last record when this was said. With it the reader has caught up.
    pub head: u64,
}

impl ToJson for Page {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        let mut list = Writer::list(object.field("nodes"));
        for node in &self.nodes {
            node.write_json(list.item());
        }
        list.end();
        object.bool("has_older", self.has_older);
        object.end();
    }
}

impl FromJson for Page {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [nodes, has_older] = parts(text, &["nodes", "has_older"])?;
        let mut optional = Optional::default();
        let page = Self {
            nodes: optional.or_default(nodes),
            has_older: optional.or_default(has_older),
        };
        optional.done(page)
    }
}

impl ToJson for Attached {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.string("mode", self.mode.as_str());
        object.some_string("reason", self.reason.map(SnapshotReason::as_str));
        self.cursor.write_json(object.field("cursor"));
        object.number("head", self.head);
        object.end();
    }
}

impl FromJson for Attached {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let [mode, reason, cursor, head] = parts(text, &["mode", "reason", "cursor", "head"])?;
        Ok(Self {
            mode: AttachMode::from_json(mode)?,
            reason: Option::from_json(reason)?,
            cursor: Cursor::from_json(cursor)?,
            head: u64::from_json(head)?,
        })
    }
}
