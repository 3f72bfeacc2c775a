//! How much each client has of what there is a limit to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

use crate::{
    client::Client,
    error::ServerError,
    ids::ThreadId,
    limits::Limits,
    published::{Published, Row},
    rows::ThreadRow,
    sessions::{
        log::SessionId,
        store::{Tx, Writes as _},
    },
    tables::Tables as _,
};

/// The counts, in memory; threads are counted when the server starts, and what was published is read.
pub(crate) struct Quotas {
    limits: Limits,
    threads: Mutex<HashMap<Client, usize>>,
    runs: Mutex<HashMap<Client, usize>>,
    published: Mutex<Published>,
}

/// A place among a client's runs; it is free again when this is dropped.
pub(crate) struct RunPlace {
    quotas: Arc<Quotas>,
    client: Client,
}

/// Bytes reserved for a publication. Dropping this before the publication is stored releases them.
pub(crate) struct Publishing {
    quotas: Arc<Quotas>,
    session: SessionId,
    client: Client,
    bytes: u64,
    is_stored: bool,
}

impl Quotas {
    pub(crate) fn new(limits: Limits, threads: &[ThreadRow], published: Published) -> Arc<Self> {
        let mut counts = HashMap::new();
        for owner in threads.iter().filter_map(|thread| thread.owner.clone()) {
            *counts.entry(owner).or_default() += 1;
        }
        Arc::new(Self {
            limits,
            threads: Mutex::new(counts),
            runs: Mutex::default(),
            published: Mutex::new(published),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a place for a run.
    ///
    /// # Errors
    /// [`ServerError::TooManyRuns`].
    pub(crate) fn run(self: &Arc<Self>, client: &Client) -> Result<RunPlace, ServerError> {
        let mut runs = lock(&self.runs);
        let count = runs.entry(client.clone()).or_default();
        if *count >= self.limits.runs_max {
            return Err(ServerError::TooManyRuns(self.limits.runs_max));
        }
        *count += 1;
        Ok(RunPlace {
            quotas: Arc::clone(self),
            client: client.clone(),
        })
    }

    /// Counts what a client is about to publish in a session.
    ///
    /// # Errors
    /// [`ServerError::TooManySessions`], [`ServerError::PublishedTooMuch`].
    pub(crate) fn publish(
        self: &Arc<Self>,
        session: &SessionId,
        client: &Client,
        bytes: u64,
    ) -> Result<Publishing, ServerError> {
        lock(&self.published).take(&self.limits, session, client, bytes)?;
        Ok(Publishing {
            quotas: Arc::clone(self),
            session: session.clone(),
            client: client.clone(),
            bytes,
            is_stored: false,
        })
    }

    /// A session was deleted.
    pub(crate) fn session_gone(&self, session: &SessionId) {
        lock(&self.published).forget(session);
    }

    /// Makes a thread, where its client may have another. A job does both, so that none is counted twice.
    ///
    /// # Errors
    /// [`ServerError::TooManyThreads`]; the store fails.
    pub(crate) fn make_thread(
        self: &Arc<Self>,
        tx: &Tx,
        id: ThreadId,
        metadata: Map<String, Value>,
        client: Client,
    ) -> Result<ThreadRow, ServerError> {
        self.take_thread(&client)?;
        let (undone, owner) = (Arc::clone(self), client.clone());
        tx.on_undo(move || undone.thread_gone(&owner));
        let thread = ThreadRow {
            owner: Some(client),
            ..ThreadRow::new(id, metadata)
        };
        tx.put_thread(&thread)?;
        Ok(thread)
    }

    /// A thread was deleted.
    pub(crate) fn thread_gone(&self, client: &Client) {
        release(&self.threads, client);
    }

    fn take_thread(&self, client: &Client) -> Result<(), ServerError> {
        let mut threads = lock(&self.threads);
        let count = threads.entry(client.clone()).or_default();
        if *count >= self.limits.threads_max {
            return Err(ServerError::TooManyThreads(self.limits.threads_max));
        }
        *count += 1;
        Ok(())
    }
}

impl Publishing {
    /// It was stored. Returns the count where that is to be kept now.
    pub(crate) fn stored(mut self) -> Option<Row> {
        self.is_stored = true;
        lock(&self.quotas.published).due(&self.session, &self.client)
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        if !self.is_stored {
            lock(&self.quotas.published).give_back(&self.session, &self.client, self.bytes);
        }
    }
}

impl Drop for RunPlace {
    fn drop(&mut self) {
        release(&self.quotas.runs, &self.client);
    }
}

fn release(counts: &Mutex<HashMap<Client, usize>>, client: &Client) {
    let mut counts = lock(counts);
    if let Some(count) = counts.get_mut(client) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(client);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
