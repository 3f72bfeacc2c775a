//! Everything that changes a session in Redis.

use redis::Value;
use rejoin_wire::{
    json::ToJson as _,
    session::{Change, Cursor, EndStatus, Epoch, Node},
};

use super::{Shared, reply, scripts};
use crate::{
    log::{Appended, Batch, LogError, Orphan, ProducerId, SessionId},
    plan::{draw_epoch, message_of},
};

/// Records that are thrown away at once.
const TRIM_AT_ONCE: usize = 1000;
/// For how long it is known of a session that is not there that it was deleted, in seconds: readers have looked by then.
const DELETION_KNOWN_S: u64 = 3600;
/// How often an append is tried again because Redis is not the process that it was.
const RUN_CHANGES_MAX: usize = 3;

/// Longer leases are of no use, and a sum with the time has to stay exact in Lua.
const LEASE_MS_MAX: u64 = 1 << 40;

/// The writing producer, and its means.
struct Write<'a> {
    mode: &'static str,
    session: &'a SessionId,
    producer: &'a ProducerId,
    lease_ms: u64,
}

impl Shared {
    pub(super) async fn append(
        &self,
        session: &SessionId,
        batch: Batch,
    ) -> Result<Appended, LogError> {
        for change in &batch.changes {
            message_of(change)?;
        }
        let lease = u64::try_from(batch.lease.as_millis()).unwrap_or(u64::MAX);
        let write = Write {
            mode: "append",
            session,
            producer: &batch.producer,
            lease_ms: lease.min(LEASE_MS_MAX),
        };
        self.write(&write, &batch.changes).await
    }

    pub(super) async fn abort(
        &self,
        orphan: &Orphan,
        status: EndStatus,
    ) -> Result<Appended, LogError> {
        let write = Write {
            mode: "abort",
            session: &orphan.session,
            producer: &orphan.producer,
            lease_ms: 0,
        };
        let id = orphan.id.clone();
        self.write(&write, &[Change::Ended { id, status }]).await
    }

    async fn write(&self, write: &Write<'_>, changes: &[Change]) -> Result<Appended, LogError> {
        let mut run = self.run();
        for _ in 0..RUN_CHANGES_MAX {
            let mut script = self.scripts.append.prepare_invoke();
            script
                .key(self.keys(write.session))
                .key(self.global_key("leases"))
                .key(self.global_key("sessions"))
                .arg(write.mode)
                .arg(write.session.as_str())
                .arg(&write.producer.0)
                .arg(write.lease_ms)
                .arg(draw_epoch().0)
                .arg(&run.id)
                .arg(u8::from(run.is_safe))
                .arg(self.global_key("grown"));
            for change in changes {
                scripts::add_change(&mut script, change);
            }
            let Some(appended) = reply::appended(&self.call::<Vec<Value>>(&script).await?)? else {
                run = self.look_at_run().await?;
                continue;
            };
            self.watchers.grown(write.session, appended.head);
            return Ok(appended);
        }
        Err(LogError::Store("Redis restarts again and again".to_owned()))
    }

    pub(super) async fn compact(
        &self,
        session: &SessionId,
        epoch: Epoch,
        nodes: &[Node],
    ) -> Result<(), LogError> {
        let mut script = self.scripts.compact.prepare_invoke();
        for part in ["meta", "messages", "nodes"] {
            script.key(self.key(session, part));
        }
        script.arg(epoch.0);
        for node in nodes {
            let id = node.id().as_str();
            script.arg(id).arg(node.position).arg(node.changed);
            script.arg(node.to_json());
        }
        reply::there(self.call(&script).await?)
    }

    pub(super) async fn trim(&self, session: &SessionId, through: Cursor) -> Result<(), LogError> {
        loop {
            let mut script = self.scripts.trim.prepare_invoke();
            script
                .key(self.key(session, "meta"))
                .key(self.key(session, "log"))
                .arg(through.epoch.0)
                .arg(through.seq)
                .arg(TRIM_AT_ONCE);
            let answer: String = self.call(&script).await?;
            match answer.as_str() {
                "more" => {}
                "none" => return Err(LogError::NotFound),
                _ => return Ok(()),
            }
        }
    }

    pub(super) async fn delete(&self, session: &SessionId) -> Result<(), LogError> {
        let mut script = self.scripts.delete.prepare_invoke();
        script
            .key(self.keys(session))
            .key(self.key(session, "gone"))
            .key(self.global_key("sessions"))
            .arg(session.as_str())
            .arg(self.global_key("grown"))
            .arg(DELETION_KNOWN_S);
        reply::there(self.call(&script).await?)?;
        self.watchers.deleted(session);
        Ok(())
    }
}
