//! What a log adds up to.

use super::{Change, EndStatus, Page, Record};
use crate::{
    MessageId, RunId,
    json::{FromJson, JsonError, ToJson, Writer, fields},
    message::Message,
};

/// A message of a session, as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The number of the record that began it: its place in the session, for good.
    pub position: u64,
    /// The number of the last record that changed it.
    pub changed: u64,
    /// How many pieces it is made of.
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
        self.message.id.as_ref().expect("a node's message has an id")
    }
}

/// Messages in the order they began, and the last record that they hold.
///
/// It may hold the newest messages only; it then always holds all that are streaming.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transcript {
    /// The last record that was applied; 0 before the first.
    seq: u64,
    nodes: Vec<Node>,
    /// Whether there are messages before the first.
    has_older: bool,
}

/// What a record changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The message at this index is new.
    Added(usize),
    /// The message at this index is another.
    Changed(usize),
    /// The message that was at this index is gone.
    Removed(usize),
    /// Nothing that is held: it was applied before, or is about a message further back.
    Nothing,
}

/// A record does not follow from what is held: something was missed. A snapshot puts it right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diverged {
    /// Records between the last and this one are missing.
    Gap {
        /// The number that should have come.
        expected: u64,
    },
    /// The message has another number of pieces, is over, or is not there.
    Piece {
        /// The record.
        seq: u64,
    },
}

impl Transcript {
    /// A transcript that goes on from a page: the newest one, as of `seq`.
    pub fn from_page(seq: u64, page: Page) -> Self {
        Self {
            seq,
            nodes: page.nodes,
            has_older: page.has_older,
        }
    }

    /// The last record that it holds.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The messages, oldest first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether there are messages before the first.
    pub fn has_older(&self) -> bool {
        self.has_older
    }

    /// Puts a page of older messages before the first. What is held already stays as it is, as it is newer. Returns
    /// how many were added.
    pub fn prepend(&mut self, page: Page) -> usize {
        let first = self.nodes.first().map_or(u64::MAX, |node| node.position);
        let older = page.nodes.into_iter();
        let older: Vec<Node> = older.filter(|node| node.position < first).collect();
        let added = older.len();
        self.nodes.splice(0..0, older);
        self.has_older = page.has_older;
        added
    }

    /// Forgets all but the newest messages, and those that are streaming.
    pub fn keep_newest(&mut self, count: usize) {
        let streaming = |node: &Node| node.status == NodeStatus::Streaming;
        let oldest_open = self.nodes.iter().position(streaming);
        let cut = self.nodes.len().saturating_sub(count);
        let cut = cut.min(oldest_open.unwrap_or(cut));
        self.has_older |= cut > 0;
        self.nodes.drain(..cut);
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Where it does not follow from what is held; nothing has changed then.
    pub fn apply(&mut self, record: Record) -> Result<Applied, Diverged> {
        let Record { seq, change } = record;
        if seq <= self.seq {
            return Ok(Applied::Nothing);
        }
        if seq != self.seq + 1 {
            return Err(Diverged::Gap {
                expected: self.seq + 1,
            });
        }
        let applied = self.apply_change(seq, change)?;
        self.seq = seq;
        Ok(applied)
    }

    fn apply_change(&mut self, seq: u64, change: Change) -> Result<Applied, Diverged> {
        let diverged = Diverged::Piece { seq };
        match change {
            Change::Started { message, run_id } => {
                self.nodes.push(Node {
                    position: seq,
                    changed: seq,
                    pieces: 0,
                    message,
                    run_id,
                    status: NodeStatus::Streaming,
                });
                Ok(Applied::Added(self.nodes.len() - 1))
            }
            Change::Appended { id, at, chunk } => {
                let open = self.streaming(&id, seq)?;
                let (index, node) = open;
                if node.pieces != at {
                    return Err(diverged);
                }
                node.message.merge_chunk(chunk);
                node.pieces += 1;
                Ok(Applied::Changed(index))
            }
            Change::Updated { message, at } => {
                let Some(id) = message.id.clone() else {
                    return Err(diverged);
                };
                let Some((index, node)) = self.find(&id, seq) else {
                    // Of a message further back: it is read when that page is.
                    return Ok(Applied::Nothing);
                };
                node.message = message;
                node.pieces = at;
                Ok(Applied::Changed(index))
            }
            Change::Ended { id, status } => {
                let (index, node) = self.streaming(&id, seq)?;
                node.status = NodeStatus::Ended(status);
                node.message.refresh_tool_calls();
                Ok(Applied::Changed(index))
            }
            Change::Removed { id } => match self.find(&id, seq) {
                Some((index, _)) => {
                    self.nodes.remove(index);
                    Ok(Applied::Removed(index))
                }
                None => Ok(Applied::Nothing),
            },
        }
    }

    /// The message, marked as changed by this record.
    fn find(&mut self, id: &MessageId, seq: u64) -> Option<(usize, &mut Node)> {
        let index = self.nodes.iter().rposition(|node| node.id() == id)?;
        let node = &mut self.nodes[index];
        node.changed = seq;
        Some((index, node))
    }

    fn streaming(&mut self, id: &MessageId, seq: u64) -> Result<(usize, &mut Node), Diverged> {
        let is_it = |node: &Node| node.id() == id && node.status == NodeStatus::Streaming;
        let index = self.nodes.iter().rposition(is_it);
        let index = index.ok_or(Diverged::Piece { seq })?;
        let node = &mut self.nodes[index];
        node.changed = seq;
        Ok((index, node))
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
        let (mut position, mut changed, mut pieces) = (None, None, None);
        let (mut status, mut reason) = (String::new(), None);
        let (mut run_id, mut message) = (None, None);
        fields(text, &mut |name, value| {
            match name {
                "position" => position = Some(u64::from_json(value)?),
                "changed" => changed = Some(u64::from_json(value)?),
                "pieces" => pieces = Some(u64::from_json(value)?),
                "status" => status = FromJson::from_json(value)?,
                "reason" => reason = FromJson::from_json(value)?,
                "run_id" => run_id = FromJson::from_json(value)?,
                "message" => message = Some(Message::from_json(value)?),
                _ => {}
            }
            Ok(())
        })?;
        let status = if status == "streaming" {
            NodeStatus::Streaming
        } else {
            let ended = EndStatus::from_wire(&status, reason);
            NodeStatus::Ended(ended.ok_or_else(|| JsonError::expected("a message's status"))?)
        };
        match (position, changed, pieces, message) {
            (Some(position), Some(changed), Some(pieces), Some(message))
                if message.id.is_some() =>
            {
                Ok(Self {
                    position,
                    changed,
                    pieces,
                    message,
                    run_id,
                    status,
                })
            }
            _ => Err(JsonError::expected(
                "position, changed, pieces and a message with an id",
            )),
        }
    }
}
