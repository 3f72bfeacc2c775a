//! What a log is, as simply as it can be said: a list, and `admit`.

use std::collections::BTreeMap;

use rejoin_sessions::log::{Admission, Batch, LogError, MessageHead, ProducerId, admit};
use rejoin_wire::{
    MessageId,
    session::{Change, EndStatus, Node},
};

/// One session.
#[derive(Debug, Default, Clone)]
pub struct Model {
    /// Of the life that it has now; `None` where it is not there.
    pub life: Option<Life>,
}

#[derive(Debug, Default, Clone)]
pub struct Life {
    /// Every change there was, trimmed or not.
    pub changes: Vec<Change>,
    /// How many were trimmed.
    pub trimmed: u64,
    pub messages: BTreeMap<MessageId, MessageHead>,
    /// Whether each producer's lease is over.
    pub leases: BTreeMap<String, bool>,
}

/// The log's end and how many changes were repeated.
pub type Answer = Result<(u64, usize), LogError>;

impl Model {
    pub fn append(&mut self, batch: &Batch) -> Answer {
        let mut life = self.life.clone().unwrap_or_default();
        let before = life.changes.len();
        let mut repeated = 0;
        for change in &batch.changes {
            let id = change.message_id().unwrap();
            match admit(life.messages.get(id), &batch.producer, change)? {
                Admission::Repeated => repeated += 1,
                Admission::Store => life.store(&batch.producer, change.clone()),
            }
        }
        if self.life.is_none() && life.changes.len() == before {
            return Err(LogError::NotFound);
        }
        let is_over = batch.lease.is_zero();
        life.leases.insert(batch.producer.0.clone(), is_over);
        let head = life.head();
        self.life = Some(life);
        Ok((head, repeated))
    }

    pub fn abort(&mut self, id: &MessageId, producer: &ProducerId, status: &EndStatus) -> Answer {
        let life = self.life.as_mut().ok_or(LogError::NotFound)?;
        let head = life.messages.get(id);
        let head = head.ok_or_else(|| LogError::MessageNotFound(id.to_string()))?;
        if head.ended.is_some() {
            return Ok((life.head(), 1));
        }
        if head.producer != *producer || !life.leases[&producer.0] {
            return Err(LogError::Fenced(id.to_string()));
        }
        let change = Change::Ended {
            id: id.clone(),
            status: status.clone(),
        };
        life.store(producer, change);
        Ok((life.head(), 0))
    }

    pub fn compact(&mut self, node: &Node) -> Result<(), LogError> {
        let life = self.life.as_mut().ok_or(LogError::NotFound)?;
        if let Some(head) = life.messages.get_mut(node.id())
            && head.position == node.position
            && head
                .node
                .as_ref()
                .is_none_or(|known| known.changed < node.changed)
        {
            head.node = Some(node.clone());
        }
        Ok(())
    }

    pub fn trim(&mut self, through: u64) -> Result<(), LogError> {
        let life = self.life.as_mut().ok_or(LogError::NotFound)?;
        life.trimmed = life.trimmed.max(through.min(life.head()));
        Ok(())
    }

    pub fn delete(&mut self) -> Result<(), LogError> {
        self.life.take().map(drop).ok_or(LogError::NotFound)
    }
}

impl Life {
    pub fn head(&self) -> u64 {
        self.changes.len() as u64
    }

    /// Oldest first.
    pub fn order(&self) -> Vec<MessageHead> {
        let mut heads: Vec<_> = self.messages.values().cloned().collect();
        heads.sort_by_key(|head| head.position);
        heads
    }

    fn store(&mut self, producer: &ProducerId, change: Change) {
        let seq = self.head() + 1;
        let id = change.message_id().unwrap().clone();
        if let Change::Started { .. } = &change {
            let head = MessageHead {
                id: id.clone(),
                position: seq,
                producer: producer.clone(),
                pieces: 0,
                changed: seq,
                ended: None,
                node: None,
            };
            self.messages.insert(id.clone(), head);
        }
        if let Change::Removed { .. } = &change {
            self.messages.remove(&id);
        }
        if let Some(head) = self.messages.get_mut(&id) {
            head.changed = seq;
            match &change {
                Change::Appended { .. } => head.pieces += 1,
                Change::Updated { at, .. } => head.pieces = *at,
                Change::Ended { status, .. } => head.ended = Some(status.clone()),
                Change::Started { .. } | Change::Removed { .. } => {}
            }
        }
        self.changes.push(change);
    }
}
