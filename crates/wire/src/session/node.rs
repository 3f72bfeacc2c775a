//! One message of a session.

use super::{Change, Diverged, EndStatus, change::message_with_id};
use crate::{
    MessageId, RunId,
    json::{FromJson, JsonError, ToJson, Writer, parts},
    message::Message,
};

/// A message of a session, as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The number of the record that began it: its place in the session, for good.
    pub position: u64,
    /// The number of the last record that changed it.
    pub changed: u64,
    /// The number of its pieces.
    pub pieces: u64,
    /// The message; its id names it.
    pub message: Message,
    /// The run that says it.
    pub run_id: Option<RunId>,
    /// Whether more will come.
    pub status: NodeStatus,
}

/// Whether more of a message will come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeStatus {
    /// Yes, as long as its producer lives.
    Streaming,
    /// No.
    Ended(EndStatus),
}

impl NodeStatus {
    /// The protocol's word: `streaming`, `complete`, `cancelled` or `aborted`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Ended(status) => status.as_str(),
        }
    }
}

impl Node {
    /// The message's id.
    ///
    /// # Panics
    /// Never: messages without one are refused where they are read.
    pub fn id(&self) -> &MessageId {
        self.message
            .id
            .as_ref()
            .expect("a node's message has an id")
    }

    /// The message that record `seq` begins.
    pub fn begun(seq: u64, message: Message, run_id: Option<RunId>) -> Self {
        Self {
            position: seq,
            changed: seq,
            pieces: 0,
            message,
            run_id,
            status: NodeStatus::Streaming,
        }
    }

    /// Adds a later record about this message, other than that it is removed.
    ///
    /// # Errors
    /// If it does not follow from what is held; nothing has changed then.
    pub fn apply(&mut self, seq: u64, change: Change) -> Result<(), Diverged> {
        let is_open = self.status == NodeStatus::Streaming;
        match change {
            Change::Appended { at, chunk, .. } if is_open && at == self.pieces => {
                self.message.merge_chunk(chunk);
                self.pieces += 1;
            }
            Change::Updated { message, at } => {
                self.message = message;
                self.pieces = at;
            }
            Change::Ended { status, .. } if is_open => {
                self.status = NodeStatus::Ended(status);
                self.message.refresh_tool_calls();
            }
            Change::Started { .. }
            | Change::Appended { .. }
            | Change::Ended { .. }
            | Change::Removed { .. } => return Err(Diverged::Piece { seq }),
        }
        self.changed = seq;
        Ok(())
    }
}

impl ToJson for Node {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        object.number("position", self.position);
        object.number("changed", self.changed);
        object.number("pieces", self.pieces);
        object.string("status", self.status.as_str());
        if let NodeStatus::Ended(status) = &self.status {
            object.some_string("reason", status.reason());
        }
        object.some_string("run_id", self.run_id.as_ref().map(RunId::as_str));
        self.message.write_json(object.field("message"));
        object.end();
    }
}

impl FromJson for Node {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        let names = [
            "position", "changed", "pieces", "message", "run_id", "status", "reason",
        ];
        let [position, changed, pieces, message, run_id, status, reason] = parts(text, &names)?;
        let message = message_with_id(message)?;
        Ok(Self {
            position: u64::from_json(position)?,
            changed: u64::from_json(changed)?,
            pieces: u64::from_json(pieces)?,
            message,
            run_id: Option::from_json(run_id)?,
            status: if status == r#""streaming""# {
                NodeStatus::Streaming
            } else {
                NodeStatus::Ended(EndStatus::read(status, reason)?)
            },
        })
    }
}
