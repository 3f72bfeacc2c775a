//! The engine in memory: for tests, and for a server that keeps nothing.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt as _, future};
use rejoin_wire::{
    MessageId,
    json::ToJson as _,
    session::{Change, Cursor, EndStatus, Epoch, Node, Record},
};
use tokio::sync::watch;

use crate::{
    deadlines::Deadlines,
    log::{Answer, Appended, Batch, Bounds, LogError, MessageHead, Orphan, SessionId, SessionLog},
    plan::{self, Plan},
    watchers::Watchers,
};

/// Sessions that are gone when the process ends.
#[derive(Default)]
pub struct MemoryLog {
    lives: Mutex<HashMap<SessionId, Life>>,
    deadlines: Deadlines,
    watchers: Watchers,
}

/// One life of a log.
struct Life {
    epoch: Epoch,
    /// The number of the first of `records`.
    first: u64,
    records: VecDeque<Kept>,
    /// All of `records`.
    bytes: u64,
    messages: HashMap<MessageId, MessageHead>,
    /// By where they began.
    order: BTreeMap<u64, MessageId>,
    /// Those that are streaming.
    open: BTreeMap<u64, MessageId>,
}

struct Kept {
    change: Change,
    bytes: u64,
}

impl MemoryLog {
    /// Without a session.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Life>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, session: &SessionId, read: impl FnOnce(&Life) -> T) -> Result<T, LogError> {
        self.lock().get(session).map(read).ok_or(LogError::NotFound)
    }

    fn append_now(&self, session: &SessionId, batch: Batch) -> Result<Appended, LogError> {
        let (producer, lease) = (batch.producer.clone(), batch.lease);
        let mut lives = self.lock();
        let life = lives.get(session);
        let plan = plan::plan(batch, life.map_or(0, Life::head), &mut |id| {
            Ok(life.and_then(|life| life.messages.get(id)).cloned())
        })?;
        if life.is_none() && plan.changes.is_empty() {
            return Err(LogError::NotFound);
        }
        let appended = lives
            .entry(session.clone())
            .or_insert_with(Life::new)
            .store(plan);
        self.deadlines.renew(session, &producer, lease);
        // Told while the lock is held, so that nobody is told of record 7 after record 8.
        self.watchers.grown(session, appended.head);
        Ok(appended)
    }

    fn abort_now(&self, orphan: &Orphan, status: EndStatus) -> Result<Appended, LogError> {
        let mut lives = self.lock();
        let life = lives.get_mut(&orphan.session).ok_or(LogError::NotFound)?;
        let known = life.messages.get(&orphan.id).cloned();
        let is_over = self.deadlines.is_over(&orphan.session, &orphan.producer);
        let plan = plan::plan_abort(known, orphan, status, life.head(), is_over)?;
        let appended = life.store(plan);
        self.watchers.grown(&orphan.session, appended.head);
        Ok(appended)
    }

    fn orphans_now(&self, limit: usize) -> Vec<Orphan> {
        let lives = self.lock();
        let mut orphans = Vec::new();
        for (session, producer) in self.deadlines.over() {
            let life = lives.get(&session);
            let open = life.into_iter().flat_map(Life::streaming);
            let of_producer = open.filter(|head| head.producer == producer);
            let found: Vec<Orphan> = of_producer
                .map(|head| Orphan {
                    session: session.clone(),
                    id: head.id.clone(),
                    producer: producer.clone(),
                })
                .collect();
            if found.is_empty() {
                self.deadlines.forget_expired(&session, &producer);
            }
            orphans.extend(found);
        }
        orphans.truncate(limit);
        orphans
    }
}

impl Life {
    fn new() -> Self {
        Self {
            epoch: plan::draw_epoch(),
            first: 1,
            records: VecDeque::new(),
            bytes: 0,
            messages: HashMap::new(),
            order: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    fn head(&self) -> u64 {
        self.first - 1 + self.records.len() as u64
    }

    fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            seq: self.head(),
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            epoch: self.epoch,
            first: self.first,
            head: self.head(),
            bytes: self.bytes,
        }
    }

    fn store(&mut self, plan: Plan) -> Appended {
        for change in plan.changes {
            let bytes = change.to_json().len() as u64;
            self.bytes += bytes;
            self.records.push_back(Kept { change, bytes });
        }
        for touched in plan.touched {
            if let Some(position) = touched.left() {
                self.order.remove(&position);
                self.open.remove(&position);
            }
            let Some(head) = touched.after else {
                self.messages.remove(&touched.id);
                continue;
            };
            self.order.insert(head.position, touched.id.clone());
            if head.ended.is_none() {
                self.open.insert(head.position, touched.id.clone());
            } else {
                self.open.remove(&head.position);
            }
            self.messages.insert(touched.id, head);
        }
        Appended {
            head: self.cursor(),
            repeated: plan.repeated,
        }
    }

    fn records(&self, after: Cursor, limit: usize, bytes: usize) -> Vec<Record> {
        let is_other = after.epoch != self.epoch;
        if is_other || after.seq >= self.head() || after.seq + 1 < self.first {
            return Vec::new();
        }
        let mut left = bytes as u64;
        let mut records = Vec::new();
        let skipped = usize::try_from(after.seq + 1 - self.first).unwrap_or(usize::MAX);
        let seqs = after.seq + 1..;
        for (seq, kept) in seqs.zip(self.records.iter().skip(skipped)).take(limit) {
            if left == 0 && !records.is_empty() {
                break;
            }
            left = left.saturating_sub(kept.bytes);
            records.push(Record {
                seq,
                change: kept.change.clone(),
            });
        }
        records
    }

    fn messages(&self, before: u64, limit: usize) -> Vec<MessageHead> {
        let newest_first = self.order.range(..before).rev().take(limit);
        newest_first
            .filter_map(|(_, id)| self.messages.get(id).cloned())
            .collect()
    }

    fn streaming(&self) -> Vec<MessageHead> {
        let open = self.open.values();
        open.filter_map(|id| self.messages.get(id).cloned())
            .collect()
    }

    fn compact(&mut self, nodes: Vec<Node>) {
        for node in nodes {
            let Some(head) = self.messages.get_mut(node.id()) else {
                continue;
            };
            let is_newer = |known: &Node| known.changed < node.changed;
            if head.position == node.position && head.node.as_ref().is_none_or(is_newer) {
                head.node = Some(node);
            }
        }
    }

    fn trim(&mut self, through: u64) {
        while self.first <= through
            && let Some(gone) = self.records.pop_front()
        {
            self.first += 1;
            self.bytes -= gone.bytes;
        }
    }
}

impl SessionLog for MemoryLog {
    fn append<'a>(&'a self, session: &'a SessionId, batch: Batch) -> Answer<'a, Appended> {
        async move { self.append_now(session, batch) }.boxed()
    }

    fn bounds<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Bounds> {
        async move { self.read(session, Life::bounds) }.boxed()
    }

    fn records<'a>(
        &'a self,
        session: &'a SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Answer<'a, Vec<Record>> {
        async move { self.read(session, |life| life.records(after, limit, bytes)) }.boxed()
    }

    fn messages<'a>(
        &'a self,
        session: &'a SessionId,
        before: u64,
        limit: usize,
    ) -> Answer<'a, Vec<MessageHead>> {
        async move { self.read(session, |life| life.messages(before, limit)) }.boxed()
    }

    fn streaming<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Vec<MessageHead>> {
        async move { self.read(session, Life::streaming) }.boxed()
    }

    fn compact<'a>(
        &'a self,
        session: &'a SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Answer<'a, ()> {
        async move {
            let mut lives = self.lock();
            let life = lives.get_mut(session).ok_or(LogError::NotFound)?;
            if life.epoch == epoch {
                life.compact(nodes);
            }
            Ok(())
        }
        .boxed()
    }

    fn trim<'a>(&'a self, session: &'a SessionId, through: Cursor) -> Answer<'a, ()> {
        async move {
            let mut lives = self.lock();
            let life = lives.get_mut(session).ok_or(LogError::NotFound)?;
            if life.epoch == through.epoch {
                life.trim(through.seq);
            }
            Ok(())
        }
        .boxed()
    }

    fn delete<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()> {
        async move {
            let mut lives = self.lock();
            lives.remove(session).ok_or(LogError::NotFound)?;
            self.deadlines.forget_session(session);
            self.watchers.deleted(session);
            Ok(())
        }
        .boxed()
    }

    fn orphans(&self, limit: usize) -> Answer<'_, Vec<Orphan>> {
        future::ready(Ok(self.orphans_now(limit))).boxed()
    }

    fn abort<'a>(&'a self, orphan: &'a Orphan, status: EndStatus) -> Answer<'a, Appended> {
        async move { self.abort_now(orphan, status) }.boxed()
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionId>> {
        let lives = self.lock();
        let with_records = lives.iter().filter(|(_, life)| !life.records.is_empty());
        let sessions = with_records.map(|(session, _)| session.clone()).collect();
        future::ready(Ok(sessions)).boxed()
    }

    fn watch(&self, session: &SessionId) -> watch::Receiver<u64> {
        self.watchers.watch(session)
    }
}
