//! The embedded store: one redb database, one writer thread, group commit.
//!
//! Every change is a job: a closure over a transaction. The writer thread runs all waiting jobs in one transaction and
//! commits once. Only then it answers the waiting tasks and publishes the results. So jobs are serialised: a job may read and
//! then write without a lock. Nobody sees a change that a crash could still undo, and an event costs a share of one fsync.
//!
//! A job that fails or panics is undone alone: its error goes to its caller, and the rest of the batch is committed. Only
//! where the disk fails does the whole batch fail.
//!
//! The store does not know the content of its tables; its users define them.

mod disk;
#[cfg(any(test, feature = "faults"))]
mod failing;
mod file;
mod reads;
#[cfg(test)]
mod tests;
mod tx;
mod writer;

use std::{path::Path, sync::Arc};

use redb::{Database, TableDefinition};
use tokio::sync::{mpsc, oneshot};

pub use reads::{Entry, ReadTx, Reads, Span, after_prefix};
pub use tx::{Tx, Writes};

use disk::{Disk, InFile, InMemory, Place};
use writer::{Job, write_loop};

/// Jobs that may wait for the writer; more make their senders wait.
const JOBS_WAITING_MAX: usize = 4096;

/// A table: bytes to bytes. Keys are ids in sort order, values JSON.
pub type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The table for a write that tests whether the store can be written.
const PROBES: Table = TableDefinition::new("probes");

/// Why the store fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened, read or committed: the disk is full, the file is damaged or another process has it.
    #[error("The store failed: {0}")]
    Failed(String),
    /// A job panicked, which is a bug. Its changes were undone.
    #[error("An internal error")]
    Panicked,
    /// The writer has ended.
    #[error("The store is closed")]
    Stopped,
}

impl StoreError {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The database and the way to its writer; cheap to clone.
#[derive(Clone)]
pub struct Store {
    disk: Arc<Disk>,
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Opens (or makes) a database file, and its directory. One process at a time.
    ///
    /// # Errors
    /// [`StoreError::Failed`], where it cannot be opened, is in use or is damaged.
    pub fn open(file: &Path, tables: &[Table]) -> Result<Self, StoreError> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).map_err(StoreError::failed)?;
        }
        Self::start(InFile::new(file), tables)
    }

    /// The same store without a file: gone when the process ends.
    ///
    /// # Errors
    /// [`StoreError::Failed`], where there is no thread for it.
    pub fn memory(tables: &[Table]) -> Result<Self, StoreError> {
        Self::start(InMemory, tables)
    }

    fn start(place: impl Place + 'static, tables: &[Table]) -> Result<Self, StoreError> {
        let disk = Disk::new(place)?;
        disk.with(|db| make_tables(db, tables))?;
        let disk = Arc::new(disk);
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING_MAX);
        let writer = Arc::clone(&disk);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_loop(&writer, waiting))
            .map_err(StoreError::failed)?;
        Ok(Self { disk, jobs })
    }

    /// Whether it can be written: after a failure it is tried, and goes on where there is room again.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn probe(&self) -> Result<(), StoreError> {
        if self.disk.failure().is_none() {
            return self.read().map(drop);
        }
        self.write(|tx| tx.put(PROBES, b"last", b"")).await
    }

    /// A read transaction: what is committed, consistent.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub fn read(&self) -> Result<ReadTx, StoreError> {
        self.disk.read().map(ReadTx)
    }

    /// Runs a job and waits until it is committed.
    ///
    /// # Errors
    /// The job's own, and then nothing of it is left; or why the store fails.
    pub async fn write<T, E>(
        &self,
        job: impl FnOnce(&Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_then(job, |_| {}).await
    }

    /// Runs a job, waits until it is committed; `then` is called by the writer with the outcome, in commit order.
    ///
    /// # Errors
    /// As for [`Store::write`].
    pub async fn write_then<T, E>(
        &self,
        job: impl FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(&Result<T, E>) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let posted = self.post(job, move |result| {
            then(&result);
            // The caller may have been cancelled meanwhile; the change stands.
            let _ = tell.send(result);
        });
        posted.await?;
        told.await.map_err(|_| StoreError::Stopped)?
    }

    /// Hands a job to the writer without waiting for the commit; `then` gets the outcome once it is known.
    ///
    /// # Errors
    /// [`StoreError::Stopped`].
    pub async fn post<T, E>(
        &self,
        job: impl FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let job: Job = Box::new(move |tx| {
            let result = tx.map_err(E::from).and_then(|tx| tx.run(job));
            Box::new(move |commit| then(commit.map_err(E::from).and(result)))
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Stopped)
    }
}

fn make_tables(db: &Database, tables: &[Table]) -> Result<(), StoreError> {
    let txn = db.begin_write().map_err(StoreError::failed)?;
    for table in tables.iter().copied().chain([PROBES]) {
        txn.open_table(table).map_err(StoreError::failed)?;
    }
    txn.commit().map_err(StoreError::failed)
}
