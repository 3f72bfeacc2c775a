//! How long messages are, so that none grows beyond its limit.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rejoin_wire::{
    MessageId,
    json::{Object, ToJson},
    message::{Content, Message},
    session::Change,
};

use crate::{
    SessionError, Sessions,
    log::{Batch, LogError, PIECES_MAX, SessionId},
};

/// Sessions whose messages' lengths are known. Of more they are forgotten, and added up again where they are needed.
const SESSIONS_MAX: usize = 10_000;

/// How long the messages are that are being written, as far as they went through here. A message that is not here is
/// added up from the log when something is appended to it.
#[derive(Default)]
pub(super) struct Lengths(Mutex<HashMap<SessionId, Known>>);

type Known = HashMap<MessageId, Length>;

/// How long a message is, and how many pieces it has: an append that is sent again is known by its number.
#[derive(Debug, Clone, Copy)]
struct Length {
    bytes: usize,
    pieces: u64,
}

/// The change of the lengths by a batch, to apply once it is stored.
pub(super) struct Growth {
    /// The lengths that had to be added up.
    found: Known,
    steps: Vec<(MessageId, Step)>,
}

#[derive(Clone, Copy)]
enum Step {
    Starts(usize),
    Is(Length),
    Grows { at: u64, bytes: usize },
    Ends,
}

impl Step {
    fn of(change: &Change) -> Self {
        match change {
            Change::Started { message, .. } => Self::Starts(length(message)),
            Change::Updated { message, at } => Self::Is(Length {
                bytes: length(message),
                pieces: *at,
            }),
            Change::Appended { chunk, at, .. } => Self::Grows {
                at: *at,
                bytes: length(chunk),
            },
            Change::Ended { .. } | Change::Removed { .. } => Self::Ends,
        }
    }

    /// Takes the step, and says how long the message is then.
    fn take(self, known: &mut Known, id: &MessageId) -> usize {
        match self {
            Self::Starts(bytes) => {
                let pieces = 0;
                let length = known.entry(id.clone());
                length.or_insert(Length { bytes, pieces }).bytes.max(bytes)
            }
            Self::Is(new) => {
                // One that is not known has ended, or is added up when it is appended to.
                if let Some(length) = known.get_mut(id) {
                    *length = new;
                }
                new.bytes
            }
            Self::Grows { at, bytes } => match known.get_mut(id) {
                Some(length) if at >= length.pieces => {
                    length.bytes += bytes;
                    length.pieces = at + 1;
                    length.bytes
                }
                // Sent again, or to a message that is over: the log knows.
                Some(_) | None => bytes,
            },
            Self::Ends => {
                known.remove(id);
                0
            }
        }
    }
}

impl Lengths {
    pub(super) fn grow(&self, session: &SessionId, growth: Growth) {
        let mut sessions = self.lock();
        if sessions.len() >= SESSIONS_MAX && !sessions.contains_key(session) {
            sessions.clear();
        }
        let known = sessions.entry(session.clone()).or_default();
        known.extend(growth.found);
        for (id, step) in growth.steps {
            step.take(known, &id);
        }
        if known.is_empty() {
            sessions.remove(session);
        }
    }

    pub(super) fn forget(&self, session: &SessionId) {
        self.lock().remove(session);
    }

    fn of(&self, session: &SessionId) -> Known {
        self.lock().get(session).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    /// Whether a batch is within its limits, as far as it can be said without the session.
    pub(super) fn check_batch(&self, batch: &Batch) -> Result<(), SessionError> {
        let limits = &self.limits;
        if batch.changes.len() > limits.batch_changes_max {
            let text = format!("a batch has at most {} changes", limits.batch_changes_max);
            return Err(SessionError::Invalid(text));
        }
        if batch.lease.is_zero() || batch.lease > limits.lease_max {
            let text = format!("a lease is 1 to {} ms", limits.lease_max.as_millis());
            return Err(SessionError::Invalid(text));
        }
        let is_beyond =
            |change: &Change| matches!(change, Change::Appended { at, .. } if *at >= PIECES_MAX);
        if batch.changes.iter().any(is_beyond) {
            let text = format!("a message has at most {PIECES_MAX} pieces");
            return Err(SessionError::Invalid(text));
        }
        if bytes_of(&batch.changes) > limits.batch_bytes_max {
            let text = format!("a batch is at most {} bytes", limits.batch_bytes_max);
            return Err(SessionError::Invalid(text));
        }
        Ok(())
    }

    /// How the session's messages will grow.
    pub(super) async fn growth(
        &self,
        session: &SessionId,
        changes: &[Change],
    ) -> Result<Growth, SessionError> {
        let mut steps = Vec::with_capacity(changes.len());
        for change in changes {
            let Some(id) = change.message_id() else {
                return Err(SessionError::Invalid("a message has no id".to_owned()));
            };
            steps.push((id.clone(), Step::of(change)));
        }
        let mut known = self.lengths.of(session);
        let found = if lacks(known.clone(), &steps) {
            self.lengths_stored(session).await?
        } else {
            Known::new()
        };
        known.extend(found.clone());
        for (id, step) in &steps {
            if step.take(&mut known, id) > self.limits.message_bytes_max {
                return Err(SessionError::MessageTooLarge {
                    id: id.to_string(),
                    bytes_max: self.limits.message_bytes_max,
                });
            }
        }
        Ok(Growth { found, steps })
    }

    /// The lengths of the messages that are streaming, added up from the log.
    async fn lengths_stored(&self, session: &SessionId) -> Result<Known, SessionError> {
        let heads = match self.log.streaming(session).await {
            Err(LogError::NotFound) => return Ok(Known::new()),
            heads => heads?,
        };
        let mut known = Known::new();
        for head in heads {
            let node = match self.node(session, &head).await {
                Err(SessionError::Log(LogError::MessageNotFound(_))) => continue,
                node => node?,
            };
            let length = Length {
                bytes: length(&node.message),
                pieces: node.pieces,
            };
            known.insert(head.id, length);
        }
        Ok(known)
    }
}

/// Whether something is appended to a message that is not known, or not up to there: another server wrote it.
fn lacks(mut known: Known, steps: &[(MessageId, Step)]) -> bool {
    steps.iter().any(|(id, step)| {
        let is_behind = match step {
            Step::Grows { at, .. } => known.get(id).is_none_or(|length| length.pieces < *at),
            Step::Starts(_) | Step::Is(_) | Step::Ends => false,
        };
        step.take(&mut known, id);
        is_behind
    })
}

/// How long the messages and pieces of a batch are, in bytes.
pub fn bytes_of(changes: &[Change]) -> usize {
    changes.iter().map(length_of_change).sum()
}

fn length_of_change(change: &Change) -> usize {
    match change {
        Change::Started { message, .. } | Change::Updated { message, .. } => length(message),
        Change::Appended { chunk, .. } => length(chunk),
        Change::Ended { .. } | Change::Removed { .. } => 0,
    }
}

/// The bytes of a message that may grow: its content, calls and other fields. A piece adds the same.
fn length(message: &Message) -> usize {
    let content = match &message.content {
        Content::Text(text) => text.len(),
        Content::Blocks(_) => message.content.to_json().len(),
    };
    let pieces = message.tool_call_chunks();
    let calls = pieces.iter().map(|call| {
        let texts = ["name", "args", "id"].map(|name| call.text_of(name));
        texts.into_iter().flatten().map(str::len).sum::<usize>()
    });
    let others = message.fields.iter().map(|(name, value)| match name {
        // Calls that were read from pieces are no longer than these.
        "tool_calls" if !pieces.is_empty() => 0,
        "tool_call_chunks" | "invalid_tool_calls" | "usage_metadata" | "response_metadata" => 0,
        "name" | "tool_call_id" | "status" => 0,
        _ if value.as_object().is_some_and(Object::is_empty) => 0,
        _ => value.to_json().len(),
    });
    content + calls.sum::<usize>() + others.sum::<usize>()
}
