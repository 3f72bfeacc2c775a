//! How long messages are, so that none grows beyond its limit.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rejoin_wire::{
    MessageId,
    json::ToJson,
    message::{Content, Message},
    session::Change,
};

use super::{
    SessionError, Sessions,
    log::{Batch, LogError, SessionId},
};

/// Sessions whose messages' lengths are known. Of more they are forgotten, and added up again where they are needed.
const SESSIONS_MAX: usize = 10_000;

/// How long the messages are that are being written, as far as they went through here.
#[derive(Default)]
pub(super) struct Lengths(Mutex<HashMap<SessionId, HashMap<MessageId, usize>>>);

/// What a batch makes of the lengths, once it is stored.
pub(super) struct Growth {
    /// The lengths that were there, where they had to be added up.
    found: Option<HashMap<MessageId, usize>>,
    steps: Vec<(MessageId, Step)>,
}

enum Step {
    Is(usize),
    Grows(usize),
    Ends,
}

impl Lengths {
    pub(super) fn grow(&self, session: &SessionId, growth: Growth) {
        let mut sessions = self.lock();
        if sessions.len() >= SESSIONS_MAX && !sessions.contains_key(session) {
            sessions.clear();
        }
        let lengths = sessions.entry(session.clone());
        let lengths = lengths.or_insert_with(|| growth.found.unwrap_or_default());
        for (id, step) in growth.steps {
            match step {
                Step::Is(length) => drop(lengths.insert(id, length)),
                Step::Grows(more) => *lengths.entry(id).or_default() += more,
                Step::Ends => drop(lengths.remove(&id)),
            }
        }
        if lengths.is_empty() {
            sessions.remove(session);
        }
    }

    pub(super) fn forget(&self, session: &SessionId) {
        self.lock().remove(session);
    }

    fn of(&self, session: &SessionId) -> Option<HashMap<MessageId, usize>> {
        self.lock().get(session).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, HashMap<MessageId, usize>>> {
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
        let bytes: usize = batch.changes.iter().map(length_of_change).sum();
        if bytes > limits.batch_bytes_max {
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
        let known = self.lengths.of(session);
        let appends = |change: &Change| matches!(change, Change::Appended { .. });
        let found = match known {
            None if changes.iter().any(appends) => Some(self.lengths_stored(session).await?),
            _ => None,
        };
        let mut lengths = known.or_else(|| found.clone()).unwrap_or_default();
        let mut steps = Vec::with_capacity(changes.len());
        for change in changes {
            let Some(id) = change.message_id() else {
                return Err(SessionError::Invalid("a message has no id".to_owned()));
            };
            let step = match change {
                Change::Started { message, .. } | Change::Updated { message, .. } => {
                    Step::Is(length(message))
                }
                Change::Appended { chunk, .. } => Step::Grows(length(chunk)),
                Change::Ended { .. } | Change::Removed { .. } => Step::Ends,
            };
            let will_be = match step {
                Step::Is(length) => length,
                Step::Grows(more) => lengths.get(id).copied().unwrap_or(0) + more,
                Step::Ends => 0,
            };
            if will_be > self.limits.message_bytes_max {
                return Err(SessionError::MessageTooLarge {
                    id: id.to_string(),
                    bytes_max: self.limits.message_bytes_max,
                });
            }
            lengths.insert(id.clone(), will_be);
            steps.push((id.clone(), step));
        }
        Ok(Growth { found, steps })
    }

    /// The lengths of the messages that are streaming, added up from the log.
    async fn lengths_stored(
        &self,
        session: &SessionId,
    ) -> Result<HashMap<MessageId, usize>, SessionError> {
        let heads = match self.log.streaming(session).await {
            Err(LogError::NotFound) => return Ok(HashMap::new()),
            heads => heads?,
        };
        let mut lengths = HashMap::new();
        for head in heads {
            match self.node(session, &head).await {
                Ok(node) => lengths.insert(head.id, length(&node.message)),
                Err(SessionError::Log(LogError::MessageNotFound(_))) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(lengths)
    }
}

fn length_of_change(change: &Change) -> usize {
    match change {
        Change::Started { message, .. } | Change::Updated { message, .. } => length(message),
        Change::Appended { chunk, .. } => length(chunk),
        Change::Ended { .. } | Change::Removed { .. } => 0,
    }
}

/// What a message holds, and so what a piece of it adds, in bytes: its content, calls and whatever else may grow.
fn length(message: &Message) -> usize {
    let content = match &message.content {
        Content::Text(text) => text.len(),
        Content::Blocks(_) => message.content.to_json().len(),
    };
    let calls = message.tool_call_chunks.iter().map(|call| {
        let texts = [&call.name, &call.args, &call.id];
        texts.into_iter().flatten().map(String::len).sum::<usize>()
    });
    let whole = if message.tool_call_chunks.is_empty() {
        message
            .tool_calls
            .iter()
            .map(|call| call.to_json().len())
            .sum()
    } else {
        0
    };
    let maps = [&message.additional_kwargs, &message.extra];
    let maps = maps.into_iter().filter(|map| !map.is_empty());
    let maps: usize = maps.map(|map| map.to_json().len()).sum();
    content + calls.sum::<usize>() + whole + maps
}
