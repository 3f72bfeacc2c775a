//! The durable store: one redb database, one writer thread, group commit.
//!
//! Every change is a job: a closure over a transaction. The writer thread runs all jobs that are waiting in one
//! transaction, commits once, and only then tells the waiters and publishes what the jobs made. So jobs are serialised
//! (a job may read and then write without a lock), nobody sees what a crash could still take back, and the cost of an
//! event is a share of one fsync.
//!
//! A job that fails or panics is undone alone: its error goes to its caller, and the rest of the batch is committed. Only
//! where the disk fails does the whole batch fail.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use redb::{Database, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use crate::{
    clock::now_ms,
    disk::{Disk, InFile, InMemory, Place},
    error::ServerError,
    sessions,
};

/// Jobs that may wait for the writer; more make their senders wait.
const JOBS_WAITING_MAX: usize = 4096;
/// Jobs in one transaction, so that one commit stays short.
const JOBS_PER_COMMIT_MAX: usize = 1024;

/// A table: bytes to bytes. Keys are ids in sort order, values JSON.
pub(crate) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(crate) const THREADS: Table = TableDefinition::new("threads");
pub(crate) const RUNS: Table = TableDefinition::new("runs");
pub(crate) const CHECKPOINTS: Table = TableDefinition::new("checkpoints");
pub(crate) const EVENTS: Table = TableDefinition::new("events");
/// Runs that are pending or running, by thread.
pub(crate) const ACTIVE: Table = TableDefinition::new("active");
/// Runs whose event log is to be dropped, by the time they ended.
pub(crate) const ENDED: Table = TableDefinition::new("ended");
/// What is written to find out whether it can be.
pub(crate) const PROBES: Table = TableDefinition::new("probes");
/// What clients have published, by session and client.
pub(crate) const PUBLISHED: Table = TableDefinition::new("published");
/// Threads whose session may not hold what they do, by run; who was writing it.
pub(crate) const UNMIRRORED: Table = TableDefinition::new("unmirrored");

/// The database and the way to its writer; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    disk: Arc<Disk>,
    jobs: mpsc::Sender<Job>,
}

/// Given the transaction, or why there is none.
type Job = Box<dyn FnOnce(Result<&Tx, ServerError>) -> Ran + Send>;

/// Tells what became of a job, given what became of its commit.
type Ran = Box<dyn FnOnce(Result<(), ServerError>) + Send>;

impl Store {
    /// Opens (or makes) the database file in `directory`.
    pub(crate) fn open(directory: &Path) -> Result<Self, ServerError> {
        Self::open_file(&directory.join("rejoin.redb"))
    }

    /// Opens (or makes) a database file, and its directory.
    pub(crate) fn open_file(file: &Path) -> Result<Self, ServerError> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).map_err(ServerError::store)?;
        }
        Self::start(InFile(file.to_owned()))
    }

    /// The same store without a file: gone when the process ends.
    pub(crate) fn memory() -> Result<Self, ServerError> {
        Self::start(InMemory)
    }

    /// A store in memory whose disk fails while the switch is on.
    #[cfg(test)]
    pub(crate) fn failing(switch: Arc<std::sync::atomic::AtomicBool>) -> Self {
        let memory = Arc::new(redb::backends::InMemoryBackend::new());
        Self::start(tests::Failing { memory, switch }).unwrap()
    }

    fn start(place: impl Place + 'static) -> Result<Self, ServerError> {
        let disk = Disk::new(place)?;
        disk.with(make_tables)?;
        let disk = Arc::new(disk);
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING_MAX);
        let writer = Arc::clone(&disk);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_loop(&writer, waiting))
            .map_err(ServerError::store)?;
        Ok(Self { disk, jobs })
    }

    /// Whether it can be written: after a failure it is tried, and goes on where there is room again.
    ///
    /// # Errors
    /// Why it cannot.
    pub(crate) async fn probe(&self) -> Result<(), ServerError> {
        if self.disk.failure().is_none() {
            return self.view().map(drop);
        }
        self.write(|tx| tx.put(PROBES, b"last", &now_ms().to_be_bytes()))
            .await
    }

    /// A consistent view of what is committed.
    pub(crate) fn view(&self) -> Result<View, ServerError> {
        self.disk.view().map(View)
    }

    /// Runs a job and waits until it is committed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Tx) -> Result<T, ServerError> + Send + 'static,
    ) -> Result<T, ServerError> {
        self.write_then(job, |_| {}).await
    }

    /// Runs a job, waits until it is committed; `then` is called by the writer with the outcome, in commit order.
    pub(crate) async fn write_then<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Tx) -> Result<T, ServerError> + Send + 'static,
        then: impl FnOnce(&Result<T, ServerError>) + Send + 'static,
    ) -> Result<T, ServerError> {
        let (tell, told) = oneshot::channel();
        self.post(job, move |result| {
            then(&result);
            // The caller may have been cancelled meanwhile; the change stands.
            let _ = tell.send(result);
        })
        .await?;
        told.await.map_err(|_| ServerError::Stopping)?
    }

    /// Hands a job to the writer without waiting for the commit; `then` gets the outcome once it is known.
    pub(crate) async fn post<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Tx) -> Result<T, ServerError> + Send + 'static,
        then: impl FnOnce(Result<T, ServerError>) + Send + 'static,
    ) -> Result<(), ServerError> {
        let job: Job = Box::new(move |tx| {
            let result = tx.and_then(|tx| tx.run(job));
            Box::new(move |commit| then(commit.and(result)))
        });
        self.jobs.send(job).await.map_err(|_| ServerError::Stopping)
    }
}

fn make_tables(db: &Database) -> Result<(), ServerError> {
    let txn = db.begin_write().map_err(ServerError::store)?;
    let own = [
        THREADS,
        RUNS,
        CHECKPOINTS,
        EVENTS,
        ACTIVE,
        ENDED,
        UNMIRRORED,
        PROBES,
        PUBLISHED,
    ];
    for table in own.into_iter().chain(sessions::redb::TABLES) {
        txn.open_table(table).map_err(ServerError::store)?;
    }
    txn.commit().map_err(ServerError::store)
}

fn write_loop(disk: &Disk, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while jobs.blocking_recv_many(&mut batch, JOBS_PER_COMMIT_MAX) > 0 {
        commit(disk, std::mem::take(&mut batch));
    }
}

fn commit(disk: &Disk, batch: Vec<Job>) {
    let mut ran: Vec<Ran> = Vec::with_capacity(batch.len());
    let outcome = match disk.mend() {
        Ok(()) => disk.with(|db| run_batch(db, batch, &mut ran)),
        Err(why) => {
            ran.extend(refuse(batch, &why));
            Err(why)
        }
    };
    if let Err(error) = &outcome
        && disk.failure().is_none()
    {
        disk.fail(error);
    }
    for tell in ran {
        // Whoever is told may panic; the writer goes on.
        let told = catch_unwind(AssertUnwindSafe(|| tell(outcome.clone())));
        if told.is_err() {
            tracing::error!("a panic after a commit");
        }
    }
}

fn refuse(batch: Vec<Job>, why: &ServerError) -> impl Iterator<Item = Ran> {
    let why = why.clone();
    batch.into_iter().map(move |job| job(Err(why.clone())))
}

fn run_batch(db: &Database, batch: Vec<Job>, ran: &mut Vec<Ran>) -> Result<(), ServerError> {
    let tx = match db.begin_write() {
        Ok(txn) => Tx::new(txn),
        Err(error) => {
            let error = ServerError::store(error);
            ran.extend(refuse(batch, &error));
            return Err(error);
        }
    };
    ran.extend(batch.into_iter().map(|job| job(Ok(&tx))));
    tx.commit()
}

/// Reading, the same inside a job and outside.
pub(crate) trait Reads {
    /// The value under `key`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError>;

    /// Entries with `from <= key < to`, in key order or the reverse, at most `limit`.
    fn range(&self, table: Table, span: Span<'_>) -> Result<Vec<Entry>, ServerError>;
}

/// A key and its value.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// Which keys to read, and in which order.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) from: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) newest_first: bool,
    pub(crate) limit: usize,
}

/// A write transaction, inside a job. It remembers what the job changed, so that a job which fails is undone alone.
pub(crate) struct Tx {
    txn: WriteTransaction,
    changed: RefCell<Vec<Changed>>,
    undoing: RefCell<Vec<Undo>>,
    /// The same of the jobs that are done, for where the commit fails.
    done: RefCell<Vec<Undo>>,
    doomed: RefCell<Vec<(Table, Vec<u8>)>>,
    /// Why this transaction must not be committed: a job could not be undone.
    broken: RefCell<Option<ServerError>>,
}

/// Takes back what a job did outside of the store.
type Undo = Box<dyn FnOnce()>;

/// What was under a key before the job changed it.
struct Changed {
    table: Table,
    key: Vec<u8>,
    before: Option<Vec<u8>>,
}

/// A read transaction.
pub(crate) struct View(ReadTransaction);

impl Tx {
    fn new(txn: WriteTransaction) -> Self {
        Self {
            txn,
            changed: RefCell::default(),
            undoing: RefCell::default(),
            done: RefCell::default(),
            doomed: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// Runs one job of the batch. Where it fails nothing of it is left.
    fn run<T>(&self, job: impl FnOnce(&Self) -> Result<T, ServerError>) -> Result<T, ServerError> {
        // What a panic leaves half done is undone.
        let result =
            catch_unwind(AssertUnwindSafe(|| job(self))).unwrap_or(Err(ServerError::Internal));
        let settled = match &result {
            Ok(_) => self.keep(),
            Err(_) => self.undo(),
        };
        if let Err(error) = settled {
            self.broken.borrow_mut().get_or_insert(error);
        }
        result
    }

    fn keep(&self) -> Result<(), ServerError> {
        self.changed.borrow_mut().clear();
        self.done
            .borrow_mut()
            .append(&mut self.undoing.borrow_mut());
        for (table, prefix) in self.doomed.take() {
            let to = after_prefix(&prefix);
            let mut open = self.open(table)?;
            open.retain_in(prefix.as_slice()..to.as_slice(), |_, _| false)
                .map_err(ServerError::store)?;
        }
        Ok(())
    }

    fn undo(&self) -> Result<(), ServerError> {
        self.doomed.borrow_mut().clear();
        for undo in self.undoing.take().into_iter().rev() {
            undo();
        }
        for Changed { table, key, before } in self.changed.take().into_iter().rev() {
            let mut open = self.open(table)?;
            match before {
                Some(before) => open
                    .insert(key.as_slice(), before.as_slice())
                    .map(drop)
                    .map_err(ServerError::store)?,
                None => open
                    .remove(key.as_slice())
                    .map(drop)
                    .map_err(ServerError::store)?,
            }
        }
        Ok(())
    }

    fn commit(self) -> Result<(), ServerError> {
        let outcome = match self.broken.into_inner() {
            Some(error) => Err(error),
            None => self.txn.commit().map_err(ServerError::store),
        };
        if outcome.is_err() {
            let done = self.done.into_inner().into_iter();
            done.rev().for_each(|undo| undo());
        }
        outcome
    }

    fn open(&self, table: Table) -> Result<redb::Table<'_, Bytes, Bytes>, ServerError> {
        self.txn.open_table(table).map_err(ServerError::store)
    }

    /// What else has to happen where the job or its commit fails.
    pub(crate) fn on_undo(&self, undo: impl FnOnce() + 'static) {
        self.undoing.borrow_mut().push(Box::new(undo));
    }

    fn remember(&self, table: Table, key: &[u8], before: Option<Vec<u8>>) {
        self.changed.borrow_mut().push(Changed {
            table,
            key: key.to_vec(),
            before,
        });
    }

    pub(crate) fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), ServerError> {
        let mut open = self.open(table)?;
        let before = open.insert(key, value).map_err(ServerError::store)?;
        self.remember(table, key, before.map(|before| before.value().to_vec()));
        Ok(())
    }

    pub(crate) fn remove(&self, table: Table, key: &[u8]) -> Result<(), ServerError> {
        let mut open = self.open(table)?;
        let before = open.remove(key).map_err(ServerError::store)?;
        if let Some(before) = before {
            self.remember(table, key, Some(before.value().to_vec()));
        }
        Ok(())
    }

    /// Removes every key with `from <= key < to`. Returns the bytes of their values.
    pub(crate) fn remove_range(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
    ) -> Result<u64, ServerError> {
        let mut bytes = 0;
        let mut open = self.open(table)?;
        let remove = |key: &[u8], value: &[u8]| {
            bytes += value.len() as u64;
            self.remember(table, key, Some(value.to_vec()));
            false
        };
        open.retain_in(from..to, remove)
            .map_err(ServerError::store)?;
        Ok(bytes)
    }

    /// Removes every key that begins with `prefix`, once the job has done all else: it may be much, and is not kept for
    /// an undoing.
    pub(crate) fn remove_prefix(&self, table: Table, prefix: &[u8]) {
        self.doomed.borrow_mut().push((table, prefix.to_vec()));
    }
}

impl Reads for Tx {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError> {
        get_in(&self.open(table)?, key)
    }

    fn range(&self, table: Table, span: Span<'_>) -> Result<Vec<Entry>, ServerError> {
        range_in(&self.open(table)?, span)
    }
}

impl Reads for View {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError> {
        let open = self.0.open_table(table).map_err(ServerError::store)?;
        get_in(&open, key)
    }

    fn range(&self, table: Table, span: Span<'_>) -> Result<Vec<Entry>, ServerError> {
        let open = self.0.open_table(table).map_err(ServerError::store)?;
        range_in(&open, span)
    }
}

/// The first key after all keys that begin with `prefix`.
pub(crate) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Every byte was the highest: one longer than any key of ours.
    vec![u8::MAX; prefix.len() + 64]
}

type Bytes = &'static [u8];

fn get_in(
    table: &impl ReadableTable<Bytes, Bytes>,
    key: &[u8],
) -> Result<Option<Vec<u8>>, ServerError> {
    let found = table.get(key).map_err(ServerError::store)?;
    Ok(found.map(|value| value.value().to_vec()))
}

fn range_in(
    table: &impl ReadableTable<Bytes, Bytes>,
    span: Span<'_>,
) -> Result<Vec<Entry>, ServerError> {
    let range = table
        .range(span.from..span.to)
        .map_err(ServerError::store)?;
    let own = |entry: Result<
        (redb::AccessGuard<'_, Bytes>, redb::AccessGuard<'_, Bytes>),
        redb::StorageError,
    >| {
        let (key, value) = entry.map_err(ServerError::store)?;
        Ok((key.value().to_vec(), value.value().to_vec()))
    };
    if span.newest_first {
        range.rev().take(span.limit).map(own).collect()
    } else {
        range.take(span.limit).map(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::atomic::{AtomicBool, Ordering},
    };

    use redb::StorageBackend;

    use super::*;

    pub(super) struct Failing {
        pub(super) memory: Arc<redb::backends::InMemoryBackend>,
        pub(super) switch: Arc<AtomicBool>,
    }

    impl Place for Failing {
        fn open(&self) -> Result<Database, ServerError> {
            let backend = FailingBackend {
                memory: Arc::clone(&self.memory),
                switch: Arc::clone(&self.switch),
            };
            Database::builder()
                .create_with_backend(backend)
                .map_err(ServerError::store)
        }

        fn has_room(&self) -> bool {
            !self.switch.load(Ordering::SeqCst)
        }
    }

    #[derive(Debug)]
    struct FailingBackend {
        memory: Arc<redb::backends::InMemoryBackend>,
        switch: Arc<AtomicBool>,
    }

    impl FailingBackend {
        fn check(&self) -> io::Result<()> {
            if self.switch.load(Ordering::SeqCst) {
                return Err(io::Error::other("no space left on device"));
            }
            Ok(())
        }
    }

    impl StorageBackend for FailingBackend {
        fn len(&self) -> io::Result<u64> {
            self.memory.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.memory.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.check()?;
            self.memory.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.check()?;
            self.memory.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.check()?;
            self.memory.write(offset, data)
        }
    }

    #[tokio::test]
    async fn a_store_that_could_not_be_written_goes_on_by_itself() {
        let switch = Arc::new(AtomicBool::new(false));
        let store = Store::failing(Arc::clone(&switch));
        let put = |key: &'static [u8]| move |tx: &Tx| tx.put(THREADS, key, b"1");
        store.write(put(b"a")).await.unwrap();
        assert_eq!(store.probe().await, Ok(()));
        for _ in 0..2 {
            switch.store(true, Ordering::SeqCst);
            let refused = store.write(put(b"b")).await.unwrap_err();
            assert!(refused.to_string().contains("no space left"), "{refused}");
            // Readers read on, and why it fails is known.
            let view = store.view().unwrap();
            assert_eq!(view.get(THREADS, b"a").unwrap(), Some(b"1".to_vec()));
            assert_eq!(view.get(THREADS, b"b").unwrap(), None);
            assert_eq!(store.probe().await, Err(refused));
            switch.store(false, Ordering::SeqCst);
            while store.probe().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            store.write(put(b"c")).await.unwrap();
            let view = store.view().unwrap();
            assert_eq!(view.get(THREADS, b"a").unwrap(), Some(b"1".to_vec()));
            assert_eq!(view.get(THREADS, b"c").unwrap(), Some(b"1".to_vec()));
        }
    }

    #[tokio::test]
    async fn what_a_job_did_elsewhere_is_taken_back_with_it() {
        let switch = Arc::new(AtomicBool::new(false));
        let store = Store::failing(Arc::clone(&switch));
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let job = |fails: bool| {
            let count = Arc::clone(&count);
            move |tx: &Tx| {
                count.fetch_add(1, Ordering::SeqCst);
                let undone = Arc::clone(&count);
                tx.on_undo(move || {
                    undone.fetch_sub(1, Ordering::SeqCst);
                });
                tx.put(THREADS, b"a", b"1")?;
                if fails {
                    Err(ServerError::ThreadBusy)
                } else {
                    Ok(())
                }
            }
        };
        store.write(job(false)).await.unwrap();
        assert!(store.write(job(true)).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        switch.store(true, Ordering::SeqCst);
        assert!(store.write(job(false)).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn the_key_after_a_prefix() {
        assert_eq!(after_prefix(&[1, 2]), [1, 3]);
        assert_eq!(after_prefix(&[1, 255]), [2]);
        assert!(after_prefix(&[255, 255]).as_slice() > [255, 255, 255].as_slice());
    }

    type TestJob = Box<dyn FnOnce(&Tx) -> Result<(), ServerError> + Send>;

    /// Runs jobs in one commit, and tells what each answered.
    async fn together(store: &Store, jobs: Vec<TestJob>) -> Vec<Result<(), ServerError>> {
        let (open, shut) = std::sync::mpsc::channel::<()>();
        // The writer is held until all of them wait.
        let held = store.post(
            move |_| {
                shut.recv().unwrap();
                Ok(())
            },
            |_| {},
        );
        held.await.unwrap();
        let mut waiting = Vec::new();
        for job in jobs {
            let (tell, told) = oneshot::channel();
            store
                .post(job, move |answer| tell.send(answer).unwrap())
                .await
                .unwrap();
            waiting.push(told);
        }
        open.send(()).unwrap();
        let mut answers = Vec::new();
        for told in waiting {
            answers.push(told.await.unwrap());
        }
        answers
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_is_undone_alone() {
        let store = Store::memory().unwrap();
        let put =
            |key: &'static [u8], value: &'static [u8]| move |tx: &Tx| tx.put(THREADS, key, value);
        store.write(put(b"a", b"1")).await.unwrap();
        store.write(put(b"b", b"1")).await.unwrap();
        let answers = together(
            &store,
            vec![
                Box::new(put(b"c", b"3")),
                Box::new(|tx| {
                    tx.put(THREADS, b"a", b"2")?;
                    tx.put(THREADS, b"c", b"4")?;
                    tx.put(THREADS, b"d", b"4")?;
                    tx.remove(THREADS, b"b")?;
                    tx.remove_prefix(THREADS, b"");
                    Err(ServerError::Store("damaged".to_owned()))
                }),
                Box::new(|tx| {
                    tx.put(THREADS, b"a", b"5")?;
                    tx.remove_range(THREADS, b"a", b"d")?;
                    panic!("a bug")
                }),
                Box::new(put(b"e", b"6")),
            ],
        )
        .await;
        let failed: Vec<bool> = answers.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, true, false]);
        let view = store.view().unwrap();
        let all = Span {
            from: b"",
            to: b"z",
            newest_first: false,
            limit: 9,
        };
        let found = view.range(THREADS, all).unwrap();
        let found: Vec<(&[u8], &[u8])> = found
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        let expect: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"b", b"1"), (b"c", b"3"), (b"e", b"6")];
        assert_eq!(found, expect);
    }

    #[tokio::test]
    async fn a_panic_after_a_commit_does_not_stop_the_writer() {
        let store = Store::memory().unwrap();
        let told = store.write_then(|_| Ok(()), |_| panic!("a bug")).await;
        assert!(told.is_err());
        store.write(|tx| tx.put(THREADS, b"a", b"1")).await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_job_leaves_the_batch_alone_and_a_store_failure_takes_it_back() {
        let store = Store::memory().unwrap();
        store.write(|tx| tx.put(THREADS, b"a", b"1")).await.unwrap();
        let refused = store.write(|_| Err::<(), _>(ServerError::ThreadBusy)).await;
        assert_eq!(refused, Err(ServerError::ThreadBusy));
        let failed = store
            .write(|tx| {
                tx.put(THREADS, b"b", b"2")?;
                Err::<(), _>(ServerError::Store("disk full".to_owned()))
            })
            .await;
        assert_eq!(failed.unwrap_err().code(), "store_failed");
        let view = store.view().unwrap();
        assert_eq!(view.get(THREADS, b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(view.get(THREADS, b"b").unwrap(), None);
    }
}
