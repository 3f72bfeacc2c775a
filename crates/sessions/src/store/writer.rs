//! The writer: the one thread that commits. It runs all jobs that are waiting in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::Database;
use tokio::sync::mpsc;

use super::{StoreError, Tx, disk::Disk};

/// Jobs in one transaction, so that one commit stays short.
const JOBS_PER_COMMIT_MAX: usize = 1024;

/// Given the transaction, or why there is none.
pub(super) type Job = Box<dyn FnOnce(Result<&Tx, StoreError>) -> Ran + Send>;

/// Tells what became of a job, given what became of its commit.
pub(super) type Ran = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Commits what comes, until nobody can send any more.
pub(super) fn write_loop(disk: &Disk, mut jobs: mpsc::Receiver<Job>) {
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

fn refuse(batch: Vec<Job>, why: &StoreError) -> impl Iterator<Item = Ran> {
    let why = why.clone();
    batch.into_iter().map(move |job| job(Err(why.clone())))
}

fn run_batch(db: &Database, batch: Vec<Job>, ran: &mut Vec<Ran>) -> Result<(), StoreError> {
    let tx = match db.begin_write() {
        Ok(txn) => Tx::new(txn),
        Err(error) => {
            let error = StoreError::failed(error);
            ran.extend(refuse(batch, &error));
            return Err(error);
        }
    };
    ran.extend(batch.into_iter().map(|job| job(Ok(&tx))));
    tx.commit()
}
