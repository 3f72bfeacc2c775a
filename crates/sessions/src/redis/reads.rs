//! Everything that is read of sessions in Redis.

use rejoin_wire::session::{Cursor, Record};

use super::{Shared, reply};
use crate::log::{Bounds, LogError, MessageHead, Orphan, ProducerId, SessionId};

/// The fields of a session's `meta` that bounds are made of.
const BOUNDS: [&str; 4] = ["epoch", "first", "head", "bytes"];
/// Records that are read at once while looking for where to stop.
const RECORDS_AT_ONCE: usize = 128;
/// Sessions that are asked for at once.
const SESSIONS_AT_ONCE: usize = 500;
/// The messages to read.
pub(super) enum Messages {
    /// Before a position, newest first, at most so many.
    Before(u64, usize),
    /// Oldest first.
    Streaming,
}

impl Shared {
    pub(super) async fn was_deleted(&self, session: &SessionId) -> Result<bool, LogError> {
        let mut command = redis::cmd("EXISTS");
        self.ask(command.arg(self.key(session, "gone"))).await
    }

    pub(super) async fn bounds(&self, session: &SessionId) -> Result<Bounds, LogError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key(session, "meta"));
        command.arg(&BOUNDS);
        let fields: [Option<u64>; 4] = self.ask(&command).await?;
        reply::bounds(fields).ok_or(LogError::NotFound)
    }

    pub(super) async fn records(
        &self,
        session: &SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Record>, LogError> {
        let bounds = self.bounds(session).await?;
        let mut records = Vec::new();
        if !is_kept(&bounds, after) {
            return Ok(records);
        }
        let (mut next, mut left) = (after.seq + 1, bytes);
        while records.len() < limit && next <= bounds.head {
            let mut command = redis::cmd("XRANGE");
            command
                .arg(self.key(session, "log"))
                .arg(format!("{}-{next}", after.epoch.0))
                .arg(format!("{}-{}", after.epoch.0, bounds.head))
                .arg("COUNT")
                .arg((limit - records.len()).min(RECORDS_AT_ONCE));
            let rows: Vec<(String, (String, String))> = self.ask(&command).await?;
            if rows.is_empty() {
                return self.missing(session, after, records).await;
            }
            for (id, (_, json)) in rows {
                if left == 0 && !records.is_empty() {
                    return Ok(records);
                }
                let found = Cursor::parse(&id).ok_or_else(reply::damaged)?;
                if found.seq != next {
                    return self.missing(session, after, records).await;
                }
                left = left.saturating_sub(json.len());
                records.push(reply::record(next, &json)?);
                next += 1;
            }
        }
        Ok(records)
    }

    /// The answer if the log has a gap: the records before it, if the log was trimmed or replaced meanwhile. Otherwise Redis
    /// has lost records.
    async fn missing(
        &self,
        session: &SessionId,
        after: Cursor,
        before: Vec<Record>,
    ) -> Result<Vec<Record>, LogError> {
        let next = before.last().map_or(after.seq, |record| record.seq);
        let seen = Cursor { seq: next, ..after };
        if is_kept(&self.bounds(session).await?, seen) {
            return Err(LogError::Store(format!(
                "Redis has lost the record after {seen}"
            )));
        }
        Ok(before)
    }

    pub(super) async fn messages(
        &self,
        session: &SessionId,
        range: Messages,
    ) -> Result<Vec<MessageHead>, LogError> {
        let (mode, set, before, limit) = match range {
            Messages::Before(before, limit) => ("before", "order", before, limit),
            Messages::Streaming => ("open", "open", 0, 0),
        };
        let mut script = self.scripts.messages.prepare_invoke();
        for part in ["meta", "messages", set, "nodes"] {
            script.key(self.key(session, part));
        }
        script
            .arg(mode)
            .arg(before)
            .arg(limit.min(i32::MAX as usize));
        let found: Option<Vec<(String, String, String)>> = self.call(&script).await?;
        let found = found.ok_or(LogError::NotFound)?;
        found.into_iter().map(reply::message).collect()
    }

    pub(super) async fn orphans(&self, limit: usize) -> Result<Vec<Orphan>, LogError> {
        let mut script = self.scripts.orphans.prepare_invoke();
        script
            .key(self.global_key("leases"))
            .arg(self.global_key("s:"))
            .arg(limit.min(i32::MAX as usize));
        let found: Vec<(String, String, String)> = self.call(&script).await?;
        let orphan = |(session, id, producer): (String, String, String)| {
            Ok(Orphan {
                session: SessionId::parse(&session)?,
                id: id.into(),
                producer: ProducerId(producer),
            })
        };
        found.into_iter().map(orphan).collect()
    }

    /// The end of each session's log; `None` where it is not there.
    pub(super) async fn ends(
        &self,
        sessions: &[SessionId],
    ) -> Result<Vec<Option<Bounds>>, LogError> {
        let mut ends = Vec::with_capacity(sessions.len());
        for sessions in sessions.chunks(SESSIONS_AT_ONCE) {
            let mut commands = redis::pipe();
            for session in sessions {
                let command = commands.cmd("HMGET").arg(self.key(session, "meta"));
                command.arg(&BOUNDS);
            }
            let answers: Vec<[Option<u64>; 4]> = self.ask_all(&commands).await?;
            ends.extend(answers.into_iter().map(reply::bounds));
        }
        Ok(ends)
    }

    pub(super) async fn sessions(&self) -> Result<Vec<SessionId>, LogError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.global_key("sessions"));
        let names: Vec<String> = self.ask(&command).await?;
        let names: Result<Vec<_>, _> = names.iter().map(|name| SessionId::parse(name)).collect();
        let names = names?;
        let ends = self.ends(&names).await?;
        let has_records = |end: &Option<Bounds>| end.is_some_and(|end| end.first <= end.head);
        let with_ends = names.into_iter().zip(ends);
        Ok(with_ends
            .filter(|(_, end)| has_records(end))
            .map(|(name, _)| name)
            .collect())
    }
}

/// Whether the record after the cursor is there.
fn is_kept(bounds: &Bounds, after: Cursor) -> bool {
    after.epoch == bounds.epoch && after.seq < bounds.head && after.seq + 1 >= bounds.first
}
