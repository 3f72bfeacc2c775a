//! Messages that are added up from what was kept of them and the records since.

use std::collections::HashMap;

use rejoin_wire::{
    MessageId,
    session::{Change, Node, Record},
};

use crate::{SessionError, log::MessageHead};

/// Stretches of records that are this close are read as one.
const GAP_MAX: u64 = 64;
/// A message that took more records to add up is worth keeping so that the next one need not do it again.
const WORTH_KEEPING: usize = 64;

/// Messages that are being added up, each as of its head.
#[derive(Default)]
pub(super) struct Sums(HashMap<MessageId, Sum>);

struct Sum {
    position: u64,
    /// The record that it is to be added up to.
    changed: u64,
    node: Option<Node>,
    /// How many records were added.
    added: usize,
}

impl Sums {
    pub(super) fn new(heads: impl IntoIterator<Item = MessageHead>) -> Self {
        let sum = |head: MessageHead| {
            let sum = Sum {
                position: head.position,
                changed: head.changed,
                node: head.node,
                added: 0,
            };
            (head.id, sum)
        };
        Self(heads.into_iter().map(sum).collect())
    }

    /// The missing records, as ranges (first and last) in order. `first` is the oldest record that was kept before the heads
    /// were read. Older records are in the nodes of those heads.
    pub(super) fn missing(&self, first: u64) -> Result<Vec<(u64, u64)>, SessionError> {
        let mut stretches = Vec::new();
        for sum in self.0.values() {
            match &sum.node {
                Some(node) if node.changed < sum.changed => {
                    stretches.push(((node.changed + 1).max(first), sum.changed));
                }
                Some(_) => {}
                None if sum.position < first => {
                    return Err(SessionError::Damaged { seq: sum.position });
                }
                None => stretches.push((sum.position, sum.changed)),
            }
        }
        stretches.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (from, through) in stretches {
            match merged.last_mut() {
                Some(last) if from <= last.1 + GAP_MAX => last.1 = last.1.max(through),
                _ => merged.push((from, through)),
            }
        }
        Ok(merged)
    }

    /// Adds a record to the message it is about, where it is missing there.
    pub(super) fn add(&mut self, record: Record) -> Result<(), SessionError> {
        let Record { seq, change } = record;
        let sum = change.message_id().and_then(|id| self.0.get_mut(id));
        let Some(sum) = sum.filter(|sum| sum.position <= seq && seq <= sum.changed) else {
            return Ok(());
        };
        match (&mut sum.node, change) {
            (Some(node), _) if seq <= node.changed => return Ok(()),
            (Some(node), change) => {
                let damaged = |_| SessionError::Damaged { seq };
                node.apply(seq, change).map_err(damaged)?;
            }
            (None, Change::Started { message, run_id }) => {
                sum.node = Some(Node::begun(seq, message, run_id));
            }
            (None, _) => return Err(SessionError::Damaged { seq }),
        }
        sum.added += 1;
        Ok(())
    }

    /// Messages that were much work.
    pub(super) fn worth_keeping(&self) -> Vec<Node> {
        let dear = self.0.values().filter(|sum| sum.added > WORTH_KEEPING);
        dear.filter_map(|sum| sum.node.clone()).collect()
    }

    /// The messages, oldest first.
    pub(super) fn into_nodes(self) -> Result<Vec<Node>, SessionError> {
        let mut nodes = Vec::with_capacity(self.0.len());
        for sum in self.0.into_values() {
            let is_whole = |node: &Node| node.changed == sum.changed;
            let node = sum.node.filter(is_whole);
            nodes.push(node.ok_or(SessionError::Damaged { seq: sum.changed })?);
        }
        nodes.sort_unstable_by_key(|node| node.position);
        Ok(nodes)
    }
}
