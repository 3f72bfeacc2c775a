//! The embedded engine: sessions in a redb database, the server's own or another.
//!
//! A session's rows are under its epoch, so that rows after a deletion never mix with earlier ones:
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `sessions` | name | epoch, first, head, bytes |
//! | `session_records` | epoch, seq | the change, as JSON |
//! | `session_messages` | epoch, message id | the message's head (`row.rs`) |
//! | `session_order` | epoch, position | message id |
//! | `session_open` | epoch, position, for streaming messages | lease, session's name, message id |
//! | `session_nodes` | epoch, position | the message added up, as JSON |

mod row;
mod rows;

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future};
use rejoin_wire::session::{Cursor, EndStatus, Epoch, Node, Record};
use tokio::sync::watch;

use crate::{
    deadlines::Deadlines,
    log::{Answer, Appended, Batch, Bounds, LogError, MessageHead, Orphan, SessionId, SessionLog},
    plan,
    store::{ReadTx, Store, StoreError, Tx},
    watchers::Watchers,
};
use row::Life;
use rows::Rows as _;

pub use rows::TABLES;

/// Sessions in a redb database. An append is on the disk before it is answered; what waits is committed together.
///
/// While the disk is full every write is refused, and what was acknowledged stays readable; once there is room again it
/// goes on.
pub struct RedbLog {
    store: Store,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    deadlines: Deadlines,
    watchers: Watchers,
}

impl RedbLog {
    /// Opens (or makes) the database `sessions.redb` in a directory, which is made where it is missing. One process at a
    /// time.
    ///
    /// # Errors
    /// [`LogError::Store`], where it cannot be opened, is in use or is damaged.
    pub fn open(directory: &Path) -> Result<Self, LogError> {
        Self::on(Store::open(&directory.join("sessions.redb"), &TABLES)?)
    }

    /// The sessions of a database that has [`TABLES`], and others too.
    ///
    /// # Errors
    /// [`LogError::Store`], where it cannot be read.
    pub fn on(store: Store) -> Result<Self, LogError> {
        let log = Self {
            store,
            shared: Arc::default(),
        };
        // Whoever was writing may be there still (over HTTP): its lease begins anew.
        for (session, producer, lease) in log.store.read()?.leases()? {
            log.shared.deadlines.renew(&session, &producer, lease);
        }
        Ok(log)
    }

    /// Runs a job in the writer, for a session as it is then.
    async fn write<T: Send + 'static>(
        &self,
        session: &SessionId,
        job: impl FnOnce(&Tx, Option<Life>) -> Result<T, LogError> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, LogError> {
        let name = session.clone();
        let job = move |tx: &Tx| tx.life(&name).and_then(|life| job(tx, life));
        let then = move |outcome: &Result<T, LogError>| {
            if let Ok(answer) = outcome {
                then(answer);
            }
        };
        self.store.write_then(job, then).await
    }

    async fn append_now(&self, session: &SessionId, batch: Batch) -> Result<Appended, LogError> {
        let (producer, lease) = (batch.producer.clone(), batch.lease);
        if batch.changes.is_empty() {
            let head = self.read(session, |_, life| Ok(life.cursor()))?;
            self.shared.deadlines.renew(session, &producer, lease);
            return Ok(Appended { head, repeated: 0 });
        }
        let (name, shared) = (session.clone(), Arc::clone(&self.shared));
        let job = move |tx: &Tx, known: Option<Life>| {
            let head = known.map_or(0, |life| life.head);
            let plan = plan::plan(batch, head, &mut |id| match known {
                Some(life) => tx.message(life.epoch, id),
                None => Ok(None),
            })?;
            if known.is_none() && plan.changes.is_empty() {
                return Err(LogError::NotFound);
            }
            // Before the commit, so that an abort behind this in the queue finds it; and after it, below.
            shared.deadlines.renew(&name, &producer, lease);
            let life = match known {
                Some(life) => life,
                None => tx.begin_life()?,
            };
            let appended = tx.store(&name, life, plan, lease)?;
            Ok((appended, producer))
        };
        let (name, shared) = (session.clone(), Arc::clone(&self.shared));
        let then = move |(appended, producer): &(Appended, _)| {
            // Now that the message can be seen: whoever looked for it before may have dropped the lease.
            shared.deadlines.renew(&name, producer, lease);
            shared.watchers.grown(&name, appended.head);
        };
        let (appended, _) = self.write(session, job, then).await?;
        Ok(appended)
    }

    async fn abort_now(&self, orphan: &Orphan, status: EndStatus) -> Result<Appended, LogError> {
        let (orphan, shared) = (orphan.clone(), Arc::clone(&self.shared));
        let session = orphan.session.clone();
        let job = move |tx: &Tx, life: Option<Life>| {
            let life = life.ok_or(LogError::NotFound)?;
            let known = tx.message(life.epoch, &orphan.id)?;
            let is_over = shared.deadlines.is_over(&orphan.session, &orphan.producer);
            let plan = plan::plan_abort(known, &orphan, status, life.head, is_over)?;
            tx.store(&orphan.session, life, plan, Duration::ZERO)
        };
        let (name, shared) = (session.clone(), Arc::clone(&self.shared));
        let then = move |appended: &Appended| shared.watchers.grown(&name, appended.head);
        self.write(&session, job, then).await
    }

    async fn delete_now(&self, session: &SessionId) -> Result<(), LogError> {
        let name = session.clone();
        let job = move |tx: &Tx, life: Option<Life>| {
            tx.remove_life(&name, life.ok_or(LogError::NotFound)?)
        };
        let (name, shared) = (session.clone(), Arc::clone(&self.shared));
        let then = move |(): &()| {
            shared.deadlines.forget_session(&name);
            shared.watchers.deleted(&name);
        };
        self.write(session, job, then).await
    }

    async fn compact_now(
        &self,
        session: &SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Result<(), LogError> {
        let job = move |tx: &Tx, life: Option<Life>| {
            let life = life.ok_or(LogError::NotFound)?;
            if life.epoch != epoch {
                return Ok(());
            }
            nodes.iter().try_for_each(|node| tx.keep_node(epoch, node))
        };
        self.write(session, job, |()| ()).await
    }

    async fn trim_now(&self, session: &SessionId, through: Cursor) -> Result<(), LogError> {
        let name = session.clone();
        let job = move |tx: &Tx, life: Option<Life>| {
            let life = life.ok_or(LogError::NotFound)?;
            if life.epoch != through.epoch {
                return Ok(());
            }
            tx.trim(&name, life, through.seq)
        };
        self.write(session, job, |()| ()).await
    }

    fn read<T>(
        &self,
        session: &SessionId,
        read: impl FnOnce(&ReadTx, Life) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let stored = self.store.read()?;
        let life = stored.life(session)?.ok_or(LogError::NotFound)?;
        read(&stored, life)
    }

    fn orphans_now(&self, limit: usize) -> Result<Vec<Orphan>, LogError> {
        let mut orphans = Vec::new();
        for (session, producer) in self.shared.deadlines.over() {
            let open = match self.read(&session, |stored, life| stored.streaming(life)) {
                // Nothing is waited for in one that cannot be read.
                Err(LogError::NotFound | LogError::Damaged) => Vec::new(),
                open => open?,
            };
            let of_producer = open.into_iter().filter(|head| head.producer == producer);
            let found = of_producer.map(|head| Orphan {
                session: session.clone(),
                id: head.id,
                producer: producer.clone(),
            });
            let before = orphans.len();
            orphans.extend(found);
            if orphans.len() == before {
                self.shared.deadlines.forget_expired(&session, &producer);
            }
            if orphans.len() >= limit {
                break;
            }
        }
        orphans.truncate(limit);
        Ok(orphans)
    }
}

impl SessionLog for RedbLog {
    fn append<'a>(&'a self, session: &'a SessionId, batch: Batch) -> Answer<'a, Appended> {
        self.append_now(session, batch).boxed()
    }

    fn bounds<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Bounds> {
        async move { self.read(session, |_, life| Ok(life.bounds())) }.boxed()
    }

    fn records<'a>(
        &'a self,
        session: &'a SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Answer<'a, Vec<Record>> {
        async move {
            self.read(session, |stored, life| {
                stored.records(life, after, limit, bytes)
            })
        }
        .boxed()
    }

    fn messages<'a>(
        &'a self,
        session: &'a SessionId,
        before: u64,
        limit: usize,
    ) -> Answer<'a, Vec<MessageHead>> {
        async move { self.read(session, |stored, life| stored.messages(life, before, limit)) }
            .boxed()
    }

    fn streaming<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Vec<MessageHead>> {
        async move { self.read(session, |stored, life| stored.streaming(life)) }.boxed()
    }

    fn compact<'a>(
        &'a self,
        session: &'a SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Answer<'a, ()> {
        self.compact_now(session, epoch, nodes).boxed()
    }

    fn trim<'a>(&'a self, session: &'a SessionId, through: Cursor) -> Answer<'a, ()> {
        self.trim_now(session, through).boxed()
    }

    fn delete<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()> {
        self.delete_now(session).boxed()
    }

    fn orphans(&self, limit: usize) -> Answer<'_, Vec<Orphan>> {
        async move { self.orphans_now(limit) }.boxed()
    }

    fn abort<'a>(&'a self, orphan: &'a Orphan, status: EndStatus) -> Answer<'a, Appended> {
        self.abort_now(orphan, status).boxed()
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionId>> {
        let sessions = self.store.read().map_err(LogError::from);
        future::ready(sessions.and_then(|stored| stored.sessions())).boxed()
    }

    fn probe(&self) -> Answer<'_, ()> {
        async { Ok(self.store.probe().await?) }.boxed()
    }

    fn watch(&self, session: &SessionId) -> watch::Receiver<u64> {
        self.shared.watchers.watch(session)
    }
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Failed(why) => Self::Store(why),
            StoreError::Panicked | StoreError::Stopped => Self::Store(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rejoin_wire::{
        message::Message,
        session::{Change, Record},
    };

    use super::*;
    use crate::log::ProducerId;

    fn batch(changes: Vec<Change>) -> Batch {
        Batch {
            producer: ProducerId("a".to_owned()),
            changes,
            lease: Duration::from_secs(3600),
        }
    }

    fn started(id: &str) -> Change {
        Change::Started {
            message: Message {
                id: Some(id.into()),
                ..Message::default()
            },
            run_id: None,
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_a_store_failure_and_takes_nothing_that_was_acknowledged() {
        let switch = Arc::new(AtomicBool::new(false));
        let log = RedbLog::on(Store::failing(Arc::clone(&switch), &TABLES)).unwrap();
        let session = SessionId::parse("s").unwrap();
        let first = log
            .append(&session, batch(vec![started("m")]))
            .await
            .unwrap();
        let watch = log.watch(&session);

        switch.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            let refused = log.append(&session, batch(vec![started("n")])).await;
            assert!(matches!(refused, Err(LogError::Store(_))), "{refused:?}");
        }
        let deleted = log.delete(&session).await;
        assert!(matches!(deleted, Err(LogError::Store(_))), "{deleted:?}");

        // Readers read on, and are told of nothing that is not stored.
        assert!(!watch.has_changed().unwrap());
        assert_eq!(log.bounds(&session).await.unwrap().head, first.head.seq);
        let origin = Cursor {
            seq: 0,
            ..first.head
        };
        let only = Record {
            seq: 1,
            change: started("m"),
        };
        assert_eq!(log.records(&session, origin, 9, 999).await, Ok(vec![only]));

        assert!(matches!(log.probe().await, Err(LogError::Store(_))));
        // There is room again: it goes on.
        switch.store(false, Ordering::SeqCst);
        while log.probe().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let again = log.append(&session, batch(vec![started("n")])).await;
        assert_eq!(again.unwrap().head.seq, 2);
    }
}
