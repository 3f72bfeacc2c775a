//! The sum of a log's records.

use super::{Change, Node, NodeStatus, Page, Record};

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

/// The effect of a record.
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

    /// Puts a page of older messages before the first. Messages that are held already stay as they are, as they are newer. Returns
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

    /// Its messages as a page.
    pub fn into_page(self) -> Page {
        Page {
            nodes: self.nodes,
            has_older: self.has_older,
        }
    }

    /// Reads the tool calls of the message at this index from the pieces so far: while it is streaming they are not read
    /// with each piece.
    pub fn refresh_tool_calls(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.message.refresh_tool_calls();
        }
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
    /// If it does not follow from what is held; nothing has changed then.
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
        let Some(id) = change.message_id() else {
            return Err(diverged);
        };
        let index = self.nodes.iter().rposition(|node| node.id() == id);
        match (change, index) {
            (Change::Started { message, run_id }, _) => {
                self.nodes.push(Node::begun(seq, message, run_id));
                Ok(Applied::Added(self.nodes.len() - 1))
            }
            // It came in a page that was read from further on.
            (_, Some(index)) if self.nodes[index].changed >= seq => Ok(Applied::Nothing),
            (Change::Removed { .. }, Some(index)) => {
                self.nodes.remove(index);
                Ok(Applied::Removed(index))
            }
            // Of a message further back: it is read when that page is.
            (Change::Updated { .. } | Change::Removed { .. }, None) => Ok(Applied::Nothing),
            (Change::Appended { .. } | Change::Ended { .. }, None) => Err(diverged),
            (change, Some(index)) => {
                self.nodes[index].apply(seq, change)?;
                Ok(Applied::Changed(index))
            }
        }
    }
}
