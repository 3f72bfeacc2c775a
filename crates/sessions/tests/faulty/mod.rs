//! A log in memory whose appends fail as they are told to, and what a reader of it is shown.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rejoin_sessions::{
    log::{Answer, Appended, Batch, Bounds, LogError, MessageHead, Orphan, SessionId, SessionLog},
    memory::MemoryLog,
};
use rejoin_wire::session::{Change, Cursor, EndStatus, Epoch, Node, Record, Transcript};
use tokio::sync::watch;

/// What becomes of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is stored.
    None,
    /// It fails, and nothing is stored.
    Before,
    /// It is stored, and the answer is lost.
    After,
    /// It never answers.
    Hang,
    /// It fails, and is stored after the next one that is: it was on its way.
    Late,
}

/// Appends with changes are counted; the rule says what becomes of each.
pub struct Faulty {
    pub log: Arc<MemoryLog>,
    rule: Box<dyn Fn(usize) -> Fault + Send + Sync>,
    pub appends: AtomicUsize,
    pub renewals: AtomicUsize,
    late: Mutex<Vec<(SessionId, Batch)>>,
    /// Nothing answers but with an error.
    pub is_gone: AtomicBool,
}

impl Faulty {
    pub fn new(rule: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Arc<Self> {
        Self::over(Arc::default(), rule)
    }

    pub fn over(
        log: Arc<MemoryLog>,
        rule: impl Fn(usize) -> Fault + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            log,
            rule: Box::new(rule),
            appends: AtomicUsize::new(0),
            renewals: AtomicUsize::new(0),
            late: Mutex::default(),
            is_gone: AtomicBool::new(false),
        })
    }

    fn reach(&self) -> Result<(), LogError> {
        if self.is_gone.load(Ordering::SeqCst) {
            return Err(LogError::Store("the store is gone".to_owned()));
        }
        Ok(())
    }

    async fn store(&self, session: &SessionId, batch: Batch) -> Result<Appended, LogError> {
        let stored = self.log.append(session, batch).await;
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for (session, batch) in late {
            // Its fate is nobody's any more.
            let _ = self.log.append(&session, batch).await;
        }
        stored
    }
}

impl SessionLog for Faulty {
    fn append<'a>(&'a self, session: &'a SessionId, batch: Batch) -> Answer<'a, Appended> {
        Box::pin(async move {
            self.reach()?;
            if batch.changes.is_empty() {
                self.renewals.fetch_add(1, Ordering::SeqCst);
                return self.log.append(session, batch).await;
            }
            let lost = || Err(LogError::Store("the test says so".to_owned()));
            match (self.rule)(self.appends.fetch_add(1, Ordering::SeqCst)) {
                Fault::None => self.store(session, batch).await,
                Fault::Before => lost(),
                Fault::After => {
                    self.store(session, batch).await?;
                    lost()
                }
                Fault::Hang => std::future::pending().await,
                Fault::Late => {
                    self.late.lock().unwrap().push((session.clone(), batch));
                    lost()
                }
            }
        })
    }

    fn bounds<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Bounds> {
        self.log.bounds(session)
    }

    fn records<'a>(
        &'a self,
        session: &'a SessionId,
        after: Cursor,
        limit: usize,
        bytes: usize,
    ) -> Answer<'a, Vec<Record>> {
        self.log.records(session, after, limit, bytes)
    }

    fn messages<'a>(
        &'a self,
        session: &'a SessionId,
        before: u64,
        limit: usize,
    ) -> Answer<'a, Vec<MessageHead>> {
        Box::pin(async move {
            self.reach()?;
            self.log.messages(session, before, limit).await
        })
    }

    fn streaming<'a>(&'a self, session: &'a SessionId) -> Answer<'a, Vec<MessageHead>> {
        self.log.streaming(session)
    }

    fn compact<'a>(
        &'a self,
        session: &'a SessionId,
        epoch: Epoch,
        nodes: Vec<Node>,
    ) -> Answer<'a, ()> {
        self.log.compact(session, epoch, nodes)
    }

    fn trim<'a>(&'a self, session: &'a SessionId, through: Cursor) -> Answer<'a, ()> {
        self.log.trim(session, through)
    }

    fn delete<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()> {
        self.log.delete(session)
    }

    fn orphans(&self, limit: usize) -> Answer<'_, Vec<Orphan>> {
        self.log.orphans(limit)
    }

    fn abort<'a>(&'a self, orphan: &'a Orphan, status: EndStatus) -> Answer<'a, Appended> {
        self.log.abort(orphan, status)
    }

    fn sessions(&self) -> Answer<'_, Vec<SessionId>> {
        self.log.sessions()
    }

    fn watch(&self, session: &SessionId) -> watch::Receiver<u64> {
        self.log.watch(session)
    }
}

/// A reader that has been there from the beginning, and is shown every record.
pub struct Shown {
    pub records: Vec<Record>,
    pub transcript: Transcript,
}

impl Shown {
    /// Follows a session until `is_over`. What it is shown of a message must begin what `truth` says of it, at all times.
    pub async fn follow(
        log: Arc<dyn SessionLog>,
        session: SessionId,
        truth: HashMap<String, String>,
        is_over: impl Fn(&Transcript) -> bool,
    ) -> Self {
        let mut changed = log.watch(&session);
        let mut shown = Self {
            records: Vec::new(),
            transcript: Transcript::default(),
        };
        loop {
            changed.mark_unchanged();
            if let Ok(bounds) = log.bounds(&session).await {
                let cursor = Cursor {
                    epoch: bounds.epoch,
                    seq: shown.transcript.seq(),
                };
                let records = log.records(&session, cursor, 1000, usize::MAX).await;
                for record in records.unwrap() {
                    shown.add(record, &truth);
                }
            }
            if is_over(&shown.transcript) {
                return shown;
            }
            changed.changed().await.unwrap();
        }
    }

    fn add(&mut self, record: Record, truth: &HashMap<String, String>) {
        self.records.push(record.clone());
        self.transcript.apply(record).unwrap();
        for node in self.transcript.nodes() {
            let text = node.message.content.text();
            let whole = truth.get(node.id().as_str()).unwrap();
            assert!(
                whole.starts_with(&*text),
                "{}: {text:?} of {whole:?}",
                node.id()
            );
        }
    }

    pub fn text(&self, id: &str) -> String {
        let mut nodes = self.transcript.nodes().iter();
        let node = nodes.find(|node| node.id().as_str() == id).unwrap();
        node.message.content.text().into_owned()
    }

    pub fn status(&self, id: &str) -> String {
        let mut nodes = self.transcript.nodes().iter();
        let node = nodes.find(|node| node.id().as_str() == id).unwrap();
        node.status.as_str().to_owned()
    }

    /// The kinds of the records about a message, in order.
    pub fn kinds(&self, id: &str) -> Vec<&'static str> {
        let of = |record: &&Record| {
            record
                .change
                .message_id()
                .is_some_and(|of| of.as_str() == id)
        };
        let kinds = self.records.iter().filter(of);
        kinds.map(|record| record.change.kind()).collect()
    }
}

/// Whether so many messages have ended.
pub fn ended(count: usize) -> impl Fn(&Transcript) -> bool {
    move |transcript| {
        let is_over = |node: &&Node| node.status.as_str() != "streaming";
        transcript.nodes().iter().filter(is_over).count() == count
    }
}

/// A change in somebody else's name.
pub fn in_the_name_of(producer: &rejoin_sessions::log::ProducerId, change: Change) -> Batch {
    Batch {
        producer: producer.clone(),
        changes: vec![change],
        lease: std::time::Duration::from_secs(15),
    }
}
