//! One batch against what is known of its messages, for the engines that keep that in Rust.

use rejoin_wire::{
    MessageId,
    session::{Change, EndStatus, Epoch},
};
use uuid::Uuid;

use crate::log::{Admission, Batch, LogError, MessageHead, Orphan, ProducerId, admit};

/// The changes of a batch. None of them is stored yet.
pub(super) struct Plan {
    /// The changes that are new, in order: the first becomes the record after the log's head.
    pub(super) changes: Vec<Change>,
    /// The messages they are about, each once.
    pub(super) touched: Vec<Touched>,
    /// How many changes had been stored before.
    pub(super) repeated: usize,
}

/// A message before and after a batch.
pub(super) struct Touched {
    pub(super) id: MessageId,
    /// `None` where it was not there.
    pub(super) before: Option<MessageHead>,
    /// `None` where it is not there any more.
    pub(super) after: Option<MessageHead>,
}

impl Touched {
    /// The former position of the message, if it was removed or begun again at another one.
    pub(super) fn left(&self) -> Option<u64> {
        let before = self.before.as_ref()?.position;
        let after = self.after.as_ref().map(|head| head.position);
        (after != Some(before)).then_some(before)
    }
}

/// Plans a batch on top of record `head`. `look` reads what is known of a message; its node is not asked for.
///
/// # Errors
/// The first change that is not admitted, or what `look` says.
pub(super) fn plan(
    batch: Batch,
    head: u64,
    look: &mut dyn FnMut(&MessageId) -> Result<Option<MessageHead>, LogError>,
) -> Result<Plan, LogError> {
    let mut plan = Plan {
        changes: Vec::new(),
        touched: Vec::new(),
        repeated: 0,
    };
    for change in batch.changes {
        let id = message_of(&change)?.clone();
        let index = plan.index_of(id, look)?;
        let message = &mut plan.touched[index].after;
        match admit(message.as_ref(), &batch.producer, &change)? {
            Admission::Repeated => plan.repeated += 1,
            Admission::Store => {
                let seq = head + 1 + plan.changes.len() as u64;
                *message = after(message.take(), &batch.producer, &change, seq);
                plan.changes.push(change);
            }
        }
    }
    Ok(plan)
}

/// Plans the end of a message whose producer was not heard of; without changes where it has ended already.
///
/// # Errors
/// [`LogError::Fenced`], where the lease is not over or another producer's.
pub(super) fn plan_abort(
    known: Option<MessageHead>,
    orphan: &Orphan,
    status: EndStatus,
    head: u64,
    is_over: bool,
) -> Result<Plan, LogError> {
    let Some(known) = known else {
        return Err(LogError::MessageNotFound(orphan.id.to_string()));
    };
    let mut plan = Plan {
        changes: Vec::new(),
        touched: Vec::new(),
        repeated: 0,
    };
    if known.ended.is_some() {
        plan.repeated = 1;
        return Ok(plan);
    }
    if known.producer != orphan.producer || !is_over {
        return Err(LogError::Fenced(orphan.id.to_string()));
    }
    let change = Change::Ended {
        id: orphan.id.clone(),
        status,
    };
    plan.touched.push(Touched {
        id: orphan.id.clone(),
        before: Some(known.clone()),
        after: after(Some(known), &orphan.producer, &change, head + 1),
    });
    plan.changes.push(change);
    Ok(plan)
}

impl Plan {
    fn index_of(
        &mut self,
        id: MessageId,
        look: &mut dyn FnMut(&MessageId) -> Result<Option<MessageHead>, LogError>,
    ) -> Result<usize, LogError> {
        if let Some(index) = self.touched.iter().rposition(|known| known.id == id) {
            return Ok(index);
        }
        let before = look(&id)?;
        self.touched.push(Touched {
            id,
            after: before.clone(),
            before,
        });
        Ok(self.touched.len() - 1)
    }
}

/// The message that a change is about.
///
/// # Errors
/// [`LogError::MessageNotFound`], where it names none.
pub(super) fn message_of(change: &Change) -> Result<&MessageId, LogError> {
    let missing = || LogError::MessageNotFound(String::new());
    change.message_id().ok_or_else(missing)
}

/// A message after a change that was admitted as record `seq`.
fn after(
    before: Option<MessageHead>,
    producer: &ProducerId,
    change: &Change,
    seq: u64,
) -> Option<MessageHead> {
    if let Change::Started { message, .. } = change {
        return Some(MessageHead {
            id: message.id.clone()?,
            position: seq,
            producer: producer.clone(),
            pieces: 0,
            changed: seq,
            ended: None,
            node: None,
        });
    }
    let mut head = before?;
    head.changed = seq;
    match change {
        Change::Appended { .. } => head.pieces += 1,
        Change::Updated { at, .. } => head.pieces = *at,
        Change::Ended { status, .. } => head.ended = Some(status.clone()),
        Change::Started { .. } | Change::Removed { .. } => return None,
    }
    Some(head)
}

/// A name for a new life of a log: by chance, below 2^48, never 0.
pub(super) fn draw_epoch() -> Epoch {
    let chance = Uuid::new_v4().as_u128() & ((1 << 48) - 1);
    Epoch(u64::try_from(chance).unwrap_or_default().max(1))
}
