//! Deletes old records, once their messages are added up.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use rejoin_wire::{
    MessageId,
    session::{Change, Cursor, Epoch},
};
use tokio::sync::watch;

use crate::{
    Retention, SessionError, Sessions,
    log::{Bounds, LogError, MessageHead, SessionId},
    sums::Sums,
};

/// Records that go at once, and what is read of them at once.
const RECORDS_AT_ONCE: u64 = 4096;
const RECORDS_PER_READ: usize = 1024;
const RECORD_BYTES_PER_READ: usize = 1 << 20;
/// Heads that are looked up at once.
const HEADS_AT_ONCE: usize = 256;
/// Messages that are added up and kept at once.
const NODES_AT_ONCE: usize = 64;
/// Looks at a log's end that are remembered: the age of a record is known to within a part of its limit.
const SAMPLES_MAX: u32 = 32;

/// Sweeps for as long as the server runs.
pub async fn sweep(sessions: Arc<Sessions>, mut stopping: watch::Receiver<bool>) {
    let mut ages = Ages::default();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(sessions.limits().retention.every) => {}
        }
        if let Err(error) = sessions.sweep_once(&mut ages).await {
            tracing::warn!(
                code = error.code(),
                "old records of sessions were not thrown away"
            );
        }
    }
}

/// When which records were there at the latest.
#[derive(Default)]
struct Ages(HashMap<SessionId, Age>);

struct Age {
    epoch: Epoch,
    samples: VecDeque<(Instant, u64)>,
}

impl Ages {
    /// The newest record that is older than the limit.
    fn old(&mut self, session: &SessionId, bounds: Bounds, retention: &Retention) -> u64 {
        let now = Instant::now();
        let new = || Age {
            epoch: bounds.epoch,
            samples: VecDeque::new(),
        };
        let age = self.0.entry(session.clone()).or_insert_with(new);
        if age.epoch != bounds.epoch {
            *age = new();
        }
        let pace = retention.age_max / SAMPLES_MAX;
        let is_due = |(at, _): &(Instant, u64)| now.duration_since(*at) >= pace;
        if age.samples.back().is_none_or(is_due) {
            age.samples.push_back((now, bounds.head));
        }
        let is_old = |(at, _): &(Instant, u64)| now.duration_since(*at) >= retention.age_max;
        let count = age
            .samples
            .iter()
            .take_while(|sample| is_old(sample))
            .count();
        // The newest of the old ones says as much as all of them.
        age.samples.drain(..count.saturating_sub(1));
        match age.samples.front() {
            Some(look) if count > 0 => look.1,
            _ => 0,
        }
    }
}

impl Sessions {
    async fn sweep_once(&self, ages: &mut Ages) -> Result<(), SessionError> {
        let sessions = self.log.sessions().await?;
        let there: HashSet<&SessionId> = sessions.iter().collect();
        ages.0.retain(|session, _| there.contains(session));
        for session in &sessions {
            match self.sweep_session(session, ages).await {
                // Deleted meanwhile.
                Ok(()) | Err(SessionError::Log(LogError::NotFound)) => {}
                // The others are not to suffer from it.
                Err(
                    error @ (SessionError::Damaged { .. } | SessionError::Log(LogError::Damaged)),
                ) => {
                    tracing::error!(session = session.as_str(), %error, "a session is damaged");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn sweep_session(
        &self,
        session: &SessionId,
        ages: &mut Ages,
    ) -> Result<(), SessionError> {
        let retention = &self.limits.retention;
        loop {
            let bounds = self.log.bounds(session).await?;
            let old = ages.old(session, bounds, retention);
            let through = old.max(surplus(bounds, retention)).min(bounds.head);
            if through < bounds.first {
                return Ok(());
            }
            let through = through.min(bounds.first + RECORDS_AT_ONCE - 1);
            if !self.trim(session, bounds, through).await? {
                // Something changed meanwhile; the next sweep looks again.
                return Ok(());
            }
        }
    }

    /// Throws away the records up to and including `through`, after all that they changed is added up. False where the
    /// log changed under it.
    pub(super) async fn trim(
        &self,
        session: &SessionId,
        bounds: Bounds,
        through: u64,
    ) -> Result<bool, SessionError> {
        let Some(touched) = self.touched(session, bounds, through).await? else {
            return Ok(false);
        };
        let heads = self
            .heads_of(session, touched, bounds.first, through)
            .await?;
        let mut heads = heads.into_iter().peekable();
        while heads.peek().is_some() {
            let mut sums = Sums::new(heads.by_ref().take(NODES_AT_ONCE));
            if !self.add_up(session, bounds, &mut sums).await? {
                return Ok(false);
            }
            let nodes = sums.into_nodes()?;
            self.log.compact(session, bounds.epoch, nodes).await?;
        }
        let through = Cursor {
            epoch: bounds.epoch,
            seq: through,
        };
        self.log.trim(session, through).await?;
        Ok(true)
    }

    /// The messages that the records to go are about, and whether each begins there.
    async fn touched(
        &self,
        session: &SessionId,
        bounds: Bounds,
        through: u64,
    ) -> Result<Option<HashMap<MessageId, bool>>, SessionError> {
        let mut touched = HashMap::new();
        let mut at = Cursor {
            epoch: bounds.epoch,
            seq: bounds.first - 1,
        };
        while at.seq < through {
            let limit = usize::try_from(through - at.seq).unwrap_or(usize::MAX);
            let limit = limit.min(RECORDS_PER_READ);
            let read = self.log.records(session, at, limit, RECORD_BYTES_PER_READ);
            let records = read.await?;
            let Some(last) = records.last() else {
                return Ok(None);
            };
            at.seq = last.seq;
            for record in records {
                let Some(id) = record.change.message_id() else {
                    continue;
                };
                match &record.change {
                    Change::Started { .. } => touched.insert(id.clone(), true),
                    Change::Removed { .. } => touched.remove(id),
                    Change::Appended { .. } | Change::Updated { .. } | Change::Ended { .. } => {
                        touched.entry(id.clone()).or_insert(false);
                        None
                    }
                };
            }
        }
        Ok(Some(touched))
    }

    /// The heads of messages. Those that began before `first` are looked for as far back as it takes.
    async fn heads_of(
        &self,
        session: &SessionId,
        mut touched: HashMap<MessageId, bool>,
        first: u64,
        through: u64,
    ) -> Result<Vec<MessageHead>, SessionError> {
        let mut found = Vec::new();
        let mut before = through + 1;
        while touched.values().any(|begins| before > first || !begins) {
            let heads = self.log.messages(session, before, HEADS_AT_ONCE).await?;
            let Some(last) = heads.last() else {
                break;
            };
            before = last.position;
            let is_touched = |head: &MessageHead| touched.remove(&head.id).is_some();
            found.extend(heads.into_iter().filter(is_touched));
        }
        Ok(found)
    }
}

/// The newest record that is over the limits of count and length.
fn surplus(bounds: Bounds, retention: &Retention) -> u64 {
    let count = bounds.head.saturating_sub(retention.records_max);
    let kept = (bounds.head + 1).saturating_sub(bounds.first);
    let over = bounds.bytes.saturating_sub(retention.bytes_max);
    if over == 0 || kept == 0 {
        return count;
    }
    // Records are of about one length: what is too much after that goes in the next round.
    let part = u128::from(over) * u128::from(kept) / u128::from(bounds.bytes.max(1));
    let records = u64::try_from(part).unwrap_or(kept).clamp(1, kept);
    count.max(bounds.first + records - 1)
}
